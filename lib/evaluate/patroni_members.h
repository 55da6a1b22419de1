/*
 * patroni_members.h: the members of a Patroni cluster, one by one: who is well, how far it is behind, and
 * what else is to be known of it. Pure.
 */
#ifndef PGHA_EVALUATE_PATRONI_MEMBERS_H
#define PGHA_EVALUATE_PATRONI_MEMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/evaluate/patroni_leader.h"
#include "lib/model/range.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

struct patroni_members_limits {
	const struct limit *warning; /* on the lag */
	const struct limit *critical;
	bool allow_archive;
	int64_t max_dcs_age_ms; /* 0: none; then it is the ttl of the cluster, which is no more than a warning
				 */
};

/* Members by the view, and those of them that are well. */
struct patroni_members {
	int64_t listed;
	int64_t healthy;
	int64_t replicas;
	int64_t healthy_replicas;
	int64_t healthy_sync; /* of these; also as one of a quorum */
	int64_t candidates;   /* of these: who may be promoted */
	char trouble[192];    /* why one of the others is not, the first; empty: all are */
};

/* Adds the findings and figures of all members but the leader's being one, and counts them. */
struct patroni_members
patroni_members_judge(const struct snapshot_patroni_cluster *cluster, const struct patroni_leader *leader,
	const struct patroni_members_limits *limits, struct verdict *verdict);

#endif
