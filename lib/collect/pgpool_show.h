/*
 * pgpool_show.h: what pgpool-II answers to its SHOW commands, read into a snapshot. No I/O: the rows are
 * there.
 *
 * Columns by their names, since they differ: pg_status and pg_role come with 4.3, replication_state with 4.1,
 * the statistics with 4.2.
 */
#ifndef PGHA_COLLECT_PGPOOL_SHOW_H
#define PGHA_COLLECT_PGPOOL_SHOW_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/collect/pg.h"
#include "lib/model/snapshot.h"

/* pgpool's own bound, MAX_NUM_BACKENDS. */
enum { PGPOOL_SHOW_MAX = 128 };

struct pgpool_show_row {
	struct snapshot_pgpool_backend backend;
	int64_t failed_s; /* by pgpool_figure_instant() */
	int64_t succeeded_s;
};

/* The backends as they are read, which begins with count = 0 and newest_s none. Large: allocate it. */
struct pgpool_show {
	size_t count;
	int64_t newest_s; /* the newest health check of any: now, by pgpool's clock */
	struct pgpool_show_row rows[PGPOOL_SHOW_MAX];
};

/* SHOW POOL_VERSION, as far as it is told: some versions answer in a strange way. */
void pgpool_show_version(const struct pg_row *rows, struct snapshot_pgpool *pgpool);

/* SHOW POOL_STATUS: the settings that tell how the rest is to be read. -1 with class protocol. */
int pgpool_show_settings(const struct pg_row *rows, struct snapshot_pgpool *pgpool, struct err *err)
	__attribute__((warn_unused_result));

/*
 * SHOW POOL_HEALTH_CHECK_STATS, then SHOW POOL_NODES: adds the backends, or what the first did not tell of
 * them. -1 with class protocol.
 */
int pgpool_show_checks(const struct pg_row *rows, struct pgpool_show *show, struct err *err)
	__attribute__((warn_unused_result));
int pgpool_show_nodes(const struct pg_row *rows, struct pgpool_show *show, struct err *err)
	__attribute__((warn_unused_result));

/*
 * Puts the backends into the snapshot, those that are not well first if there are too many. The delay stays
 * only where pgpool measures it: its figure is zero, or that of long ago, where it does not.
 */
void pgpool_show_settle(const struct pgpool_show *show, struct snapshot_pgpool *pgpool);

#endif
