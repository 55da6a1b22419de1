/* plan_verify.h: what can be told of a plan only when all of it was read. Pure. */
#ifndef PGHA_AGENT_PLAN_VERIFY_H
#define PGHA_AGENT_PLAN_VERIFY_H

#include "lib/agent/plan.h"

/*
 * Fills in what follows from other settings, and refuses what does not fit together: a max_age that no slow
 * server can keep, limits to come back that are looser than critical, a track file of no check. -1 with class
 * usage.
 */
int plan_verify(struct plan *plan, struct err *err) __attribute__((warn_unused_result));

/* Whether a name can stand in paths, metrics and lines of words. -1 with class usage. */
int plan_verify_name(const char *name, struct err *err) __attribute__((warn_unused_result));

#endif
