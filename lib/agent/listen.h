/*
 * listen.h: the sockets that the agent listens on: those of its plan, or those that systemd hands over.
 * Addresses are numbers: the agent never looks up a name.
 */
#ifndef PGHA_AGENT_LISTEN_H
#define PGHA_AGENT_LISTEN_H

#include <stddef.h>

#include "lib/agent/plan.h"
#include "lib/base/err.h"

enum listen_kind {
	LISTEN_HTTP,
	LISTEN_AGENT, /* agent-check, with the question from agent-send */
	LISTEN_CHECK, /* agent-check, always the same question */
	LISTEN_SOCKET /* pgha-ask */
};

enum { LISTEN_MAX = 64 };

struct listen_point {
	enum listen_kind kind;
	char address[128];
	char check[PLAN_NAME_SIZE]; /* LISTEN_CHECK */
	int fd;                     /* -1: not open */
	bool is_inherited;          /* from systemd: neither made nor removed here */
};

struct listen_points {
	struct listen_point of[LISTEN_MAX];
	size_t count;
};

/*
 * Opens the sockets of a plan. One that `former` (may be NULL) has open is taken over as it is, and one
 * that systemd has handed over under the name "http", "agent", "socket" or that of a check takes the place of
 * the plan's addresses of that kind. On failure nothing is open that was not before. -1 with class usage.
 */
int listen_open(const struct plan *plan, const struct listen_points *former, struct listen_points *ret,
	struct err *err) __attribute__((warn_unused_result));

/* Closes those that `other` (may be NULL) has not taken over. */
void listen_close(struct listen_points *points, const struct listen_points *other);

#endif
