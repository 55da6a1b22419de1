/*
 * patroni_ask.h: what asking Patroni's REST API takes, whoever asks and whatever for: the URLs, the password
 * and who may have it, and what an answer of a member means. Only patroni.c and patroni_cluster.c use it.
 */
#ifndef PGHA_COLLECT_PATRONI_ASK_H
#define PGHA_COLLECT_PATRONI_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/collect/web.h"
#include "lib/model/snapshot.h"

enum { PATRONI_ASK_URLS_MAX = 16 };

struct patroni_ask {
	const struct web_access *access;
	bool has_secret;
	struct web_secret secret;
	size_t url_count;
	char urls[PATRONI_ASK_URLS_MAX][WEB_URL_SIZE]; /* that were given, without "/patroni" at the end */
};

/*
 * Takes a list of URLs with commas between, and reads the password if there is to be one. `access` must
 * outlive `ret`. -1 with class usage or setup.
 */
int patroni_ask_begin(const char *urls, const struct web_access *access, struct patroni_ask *ret,
	struct err *err) __attribute__((warn_unused_result));

/*
 * A request for `path` at `url`, which is written into `storage`. The password goes along only where scheme,
 * host and port are those of a URL that was given: where a member is, only the cluster's store says.
 */
struct web_request patroni_ask_request(
	const struct patroni_ask *ask, const char *url, const char *path, char storage[WEB_URL_SIZE]);

/* Whether an answer has that status; else the fault says what it means. `url` is who was asked. */
int patroni_ask_verify(const struct web_answer *answer, const char *url, int status, struct err *err)
	__attribute__((warn_unused_result));

/*
 * What a member says of itself, from its answer to /leader: 200 when it holds the leader lock, 503 when not,
 * with the same body. (So it does where PostgreSQL does not run; in a pause without a store the status
 * follows the role of PostgreSQL instead, and is_unlocked tells that.)
 */
int patroni_ask_read(const struct web_answer *answer, const char *url, struct snapshot_patroni *ret,
	struct err *err) __attribute__((warn_unused_result));

/* Asks one member for that alone. */
int patroni_ask_member(const struct patroni_ask *ask, const char *url, int64_t deadline_ms,
	struct snapshot_patroni *ret, struct err *err) __attribute__((warn_unused_result));

#endif
