/*
 * worker.h: a process that watches one target, or looks at the source of one check. It alone connects and
 * reads the password file; what it sees crosses to the serving process as whole messages, and nothing else
 * does. (It is a copy of the agent, and runs as the same user: passwords that stand in the configuration
 * itself are known to all of them.)
 */
#ifndef PGHA_AGENT_WORKER_H
#define PGHA_AGENT_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"
#include "lib/model/check.h"
#include "lib/model/facet.h"
#include "lib/model/snapshot.h"
#include "lib/model/target.h"

/* What a worker is told; it must stay where it is until worker_start() returns. */
struct worker_task {
	const char *name;            /* of the target or the check, for the process list */
	const struct target *target; /* NULL: it looks at the source of `check` */
	const struct facet *facets[SNAPSHOT_PART_COUNT + 1]; /* what is asked of the target; ends in NULL */
	const struct check *check;                           /* has collect() */
	const void *limits;                                  /* check->limits_size bytes, for that */
	int64_t timeout_ms;                                  /* for one probe, connecting included */
	int64_t interval_ms;                                 /* from the start of one probe to the next */
	int64_t pause_max_ms; /* the longest from one attempt to reach a server that is away to the next */
};

/* What one message says. */
struct worker_message {
	int64_t seen_ms; /* clock_now_ms() when it was asked; when that failed, when it did */
	struct snapshot snapshot;
};

/*
 * Starts the process. *ret_fd is our end of its channel, non-blocking and the caller's; closing it ends
 * the worker. It ends as well when this process does. -1 with class usage when none can be started.
 */
int worker_start(const struct worker_task *task, pid_t *ret_pid, int *ret_fd, struct err *err)
	__attribute__((warn_unused_result));

/*
 * Takes one message. 1: *ret is filled; 0: none is there; -1: the worker closed the channel, or what came
 * is no message, and the worker should be ended; *ret is then of no use.
 */
int worker_take(int fd, struct worker_message *ret) __attribute__((warn_unused_result));

#endif
