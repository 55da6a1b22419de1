/*
 * pgbouncer_pools.h: whether the pools of a PgBouncer serve their clients in time. Pure.
 */
#ifndef PGHA_EVALUATE_PGBOUNCER_POOLS_H
#define PGHA_EVALUATE_PGBOUNCER_POOLS_H

#include <stdint.h>

#include "lib/model/check.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/* Of the name of a database as it is typed on the console: in double quotes, with each of its own doubled. */
enum { PGBOUNCER_POOLS_NAME_SIZE = 2 * 64 + 2 };

struct pgbouncer_pools_limits {
	const struct policy *policy;
	/* In seconds: the wait of a client; plain: clients that wait in a pool; per cent: the use of a pool.
	 */
	const struct limit *warning;
	const struct limit *critical;
	enum state paused;   /* of a database that is paused */
	enum state disabled; /* of one that is disabled */
};

/* What share of `whole` (above 0) `part` (not below) is, with two decimals. */
double pgbouncer_pools_percent(int64_t part, int64_t whole);

/* Judges each database and each pool, and says how many clients wait. */
void pgbouncer_pools_judge(const struct snapshot *snapshot, const struct pgbouncer_pools_limits *limits,
	struct verdict *verdict);

#endif
