/*
 * web.h: HTTP and HTTPS under a deadline and a cap on the size. Only the files behind this header, web*.c,
 * know libcurl, which is loaded when the first request is made: a program that makes none does not pay for
 * it.
 *
 * Redirects are not followed, proxies not used, netrc not read, whatever the environment says. Only http and
 * https. The deadline (an instant of clock_now_ms()) is for names, connecting, TLS and the answer together.
 */
#ifndef PGHA_COLLECT_WEB_H
#define PGHA_COLLECT_WEB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/model/setting.h"

/* No answer that is asked for is larger; what is, is not an answer. */
enum { WEB_BODY_MAX = 1024 * 1024 };

enum { WEB_URL_SIZE = 256, WEB_REQUESTS_MAX = 64, WEB_HEADERS_MAX = 4 };

/* Who is trusted, and who we are. Paths of files; empty: none. */
struct web_access {
	char ca_file[256];   /* PEM; empty: the system's */
	char cert_file[256]; /* of the client, PEM */
	char key_file[256];  /* its key; empty: it is in cert_file */
	char auth_file[256]; /* one line, USER:PASSWORD; mode 0600 as for a password file */
};

/*
 * The rows of settings for a struct web_access, the member `access` of `holder`; `prefix` is "" or
 * "patroni-". `whom` is the setting without which nobody is asked, or NULL.
 */
#define WEB_ACCESS_SETTINGS(holder, access, prefix, whom)                                                    \
	{.name = prefix "ca-file",                                                                           \
		.type = SETTING_TEXT,                                                                        \
		SETTING_AT(holder, access.ca_file),                                                          \
		.argument = "FILE",                                                                          \
		.help = "trust the certificate authorities in FILE (PEM) instead of the system's",           \
		.is_source = true,                                                                           \
		.needs = whom},                                                                              \
		{.name = prefix "cert-file",                                                                 \
			.type = SETTING_TEXT,                                                                \
			SETTING_AT(holder, access.cert_file),                                                \
			.argument = "FILE",                                                                  \
			.help = "the client certificate to show (PEM)",                                      \
			.is_source = true,                                                                   \
			.needs = whom},                                                                      \
		{.name = prefix "key-file",                                                                  \
			.type = SETTING_TEXT,                                                                \
			SETTING_AT(holder, access.key_file),                                                 \
			.argument = "FILE",                                                                  \
			.help = "its key, where that is not in the same file",                               \
			.is_source = true,                                                                   \
			.needs = prefix "cert-file"},                                                        \
	{                                                                                                    \
		.name = prefix "auth-file", .type = SETTING_TEXT, SETTING_AT(holder, access.auth_file),      \
		.argument = "FILE",                                                                          \
		.help = "FILE holds one line USER:PASSWORD, and nobody but its owner may read it",           \
		.is_source = true, .needs = whom                                                             \
	}

/* USER:PASSWORD of an auth-file, or a token. */
struct web_secret {
	char user[128];
	char password[512];
};

/*
 * Reads an auth-file. With is_token the whole line is the password, and there is no user. -1 with class
 * setup: it cannot be read, or others may read it, or has another shape (its text is never repeated).
 */
int web_read_secret(const char *path, bool is_token, struct web_secret *ret, struct err *err)
	__attribute__((warn_unused_result));

struct web_request {
	const char *url;  /* http://HOST:PORT/PATH; one that holds a password is refused */
	const char *body; /* is sent with POST, as JSON; NULL: GET */
	const char *headers[WEB_HEADERS_MAX]; /* "X-Consul-Token: ..."; the rest NULL */
	const struct web_secret *secret;      /* basic authentication; NULL: none */
};

struct web_answer {
	struct err fault; /* ERR_NONE when a whole answer came, whatever its status */
	int status;       /* 200 */
	char *body;       /* ends in a zero byte that is not counted; NULL when there is a fault */
	size_t length;
	int64_t elapsed_us; /* of this one, connecting included */
	bool is_open;       /* it was not waited for any more, see below; there is a fault as well */
};

/*
 * Makes all requests at once and waits for the answers, or until is_enough (may be NULL) says of one that
 * came that no more is needed. `answers` has `count` members, filled in every case, whose bodies
 * web_release() frees. Faults by request: down, timeout, setup (TLS, a file of `access`, libcurl is not
 * there), protocol (too long, not HTTP), usage (not a URL that can be asked; its text is repeated only if it
 * holds no "@").
 */
void web_ask(const struct web_access *access, const struct web_request *requests, size_t count,
	int64_t deadline_ms, bool (*is_enough)(void *context, size_t index, const struct web_answer *answer),
	void *context, struct web_answer *answers);

/* Frees the bodies. */
void web_release(struct web_answer *answers, size_t count);

#endif
