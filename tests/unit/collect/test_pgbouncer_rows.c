#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/collect/pgbouncer_clients.h"
#include "lib/collect/pgbouncer_queue.h"
#include "lib/collect/pgbouncer_rows.h"
#include "lib/collect/pgbouncer_worst.h"
#include "lib/evaluate/names.h"

/* Of 1.18, as the console of Debian's package has them; the other versions are in tests/scripted. */
#define DATABASES                                                                                            \
	"name|host|port|database|force_user|pool_size|min_pool_size|reserve_pool|pool_mode|max_connections|" \
	"current_connections|paused|disabled\n"
#define POOLS                                                                                                \
	"database|user|cl_active|cl_waiting|cl_active_cancel_req|cl_waiting_cancel_req|sv_active|"           \
	"sv_active_cancel|sv_being_canceled|sv_idle|sv_used|sv_tested|sv_login|maxwait|maxwait_us|pool_"     \
	"mode\n"

/* -- answers ------------------------------------------------------------------------------------ */

/* Lines of values with "|" between; the first holds the names, and "\N" is NULL. */
static PGresult *
answer(const char *lines)
{
	PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PGresAttDesc columns[32] = {{0}};
	char *copy = strdup(lines), *line_end = copy, *line;
	int row = -1;

	for (; (line = strsep(&line_end, "\n")) != NULL && line[0] != '\0'; row++) {
		int count = 0;

		for (char *value; (value = strsep(&line, "|")) != NULL; count++) {
			assert_in_range(count, 0, 31);
			if (row < 0)
				columns[count].name = value;
			else
				assert_true(PQsetvalue(result, row, count,
					strcmp(value, "\\N") == 0 ? NULL : value,
					strcmp(value, "\\N") == 0 ? -1 : (int)strlen(value)));
		}
		if (row < 0)
			assert_true(PQsetResultAttrs(result, count, columns));
	}
	free(copy);
	return result;
}

typedef int read_rows(const struct pg_row *row, struct pgbouncer_rows *rows, struct err *err);
typedef int read_whole(const struct pg_row *row, struct snapshot_pgbouncer *ret, struct err *err);

static struct pgbouncer_rows
start(const char *only, const char *excluded)
{
	return (struct pgbouncer_rows){
		.choice = {.only = only, .excluded = excluded, .expected = "", .includes = names_include},
		.user = ""};
}

static int
rows_status(read_rows *read, const char *lines, struct pgbouncer_rows *rows, struct err *err)
{
	PGresult *result = answer(lines);
	int status = read(&(struct pg_row){.result = result}, rows, err);

	PQclear(result);
	return status;
}

static void
must(read_rows *read, const char *lines, struct pgbouncer_rows *rows)
{
	struct err err = {.text = ""};

	if (rows_status(read, lines, rows, &err) != 0)
		fail_msg("%s", err.text);
}

static void
must_refuse(read_rows *read, const char *lines, const char *text)
{
	struct pgbouncer_rows rows = start("", "");
	struct err err;

	assert_int_equal(rows_status(read, lines, &rows, &err), -1);
	assert_int_equal(err.class, ERR_PROTOCOL);
	assert_string_equal(err.text, text);
	pgbouncer_rows_release(&rows);
}

static int
whole_status(read_whole *read, const char *lines, struct snapshot_pgbouncer *ret, struct err *err)
{
	PGresult *result = answer(lines);
	int status = read(&(struct pg_row){.result = result}, ret, err);

	PQclear(result);
	return status;
}

static void
whole_must_refuse(read_whole *read, const char *lines, const char *text)
{
	static struct snapshot snapshot;
	struct err err;

	snapshot_init(&snapshot);
	assert_int_equal(whole_status(read, lines, &snapshot.pgbouncer, &err), -1);
	assert_int_equal(err.class, ERR_PROTOCOL);
	assert_string_equal(err.text, text);
}

/* What a snapshot holds of two answers. */
static const struct snapshot_pgbouncer *
settled(const char *only, const char *excluded, const char *databases, const char *pools)
{
	static struct snapshot snapshot;
	struct pgbouncer_rows rows = start(only, excluded);

	snapshot_init(&snapshot);
	must(pgbouncer_rows_databases, databases, &rows);
	must(pgbouncer_rows_pools, pools, &rows);
	pgbouncer_worst_first(&rows, &snapshot.pgbouncer);
	pgbouncer_rows_release(&rows);
	snapshot_mark(&snapshot, SNAPSHOT_PGBOUNCER);
	assert_true(snapshot_is_sound(&snapshot));
	return &snapshot.pgbouncer;
}

/* -- the whole ---------------------------------------------------------------------------------- */

static void
clients_are_counted(void **state)
{
	static struct snapshot snapshot;
	struct err err;

	(void)state;
	snapshot_init(&snapshot);
	assert_int_equal(whole_status(pgbouncer_rows_lists,
				 "list|items\ndatabases|3\nfree_clients|40\nused_clients|60\n",
				 &snapshot.pgbouncer, &err),
		0);
	assert_int_equal(snapshot.pgbouncer.clients, 59); /* not the asking one */
	assert_int_equal(whole_status(pgbouncer_rows_config,
				 "key|value|default|changeable\nmax_client_conn|500|100|yes\n",
				 &snapshot.pgbouncer, &err),
		0);
	assert_int_equal(snapshot.pgbouncer.clients_max, 500);
}

static void
what_is_not_told_is_no_zero(void **state)
{
	(void)state;
	whole_must_refuse(pgbouncer_rows_lists, "list|items\ndatabases|3\n", "there is no \"used_clients\"");
	whole_must_refuse(pgbouncer_rows_lists, "list|items\n", "there is no \"used_clients\"");
	whole_must_refuse(
		pgbouncer_rows_lists, "list|count\nused_clients|3\n", "there is no column \"items\"");
	whole_must_refuse(
		pgbouncer_rows_lists, "name|items\nused_clients|3\n", "there is no column \"list\"");
	whole_must_refuse(pgbouncer_rows_lists, "list|items\nused_clients|\\N\n",
		"used_clients: \"items\" is no count");
	whole_must_refuse(
		pgbouncer_rows_lists, "list|items\nused_clients|-1\n", "used_clients: \"items\" is no count");
	whole_must_refuse(pgbouncer_rows_lists, "list|items\nused_clients|2147483648\n",
		"used_clients: \"items\" is no count");
	whole_must_refuse(pgbouncer_rows_config, "key|value\nmax_client_conn|many\n",
		"max_client_conn: unexpected value \"many\" for \"value\"");
	whole_must_refuse(
		pgbouncer_rows_config, "key|value\nmax_client_con|100\n", "there is no \"max_client_conn\"");
}

static void
states_are_told_apart(void **state)
{
	static const struct {
		const char *lines;
		bool is_paused;
		bool is_suspended;
	} cases[] = {
		{"key|value\nactive|yes\npaused|no\nsuspended|no\n", false, false},
		{"key|value\nactive|no\npaused|yes\nsuspended|no\n", true, false},
		{"key|value\nactive|no\npaused|no\nsuspended|yes\n", false, true},
		{"key|value\nactive|no\npaused|yes\nsuspended|no\nshutdown|yes\n", true, false},
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct snapshot_pgbouncer seen = {.total = 0};

		assert_int_equal(whole_status(pgbouncer_rows_state, cases[i].lines, &seen, &err), 0);
		assert_true(seen.is_state_told);
		assert_int_equal(seen.is_all_paused, cases[i].is_paused);
		assert_int_equal(seen.is_suspended, cases[i].is_suspended);
	}
}

static void
a_state_that_contradicts_itself_is_refused(void **state)
{
	static const char untold[] = "it is not told whether the pooler is active";

	(void)state;
	whole_must_refuse(pgbouncer_rows_state, "key|value\n", untold);
	whole_must_refuse(pgbouncer_rows_state, "key|value\npaused|no\nsuspended|no\n", untold);
	whole_must_refuse(pgbouncer_rows_state, "key|value\nactive|no\npaused|no\nsuspended|no\n", untold);
	whole_must_refuse(pgbouncer_rows_state, "key|value\nactive|yes\npaused|yes\n", untold);
	whole_must_refuse(pgbouncer_rows_state, "key|value\nactive|maybe\n",
		"unexpected value \"maybe\" for \"value\"");
	whole_must_refuse(pgbouncer_rows_state, "key\nactive\n", "there is no column \"value\"");
}

/* -- databases and pools ------------------------------------------------------------------------ */

static void
a_pool_has_what_its_database_tells(void **state)
{
	const struct snapshot_pgbouncer *seen = settled("", "",
		DATABASES "pgbouncer|\\N|6432|pgbouncer|pgbouncer|2|0|0|statement|0|0|0|0\n"
			  "shop|10.0.0.11|5432|shop|\\N|20|0|0|\\N|50|12|1|0\n",
		POOLS "pgbouncer|pgbouncer|1|0|0|0|0|0|0|0|0|0|0|0|0|statement\n"
		      "shop|app|30|3|0|0|10|0|0|2|4|1|5|7|250000|session\n");
	const struct snapshot_pgbouncer_pool *database = &seen->rows[1], *pool = &seen->rows[0];

	(void)state;
	assert_int_equal(seen->total, 2);
	assert_int_equal(seen->databases, 1);
	assert_int_equal(seen->pools, 1);
	assert_int_equal(seen->waiting, 3);
	assert_int_equal(seen->longest_wait_ms, 7250);
	assert_string_equal(seen->missing, "");
	assert_string_equal(database->kind, "database");
	assert_true(database->is_paused);
	assert_int_equal(database->database_clients, SNAPSHOT_NONE);
	assert_int_equal(database->wait_ms, SNAPSHOT_NONE);
	assert_string_equal(pool->kind, "pool");
	assert_string_equal(pool->user, "app");
	assert_string_equal(pool->mode, "session");
	assert_string_equal(pool->place, "10.0.0.11:5432");
	assert_true(pool->is_paused);
	assert_int_equal(pool->size, 20);
	assert_int_equal(pool->connections_max, 50);
	assert_int_equal(pool->clients_active, 30);
	assert_int_equal(pool->servers_active, 10);
	assert_int_equal(pool->servers_idle, 2);
	assert_int_equal(pool->servers_used, 5);
	assert_int_equal(pool->servers_login, 5);
	assert_int_equal(pool->wait_ms, 7250);
}

static void
places_of_every_kind(void **state)
{
	const struct snapshot_pgbouncer *seen = settled("", "",
		DATABASES "a|\\N|5432|a|\\N|20|0|0|\\N|0|0|0|0\n"
			  "b|/run/postgresql|5433|b|\\N|20|0|0|\\N|0|0|0|0\n"
			  "c|fd00::1|5434|c|\\N|20|0|0|\\N|0|0|0|0\n",
		POOLS);

	(void)state;
	assert_string_equal(seen->rows[0].place, "socket:5432");
	assert_string_equal(seen->rows[1].place, "/run/postgresql:5433");
	assert_string_equal(seen->rows[2].place, "[fd00::1]:5434");
}

static void
a_pool_whose_database_is_not_told_of_has_no_size(void **state)
{
	const struct snapshot_pgbouncer *seen = settled(
		"", "", DATABASES, POOLS "shop|app|1|0|0|0|1|0|0|0|0|0|0|0|0|session\n");

	(void)state;
	assert_int_equal(seen->rows[0].size, SNAPSHOT_NONE);
	assert_int_equal(seen->rows[0].connections_max, SNAPSHOT_NONE);
	assert_string_equal(seen->rows[0].place, "");
}

static void
a_users_own_size_goes_before_the_databases(void **state)
{
	static struct snapshot snapshot;
	struct pgbouncer_rows rows = start("", "");

	(void)state;
	snapshot_init(&snapshot);
	must(pgbouncer_rows_databases, DATABASES "shop|h|1|shop|\\N|20|0|0|\\N|0|0|0|0\n", &rows);
	must(pgbouncer_rows_pools,
		POOLS "shop|a|1|0|0|0|4|0|0|0|0|0|0|0|0|session\nshop|b|1|0|0|0|3|0|0|0|0|0|0|0|0|session\n"
		      "shop|c|1|0|0|0|2|0|0|0|0|0|0|0|0|session\n",
		&rows);
	must(pgbouncer_rows_users, "name|pool_size|pool_mode\na|8|\\N\nb||\\N\nc|\\N|\\N\nother|5|\\N\n",
		&rows);
	pgbouncer_worst_first(&rows, &snapshot.pgbouncer);
	assert_int_equal(rows.pools[0].size, 8);
	assert_int_equal(rows.pools[1].size, 20);
	assert_int_equal(rows.pools[2].size, 20);
	pgbouncer_rows_forget_sizes(&rows);
	assert_int_equal(rows.pools[1].size, SNAPSHOT_NONE);
	pgbouncer_rows_release(&rows);
	must_refuse(pgbouncer_rows_users, "name|pool_size\na|-8\n", "\"pool_size\" is no count");
	must_refuse(pgbouncer_rows_users, "name|pool_size\na|many\n", "\"pool_size\" is no count");
	must_refuse(pgbouncer_rows_users, "name\na\n", "there is no column \"pool_size\"");
}

static void
only_what_is_chosen_is_kept(void **state)
{
	static const char databases[] = DATABASES "app1|h|1|d|\\N|20|0|0|\\N|0|0|0|0\n"
						  "app2|h|1|d|\\N|20|0|0|\\N|0|0|0|0\n"
						  "shop|h|1|d|\\N|20|0|0|\\N|0|0|0|0\n";
	static const char pools[] = POOLS "app1|u|1|9|0|0|1|0|0|0|0|0|0|3|0|session\n"
					  "app2|u|1|1|0|0|1|0|0|0|0|0|0|1|0|session\n"
					  "shop|u|1|0|0|0|1|0|0|0|0|0|0|0|0|session\n";
	const struct snapshot_pgbouncer *seen = settled("shop,app*,none,pgbouncer", "app1", databases, pools);

	(void)state;
	assert_int_equal(seen->databases, 2);
	assert_int_equal(seen->pools, 2);
	assert_int_equal(seen->waiting, 1);
	assert_int_equal(seen->longest_wait_ms, 1000);
	assert_string_equal(seen->missing, "none,pgbouncer");
	seen = settled("", "*", databases, pools);
	assert_int_equal(seen->total, 0);
	assert_string_equal(seen->missing, "");
	/* What is excluded is not looked at, so it is not there. */
	assert_string_equal(settled("app1", "app1", databases, pools)->missing, "app1");
}

static void
other_shapes_are_refused_and_named(void **state)
{
	(void)state;
	must_refuse(pgbouncer_rows_databases, "name|paused\nshop|0\n", "there is no column \"disabled\"");
	must_refuse(pgbouncer_rows_databases, DATABASES "shop|h|1|d|\\N|20|0|0|\\N|0|0|2|0\n",
		"database \"shop\": unexpected value \"2\" for \"paused\"");
	must_refuse(pgbouncer_rows_databases, DATABASES "shop|h|1|d|\\N|-20|0|0|\\N|0|0|0|0\n",
		"database \"shop\": \"pool_size\" is no count");
	must_refuse(pgbouncer_rows_pools, "database|user|cl_active\n", "there is no column \"cl_waiting\"");
	must_refuse(pgbouncer_rows_pools, POOLS "shop|app|30|x|0|0|10|0|0|2|4|1|5|7|250000|session\n",
		"pool \"shop\" of \"app\": unexpected value \"x\" for \"cl_waiting\"");
	must_refuse(pgbouncer_rows_pools,
		POOLS "shop|app|30|1|0|0|10|0|0|2|4|1|5|1152921504606846976|0|session\n",
		"pool \"shop\" of \"app\": \"maxwait\" is no count");
	must_refuse(pgbouncer_rows_pools, POOLS "shop|app|30|\\N|0|0|10|0|0|2|4|1|5|7|0|session\n",
		"pool \"shop\" of \"app\": \"cl_waiting\" is no count");
}

/* -- waits that SHOW POOLS does not tell -------------------------------------------------------- */

static void
instants_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t since_s; /* the one before */
	} cases[] = {
		{"2026-02-28 23:59:59 CET", 0},
		{"2026-03-01 00:00:00 CET", 1},
		{"2026-12-31 23:59:59 CET", 305LL * 86400 + 86399},
		{"2027-01-01 00:00:00 CET", 1},
		{"2028-02-28 12:00:00 CET", 423LL * 86400 + 43200},
		{"2028-03-01 12:00:00 CET", 2LL * 86400},
		{"2100-02-28 12:00:00 CET", 26296LL * 86400},
		{"2100-03-01 12:00:00 CET", 86400},
	};
	int64_t before_s = 0, at_s;
	const char *zone;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(pgbouncer_clients_instant(cases[i].text, &at_s, &zone), 0);
		assert_string_equal(zone, "CET");
		if (i > 0)
			assert_int_equal(at_s - before_s, cases[i].since_s);
		before_s = at_s;
	}
}

static void
what_is_no_instant_is_refused(void **state)
{
	static const char *const texts[] = {"", "now", "2026-11-21", "2026-11-21 16:42:54",
		"26-11-21 16:42:54 UTC", "2026-13-21 16:42:54 UTC", "2026-00-21 16:42:54 UTC",
		"2026-11-32 16:42:54 UTC", "2026-11-21 24:42:54 UTC", "2026-11-21 16:60:54 UTC",
		"2026-11-21 16:42:61 UTC", "2026-11-21T16:42:54 UTC", "+026-11-21 16:42:54 UTC",
		" 2026-11-21 16:42:54 UTC"};
	int64_t at_s;
	const char *zone;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_int_equal(pgbouncer_clients_instant(texts[i], &at_s, &zone), -1);
}

#define CLIENTS "type|user|database|state|connect_time|request_time|wait|wait_us\n"

/* The wait of the pool shop/app, whose clients wait; INT64_MAX when the answer was refused. */
static int64_t
wait_by(const char *clients)
{
	struct pgbouncer_rows rows = start("", "");
	struct err err;
	int64_t wait_ms;

	must(pgbouncer_rows_databases, DATABASES "shop|h|1|d|\\N|20|0|0|\\N|0|0|0|0\n", &rows);
	must(pgbouncer_rows_pools,
		POOLS
		"shop|app|0|3|0|0|0|0|0|0|0|0|1|0|0|session\nshop|other|0|1|0|0|0|0|0|0|0|0|0|5|0|session\n",
		&rows);
	assert_true(pgbouncer_clients_are_wanted(&rows));
	wait_ms = rows_status(pgbouncer_clients_read, clients, &rows, &err) == 0 ? rows.pools[0].wait_ms
										 : INT64_MAX;
	assert_int_equal(rows.pools[1].wait_ms, 5000);
	assert_int_equal(pgbouncer_clients_are_wanted(&rows), wait_ms == INT64_MAX);
	pgbouncer_rows_release(&rows);
	return wait_ms;
}

#define OWN "C|mon|pgbouncer|active|2026-11-21 16:42:54 UTC|2026-11-21 16:42:54 UTC|0|0\n"

static void
a_wait_to_be_let_in_is_told_by_the_clients(void **state)
{
	(void)state;
	assert_int_equal(
		wait_by(CLIENTS
			"C|app|shop|waiting|2026-11-21 16:42:01 UTC|2026-11-21 16:42:14 UTC|0|0\n" OWN),
		40000);
	/* Another waits longer behind it, and has sent its query. */
	assert_int_equal(
		wait_by(CLIENTS
			"C|app|shop|waiting|2026-11-21 16:42:01 UTC|2026-11-21 16:42:52 UTC|0|0\n"
			"C|app|shop|waiting|2026-11-21 16:00:00 UTC|2026-11-21 16:40:00 UTC|60|500000\n" OWN),
		60500);
	/* Those of others, and those that are served, do not count. */
	assert_int_equal(
		wait_by(CLIENTS
			"C|app|shop|active|2026-11-21 16:00:00 UTC|2026-11-21 16:00:00 UTC|9|0\n"
			"C|other|shop|waiting|2026-11-21 16:00:00 UTC|2026-11-21 16:00:00 UTC|9|0\n"
			"C|app|stock|waiting|2026-11-21 16:00:00 UTC|2026-11-21 16:00:00 UTC|9|0\n"
			"C|app|shop|waiting|2026-11-21 16:42:52 UTC|2026-11-21 16:42:52 UTC|0|0\n" OWN),
		2000);
	/* A database that forces its user: its clients have names of their own. */
	assert_int_equal(
		wait_by(CLIENTS
			"C|eve|shop|waiting|2026-11-21 16:42:44 UTC|2026-11-21 16:42:44 UTC|0|0\n" OWN),
		10000);
	/* They were served between the two questions. */
	assert_int_equal(wait_by(CLIENTS OWN), 0);
	assert_int_equal(wait_by(CLIENTS), 0);
	/* From summer to winter time. */
	assert_int_equal(
		wait_by(CLIENTS
			"C|app|shop|waiting|2026-10-25 02:59:58 CEST|2026-10-25 02:59:58 CEST|0|0\n"
			"C|mon|pgbouncer|active|2026-10-25 03:00:00 CET|2026-10-25 03:00:00 CET|0|0\n"),
		0);
}

static void
clients_of_other_shapes_are_refused(void **state)
{
	(void)state;
	assert_int_equal(wait_by("user|database|state|request_time|wait\n"), INT64_MAX);
	assert_int_equal(wait_by(CLIENTS "C|app|shop|waiting|x|x|0|0\n"), INT64_MAX);
	assert_int_equal(wait_by(CLIENTS "C|app|shop|waiting|x|2026-11-21 16:42:54 UTC|-1|0\n"), INT64_MAX);
	assert_int_equal(wait_by(CLIENTS "C|app|shop|waiting|x|2026-11-21 16:42:54 UTC|\\N|0\n"), INT64_MAX);
	assert_int_equal(wait_by(CLIENTS "C|app|shop|waiting|x|2026-11-21 16:42:54 UTC|1|many\n"), INT64_MAX);
	assert_int_equal(
		wait_by(CLIENTS "C|app|shop|waiting|x|2026-11-21 16:42:54 UTC|1|9999999999\n"), INT64_MAX);
}

/* -- who gets through --------------------------------------------------------------------------- */

/* Why nobody gets through to shop; "": it is to be tried. */
static const char *
held_up(const char *databases, const char *pools)
{
	static struct err err;
	struct pgbouncer_rows rows = start("", "shop");
	struct snapshot_pgbouncer seen = {.total = 0};

	rows.choice.expected = "shop"; /* which is read also where it is not looked at */
	rows.user = "mon";
	must(pgbouncer_rows_databases, databases, &rows);
	must(pgbouncer_rows_pools, pools, &rows);
	err.text[0] = '\0';
	if (pgbouncer_queue_verify(&rows, &seen, 2000, &err) != 0)
		assert_int_equal(err.class, ERR_TIMEOUT);
	pgbouncer_rows_release(&rows);
	return err.text;
}

static void
who_waits_already_is_not_followed(void **state)
{
	static const char open[] = DATABASES "shop|h|1|d|\\N|20|0|0|\\N|0|0|0|0\n"
					     "stock|h|1|d|\\N|20|0|0|\\N|0|0|1|0\n";
	static const char waits[] = "no server connection is open, and 3 already wait for one";

	(void)state;
	assert_string_equal(held_up(DATABASES, POOLS), "");
	assert_string_equal(held_up(DATABASES "shop|h|1|d|\\N|20|0|0|\\N|0|0|1|0\n", POOLS), "it is paused");
	assert_string_equal(held_up(open, POOLS), "");
	assert_string_equal(held_up(open, POOLS "shop|a|0|3|0|0|0|0|0|0|0|0|1|1|0|session\n"), waits);
	assert_string_equal(held_up(open, POOLS "shop|a|0|3|0|0|0|0|0|0|0|0|1|0|0|session\n"), waits);
	assert_string_equal(held_up(open, POOLS "shop|a|0|3|0|0|0|0|0|0|0|0|1|0|999000|session\n"), "");
	assert_string_equal(held_up(open, POOLS "shop|a|0|3|0|0|1|0|0|0|0|0|1|9|0|session\n"), "");
	assert_string_equal(held_up(open, POOLS "stock|a|0|3|0|0|0|0|0|0|0|0|1|9|0|session\n"), "");
	/* Another's pool has servers: it is this one's role, or password, that is at fault. */
	assert_string_equal(held_up(open,
				    POOLS "shop|a|0|3|0|0|0|0|0|0|0|0|1|9|0|session\n"
					  "shop|b|0|0|0|0|0|0|0|1|0|0|0|0|0|session\n"),
		"");
}

/* PgBouncer serves in the order in which they came. */
static void
a_queue_that_is_too_long_is_not_joined(void **state)
{
	static const char open[] = DATABASES "shop|h|1|d|\\N|20|0|0|\\N|0|0|0|0\n";
	static const char forced[] = DATABASES "shop|h|1|d|app|20|0|0|\\N|0|0|0|0\n";

	(void)state;
	assert_string_equal(held_up(open, POOLS "shop|mon|9|1|0|0|9|0|0|0|0|0|0|1|999000|session\n"), "");
	assert_string_equal(held_up(open, POOLS "shop|mon|9|1|0|0|9|0|0|0|0|0|0|2|0|session\n"),
		"1 client waits in its pool already, for 2.0 s");
	assert_string_equal(held_up(open, POOLS "shop|mon|9|7|0|0|9|0|0|0|0|0|0|61|250000|session\n"),
		"7 clients wait in its pool already, for 61.2 s");
	assert_string_equal(held_up(open, POOLS "shop|mon|9|7|0|0|9|0|0|0|0|0|0|0|0|session\n"),
		"7 clients wait in its pool already");
	assert_string_equal(held_up(open, POOLS "shop|app|9|7|0|0|9|0|0|0|0|0|0|9|0|session\n"), "");
	assert_string_equal(held_up(forced, POOLS "shop|mon|9|7|0|0|9|0|0|0|0|0|0|9|0|session\n"), "");
	assert_string_equal(held_up(forced, POOLS "shop|app|9|7|0|0|9|0|0|0|0|0|0|9|0|session\n"),
		"7 clients wait in its pool already, for 9.0 s");
}

/* What is read for the passage alone counts for nothing else. */
static void
what_is_not_looked_at_is_not_counted(void **state)
{
	struct pgbouncer_rows rows = start("stock", "");
	static struct snapshot snapshot;

	(void)state;
	snapshot_init(&snapshot);
	rows.choice.expected = "shop";
	must(pgbouncer_rows_databases,
		DATABASES "shop|h|1|d|\\N|20|0|0|\\N|0|0|1|1\nstock|h|1|d|\\N|20|0|0|\\N|0|0|0|0\n", &rows);
	must(pgbouncer_rows_pools, POOLS "shop|a|0|3|0|0|0|0|0|0|0|0|1|9|0|session\n", &rows);
	assert_int_equal(rows.database_count, 2);
	assert_int_equal(rows.pool_count, 1);
	pgbouncer_worst_first(&rows, &snapshot.pgbouncer);
	pgbouncer_rows_release(&rows);
	assert_int_equal(snapshot.pgbouncer.total, 1);
	assert_int_equal(snapshot.pgbouncer.databases, 1);
	assert_int_equal(snapshot.pgbouncer.databases_paused, 0);
	assert_int_equal(snapshot.pgbouncer.databases_disabled, 0);
	assert_int_equal(snapshot.pgbouncer.pools, 0);
	assert_int_equal(snapshot.pgbouncer.waiting, 0);
	assert_string_equal(snapshot.pgbouncer.rows[0].database, "stock");
}

static void
a_pause_of_the_whole_is_not_tried(void **state)
{
	struct pgbouncer_rows rows = start("", "");
	struct snapshot_pgbouncer seen = {.is_all_paused = true};
	struct err err;

	(void)state;
	assert_int_equal(pgbouncer_queue_verify(&rows, &seen, 2000, &err), -1);
	assert_string_equal(err.text, "all is paused");
}

/* -- the worst first ---------------------------------------------------------------------------- */

static void
the_worst_are_held(void **state)
{
	char databases[16384] = DATABASES, pools[16384] = POOLS, line[160];
	const struct snapshot_pgbouncer *seen;

	(void)state;
	for (int i = 0; i < 60; i++) {
		snprintf(line, sizeof line, "d%02d|h|1|d|\\N|20|0|0|\\N|100|%d|%d|%d\n", i, i, i == 57,
			i == 58);
		strcat(databases, line);
		snprintf(line, sizeof line, "d%02d|u|1|%d|0|0|%d|0|0|0|0|0|0|%d|0|session\n", i,
			i == 55 || i == 56, i == 59 ? 19 : 1,
			i == 55           ? 2
				: i == 56 ? 3
					  : 0);
		strcat(pools, line);
	}
	seen = settled("d0*,d59", "", databases, pools);
	assert_int_equal(seen->total, 22);
	seen = settled("", "", databases, pools);
	assert_int_equal(seen->total, 120);
	assert_int_equal(seen->waiting, 2);
	assert_int_equal(seen->longest_wait_ms, 3000);
	assert_int_equal(seen->databases_paused, 1);
	assert_int_equal(seen->databases_disabled, 1);
	assert_string_equal(seen->rows[0].database, "d56");
	assert_int_equal(seen->rows[0].wait_ms, 3000);
	assert_string_equal(seen->rows[1].database, "d55");
	assert_string_equal(seen->rows[2].database, "d57");
	assert_string_equal(seen->rows[3].database, "d58");
	assert_string_equal(seen->rows[4].database, "d59"); /* 95 % of its pool */
	assert_string_equal(seen->rows[4].kind, "pool");
	assert_string_equal(seen->rows[5].database, "d59"); /* 59 % of its connections */
	assert_string_equal(seen->rows[6].database, "d56");
	assert_string_equal(seen->rows[SNAPSHOT_PGBOUNCER_MAX - 1].kind, "database");
}

static void
what_is_as_bad_stays_in_its_order(void **state)
{
	const struct snapshot_pgbouncer *seen = settled("", "",
		DATABASES "b|h|1|d|\\N|20|0|0|\\N|0|0|0|0\na|h|1|d|\\N|20|0|0|\\N|0|0|0|0\n",
		POOLS "b|y|0|0|0|0|0|0|0|0|0|0|0|0|0|session\nb|x|0|0|0|0|0|0|0|0|0|0|0|0|0|session\n");

	(void)state;
	assert_string_equal(seen->rows[0].database, "b");
	assert_string_equal(seen->rows[1].database, "a");
	assert_string_equal(seen->rows[2].user, "y");
	assert_string_equal(seen->rows[3].user, "x");
}

#define TEST(name) cmocka_unit_test(name)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(clients_are_counted),
		TEST(what_is_not_told_is_no_zero),
		TEST(states_are_told_apart),
		TEST(a_state_that_contradicts_itself_is_refused),
		TEST(a_pool_has_what_its_database_tells),
		TEST(places_of_every_kind),
		TEST(a_pool_whose_database_is_not_told_of_has_no_size),
		TEST(a_users_own_size_goes_before_the_databases),
		TEST(only_what_is_chosen_is_kept),
		TEST(other_shapes_are_refused_and_named),
		TEST(instants_are_read),
		TEST(what_is_no_instant_is_refused),
		TEST(a_wait_to_be_let_in_is_told_by_the_clients),
		TEST(clients_of_other_shapes_are_refused),
		TEST(who_waits_already_is_not_followed),
		TEST(a_queue_that_is_too_long_is_not_joined),
		TEST(what_is_not_looked_at_is_not_counted),
		TEST(a_pause_of_the_whole_is_not_tried),
		TEST(the_worst_are_held),
		TEST(what_is_as_bad_stays_in_its_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
