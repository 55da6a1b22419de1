/*
 * duty.h: all that follows from one plan: what is known, who looks, who is served, what the track files say.
 * A reload makes another one, which takes over from this.
 */
#ifndef PGHA_AGENT_DUTY_H
#define PGHA_AGENT_DUTY_H

#include "lib/agent/board.h"
#include "lib/agent/plan.h"
#include "lib/agent/serve.h"
#include "lib/agent/track.h"
#include "lib/agent/workers.h"
#include "lib/base/err.h"

struct event_base;

struct duty {
	struct plan plan;
	struct board board;
	struct serve *serve;
	struct workers *workers;
	struct track *track; /* NULL: the plan has no track files */
};

/*
 * Takes all that may be refused, for a plan that was read: its sockets, its certificate. What `former` (NULL
 * at the start) knows and listens on goes over to it. NULL, and `former` as it was, with class usage.
 */
struct duty *duty_open(struct event_base *base, const char *path, const struct check *const *table,
	const struct duty *former, const struct serve_answerer *answerer, struct err *err)
	__attribute__((warn_unused_result));

/* Those of `former` that would do just the same go on. -1 for want of memory. */
int duty_start_workers(struct duty *duty, struct event_base *base, struct duty *former,
	watch_listener *listener, void *context, struct err *err) __attribute__((warn_unused_result));

/* Has the track files say what is known, where the plan has any; of a former duty, the writer must have
 * ended. */
int duty_start_track(struct duty *duty, struct err *err) __attribute__((warn_unused_result));

/*
 * Lets go of a duty that `successor` has taken over. Returns what its clients are served by, to be closed by
 * the caller when they have been answered.
 */
struct serve *duty_retire(struct duty *duty, const struct duty *successor);

/* Ends all of it. Accepts NULL. */
void duty_close(struct duty *duty);

#endif
