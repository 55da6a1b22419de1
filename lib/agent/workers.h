/*
 * workers.h: the workers of one plan: one for each node, and one for each check that has a source of its own.
 */
#ifndef PGHA_AGENT_WORKERS_H
#define PGHA_AGENT_WORKERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/agent/plan.h"
#include "lib/agent/watch.h"

struct event_base;
struct workers;

/*
 * Starts them. The plan must stay. Those of `former` (may be NULL) that would do just the same go on and are
 * taken from it. The listener hears of nodes by their index, of sources by PLAN_TARGETS plus theirs. NULL for
 * want of memory.
 */
struct workers *workers_start(struct event_base *base, const struct plan *plan, struct workers *former,
	watch_listener *listener, void *context) __attribute__((warn_unused_result));

/* The worker at that index. */
const struct watch *workers_at(const struct workers *workers, size_t index);

/*
 * Has the plan's witnesses look now: what they said is of before the server's role changed.
 */
void workers_hurry_witnesses(const struct workers *workers, const struct plan *plan);

/* Whether a process that ended was one of them; if so, it is started anew. */
bool workers_reap(struct workers *workers, pid_t pid, int status);

/* Ends them, without waiting for their end. Accepts NULL. */
void workers_close(struct workers *workers);

#endif
