/*
 * plan_check.h: the checks that a plan is made of, as they come into it with their defaults. Pure.
 */
#ifndef PGHA_AGENT_PLAN_CHECK_H
#define PGHA_AGENT_PLAN_CHECK_H

#include "lib/agent/plan.h"
#include "lib/base/err.h"

struct check;

/* The check of that name among those that there are (ends in NULL); "leader" is pg_leader as well. NULL:
 * none. */
const struct check *plan_check_named(const struct check *const *table, const char *name);

/* The check whose own section `word` is, as [patroni] is; NULL: none. */
const struct check *plan_check_of_section(const struct check *const *table, const char *word);

/* How its section is called in the file: "patroni", "pgbouncer reads", "check leader". Returns `to`. */
enum { PLAN_CHECK_SECTION_SIZE = 2 * PLAN_NAME_SIZE };
const char *plan_check_section(const struct plan_check *check, char to[PLAN_CHECK_SECTION_SIZE]);

/*
 * A new one of that name, whose own settings have their defaults; which check it is may be said later. NULL
 * with class usage: there are too many.
 */
struct plan_check *plan_check_add(struct plan *plan, const char *name, struct err *err);

/* Has one of the plan answer as `check` does by default. -1 with class usage. */
int plan_check_choose(struct plan_check *to, const struct check *check, struct err *err)
	__attribute__((warn_unused_result));

#endif
