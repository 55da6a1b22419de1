#include "lib/evaluate/pgbouncer_pools.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/judge.h"

/* Figures are kept of the first pools only, which are the worst. */
enum { FIGURES_OF = 8 };

/*
 * A server connection is opened in less where there is a server. PgBouncer itself gives up a login after
 * server_connect_timeout (15 s) and tries again after server_login_retry (15 s), with no connection in
 * between.
 */
enum { STALL_MS = 1000 };

/* Room for the names of a database and a user, and some words. */
enum {
	NAME_SIZE = 2 * sizeof(((struct snapshot_pgbouncer_pool *)0)->database) + 2,
	WHAT_SIZE = NAME_SIZE + 96
};

/* No share is larger: a pool may have a reserve, but what a recording holds may be any number. */
static const double share_max = 1e6;

double
pgbouncer_pools_percent(int64_t part, int64_t whole)
{
	double percent = (double)part * 100.0 / (double)whole;

	return percent > share_max ? share_max : (double)(int64_t)(percent * 100.0 + 0.5) / 100.0;
}

/* "3 clients", "1 client". */
static const char *
clients(int64_t count, char to[32])
{
	snprintf(to, 32, "%lld client%s", (long long)count, count == 1 ? "" : "s");
	return to;
}

/* -- databases ---------------------------------------------------------------------------------- */

/* Rows are limited: of databases there may be more that are paused, or disabled, than those told of by name.
 */
static void
judge_rest(
	const struct snapshot *snapshot, const struct pgbouncer_pools_limits *limits, struct verdict *verdict)
{
	const struct snapshot_pgbouncer *seen = &snapshot->pgbouncer;
	size_t count = snapshot_row_count(snapshot, snapshot_list_of(SNAPSHOT_PGBOUNCER));
	int64_t paused = seen->databases_paused, disabled = seen->databases_disabled;

	for (size_t i = 0; i < count; i++) {
		bool is_database = strcmp(seen->rows[i].kind, "database") == 0;

		if (is_database && seen->rows[i].is_paused && paused > 0)
			paused--;
		if (is_database && seen->rows[i].is_disabled && disabled > 0)
			disabled--;
	}
	if (paused > 0) {
		judge_reason(verdict, limits->paused, "%lld more databases are paused", (long long)paused);
		judge_hint(verdict, "SHOW DATABASES on the admin console tells which; RESUME NAME ends it");
	}
	if (disabled > 0) {
		judge_reason(
			verdict, limits->disabled, "%lld more databases are disabled", (long long)disabled);
		judge_hint(verdict, "SHOW DATABASES on the admin console tells which; ENABLE NAME ends it");
	}
}

static void
judge_share(const char *what, const char *database, int64_t part, int64_t whole,
	const struct pgbouncer_pools_limits *limits, struct verdict *verdict)
{
	char subject[WHAT_SIZE];
	struct text text;

	if (part < 0 || whole <= 0)
		return;
	text_init(&text, subject, sizeof subject);
	text_add(&text, "use of the %lld %s of database \"%s\"", (long long)whole, what, database);
	judge_limit(verdict, subject, pgbouncer_pools_percent(part, whole), UNIT_PERCENT, limits->warning,
		limits->critical);
}

static void
judge_database(const struct snapshot_pgbouncer_pool *row, const struct pgbouncer_pools_limits *limits,
	struct verdict *verdict)
{
	char name[PGBOUNCER_POOLS_NAME_SIZE];

	text_identifier(name, sizeof name, row->database);
	if (row->is_disabled) {
		judge_reason(verdict, limits->disabled, "database \"%s\" is disabled: it refuses clients",
			row->database);
		judge_hint(verdict, "on the admin console: ENABLE %s", name);
	}
	if (row->is_paused) {
		judge_reason(verdict, limits->paused, "database \"%s\" is paused: its clients wait",
			row->database);
		judge_hint(verdict, "on the admin console: RESUME %s (PAUSE or KILL was given there)", name);
	}
	judge_share(
		"server connections", row->database, row->connections, row->connections_max, limits, verdict);
	judge_share("client connections", row->database, row->database_clients, row->database_clients_max,
		limits, verdict);
}

/* -- pools -------------------------------------------------------------------------------------- */

/* Clients wait, and nothing that could serve them is there: what comes next is query_wait_timeout. */
static bool
is_stalled(const struct snapshot_pgbouncer_pool *row)
{
	return row->clients_waiting > 0 && row->wait_ms >= STALL_MS && !row->is_paused
		&& row->servers_active == 0 && row->servers_idle == 0 && row->servers_used == 0;
}

/* Other pools of the database may have them all. */
static bool
is_crowded_out(const struct snapshot_pgbouncer_pool *row)
{
	return row->connections_max > 0 && row->connections >= row->connections_max;
}

static void
judge_stall(const struct snapshot_pgbouncer_pool *row, const char *name, bool is_state_told,
	struct verdict *verdict)
{
	char who[48];
	struct text text;

	if (!is_stalled(row))
		return;
	text_init(&text, who, sizeof who);
	text_add(&text, "%lld client%s", (long long)row->clients_waiting,
		row->clients_waiting == 1 ? " waits" : "s wait");
	if (is_crowded_out(row)) {
		judge_reason(verdict, STATE_CRITICAL,
			"%s in pool %s, which has none of the %lld server connections of its database", who,
			name, (long long)row->connections_max);
		judge_hint(verdict,
			"other pools of that database hold them all: SHOW POOLS; max_db_connections limits "
			"them");
		return;
	}
	judge_reason(verdict, STATE_CRITICAL, "%s in pool %s, which has no connection to its server%s%s", who,
		name, row->place[0] != '\0' ? " at " : "", row->place);
	judge_hint(verdict,
		"is that server up, and does it let PgBouncer in? its log says why it does not; or has the "
		"user "
		"all that max_user_connections allows%s?",
		is_state_told ? "" : ", or is all paused (RESUME)");
}

/* A figure of one pool, which is kept among the figures of the first ones. */
static void
judge_figure_of_pool(const char *name, const char *what, const char *metric, double value, enum unit unit,
	bool has_figures, const struct pgbouncer_pools_limits *limits, struct verdict *verdict)
{
	if (has_figures)
		judge_metric_of(verdict, name, what, metric, value, unit, limits->warning, limits->critical);
	else
		judge_limit(verdict, what, value, unit, limits->warning, limits->critical);
}

/* A wait that is not known is no short one. */
static void
judge_unknown_wait(const struct snapshot_pgbouncer_pool *row, const char *name,
	const struct pgbouncer_pools_limits *limits, struct verdict *verdict)
{
	struct err fault;
	char storage[32];

	err_set(&fault, ERR_PROTOCOL, "it is not told how long %s of pool %s wait%s",
		clients(row->clients_waiting, storage), name, row->clients_waiting == 1 ? "s" : "");
	err_hint(&fault, "SHOW CLIENTS on the admin console must answer, with less than 1 MB");
	judge_fault(verdict, limits->policy, &fault);
}

/* What a pause holds up is told by that. */
static void
judge_wait(const struct snapshot_pgbouncer_pool *row, const char *name, bool has_figures,
	const struct pgbouncer_pools_limits *limits, struct verdict *verdict)
{
	char what[WHAT_SIZE], storage[32];
	struct text text;

	if (row->is_paused || row->clients_waiting < 0)
		return;
	text_init(&text, what, sizeof what);
	text_add(&text, "wait of %s for a server connection in pool %s",
		clients(row->clients_waiting, storage), name);
	if (row->wait_ms >= 0)
		judge_figure_of_pool(name, what, "pool_wait_seconds", (double)row->wait_ms / 1000.0,
			UNIT_SECONDS, has_figures, limits, verdict);
	else
		judge_unknown_wait(row, name, limits, verdict);
	text_init(&text, what, sizeof what);
	text_add(&text, "number of waiting clients in pool %s", name);
	judge_figure_of_pool(name, what, "pool_waiting_clients", (double)row->clients_waiting, UNIT_NONE,
		has_figures, limits, verdict);
}

static void
judge_use(const struct snapshot_pgbouncer_pool *row, const char *name, bool has_figures,
	const struct pgbouncer_pools_limits *limits, struct verdict *verdict)
{
	char what[WHAT_SIZE];
	struct text text;

	if (row->size <= 0 || row->servers_active < 0)
		return;
	text_init(&text, what, sizeof what);
	text_add(&text, "use of the %lld server connections of pool %s", (long long)row->size, name);
	judge_figure_of_pool(name, what, "pool_used_percent",
		pgbouncer_pools_percent(row->servers_active, row->size), UNIT_PERCENT, has_figures, limits,
		verdict);
}

static void
judge_pool(const struct snapshot_pgbouncer_pool *row, bool has_figures, bool is_state_told,
	const struct pgbouncer_pools_limits *limits, struct verdict *verdict)
{
	char name[NAME_SIZE], storage[32];
	struct text text;

	text_init(&text, name, sizeof name);
	text_add(&text, "%s/%s", row->database, row->user);
	judge_stall(row, name, is_state_told, verdict);
	judge_wait(row, name, has_figures, limits, verdict);
	judge_use(row, name, has_figures, limits, verdict);
	if (verdict->state != STATE_OK)
		judge_hint(verdict,
			"SHOW CLIENTS and SHOW SERVERS on the admin console tell who holds the connections; "
			"a pool "
			"grows with pool_size, as far as max_connections of the server allows");
	if (has_figures)
		judge_detail(verdict,
			"pool %s (%s): %s active, %lld waiting; servers: %lld active, %lld ready", name,
			row->mode, clients(row->clients_active, storage), (long long)row->clients_waiting,
			(long long)row->servers_active, (long long)row->servers_idle);
}

/* A limit on the use of a pool whose size could not be had is a question that is not answered. */
static void
judge_unknown_size(const struct pgbouncer_pools_limits *limits, struct verdict *verdict)
{
	struct err fault;

	if (!limits->warning->of[UNIT_PERCENT].is_set && !limits->critical->of[UNIT_PERCENT].is_set)
		return;
	err_set(&fault, ERR_PROTOCOL, "the size of a pool is not known, so its use is not");
	err_hint(&fault, "SHOW USERS on the admin console must answer, with less than 1 MB");
	judge_fault(verdict, limits->policy, &fault);
}

/* -- all of them -------------------------------------------------------------------------------- */

static void
describe(const struct snapshot_pgbouncer *seen, struct verdict *verdict)
{
	char storage[160], number[32];
	struct text text;

	text_init(&text, storage, sizeof storage);
	text_add(&text, "%lld pool%s of %lld database%s", (long long)seen->pools, seen->pools == 1 ? "" : "s",
		(long long)seen->databases, seen->databases == 1 ? "" : "s");
	if (seen->waiting == 0) {
		judge_reason(verdict, STATE_OK, "%s, no client waits", storage);
		return;
	}
	text_add(&text, ", %s wait%s", clients(seen->waiting, number), seen->waiting == 1 ? "s" : "");
	if (seen->longest_wait_ms > 0) {
		text_add(&text, ", at most ");
		range_write_quantity((double)seen->longest_wait_ms / 1000.0, UNIT_SECONDS, &text);
	}
	judge_reason(verdict, STATE_OK, "%s", storage);
}

void
pgbouncer_pools_judge(
	const struct snapshot *snapshot, const struct pgbouncer_pools_limits *limits, struct verdict *verdict)
{
	const struct snapshot_pgbouncer *seen = &snapshot->pgbouncer;
	size_t count = snapshot_row_count(snapshot, snapshot_list_of(SNAPSHOT_PGBOUNCER)), pools = 0;
	bool has_unknown = false;

	for (size_t i = 0; i < count; i++) {
		const struct snapshot_pgbouncer_pool *row = &seen->rows[i];

		if (strcmp(row->kind, "database") == 0) {
			judge_database(row, limits, verdict);
			continue;
		}
		judge_pool(row, pools < FIGURES_OF, seen->is_state_told, limits, verdict);
		has_unknown = has_unknown || (row->size < 0 && row->servers_active > 0);
		pools++;
	}
	judge_rest(snapshot, limits, verdict);
	if (has_unknown)
		judge_unknown_size(limits, verdict);
	describe(seen, verdict);
	judge_figure(verdict, "waiting_clients", (double)seen->waiting, UNIT_NONE);
	judge_figure(verdict, "longest_wait_seconds",
		seen->longest_wait_ms < 0 ? NAN : (double)seen->longest_wait_ms / 1000.0, UNIT_SECONDS);
	judge_figure(verdict, "pools", (double)seen->pools, UNIT_NONE);
}
