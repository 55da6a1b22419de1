/*
 * pgbouncer.h: the part SNAPSHOT_PGBOUNCER of a snapshot, which PgBouncer's admin console tells, and for one
 * database a query through the pooler.
 *
 * The console is the database "pgbouncer"; the role must be one of stats_users (or admin_users). It knows
 * only the simple query protocol, and SHOW: nothing here changes anything.
 */
#ifndef PGHA_COLLECT_PGBOUNCER_H
#define PGHA_COLLECT_PGBOUNCER_H

#include "lib/collect/pgbouncer_rows.h"
#include "lib/model/check.h"
#include "lib/model/facet.h"
#include "lib/model/snapshot.h"

/* The facet of a check that asks PgBouncer; it has no statement. */
extern const struct facet pgbouncer_facet;

/* What is to be looked at. Texts are empty where nothing was said, never NULL. */
struct pgbouncer_source {
	const char *conninfo;           /* where the pooler is; empty: as the command line says */
	struct pgbouncer_choice choice; /* expected: the database that is to lead to a writable server */
};

/*
 * Fills the whole snapshot before the look's deadline. The part has a fault if the console could not be asked
 * (down, timeout, setup: not the console, or not for this role), or answered in another shape (protocol). Why
 * the expected database was not reached stands in the part.
 */
void pgbouncer_collect(
	const struct pgbouncer_source *source, const struct check_look *look, struct snapshot *snapshot);

#endif
