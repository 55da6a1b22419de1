/*
 * ask.h: the life of pgha-ask: one question to the agent's UNIX socket, its answer, its exit code.
 *
 * For programs that must fork for every check. What it links needs libc only (no libpq, no jansson):
 * loading those would take longer than all the rest.
 */
#ifndef PGHA_RUN_ASK_H
#define PGHA_RUN_ASK_H

/*
 * Runs pgha-ask and returns its exit code: the one that the agent says, or that of a "no" where the agent
 * cannot be asked (with --fallback it becomes the check instead, where there is one). Answers before
 * the time given with -t, and returns 0 for nothing but a yes.
 */
int ask_run(int argc, char **argv);

#endif
