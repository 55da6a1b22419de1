/* witness_auto_failover.h: what pg_auto_failover's monitor says of a primary. Pure. */
#ifndef PGHA_EVALUATE_WITNESS_AUTO_FAILOVER_H
#define PGHA_EVALUATE_WITNESS_AUTO_FAILOVER_H

#include "lib/evaluate/witness_rival.h"
#include "lib/model/check.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/* Whom the monitor wants; not known either where the part is not there, or speaks of another cluster. */
enum witness_right witness_auto_failover_right(const struct snapshot *node);

/* Both the state that its keeper reported and the one that the monitor wants must be such that may write. */
void witness_auto_failover_judge_primary(
	const struct snapshot *node, const struct policy *policy, struct verdict *verdict);

#endif
