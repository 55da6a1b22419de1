/*
 * witness.h: what the managers of a cluster say of a node that calls itself a primary. Pure.
 *
 * The node's snapshot holds a manager's part, and its word counts; or a fault, and what was decided
 * beforehand counts; or neither, and nobody named such a manager. See lib/model/witness.h.
 */
#ifndef PGHA_EVALUATE_WITNESS_H
#define PGHA_EVALUATE_WITNESS_H

#include "lib/evaluate/witness_rival.h"
#include "lib/model/check.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

enum witness_manager { WITNESS_PATRONI, WITNESS_REPMGR, WITNESS_MONITOR, WITNESS_MANAGERS };

/* What a check was told to make of them. */
struct witness_limits {
	const struct policy *policy;
	const enum state *unreachable; /* of WITNESS_MANAGERS: the state when one could not be asked */
	const char *option; /* that says so for all of them; NULL: each has its own (--patroni-unreachable) */
};

/* Judges a primary: every manager that was asked must have it as its leader. */
void witness_judge_primary(
	const struct snapshot *node, const struct witness_limits *limits, struct verdict *verdict);

/* Whom the managers want that decide who is the primary; repmgr is none of them. */
enum witness_right witness_right(const struct snapshot *node);

/*
 * Judges that a manager could not be asked, where that is so. A source that cannot be asked at all (class
 * usage) is a fault of the configuration, whatever was decided.
 */
void witness_judge_unreachable(const struct snapshot *node, enum witness_manager manager,
	const struct witness_limits *limits, struct verdict *verdict);

#endif
