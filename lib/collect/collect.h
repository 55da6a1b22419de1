/*
 * collect.h: from a target to a snapshot, under one deadline. What cannot be seen becomes a fault
 * in the snapshot, never a failure of the caller.
 */
#ifndef PGHA_COLLECT_COLLECT_H
#define PGHA_COLLECT_COLLECT_H

#include <stdint.h>

#include "lib/model/facet.h"
#include "lib/model/target.h"

/*
 * Connects to `target`, asks `facets` (ends in NULL, at most SNAPSHOT_PART_COUNT) and closes, all
 * before `deadline_ms` of clock_now_ms(). Fills the whole snapshot.
 */
void collect_once(const struct target *target, const struct facet *const *facets, int64_t deadline_ms,
	struct snapshot *snapshot);

#endif
