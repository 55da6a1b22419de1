/*
 * patroni_leader.h: whether a Patroni cluster has exactly one leader, by the view of the cluster and by what
 * each member says of itself. Pure.
 */
#ifndef PGHA_EVALUATE_PATRONI_LEADER_H
#define PGHA_EVALUATE_PATRONI_LEADER_H

#include <stdbool.h>

#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

struct patroni_leader {
	const struct snapshot_patroni_member *member; /* NULL: there is none */
	bool is_healthy;
};

/* Adds the findings about the leader that are not well, and returns it. */
struct patroni_leader
patroni_leader_judge(const struct snapshot_patroni_cluster *cluster, struct verdict *verdict);

#endif
