/*
 * slots.h: the replication slots of one server: those asked about, those that must be there. Pure.
 */
#ifndef PGHA_EVALUATE_SLOTS_H
#define PGHA_EVALUATE_SLOTS_H

#include "lib/evaluate/slot.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/* What slots are asked about, and what they are held against. */
struct slots_limits {
	struct slot_limits slot;
	const char *only; /* these, as names_include() takes them; empty: all */
	const struct snapshot_slots
		*elsewhere;   /* the primary's, where they may be as well; NULL: not known */
	const char *expected; /* these must be there, likewise; empty: none */
};

/* How many rows there are, whatever the total says. */
int slots_row_count(const struct snapshot_slots *slots);

/* The slot of that name among the rows, or NULL. */
const struct snapshot_slot *slots_find(const struct snapshot_slots *slots, const char *name);

/*
 * Judges every slot asked about, and whether the expected ones are there; ends with how many there are, so
 * that a verdict without findings says something. The figures kept are those of the first rows, the worst.
 */
void slots_judge(const struct snapshot *snapshot, const struct slots_limits *limits, struct verdict *verdict);

#endif
