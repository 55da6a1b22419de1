/*
 * evaluate.h: the one way from snapshots to a verdict, shared by one-shots, agent and tests. Pure.
 */
#ifndef PGHA_EVALUATE_EVALUATE_H
#define PGHA_EVALUATE_EVALUATE_H

#include "lib/model/check.h"

/*
 * Answers `check` from `count` snapshots (at least one). Where a part that the check needs was
 * not obtained, the answer is what the policy says of the fault; else the check decides.
 */
void evaluate_check(const struct check *check, const struct snapshot *snapshots, size_t count,
	const void *limits, struct verdict *verdict);

/* The verdict when there is no snapshot at all: a bad option, a file that cannot be read. */
void evaluate_error(const struct check *check, const struct policy *policy, const struct err *err,
	struct verdict *verdict);

#endif
