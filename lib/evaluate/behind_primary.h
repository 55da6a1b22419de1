/*
 * behind_primary.h: how far a standby is behind its primary, where that was asked, too: by the primary's own
 * position, not by what reached the standby. Pure.
 */
#ifndef PGHA_EVALUATE_BEHIND_PRIMARY_H
#define PGHA_EVALUATE_BEHIND_PRIMARY_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/evaluate/replay.h"

/*
 * Judges the lag of the standby in snapshots[0] by the primary of its cluster among the others, with the
 * figures of replay_judge_lag(); also whether they are on one timeline, and whether the standby has what its
 * primary has not. False: none of them is its primary, which is then told as a reason, and the lag is still
 * to be judged.
 */
bool behind_primary_judge(const struct snapshot *snapshots, size_t count, const struct replay_limits *limits,
	struct verdict *verdict);

#endif
