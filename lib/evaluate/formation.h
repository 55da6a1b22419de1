/*
 * formation.h: what is to be said of pg_auto_failover's groups and nodes: one primary each, standbys that can
 * take over, no node stuck on its way from one state to the next. Pure.
 */
#ifndef PGHA_EVALUATE_FORMATION_H
#define PGHA_EVALUATE_FORMATION_H

#include <stdint.h>

#include "lib/model/check.h"
#include "lib/model/range.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

struct formation_limits {
	const struct policy *policy; /* also tells the state of a primary that does not answer */
	const struct limit *warning; /* since a keeper last reported, in time */
	const struct limit *critical;
	int64_t max_transition_ms; /* that a state which was assigned is not reported */
	int64_t min_secondaries;   /* of each group: in state secondary, and healthy */
	const char *formation;     /* only this one; empty: all */
};

/*
 * Judges the part SNAPSHOT_AUTO_FAILOVER, which must be there. A node that was not asked itself has neither a
 * role nor a fault.
 */
void formation_judge(
	const struct snapshot *snapshot, const struct formation_limits *limits, struct verdict *verdict);

/* The node that is marked as the one in question; NULL: none is. */
const struct snapshot_auto_failover_node *formation_own(const struct snapshot *snapshot);

#endif
