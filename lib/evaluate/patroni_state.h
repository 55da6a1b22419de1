/*
 * patroni_state.h: what a Patroni cluster is in, beside its leader and members: a store that is away,
 * failsafe mode, a pause, restarts that are due, replay that is paused. Pure.
 */
#ifndef PGHA_EVALUATE_PATRONI_STATE_H
#define PGHA_EVALUATE_PATRONI_STATE_H

#include <stdint.h>

#include "lib/evaluate/patroni_leader.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/*
 * Adds a finding for each, the gravest first: what of the view and the URLs could not be read, with `leader`
 * as patroni_leader_judge() found it, and a pause, which is CRITICAL past max_pause_ms (0: never).
 */
void patroni_state_judge(const struct snapshot *snapshot, const struct patroni_leader *leader,
	int64_t max_pause_ms, struct verdict *verdict);

#endif
