/* sync_state.h: what a standby is to its primary: synchronous, one of a quorum, neither. Pure. */
#ifndef PGHA_EVALUATE_SYNC_STATE_H
#define PGHA_EVALUATE_SYNC_STATE_H

#include <stddef.h>

#include "lib/model/snapshot.h"

/*
 * What the primary among the peers (snapshots[1] on) says of the standby in snapshots[0]:
 * pg_stat_replication.sync_state. NULL when none of the peers is the primary of its cluster, when the
 * primary has no such standby, or more than one of that name, or may not tell: only the primary knows.
 */
const char *sync_state_of(const struct snapshot *snapshots, size_t count);

#endif
