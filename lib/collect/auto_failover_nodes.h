/*
 * auto_failover_nodes.h: puts what the nodes say themselves beside what pg_auto_failover's monitor says of
 * them. Pure.
 */
#ifndef PGHA_COLLECT_AUTO_FAILOVER_NODES_H
#define PGHA_COLLECT_AUTO_FAILOVER_NODES_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/model/snapshot.h"

/* No such row. */
#define AUTO_FAILOVER_NODES_NONE ((size_t)-1)

/*
 * The row of a node's name or place ("10.0.0.11:5432"); of two formations that both have the name, neither:
 * then only its place tells.
 */
size_t auto_failover_nodes_find(const struct snapshot_auto_failover *monitor, const char *node);

/* The row of a node's number. */
size_t auto_failover_nodes_find_id(const struct snapshot_auto_failover *monitor, int64_t id);

/*
 * The server that was asked about a row, and what it said: its role, timeline and whether it has a WAL
 * receiver, or why it did not. One of another cluster than the monitor's tells nothing about the node.
 */
void auto_failover_nodes_answer(struct snapshot_auto_failover_node *row, const struct snapshot *said);

/* Why a node tells nothing; NULL: it is not so any more. */
void auto_failover_nodes_fail(struct snapshot_auto_failover_node *row, const struct err *fault);

#endif
