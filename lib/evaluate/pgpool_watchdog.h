/* pgpool_watchdog.h: what PCP says of the watchdog, which moves the virtual IP and decides on failovers.
 * Pure. */
#ifndef PGHA_EVALUATE_PGPOOL_WATCHDOG_H
#define PGHA_EVALUATE_PGPOOL_WATCHDOG_H

#include "lib/model/check.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/* Adds what there is to say; nothing where there is no watchdog. */
void pgpool_watchdog_judge(
	const struct snapshot_pgpool *pgpool, const struct policy *policy, struct verdict *verdict);

#endif
