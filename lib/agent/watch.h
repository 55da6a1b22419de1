/*
 * watch.h: the serving side of a worker: starts it, takes its messages, ends it when it overruns, starts it
 * anew with growing pauses. Never waits for it.
 */
#ifndef PGHA_AGENT_WATCH_H
#define PGHA_AGENT_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/agent/worker.h"

struct event_base;
struct watch;

/* What is told of a target: a message of its worker. */
typedef void watch_listener(void *context, size_t index, const struct worker_message *message);

/* Counters for metrics. */
struct watch_counts {
	int64_t probes;
	int64_t restarts; /* of the worker, beyond its first start */
};

/*
 * Begins to watch. `task` is copied, with all that it points to but facets and check. `index` is handed to
 * the listener. NULL for want of memory.
 */
struct watch *watch_open(struct event_base *base, const struct worker_task *task, size_t index,
	watch_listener *listener, void *context) __attribute__((warn_unused_result));

/* Whether it does just what that task would have done; it may then go on under another index. */
bool watch_suits(const struct watch *watch, const struct worker_task *task);
void watch_move(struct watch *watch, size_t index);

/* Whether a process that ended was its worker; if so, that is started anew, now or a little later. Accepts
 * NULL. */
bool watch_reap(struct watch *watch, pid_t pid, int status);

/* Asks for a look now, without waiting for the interval. */
void watch_hurry(const struct watch *watch);

struct watch_counts watch_count(const struct watch *watch);
pid_t watch_pid(const struct watch *watch);

/* Ends the worker, without waiting for its end, and forgets it. Accepts NULL. */
void watch_close(struct watch *watch);

#endif
