/*
 * dcs_round.h: questions that are put to endpoints of a store all at once.
 */
#ifndef PGHA_COLLECT_DCS_ROUND_H
#define PGHA_COLLECT_DCS_ROUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/collect/dcs_dialect.h"
#include "lib/collect/web.h"

/* How the endpoints are asked. */
struct dcs_round_way {
	const struct web_access *access;
	const struct web_secret *secret; /* basic authentication; NULL: none */
	const char *header;              /* with a token; NULL: none */
};

struct dcs_round {
	size_t count;
	struct dcs_dialect_question questions[WEB_REQUESTS_MAX];
	struct web_request requests[WEB_REQUESTS_MAX];
	struct web_answer answers[WEB_REQUESTS_MAX]; /* once it was asked */
	size_t rows[WEB_REQUESTS_MAX];               /* which endpoint each is for; the caller's */
	char urls[WEB_REQUESTS_MAX][WEB_URL_SIZE];
};

/* An empty round, or NULL: there is no memory. It is large, hence allocated; to be freed with the next one.
 */
struct dcs_round *dcs_round_new(void);
void dcs_round_free(struct dcs_round *round);

/* The next question, empty, to the endpoint at `url`; NULL: there is no room. */
struct dcs_dialect_question *dcs_round_add(struct dcs_round *round, const char *url, size_t row);

/* Asks, once. `is_enough` (may be NULL) as web_ask() has it; its context is the round. */
void dcs_round_ask(struct dcs_round *round, const struct dcs_round_way *way, int64_t deadline_ms,
	bool (*is_enough)(void *round, size_t index, const struct web_answer *answer));

#endif
