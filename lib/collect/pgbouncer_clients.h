/*
 * pgbouncer_clients.h: how long clients of a PgBouncer wait where SHOW POOLS does not tell. Pure.
 *
 * maxwait is of the first client in the queue, from its first query on. One that waits to be let in, because
 * no connection to the server was ever opened, has none: then maxwait is 0 for all that time, and whoever
 * waits behind it is not seen either (PgBouncer's src/admin.c, 1.17 to 1.25).
 */
#ifndef PGHA_COLLECT_PGBOUNCER_CLIENTS_H
#define PGHA_COLLECT_PGBOUNCER_CLIENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/collect/pg.h"
#include "lib/collect/pgbouncer_rows.h"

/* Whether there is a pool with clients that wait, and nothing tells for how long. */
bool pgbouncer_clients_are_wanted(const struct pgbouncer_rows *rows);

/*
 * SHOW CLIENTS, after SHOW POOLS: fills the wait of such pools, by whole seconds. What time it is by
 * PgBouncer's clock, the request of the console itself tells, which is the newest.
 */
int pgbouncer_clients_read(const struct pg_row *row, struct pgbouncer_rows *rows, struct err *err)
	__attribute__((warn_unused_result));

/*
 * Seconds of the calendar, without a zone, of "2026-11-21 16:42:54 UTC", for differences; `zone` gets what
 * follows them. -1 when it has another shape.
 */
int pgbouncer_clients_instant(const char *text, int64_t *ret_s, const char **zone)
	__attribute__((warn_unused_result));

#endif
