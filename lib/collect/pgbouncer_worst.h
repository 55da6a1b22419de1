/*
 * pgbouncer_worst.h: which of the databases and pools of a PgBouncer a snapshot holds. Pure.
 */
#ifndef PGHA_COLLECT_PGBOUNCER_WORST_H
#define PGHA_COLLECT_PGBOUNCER_WORST_H

#include "lib/collect/pgbouncer_rows.h"
#include "lib/model/snapshot.h"

/*
 * Fills the rows, the worst first: the pools whose clients wait, those that wait longest before the others,
 * then a database that serves nobody, then what is fullest. And the totals of all of them, and what is
 * missing.
 */
void pgbouncer_worst_first(const struct pgbouncer_rows *rows, struct snapshot_pgbouncer *ret);

#endif
