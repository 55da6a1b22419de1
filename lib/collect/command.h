/*
 * command.h: runs another program under a deadline and takes what it writes.
 *
 * No shell: an argument is an argument, whatever is in it. The program gets a process group of its own,
 * /dev/null as standard input, every signal in its default state, and the memory that the administrator
 * allows (our own limit is lowered, see lib/run/process.c); it gets no other descriptor of ours. It goes with
 * us: at the deadline its whole group is killed, and so it is when it ends itself and leaves others behind;
 * should this process be killed, the kernel kills the program.
 */
#ifndef PGHA_COLLECT_COMMAND_H
#define PGHA_COLLECT_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

/* How it ended cannot be known where SIGCHLD is ignored, or another part of the process waits for any child.
 */
enum { COMMAND_EXIT_UNKNOWN = -1 };

struct command_output {
	char *bytes; /* what it wrote to standard output, and a zero byte */
	size_t length;
	int exit_code;
	char complaint[200]; /* the first line that it wrote to standard error, made clean; may be empty */
};

/*
 * Runs `argv` (ends in NULL; argv[0] is looked for in the PATH unless it has a slash) until it ends, before
 * `deadline_ms` of clock_now_ms(). An exit code other than 0 is no failure here: the caller knows what it
 * means.
 *
 * -1 with class setup when there is no such program or it may not be run, timeout when it has not ended
 * in time, protocol when it wrote more than `bytes_max` or died of a signal. On success the caller releases
 * `ret`.
 */
int command_run(const char *const *argv, size_t bytes_max, int64_t deadline_ms, struct command_output *ret,
	struct err *err) __attribute__((warn_unused_result));

/* Frees the output. Nothing is done for an empty one. */
void command_release(struct command_output *output);

#endif
