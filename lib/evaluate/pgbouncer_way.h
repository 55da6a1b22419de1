/*
 * pgbouncer_way.h: whether the way through a PgBouncer to the expected database leads to a server that takes
 * writes, and why not. Pure.
 */
#ifndef PGHA_EVALUATE_PGBOUNCER_WAY_H
#define PGHA_EVALUATE_PGBOUNCER_WAY_H

#include "lib/model/check.h"

/* Nothing where no database is expected to lead anywhere. `policy` has the states of a way that is barred. */
void
pgbouncer_way_judge(const struct snapshot *snapshot, const struct policy *policy, struct verdict *verdict);

#endif
