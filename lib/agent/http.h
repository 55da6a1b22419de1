/*
 * http.h: serves HTTP/1.0 and 1.1, by libmicrohttpd: GET, HEAD and OPTIONS, keep-alive or not, TLS when there
 * is a certificate. Only the files behind this header, http*.c, know that library.
 *
 * Why not libevent's evhttp, whose loop this runs in: in 2.1 it can neither limit the number of its
 * connections nor the time that a whole request takes, so that slow clients could hold it. Here a connection
 * is handed over only when it has sent something (gate.h), counts from then on, and has one deadline for its
 * whole request.
 */
#ifndef PGHA_AGENT_HTTP_H
#define PGHA_AGENT_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/agent/question.h"
#include "lib/base/err.h"
#include "lib/base/text.h"

struct event_base;
struct http;

enum { HTTP_PARAMETERS_MAX = 16, HTTP_BODY_MAX = 1024 * 1024 };

struct http_request {
	const char *path; /* decoded, without the query: "/replica" */
	const struct question_parameter *parameters;
	size_t count;
};

struct http_answer {
	int code;
	const char *media_type;
	const char *policy; /* Content-Security-Policy; NULL: none */
	bool is_stable;     /* the same until the generation changes: may be kept */
	struct text body;   /* with room for HTTP_BODY_MAX bytes */
};

/* Who answers. */
struct http_answerer {
	void (*answer)(void *context, const struct http_request *request, struct http_answer *answer);
	uint64_t (*generation)(void *context); /* after it has seen to what has grown too old */
	void *context;
};

struct http_manner {
	int64_t connections_max; /* that have sent something; more get 503 and are closed */
	size_t waiting_max;
	int64_t request_timeout_ms;
	const char *certificate_path; /* "": no TLS */
	const char *key_path;
	const char *client_ca_path; /* "": no client needs a certificate */
};

/* -1 with class usage: a certificate that cannot be used. */
int http_open(struct event_base *base, const struct http_manner *manner, const struct http_answerer *answerer,
	struct http **ret, struct err *err) __attribute__((warn_unused_result));

/* Serves on one more listening socket, which stays the caller's. -1 for want of memory. */
int http_listen(struct http *http, int listener) __attribute__((warn_unused_result));

/* How many connections there are that have sent something. */
int64_t http_connection_count(const struct http *http);

/* Begins to accept. */
void http_accept(struct http *http);

/* Stops accepting; connections that are there go on. */
void http_retire(struct http *http);

/* Ends all connections and stops. Accepts NULL. */
void http_close(struct http *http);

#endif
