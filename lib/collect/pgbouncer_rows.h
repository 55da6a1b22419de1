/*
 * pgbouncer_rows.h: what the admin console of PgBouncer answers, read into the part SNAPSHOT_PGBOUNCER. Pure.
 *
 * Columns are found by name, because they differ by version: those of 1.17 to 1.25 were read from PgBouncer's
 * own source (src/admin.c). One that the check cannot do without is a fault of class protocol when it is not
 * there, and so is a count below zero: what was not told is never taken for zero.
 */
#ifndef PGHA_COLLECT_PGBOUNCER_ROWS_H
#define PGHA_COLLECT_PGBOUNCER_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/collect/pg.h"
#include "lib/collect/pgbouncer_choice.h"
#include "lib/model/snapshot.h"

/* The databases and pools that were told of; starts with the choice and the user set and the rest zero. */
struct pgbouncer_rows {
	struct pgbouncer_choice choice;
	const char *user; /* who asks */
	struct snapshot_pgbouncer_pool *databases;
	size_t database_count;
	struct snapshot_pgbouncer_pool *pools;
	size_t pool_count;
};

/* SHOW LISTS: how many clients there are. */
int pgbouncer_rows_lists(const struct pg_row *row, struct snapshot_pgbouncer *ret, struct err *err)
	__attribute__((warn_unused_result));

/* SHOW STATE: whether all is paused or suspended. */
int pgbouncer_rows_state(const struct pg_row *row, struct snapshot_pgbouncer *ret, struct err *err)
	__attribute__((warn_unused_result));

/* SHOW CONFIG: how many clients there may be. */
int pgbouncer_rows_config(const struct pg_row *row, struct snapshot_pgbouncer *ret, struct err *err)
	__attribute__((warn_unused_result));

/* SHOW DATABASES: those that are chosen, and the expected one; the console's own never is. */
int pgbouncer_rows_databases(const struct pg_row *row, struct pgbouncer_rows *rows, struct err *err)
	__attribute__((warn_unused_result));

/* Whether the expected database names several hosts: PgBouncer takes them in turn, and one tells nothing of
 * others. */
bool pgbouncer_rows_has_hosts(const struct pgbouncer_rows *rows);

/* SHOW POOLS, after SHOW DATABASES, which tells the size of each, and the rest of what a pool has of its own.
 */
int pgbouncer_rows_pools(const struct pg_row *row, struct pgbouncer_rows *rows, struct err *err)
	__attribute__((warn_unused_result));

/*
 * SHOW SERVERS: how many clients of the expected database are with a server connection that is to be closed,
 * because where it leads was changed (RELOAD, RECONNECT, another address by DNS). A client of a session keeps
 * it until it leaves, whoever is led elsewhere since.
 */
int pgbouncer_rows_servers(const struct pg_row *row, const struct pgbouncer_rows *rows,
	struct snapshot_pgbouncer *ret, struct err *err) __attribute__((warn_unused_result));

/* SHOW USERS, after SHOW POOLS: since 1.23 a user may have a pool_size, which goes before the database's. */
int pgbouncer_rows_users(const struct pg_row *row, struct pgbouncer_rows *rows, struct err *err)
	__attribute__((warn_unused_result));

/* Where SHOW USERS could not be had: the size of no pool is known. */
void pgbouncer_rows_forget_sizes(struct pgbouncer_rows *rows);

/* Frees what was read. */
void pgbouncer_rows_release(struct pgbouncer_rows *rows);

#endif
