/* pgpool_delay.h: how far a standby behind a pgpool-II is behind the primary, held against limits. Pure. */
#ifndef PGHA_EVALUATE_PGPOOL_DELAY_H
#define PGHA_EVALUATE_PGPOOL_DELAY_H

#include "lib/model/range.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/*
 * Adds the delay of one standby that is up, in bytes and in time as far as each is known, and what it means that a
 * limit which somebody gave cannot be held against either.
 */
void pgpool_delay_judge(const struct snapshot_pgpool *pgpool, const struct snapshot_pgpool_backend *backend,
	const struct limit *warning, const struct limit *critical, struct verdict *verdict);

#endif
