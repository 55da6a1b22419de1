/*
 * patroni_cluster.h: asks Patroni about a whole cluster, in two rounds. First one of the given URLs for
 * /cluster; if there is no good answer, all others at once, and the members that the last look saw, of which
 * the first good answer counts. Then, all at once, each member that /cluster names for its own word, at its
 * api_url, the given URLs likewise, and one for /config.
 *
 * /cluster is a live read of the store, which takes Patroni long or ends in no answer when the store is away.
 * Then the members of the last look and those at the given URLs are asked all the same, and their words are
 * the view; likewise while a store that has come back knows no members yet.
 */
#ifndef PGHA_COLLECT_PATRONI_CLUSTER_H
#define PGHA_COLLECT_PATRONI_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/collect/patroni_ask.h"
#include "lib/model/facet.h"
#include "lib/model/snapshot.h"

/* The facet of a check that asks so; it has no statement. */
extern const struct facet patroni_cluster_facet;

/* What is asked, and how. */
struct patroni_cluster_question {
	const struct patroni_ask *ask;
	bool is_view_only; /* members are not asked at their api_url */
	const struct snapshot_patroni_cluster
		*before; /* what the last look saw of the same cluster, or NULL */
	int64_t deadline_ms;
};

/*
 * Fills both before the deadline. `own_fault` is why there is no `own`, the word of the first URL, or of
 * class none. 0, or -1 when nobody said anything, and `err` says why the first did not.
 */
int patroni_cluster_ask(const struct patroni_cluster_question *question, struct snapshot_patroni *own,
	struct err *own_fault, struct snapshot_patroni_cluster *cluster, struct err *err)
	__attribute__((warn_unused_result));

/* The member that holds the lock by its own word, else the one that the view calls the leader; NULL: none. */
const struct snapshot_patroni_member *patroni_cluster_leader(const struct snapshot_patroni_cluster *cluster);

#endif
