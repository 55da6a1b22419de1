/*
 * auto_failover.h: the part SNAPSHOT_AUTO_FAILOVER of a snapshot: the nodes as pg_auto_failover's monitor
 * sees them, and beside each what that node says itself. For 1.4 and later, where nodes have names.
 *
 * The monitor is a server of its own, with one database for it (pg_auto_failover by its manual). Whoever asks
 * needs what its role autoctl_node has: USAGE on the schema pgautofailover and SELECT on its tables.
 */
#ifndef PGHA_COLLECT_AUTO_FAILOVER_H
#define PGHA_COLLECT_AUTO_FAILOVER_H

#include <stdbool.h>

#include "lib/model/check.h"
#include "lib/model/facet.h"
#include "lib/model/witness.h"

/* The facet of check_pg_auto_failover; it has no statement: auto_failover_collect() fills its part. */
extern const struct facet auto_failover_facet;

/*
 * The same for a check that asks the monitor about its node: --monitor CONNINFO, --node NODE. The row of that
 * node is marked is_own: by --node, else the server that answers there is the node, or it is where the node
 * was asked. No row is marked where none is it. The nodes are asked with the user of --monitor, or as
 * --node-conninfo says.
 */
extern const struct witness auto_failover_witness;

/* Where to look; texts are empty where nothing was said. */
struct auto_failover_source {
	char conninfo[1024];       /* of the monitor's database; empty: the target of the command line */
	char node[80];             /* the node that the question is about: name or "host:port" */
	char nodes_conninfo[1024]; /* user, database and TLS to ask the nodes with; empty: as the monitor */
	bool trusts_monitor;       /* the nodes are not asked themselves */
};

/*
 * Fills the whole snapshot before the deadline: the part or its fault (as in err.h; setup also when `node` is
 * none of the monitor's). Every node is asked its role, in the database of its formation unless
 * nodes_conninfo names another; they have half the time that is left.
 */
void auto_failover_collect(
	const struct auto_failover_source *source, const struct check_look *look, struct snapshot *snapshot);

#endif
