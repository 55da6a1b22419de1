/*
 * serve.h: everything that the agent listens on, and who answers there: HTTP, HAProxy's agent-check,
 * pgha-ask.
 */
#ifndef PGHA_AGENT_SERVE_H
#define PGHA_AGENT_SERVE_H

#include "lib/agent/http.h"
#include "lib/agent/plan.h"
#include "lib/base/err.h"
#include "lib/base/text.h"

struct event_base;
struct serve;

/* Who answers. A line is "leader" or "replica lag=16MB" for agent-check, a whole request for pgha-ask. */
struct serve_answerer {
	void (*http)(void *context, const struct http_request *request, struct http_answer *answer);
	uint64_t (*generation)(void *context); /* see http.h */
	void (*agent_check)(void *context, const char *line, struct text *answer);
	void (*command)(void *context, const char *line, struct text *answer);
	void *context;
};

/*
 * Takes what a plan says to listen on. Sockets that `former` (may be NULL) serves on as well are taken over,
 * and both accept on them until one is closed. -1 with class usage, and nothing is changed: an address that
 * cannot be had, a certificate that cannot be used.
 */
int serve_open(struct event_base *base, const struct plan *plan, const struct serve *former,
	const struct serve_answerer *answerer, struct serve **ret, struct err *err)
	__attribute__((warn_unused_result));

/* Begins to accept. Clients that came before have waited. */
void serve_accept(struct serve *serve);

const struct http *serve_http(const struct serve *serve);

/*
 * Stops accepting, and closes the sockets that `successor` has not taken over. Connections that are there are
 * served on, with whatever the answerer says now, until serve_close(); a reload cuts off nobody.
 */
void serve_retire(struct serve *serve, const struct serve *successor);

/* Stops and ends every connection. Accepts NULL. */
void serve_close(struct serve *serve);

#endif
