/*
 * subscriptions.h: the logical subscriptions of one server: those asked about, and their publishers where
 * these were seen. Pure.
 */
#ifndef PGHA_EVALUATE_SUBSCRIPTIONS_H
#define PGHA_EVALUATE_SUBSCRIPTIONS_H

#include <stddef.h>

#include "lib/evaluate/subscription.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/*
 * Judges those subscriptions of snapshots[0] that are asked about (`only`, as names_include() takes it), and
 * whether those asked about by name are there; ends with how many run. The figures kept are those of the
 * first rows, which are the worst. The other nodes are asked for their publishers.
 */
void subscriptions_judge(const struct snapshot *snapshots, size_t count,
	const struct subscription_limits *limits, const char *only, struct verdict *verdict);

#endif
