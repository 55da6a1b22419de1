/*
 * witness_repmgr.h: what repmgr's metadata say of a primary. Pure.
 *
 * The metadata are rows of a replicated table: those of an old primary that lost its place still name it, so
 * their word is worth most where another node was asked for them.
 */
#ifndef PGHA_EVALUATE_WITNESS_REPMGR_H
#define PGHA_EVALUATE_WITNESS_REPMGR_H

#include "lib/model/check.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/* It must be the active primary of the metadata, and no other node may be one on a timeline that is not
 * older. */
void witness_repmgr_judge_primary(
	const struct snapshot *node, const struct policy *policy, struct verdict *verdict);

#endif
