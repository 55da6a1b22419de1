/*
 * plan_load.h: reads a plan for use: what it names outside of itself, connection strings and files, can be
 * used. A slip there would show only when it is looked at.
 */
#ifndef PGHA_AGENT_PLAN_LOAD_H
#define PGHA_AGENT_PLAN_LOAD_H

#include "lib/agent/plan.h"
#include "lib/base/err.h"

/* As plan_read(), and has libpq look at the connection strings. Connects to nothing. -1 with class usage. */
int plan_load(const char *path, const struct check *const *table, struct plan *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
