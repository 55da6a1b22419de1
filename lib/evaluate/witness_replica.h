/*
 * witness_replica.h: what Patroni says of a standby that is to be read from: how far its leader is, and
 * whether the node was taken out of the pool. Pure.
 */
#ifndef PGHA_EVALUATE_WITNESS_REPLICA_H
#define PGHA_EVALUATE_WITNESS_REPLICA_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/evaluate/witness.h"

struct witness_replica_limits {
	struct witness_limits witness;
	bool accepts_leader;        /* of a standby cluster, too */
	bool ignores_noloadbalance; /* the tag */
};

/*
 * Judges a standby by what Patroni says of it; where Patroni could not be asked, that; where nobody was
 * named, nothing.
 */
void witness_replica_judge(
	const struct snapshot *node, const struct witness_replica_limits *limits, struct verdict *verdict);

/*
 * Bytes from what the standby has replayed to the leader's own position, or what its receiver knows,
 * whichever is more. -1: no Patroni knows the leader's position.
 */
int64_t witness_replica_behind_bytes(const struct snapshot *node);

/*
 * Whether the standby is known to stream from Patroni's leader itself: its sender's host is that of the
 * leader's REST API, and it has no tag "replicatefrom", without which Patroni has it follow the leader.
 */
bool witness_replica_is_sender_leader(const struct snapshot *node);

#endif
