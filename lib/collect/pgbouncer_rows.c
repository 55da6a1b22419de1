#include "lib/collect/pgbouncer_rows.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/parse.h"
#include "lib/base/text.h"
#include "lib/collect/column.h"

/* -- values ------------------------------------------------------------------------------------- */

static int
require(const struct pg_row *row, const char *const *names, struct err *err)
{
	for (; *names != NULL; names++)
		if (!column_is_there(row, *names))
			return err_set(err, ERR_PROTOCOL, "there is no column \"%s\"", *names);
	return 0;
}

/* What PgBouncer counts is an int of C. None where there is no such column. */
static int
read_count(const struct pg_row *row, const char *name, int64_t *ret, struct err *err)
{
	int64_t value;

	if (column_integer(row, name, &value, err) != 0)
		return -1;
	if (value == SNAPSHOT_NONE ? column_is_there(row, name) : value < 0 || value > INT_MAX)
		return err_set(err, ERR_PROTOCOL, "\"%s\" is no count", name);
	*ret = value;
	return 0;
}

struct count {
	const char *name;
	int64_t *to;
};

static int
read_counts(const struct pg_row *row, const struct count *counts, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++)
		if (read_count(row, counts[i].name, counts[i].to, err) != 0)
			return -1;
	return 0;
}

/* The number beside `key` in an answer of two columns. */
static int
find_count(const struct pg_row *row, const char *key_column, const char *key, const char *value_column,
	int64_t *ret, struct err *err)
{
	const char *const needed[] = {key_column, value_column, NULL};
	char found[64];

	if (require(row, needed, err) != 0)
		return -1;
	for (size_t i = 0; i < pg_row_count(row); i++) {
		struct pg_row at = pg_row_at(row, i);

		column_text(&at, key_column, found, sizeof found);
		if (strcmp(found, key) == 0)
			return read_count(&at, value_column, ret, err) == 0 ? 0 : err_context(err, "%s", key);
	}
	return err_set(err, ERR_PROTOCOL, "there is no \"%s\"", key);
}

/* -- the whole ---------------------------------------------------------------------------------- */

int
pgbouncer_rows_lists(const struct pg_row *row, struct snapshot_pgbouncer *ret, struct err *err)
{
	int64_t used;

	if (find_count(row, "list", "used_clients", "items", &used, err) != 0)
		return -1;
	ret->clients = used > 0 ? used - 1 : 0; /* one of them is the console itself */
	return 0;
}

int
pgbouncer_rows_config(const struct pg_row *row, struct snapshot_pgbouncer *ret, struct err *err)
{
	return find_count(row, "key", "max_client_conn", "value", &ret->clients_max, err);
}

int
pgbouncer_rows_state(const struct pg_row *row, struct snapshot_pgbouncer *ret, struct err *err)
{
	static const char *const needed[] = {"key", "value", NULL};
	bool is_active = false, has_active = false;
	char key[16];

	if (require(row, needed, err) != 0)
		return -1;
	for (size_t i = 0; i < pg_row_count(row); i++) {
		struct pg_row at = pg_row_at(row, i);
		bool value;

		if (column_truth(&at, "value", &value, err) != 0)
			return -1;
		column_text(&at, "key", key, sizeof key);
		if (strcmp(key, "active") == 0) {
			is_active = value;
			has_active = true;
		} else if (strcmp(key, "paused") == 0)
			ret->is_all_paused = value;
		else if (strcmp(key, "suspended") == 0)
			ret->is_suspended = value;
	}
	if (!has_active || is_active == (ret->is_all_paused || ret->is_suspended))
		return err_set(err, ERR_PROTOCOL, "it is not told whether the pooler is active");
	ret->is_state_told = true;
	return 0;
}

/* -- databases and pools ------------------------------------------------------------------------ */

/* Room for a row for each of an answer's; at least one, as malloc(0) may give NULL. */
static int
make_room(const struct pg_row *row, struct snapshot_pgbouncer_pool **ret, struct err *err)
{
	*ret = calloc(pg_row_count(row) + 1, sizeof **ret);
	return *ret == NULL ? err_set(err, ERR_DOWN, "out of memory") : 0;
}

/* "10.0.0.11:5432"; a server on a Unix socket has no host, or the socket's directory. */
static void
write_place(const struct pg_row *row, char *to, size_t size)
{
	char host[64], port[8];
	struct text text;

	column_text(row, "host", host, sizeof host);
	column_text(row, "port", port, sizeof port);
	text_init(&text, to, size);
	text_add(&text, strchr(host, ':') == NULL ? "%s:%s" : "[%s]:%s", host[0] != '\0' ? host : "socket",
		port);
}

static int
read_database(const struct pg_row *row, struct snapshot_pgbouncer_pool *ret, struct err *err)
{
	const struct count counts[] = {
		{"pool_size", &ret->size},
		{"current_connections", &ret->connections},
		{"max_connections", &ret->connections_max},
		{"current_client_connections", &ret->database_clients},
		{"max_client_connections", &ret->database_clients_max},
	};

	column_text(row, "name", ret->database, sizeof ret->database);
	column_text(row, "force_user", ret->user, sizeof ret->user);
	column_text(row, "pool_mode", ret->mode, sizeof ret->mode);
	text_clean(ret->kind, sizeof ret->kind, "database");
	write_place(row, ret->place, sizeof ret->place);
	ret->clients_active = ret->clients_waiting = ret->servers_active = ret->servers_idle = SNAPSHOT_NONE;
	ret->servers_used = ret->servers_login = ret->wait_ms = SNAPSHOT_NONE;
	if (column_truth(row, "paused", &ret->is_paused, err) != 0
		|| column_truth(row, "disabled", &ret->is_disabled, err) != 0)
		return -1;
	return read_counts(row, counts, sizeof counts / sizeof counts[0], err);
}

int
pgbouncer_rows_databases(const struct pg_row *row, struct pgbouncer_rows *rows, struct err *err)
{
	static const char *const needed[] = {
		"name", "paused", "disabled", "pool_size", "current_connections", "max_connections", NULL};

	if (require(row, needed, err) != 0 || make_room(row, &rows->databases, err) != 0)
		return -1;
	for (size_t i = 0; i < pg_row_count(row); i++) {
		struct snapshot_pgbouncer_pool *database = &rows->databases[rows->database_count];
		struct pg_row at = pg_row_at(row, i);

		if (read_database(&at, database, err) != 0)
			return err_context(err, "database \"%s\"", database->database);
		if (pgbouncer_choice_is_read(&rows->choice, database->database))
			rows->database_count++;
	}
	return 0;
}

/* Both lists are in the order of the names, so the one of the pool before is looked at first. */
static const struct snapshot_pgbouncer_pool *
database_of(const struct pgbouncer_rows *rows, const char *name, size_t *last)
{
	for (size_t i = 0; i < rows->database_count; i++) {
		size_t at = (*last + i) % rows->database_count;

		if (strcmp(rows->databases[at].database, name) == 0) {
			*last = at;
			return &rows->databases[at];
		}
	}
	return NULL;
}

bool
pgbouncer_rows_has_hosts(const struct pgbouncer_rows *rows)
{
	size_t last = 0;
	const struct snapshot_pgbouncer_pool *database = database_of(rows, rows->choice.expected, &last);

	return database != NULL && strchr(database->place, ',') != NULL;
}

/* A database that "*" stands for is not told of while no server connection is open for it; its pools are. */
static void
adopt(struct snapshot_pgbouncer_pool *pool, const struct snapshot_pgbouncer_pool *database)
{
	pool->size = pool->connections = pool->connections_max = SNAPSHOT_NONE;
	if (database == NULL)
		return;
	pool->size = database->size;
	pool->connections = database->connections;
	pool->connections_max = database->connections_max;
	pool->is_paused = database->is_paused;
	pool->is_disabled = database->is_disabled;
	memcpy(pool->place, database->place, sizeof pool->place);
}

static int
read_pool(const struct pg_row *row, struct snapshot_pgbouncer_pool *ret, struct err *err)
{
	int64_t tested, wait_s, wait_us;
	const struct count counts[] = {
		{"cl_active", &ret->clients_active},
		{"cl_waiting", &ret->clients_waiting},
		{"sv_active", &ret->servers_active},
		{"sv_idle", &ret->servers_idle},
		{"sv_used", &ret->servers_used},
		{"sv_tested", &tested},
		{"sv_login", &ret->servers_login},
		{"maxwait", &wait_s},
		{"maxwait_us", &wait_us},
	};

	column_text(row, "database", ret->database, sizeof ret->database);
	column_text(row, "user", ret->user, sizeof ret->user);
	column_text(row, "pool_mode", ret->mode, sizeof ret->mode);
	text_clean(ret->kind, sizeof ret->kind, "pool");
	ret->database_clients = ret->database_clients_max = SNAPSHOT_NONE;
	if (read_counts(row, counts, sizeof counts / sizeof counts[0], err) != 0)
		return -1;
	ret->servers_used += tested;
	/* Zero where clients wait is no wait: see pgbouncer_clients.h. */
	ret->wait_ms = ret->clients_waiting > 0 && wait_s == 0 && wait_us == 0
		? SNAPSHOT_NONE
		: wait_s * 1000 + wait_us / 1000;
	return 0;
}

int
pgbouncer_rows_pools(const struct pg_row *row, struct pgbouncer_rows *rows, struct err *err)
{
	static const char *const needed[] = {"database", "user", "cl_active", "cl_waiting", "sv_active",
		"sv_idle", "sv_used", "sv_tested", "sv_login", "maxwait", "maxwait_us", NULL};
	size_t last = 0;

	if (require(row, needed, err) != 0 || make_room(row, &rows->pools, err) != 0)
		return -1;
	for (size_t i = 0; i < pg_row_count(row); i++) {
		struct snapshot_pgbouncer_pool *pool = &rows->pools[rows->pool_count];
		struct pg_row at = pg_row_at(row, i);

		if (read_pool(&at, pool, err) != 0)
			return err_context(err, "pool \"%s\" of \"%s\"", pool->database, pool->user);
		if (!pgbouncer_choice_is_read(&rows->choice, pool->database))
			continue;
		adopt(pool, database_of(rows, pool->database, &last));
		rows->pool_count++;
	}
	return 0;
}

int
pgbouncer_rows_servers(const struct pg_row *row, const struct pgbouncer_rows *rows,
	struct snapshot_pgbouncer *ret, struct err *err)
{
	static const char *const needed[] = {"database", "state", "close_needed", NULL};
	char database[sizeof rows->pools->database], state[24];
	int64_t count = 0;

	if (require(row, needed, err) != 0)
		return -1;
	for (size_t i = 0; i < pg_row_count(row); i++) {
		struct pg_row at = pg_row_at(row, i);
		bool is_to_close;

		if (column_truth(&at, "close_needed", &is_to_close, err) != 0)
			return -1;
		column_text(&at, "database", database, sizeof database);
		column_text(&at, "state", state, sizeof state);
		count += is_to_close && strcmp(state, "active") == 0
			&& strcmp(database, rows->choice.expected) == 0;
	}
	ret->expected_outdated = count;
	return 0;
}

/* Empty where the user has none of its own. */
static int
read_size(const struct pg_row *row, int64_t *ret, struct err *err)
{
	char value[24];

	column_text(row, "pool_size", value, sizeof value);
	*ret = SNAPSHOT_NONE;
	return value[0] == '\0' ? 0 : parse_integer(value, 0, INT_MAX, ret, err);
}

int
pgbouncer_rows_users(const struct pg_row *row, struct pgbouncer_rows *rows, struct err *err)
{
	static const char *const needed[] = {"name", "pool_size", NULL};
	char name[sizeof rows->pools->user];
	int64_t size;

	if (require(row, needed, err) != 0)
		return -1;
	for (size_t i = 0; i < pg_row_count(row); i++) {
		struct pg_row at = pg_row_at(row, i);

		if (read_size(&at, &size, err) != 0)
			return err_set(err, ERR_PROTOCOL, "\"pool_size\" is no count");
		if (size == SNAPSHOT_NONE)
			continue;
		column_text(&at, "name", name, sizeof name);
		for (size_t j = 0; j < rows->pool_count; j++)
			if (strcmp(rows->pools[j].user, name) == 0)
				rows->pools[j].size = size;
	}
	return 0;
}

void
pgbouncer_rows_forget_sizes(struct pgbouncer_rows *rows)
{
	for (size_t i = 0; i < rows->pool_count; i++)
		rows->pools[i].size = SNAPSHOT_NONE;
}

void
pgbouncer_rows_release(struct pgbouncer_rows *rows)
{
	free(rows->databases);
	free(rows->pools);
	rows->databases = rows->pools = NULL;
	rows->database_count = rows->pool_count = 0;
}
