/* pgpool_delay.h: how far a standby behind a pgpool-II is behind the primary, held against limits. Pure. */
#ifndef PGHA_EVALUATE_PGPOOL_DELAY_H
#define PGHA_EVALUATE_PGPOOL_DELAY_H

#include <stdbool.h>

#include "lib/model/range.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/*
 * Adds the delay of one standby that is up, in bytes and in time as far as each is known, and what it means
 * that a limit which somebody gave cannot be held against either.
 */
void pgpool_delay_judge(const struct snapshot_pgpool *pgpool, const struct snapshot_pgpool_backend *backend,
	const struct limit *warning, const struct limit *critical, struct verdict *verdict);

/*
 * Whether a backend is to have a delay: a standby that is up, but for one whose address leads to the primary
 * as well (the read port of a proxy), which has none.
 */
bool
pgpool_delay_is_expected(const struct snapshot_pgpool *pgpool, const struct snapshot_pgpool_backend *backend);

/* Adds of how many standbys nobody knows it, where no limit was given that would make it a finding: to an OK,
 * too. */
void pgpool_delay_judge_gaps(const struct snapshot_pgpool *pgpool, const struct limit *warning,
	const struct limit *critical, struct verdict *verdict);

#endif
