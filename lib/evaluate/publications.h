/*
 * publications.h: what is to be said of a publisher: its logical slots, and the WAL senders that decode for
 * their subscribers. Pure.
 */
#ifndef PGHA_EVALUATE_PUBLICATIONS_H
#define PGHA_EVALUATE_PUBLICATIONS_H

#include <stdbool.h>

#include "lib/model/check.h"
#include "lib/model/range.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

struct publications_limits {
	const struct policy *policy;
	const struct limit *warning; /* in bytes what a subscriber has not confirmed; in time its silence */
	const struct limit *critical;
	enum state unused; /* for a slot that no subscriber reads */
};

/* Whether somebody subscribes here: there is a logical slot that is no standby's copy, or a sender that
 * decodes. */
bool publications_are_there(const struct snapshot *snapshot);

/* Judges every logical slot and sender; ends with how many there are. The figures kept are those of the
 * first. */
void publications_judge(
	const struct snapshot *snapshot, const struct publications_limits *limits, struct verdict *verdict);

#endif
