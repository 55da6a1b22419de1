/*
 * repmgr_nodes.h: puts what the nodes say themselves beside repmgr's metadata of them. Pure.
 */
#ifndef PGHA_COLLECT_REPMGR_NODES_H
#define PGHA_COLLECT_REPMGR_NODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/collect/place.h"
#include "lib/model/snapshot.h"

/* No such row. */
#define REPMGR_NODES_NONE ((size_t)-1)

/* The row of a node's name, number or place ("10.0.0.11:5432"). */
size_t repmgr_nodes_find(const struct snapshot_repmgr *repmgr, const char *node);

/* The row of a node's number. */
size_t repmgr_nodes_find_id(const struct snapshot_repmgr *repmgr, int64_t id);

/*
 * The server that was asked about row `row`, and what it said: its role, timeline, WAL receiver, its repmgrd
 * and whom its copy of the metadata has as the primary; or why it did not. `like` is of the cluster that the
 * metadata describe: a server of another one tells nothing about it, unless the row is a witness'. NULL: that
 * is not known.
 */
void repmgr_nodes_answer(
	struct snapshot_repmgr_node *row, const struct snapshot *said, const struct snapshot *like);

/*
 * The node that a WAL receiver streams from: the one at the sender's place, where `places` are those of the
 * rows and exactly one is that, in the same words. A name here and an address there are no match: then, as
 * without a word of the sender, it is SNAPSHOT_NONE.
 */
int64_t repmgr_nodes_sender(const struct snapshot_repmgr *repmgr, const struct place *places,
	const struct snapshot_standby *standby);

/* Whether the metadata call it a witness: a server of its own, with a cluster of its own. */
bool repmgr_nodes_is_witness(const struct snapshot_repmgr_node *row);

/* Whether both are known to be one server: of one cluster, and started at the same time. */
bool repmgr_nodes_is_same_server(const struct snapshot *a, const struct snapshot *b);

/* The active primary of the metadata; SNAPSHOT_NONE: there is none, or there are several. */
int64_t repmgr_nodes_primary(const struct snapshot_repmgr *repmgr);

/* Why a node tells nothing; NULL: it is not so any more. */
void repmgr_nodes_fail(struct snapshot_repmgr_node *row, const struct err *fault);

#endif
