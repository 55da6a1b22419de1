/* witness_rival.h: a second server that says it is a primary of the same cluster: which of the two is stale?
 * Pure. */
#ifndef PGHA_EVALUATE_WITNESS_RIVAL_H
#define PGHA_EVALUATE_WITNESS_RIVAL_H

#include <stddef.h>
#include <stdint.h>

#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/* Whom the managers that were asked want to be the primary, by a lock or a decision of their own. */
enum witness_right {
	WITNESS_RIGHT_UNKNOWN,
	WITNESS_RIGHT_HERE,      /* this server */
	WITNESS_RIGHT_ELSEWHERE, /* not this one */
	WITNESS_RIGHT_REGISTERED /* nobody wants anything, but the other one, too, has this one registered as
				    the primary: it was promoted by hand. The newer timeline decides all the
				    same */
};

/*
 * Judges that `who` ("10.0.0.12:5432", "n2") is a primary too, on the timeline `theirs` (0: not known),
 * beside this one on `ours`. A promotion begins a new timeline, so the older one is the stale one; but not
 * where a manager wants it otherwise: the newer one was promoted behind its back. On the same timeline nobody
 * can tell which was copied from which: neither is undisputed.
 */
void witness_rival_judge(
	const char *who, int64_t theirs, uint32_t ours, enum witness_right right, struct verdict *verdict);

/*
 * The same for each of snapshots[1] and on that is a primary of the cluster of snapshots[0], which is one on
 * the timeline `ours`. One that was not reached disputes nothing.
 */
void witness_rival_judge_peers(const struct snapshot *snapshots, size_t count, uint32_t ours,
	enum witness_right right, struct verdict *verdict);

#endif
