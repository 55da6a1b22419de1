#include "lib/collect/pgbouncer_worst.h"

#include <string.h>

#include "lib/base/text.h"

/* How full something is, in thousandths; 0 where there is no limit. */
static int64_t
share_of(int64_t part, int64_t whole)
{
	return part > 0 && whole > 0 ? part * 1000 / whole : 0;
}

/* Worse is more: the longer wait, which one that is not known may be, then what serves nobody, then what is
 * fuller. */
static int64_t
badness(const struct snapshot_pgbouncer_pool *row)
{
	int64_t connections, clients;

	if (strcmp(row->kind, "database") != 0)
		return row->clients_waiting <= 0 ? share_of(row->servers_active, row->size)
			: row->wait_ms < 0       ? INT64_MAX
						 : (INT64_C(1) << 60) + row->wait_ms;
	if (row->is_paused || row->is_disabled)
		return INT64_C(1) << 50;
	connections = share_of(row->connections, row->connections_max);
	clients = share_of(row->database_clients, row->database_clients_max);
	return connections > clients ? connections : clients;
}

/* Puts a row where it belongs among the `count` that are held; those that are as bad stay before it. */
static void
insert(const struct snapshot_pgbouncer_pool *row, size_t *count, struct snapshot_pgbouncer *ret)
{
	size_t at = *count;

	while (at > 0 && badness(&ret->rows[at - 1]) < badness(row))
		at--;
	if (at == SNAPSHOT_PGBOUNCER_MAX)
		return;
	if (*count < SNAPSHOT_PGBOUNCER_MAX)
		++*count;
	memmove(&ret->rows[at + 1], &ret->rows[at], (*count - at - 1) * sizeof ret->rows[0]);
	ret->rows[at] = *row;
}

/* What is read for the way to the expected database alone counts for nothing else. */
static bool
is_counted(const struct pgbouncer_rows *rows, const struct snapshot_pgbouncer_pool *row)
{
	return pgbouncer_choice_is_chosen(&rows->choice, row->database);
}

/* The items of the list of those that must be there which no database fits. */
static void
list_missing(const struct pgbouncer_rows *rows, struct snapshot_pgbouncer *ret)
{
	const struct pgbouncer_choice *choice = &rows->choice;
	char item[128];
	struct text text;

	text_init(&text, ret->missing, sizeof ret->missing);
	for (size_t i = 0; choice->only[0] != '\0' && i < text_item_count(choice->only); i++) {
		bool is_there = false;

		text_item(choice->only, i, item, sizeof item);
		for (size_t j = 0; j < rows->database_count && !is_there; j++)
			is_there = is_counted(rows, &rows->databases[j])
				&& choice->includes(item, rows->databases[j].database);
		if (!is_there)
			text_add(&text, "%s%s", text.length > 0 ? "," : "", item);
	}
}

void
pgbouncer_worst_first(const struct pgbouncer_rows *rows, struct snapshot_pgbouncer *ret)
{
	bool is_unknown = false; /* how long somebody waits: the longest of the others would be too little */
	size_t count = 0;

	ret->databases = ret->pools = ret->waiting = ret->longest_wait_ms = 0;
	ret->databases_paused = ret->databases_disabled = 0;
	for (size_t i = 0; i < rows->database_count; i++) {
		if (!is_counted(rows, &rows->databases[i]))
			continue;
		insert(&rows->databases[i], &count, ret);
		ret->databases++;
		ret->databases_paused += rows->databases[i].is_paused;
		ret->databases_disabled += rows->databases[i].is_disabled;
	}
	for (size_t i = 0; i < rows->pool_count; i++) {
		const struct snapshot_pgbouncer_pool *pool = &rows->pools[i];

		if (!is_counted(rows, pool))
			continue;
		insert(pool, &count, ret);
		ret->pools++;
		ret->waiting += pool->clients_waiting;
		if (pool->wait_ms > ret->longest_wait_ms)
			ret->longest_wait_ms = pool->wait_ms;
		is_unknown = is_unknown || (pool->clients_waiting > 0 && pool->wait_ms == SNAPSHOT_NONE);
	}
	ret->total = ret->databases + ret->pools;
	if (is_unknown)
		ret->longest_wait_ms = SNAPSHOT_NONE;
	list_missing(rows, ret);
}
