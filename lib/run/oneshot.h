/* oneshot.h: the life of a check that runs once: options, snapshot, verdict, answer, exit code. */
#ifndef PGHA_RUN_ONESHOT_H
#define PGHA_RUN_ONESHOT_H

#include "lib/model/check.h"

/*
 * Runs `check` as a program and returns its exit code. Answers before the time given with -t,
 * whatever the other side does, and returns 0 for nothing but a yes.
 */
int oneshot_run(const struct check *check, int argc, char **argv);

#endif
