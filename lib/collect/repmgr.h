/*
 * repmgr.h: the part SNAPSHOT_REPMGR of a snapshot: repmgr's metadata as a node holds it, and beside each row
 * what that node says itself. For repmgr 4.2 and later, whose repmgrd can be paused.
 *
 * The metadata are tables of the cluster that they describe (schema repmgr, in a database of that name by
 * repmgr's manual), so that each node has a copy as old as its replication. Whoever asks needs USAGE on the
 * schema, SELECT on repmgr.nodes (for where the nodes are, its column conninfo as well, which is never kept),
 * and EXECUTE on get_local_node_id(), repmgrd_is_running(), repmgrd_is_paused() and get_upstream_last_seen().
 * PUBLIC has EXECUTE on all of repmgr's functions by default, those that pause repmgrd among them: USAGE is
 * then a right to do so.
 */
#ifndef PGHA_COLLECT_REPMGR_H
#define PGHA_COLLECT_REPMGR_H

#include <stdbool.h>

#include "lib/model/check.h"
#include "lib/model/facet.h"
#include "lib/model/witness.h"

/* The facet of check_repmgr; it has no statement: repmgr_collect() fills its part. */
extern const struct facet repmgr_facet;

/*
 * The same for a check that asks repmgr about its node: --repmgr CONNINFO, --repmgr-node NODE. The row of
 * that node is marked is_own: by --repmgr-node, else the server that was asked is that node, or its place is
 * where the node was asked. No row is marked where none is it.
 */
extern const struct witness repmgr_witness;

/* Where to look; texts are empty where nothing was said. */
struct repmgr_source {
	char conninfo[1024];  /* of repmgr's database on one node; empty: the target of the command line */
	char node[80];        /* the node that the question is about: name, number or "host:port" */
	bool trusts_metadata; /* the nodes are not asked themselves */
};

/*
 * Fills the whole snapshot before the deadline: the part or its fault (beside those of err.h: setup when
 * `node` is not in the metadata, or when repmgr says that the server asked is another), and role and identity
 * of the server that was asked.
 *
 * Every node of the metadata is asked its role, by the user, password file and TLS of the target; also those
 * that are not active: a failed primary that came back is one of them. They have half the time that is left.
 *
 * is_daemon_running is what repmgr.repmgrd_is_running() says: a signal can be sent to the process whose
 * number repmgrd left in shared memory. It is true of a stopped process (then upstream_seen_s grows), and
 * false where repmgrd runs as another user than PostgreSQL, and for a few seconds after PostgreSQL was
 * restarted.
 */
void
repmgr_collect(const struct repmgr_source *source, const struct check_look *look, struct snapshot *snapshot);

#endif
