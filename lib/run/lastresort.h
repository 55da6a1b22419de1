/*
 * lastresort.h: the one timer of the process, for what no deadline reaches: a password file on a
 * dead NFS server, a library that looks up names, a terminal that does not take the answer.
 */
#ifndef PGHA_RUN_LASTRESORT_H
#define PGHA_RUN_LASTRESORT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

/*
 * When `deadline_ms` comes, the process writes `answer` to standard output, if that takes it
 * without waiting, and exits with `exit_code`. The answer must stay where it is. May be called
 * again, to change either; with a length of 0 only the exit code is left. Works also where the parent has
 * blocked or ignored SIGALRM.
 */
int lastresort_arm(int64_t deadline_ms, const char *answer, size_t length, int exit_code, struct err *err)
	__attribute__((warn_unused_result));

#endif
