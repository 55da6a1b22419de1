/* pgpool_reach.h: whether a backend of a pgpool-II is in use, and is reached by pgpool and from here. Pure.
 */
#ifndef PGHA_EVALUATE_PGPOOL_REACH_H
#define PGHA_EVALUATE_PGPOOL_REACH_H

#include "lib/model/check.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/* Adds why pgpool does not use a backend. That it does not use the primary, is told with the roles. */
void pgpool_reach_judge_down(const struct snapshot_pgpool *pgpool,
	const struct snapshot_pgpool_backend *backend, struct verdict *verdict);

/* Adds of one that pgpool uses, whether it did not answer when it was asked itself, or does not answer
 * pgpool. */
void pgpool_reach_judge_up(
	const struct snapshot_pgpool_backend *backend, const struct policy *policy, struct verdict *verdict);

/*
 * Adds of how many that pgpool uses nobody has looked whether they answer: neither was asked itself, nor does
 * pgpool look. A WARNING where pgpool would, if it was told to (4.2 and later tell how often it has).
 */
void pgpool_reach_judge_gaps(const struct snapshot_pgpool *pgpool, struct verdict *verdict);

#endif
