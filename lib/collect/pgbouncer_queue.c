#include "lib/collect/pgbouncer_queue.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* What is not known may be long. */
static bool
has_waited(const struct snapshot_pgbouncer_pool *pool, int64_t ms)
{
	return pool->clients_waiting > 0 && (pool->wait_ms == SNAPSHOT_NONE || pool->wait_ms >= ms);
}

static int
verify_not_paused(const struct pgbouncer_rows *rows, const struct snapshot_pgbouncer *seen, struct err *err)
{
	if (seen->is_all_paused || seen->is_suspended)
		return err_set(err, ERR_TIMEOUT, "all is paused");
	for (size_t i = 0; i < rows->database_count; i++)
		if (strcmp(rows->databases[i].database, rows->choice.expected) == 0
			&& rows->databases[i].is_paused)
			return err_set(err, ERR_TIMEOUT, "it is paused");
	return 0;
}

/* Where no pool of the database has a server, the next would have none either. */
static int
verify_servers(const struct pgbouncer_rows *rows, struct err *err)
{
	enum { OPENED_MS = 1000 }; /* a server connection is, in less */
	int64_t waiting = 0, servers = 0;

	for (size_t i = 0; i < rows->pool_count; i++) {
		const struct snapshot_pgbouncer_pool *pool = &rows->pools[i];

		if (strcmp(pool->database, rows->choice.expected) != 0)
			continue;
		waiting += has_waited(pool, OPENED_MS) ? pool->clients_waiting : 0;
		servers += pool->servers_active + pool->servers_idle + pool->servers_used;
	}
	if (waiting == 0 || servers > 0)
		return 0;
	return err_set(err, ERR_TIMEOUT, "no server connection is open, and %lld already wait%s for one",
		(long long)waiting, waiting == 1 ? "s" : "");
}

/* The one that a way would lead through, if there is one yet. */
static const struct snapshot_pgbouncer_pool *
own_pool(const struct pgbouncer_rows *rows)
{
	const char *user = rows->user;

	for (size_t i = 0; i < rows->database_count; i++)
		if (strcmp(rows->databases[i].database, rows->choice.expected) == 0
			&& rows->databases[i].user[0] != '\0')
			user = rows->databases[i].user;
	for (size_t i = 0; i < rows->pool_count; i++)
		if (strcmp(rows->pools[i].database, rows->choice.expected) == 0
			&& strcmp(rows->pools[i].user, user) == 0)
			return &rows->pools[i];
	return NULL;
}

/* Who comes first is served first: with one before us that has waited for longer than we can, so shall we. */
static int
verify_queue(const struct pgbouncer_rows *rows, int64_t left_ms, struct err *err)
{
	const struct snapshot_pgbouncer_pool *pool = own_pool(rows);
	char wait[32] = "";

	if (pool == NULL || !has_waited(pool, left_ms))
		return 0;
	if (pool->wait_ms != SNAPSHOT_NONE)
		snprintf(wait, sizeof wait, ", for %lld.%lld s", (long long)pool->wait_ms / 1000,
			(long long)pool->wait_ms % 1000 / 100);
	return err_set(err, ERR_TIMEOUT, "%lld client%s in its pool already%s",
		(long long)pool->clients_waiting, pool->clients_waiting == 1 ? " waits" : "s wait", wait);
}

int
pgbouncer_queue_verify(const struct pgbouncer_rows *rows, const struct snapshot_pgbouncer *seen,
	int64_t left_ms, struct err *err)
{
	if (verify_not_paused(rows, seen, err) != 0 || verify_servers(rows, err) != 0)
		return -1;
	return verify_queue(rows, left_ms, err);
}
