/*
 * slot.h: what is to be said of one replication slot: lost or about to be, not in use, and the WAL that it
 * retains. Pure.
 */
#ifndef PGHA_EVALUATE_SLOT_H
#define PGHA_EVALUATE_SLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/range.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/* What a slot is held against. */
struct slot_limits {
	const struct limit *warning; /* in bytes what it retains; in time how long it is not in use */
	const struct limit *critical;
	enum state inactive;  /* when nobody uses it, and no limit in time tells what to think of it */
	enum state not_ready; /* on a standby, for a copy that promotion would lose */
	bool spares_copies;   /* these were judged already, beside the primary's own */
	int64_t min_safe;     /* the least WAL that may come before it is lost, in bytes; else none or 0 */
};

/* Whether it is of no more use to anybody, for one of the server's reasons. */
bool slot_is_lost(const struct snapshot_slot *slot);

/* What the server's reason for the loss means, in words for people. */
const char *slot_loss(const struct snapshot_slot *slot);

/*
 * Whether it is one that a subscriber made to copy a table from (pg_16394_sync_16386_7421...): it is not in
 * use while the copy runs, and goes with it.
 */
bool slot_is_copying(const struct snapshot_slot *slot);

/*
 * Whether it should be in use and is not. A temporary one goes with its session, and a copy of the primary's
 * on a standby waits for a promotion.
 */
bool slot_is_unused(const struct snapshot_slot *slot, bool in_recovery);

/* Adds the findings about it; its figures too if they are to be kept, of which a verdict holds so many only.
 */
void slot_judge(const struct snapshot_slot *slot, bool in_recovery, const struct slot_limits *limits,
	bool is_kept, struct verdict *verdict);

#endif
