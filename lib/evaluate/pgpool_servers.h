/*
 * pgpool_servers.h: which servers the backends of a pgpool-II are in truth. An address may lead here to
 * another server than it should (a proxy, a virtual address), or two to the same. Pure.
 */
#ifndef PGHA_EVALUATE_PGPOOL_SERVERS_H
#define PGHA_EVALUATE_PGPOOL_SERVERS_H

#include <stdbool.h>

#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/* Whether both rows are known to lead to one server. */
bool pgpool_servers_is_same(const struct snapshot_pgpool_backend *a, const struct snapshot_pgpool_backend *b);

/* The first row that is known to lead to the same server; the row itself, if no other does before it. */
const struct snapshot_pgpool_backend *
pgpool_servers_first(const struct snapshot_pgpool *pgpool, const struct snapshot_pgpool_backend *backend);

/* Whether it leads to the server that the row leads to which pgpool takes for the primary, and is another
 * row. */
bool pgpool_servers_is_primarys(
	const struct snapshot_pgpool *pgpool, const struct snapshot_pgpool_backend *backend);

/*
 * Whether a server is known to belong to another cluster than the primary by pgpool, or where that one did
 * not tell, than the first that did.
 */
bool pgpool_servers_is_foreign(
	const struct snapshot_pgpool *pgpool, const struct snapshot_pgpool_backend *backend);

/* Adds those of another cluster; in other modes than streaming replication each has one of its own. */
void pgpool_servers_judge_clusters(const struct snapshot_pgpool *pgpool, struct verdict *verdict);

/* Adds those that are one. */
void pgpool_servers_judge_same(const struct snapshot_pgpool *pgpool, struct verdict *verdict);

#endif
