/* pgpool_backends.h: what pgpool-II says of each of its backends, held against limits. Pure. */
#ifndef PGHA_EVALUATE_PGPOOL_BACKENDS_H
#define PGHA_EVALUATE_PGPOOL_BACKENDS_H

#include <stdint.h>

#include "lib/model/check.h"
#include "lib/model/range.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

struct pgpool_backends_limits {
	const struct policy *policy;
	const struct limit *warning; /* for the replication delay */
	const struct limit *critical;
	int64_t min_up_count;
	int64_t failed_within_ms; /* how long a health check that failed is told */
};

/* Adds how many are up, what is wrong with each, and its figures. */
void pgpool_backends_judge(const struct snapshot_pgpool *pgpool, const struct pgpool_backends_limits *limits,
	struct verdict *verdict);

#endif
