/*
 * child.h: starts a process that is a copy of this one, with one channel to it and nothing else of ours:
 * no socket, no signal handler, no terminal's signals.
 */
#ifndef PGHA_AGENT_CHILD_H
#define PGHA_AGENT_CHILD_H

#include <sys/types.h>

#include "lib/base/err.h"

enum child_bond { CHILD_DIES_WITH_PARENT, CHILD_OUTLIVES_PARENT };

/*
 * Runs `work` in a new process, with its end of a channel that keeps messages whole (SOCK_SEQPACKET); the
 * process ends when `work` returns. One that outlives its parent learns from the channel's end that it is
 * alone, also when the parent was killed. *ret_fd is our end, non-blocking and the caller's.
 * -1 with class usage when no process can be started.
 */
int child_start(void (*work)(void *context, int channel), void *context, enum child_bond bond, pid_t *ret_pid,
	int *ret_fd, struct err *err) __attribute__((warn_unused_result));

#endif
