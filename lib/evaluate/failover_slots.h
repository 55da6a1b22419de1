/*
 * failover_slots.h: whether the primary's logical slots would survive promoting a standby. Pure.
 *
 * From PostgreSQL 17 on a standby keeps copies of the slots whose failover option is on. A copy is of use
 * only when it is complete (no longer temporary), valid, and its subscriber has confirmed nothing that the
 * standby does not have: what a subscriber has and the new primary has not, the subscriber never learns of
 * again, and other transactions at these positions it skips.
 */
#ifndef PGHA_EVALUATE_FAILOVER_SLOTS_H
#define PGHA_EVALUATE_FAILOVER_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/model/check.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

enum failover_slots_state {
	FAILOVER_SLOTS_READY,
	FAILOVER_SLOTS_ABSENT,  /* there is no copy */
	FAILOVER_SLOTS_UNSEEN,  /* the standby has more slots than were seen, and it is not among these */
	FAILOVER_SLOTS_FOREIGN, /* there is a slot of that name, but no copy */
	FAILOVER_SLOTS_UNREADY, /* the copy is still temporary: such ones go at a promotion */
	FAILOVER_SLOTS_LOST,    /* the copy is invalid */
	FAILOVER_SLOTS_AHEAD    /* its subscriber is ahead of the standby */
};

/*
 * What would become of a slot of the primary, given the standby's slots and the newest position that the
 * standby is known to have received.
 */
enum failover_slots_state failover_slots_state(
	const struct snapshot_slot *original, const struct snapshot_slots *standby, uint64_t received);

struct failover_slots_limits {
	const struct policy *policy;
	enum state not_ready; /* for a slot that would not survive; OK: it is only told */
	const char *only;     /* the slots asked about, as names_include() takes them */
};

/*
 * Judges snapshots[0], a standby, by its primary among the others. Does nothing where there are no others.
 * A primary that could not be seen is a finding: nothing is known then. True if the copies of its
 * slots were judged.
 */
bool failover_slots_judge(const struct snapshot *snapshots, size_t count,
	const struct failover_slots_limits *limits, struct verdict *verdict);

#endif
