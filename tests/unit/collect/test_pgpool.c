#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/collect/pgpool_figure.h"
#include "lib/collect/pgpool_own.h"
#include "lib/collect/pgpool_pcp.h"
#include "lib/collect/pgpool_show.h"

/* -- figures -------------------------------------------------------------------------------------- */

static void
a_delay_is_in_bytes_or_in_time(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes, ms;
	} cases[] = {
		{"0", 0, SNAPSHOT_NONE},
		{"4096", 4096, SNAPSHOT_NONE},
		{"1152921504606846976", INT64_C(1) << 60, SNAPSHOT_NONE},
		{"0.000000 second", SNAPSHOT_NONE, 0},
		{"0.000499 second", SNAPSHOT_NONE, 0},
		{"0.000500 second", SNAPSHOT_NONE, 1},
		{"1.999999 second", SNAPSHOT_NONE, 2000},
		{"2.000000 seconds", SNAPSHOT_NONE, 2000},
		{"123456.789000 seconds", SNAPSHOT_NONE, 123456789},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t bytes, ms;
		struct err err;

		if (pgpool_figure_delay(cases[i].text, &bytes, &ms, &err) != 0)
			fail_msg("%s", err.text);
		if (bytes != cases[i].bytes || ms != cases[i].ms)
			fail_msg("\"%s\": %lld bytes, %lld ms", cases[i].text, (long long)bytes,
				(long long)ms);
	}
}

static void
what_is_no_delay_is_refused(void **state)
{
	static const char *const cases[] = {"", " ", "second", " second", "-1", "+ second", "-1.0 second",
		"1.5", "4096 ", "4096 bytes", "1 minute", "1 second ", "1  second", "1ms second",
		"1e3 second", "nan second", "inf second", "0x10", "1152921504606846977",
		"99999999999999999999", "9999999999999999 seconds",
		"1111111111111111111111111111111111111111111111111111111111111111111111111 seconds"};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t bytes = 7, ms = 8;
		struct err err;

		if (pgpool_figure_delay(cases[i], &bytes, &ms, &err) != -1)
			fail_msg("\"%s\" was taken for %lld bytes, %lld ms", cases[i], (long long)bytes,
				(long long)ms);
		assert_int_equal(err.class, ERR_PROTOCOL);
		assert_int_equal(bytes, 7);
		assert_int_equal(ms, 8);
	}
}

static void
a_weight_is_a_share(void **state)
{
	(void)state;
	assert_int_equal(pgpool_figure_weight("0.333333"), 333);
	assert_int_equal(pgpool_figure_weight("0.000000"), 0);
	assert_int_equal(pgpool_figure_weight("1.000000"), 1000);
	assert_int_equal(pgpool_figure_weight("-nan"), SNAPSHOT_NONE);
	assert_int_equal(pgpool_figure_weight("nan"), SNAPSHOT_NONE);
	assert_int_equal(pgpool_figure_weight("1.000001"), SNAPSHOT_NONE);
	assert_int_equal(pgpool_figure_weight("-0.1"), SNAPSHOT_NONE);
	assert_int_equal(pgpool_figure_weight("0.5%"), SNAPSHOT_NONE);
	assert_int_equal(pgpool_figure_weight(""), SNAPSHOT_NONE);
}

/* Seconds between two instants. */
static int64_t
distance(const char *from, const char *to)
{
	int64_t from_s = pgpool_figure_instant(from), to_s = pgpool_figure_instant(to);

	assert_int_not_equal(from_s, SNAPSHOT_NONE);
	assert_int_not_equal(to_s, SNAPSHOT_NONE);
	return to_s - from_s;
}

static void
instants_have_a_distance(void **state)
{
	(void)state;
	assert_int_equal(distance("2026-11-21 16:41:45", "2026-11-21 16:41:46"), 1);
	assert_int_equal(distance("2026-12-31 23:59:59", "2027-01-01 00:00:00"), 1);
	assert_int_equal(distance("2024-02-28 12:00:00", "2024-03-01 12:00:00"), 2 * 86400);
	assert_int_equal(distance("2026-02-28 12:00:00", "2026-03-01 12:00:00"), 86400);
	assert_int_equal(distance("2000-01-01 00:00:00", "2400-01-01 00:00:00"), INT64_C(146097) * 86400);
	assert_int_equal(distance("1970-01-01 00:00:00", "2026-11-21 00:00:00"), INT64_C(20778) * 86400);
	assert_int_equal(distance("2026-03-29 03:00:00", "2026-03-29 01:00:00"), -7200);
}

static void
what_is_no_instant_is_none(void **state)
{
	static const char *const cases[] = {"", "2026", "2026-11-21", "2026-11-21 16:41",
		"2026-11-21 16:41:4", "2026-11-21 16:41:45 ", "2026-11-21T16:41:45", "2026-11-21 16:41:45.5",
		"2026-13-21 16:41:45", "2026-00-21 16:41:45", "2026-11-00 16:41:45", "2026-11-32 16:41:45",
		"2026-11-21 24:00:00", "2026-11-21 16:60:45", "2026-11-21 16:41:61", "-026-11-21 16:41:45",
		"2026-+1-21 16:41:45", " 026-11-21 16:41:45", "20261-11-21 16:41:45"};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (pgpool_figure_instant(cases[i]) != SNAPSHOT_NONE)
			fail_msg("\"%s\" was taken for an instant", cases[i]);
}

/* -- what is put into the snapshot ------------------------------------------------------------------ */

/* An empty list of backends; the caller frees it. */
static struct pgpool_show *
start(void)
{
	struct pgpool_show *show = calloc(1, sizeof *show);

	assert_non_null(show);
	show->newest_s = SNAPSHOT_NONE;
	return show;
}

static struct pgpool_show_row *
add(struct pgpool_show *show, const char *status, const char *role)
{
	struct pgpool_show_row *row = &show->rows[show->count];

	row->backend.id = (int64_t)show->count++;
	row->failed_s = row->succeeded_s = row->backend.failed_age_ms = SNAPSHOT_NONE;
	row->backend.delay_bytes = 100;
	row->backend.delay_ms = SNAPSHOT_NONE;
	snprintf(row->backend.status, sizeof row->backend.status, "%s", status);
	snprintf(row->backend.role, sizeof row->backend.role, "%s", role);
	return row;
}

static struct snapshot_pgpool
settle(struct pgpool_show *show, int64_t delay_period_s)
{
	static struct snapshot snapshot;

	snapshot_init(&snapshot);
	snapshot.pgpool.delay_period_s = delay_period_s;
	pgpool_show_settle(show, &snapshot.pgpool);
	free(show);
	return snapshot.pgpool;
}

static void
a_delay_stays_where_it_is_measured(void **state)
{
	struct pgpool_show *show = start();
	struct snapshot_pgpool pgpool;

	(void)state;
	add(show, "up", "primary");
	add(show, "up", "standby");
	add(show, "waiting", "standby");
	add(show, "down", "standby");
	add(show, "quarantine", "standby");
	pgpool = settle(show, 10);
	assert_int_equal(pgpool.total, 5);
	assert_int_equal(pgpool.rows[0].delay_bytes, SNAPSHOT_NONE);
	assert_int_equal(pgpool.rows[1].delay_bytes, 100);
	assert_int_equal(pgpool.rows[2].delay_bytes, 100);
	assert_int_equal(pgpool.rows[3].delay_bytes, SNAPSHOT_NONE);
	assert_int_equal(pgpool.rows[4].delay_bytes, SNAPSHOT_NONE);
}

static void
a_delay_goes_where_nobody_measures_it(void **state)
{
	struct pgpool_show *show = start();

	(void)state;
	add(show, "up", "primary");
	add(show, "up", "standby");
	assert_int_equal(settle(show, 0).rows[1].delay_bytes, SNAPSHOT_NONE);
	show = start();
	add(show, "down", "primary");
	add(show, "up", "standby");
	assert_int_equal(settle(show, 10).rows[1].delay_bytes, SNAPSHOT_NONE);
	show = start();
	add(show, "up", "standby");
	add(show, "up", "standby");
	assert_int_equal(settle(show, 10).rows[1].delay_bytes, SNAPSHOT_NONE);
	/* Not told whether it is measured: what is told stands. */
	show = start();
	add(show, "up", "primary");
	add(show, "up", "standby");
	assert_int_equal(settle(show, SNAPSHOT_NONE).rows[1].delay_bytes, 100);
}

static void
a_failed_check_has_an_age(void **state)
{
	struct pgpool_show *show = start();
	struct pgpool_show_row *failing, *mended, *never;
	struct snapshot_pgpool pgpool;

	(void)state;
	show->newest_s = 1000;
	failing = add(show, "up", "primary");
	failing->succeeded_s = 900;
	failing->failed_s = 950;
	mended = add(show, "up", "standby");
	mended->succeeded_s = 1000;
	mended->failed_s = 950;
	never = add(show, "up", "standby");
	never->failed_s = 1000;
	add(show, "up", "standby")->succeeded_s = 1000;
	pgpool = settle(show, 10);
	assert_int_equal(pgpool.rows[0].failed_age_ms, 50000);
	assert_true(pgpool.rows[0].is_check_failing);
	assert_int_equal(pgpool.rows[1].failed_age_ms, 50000);
	assert_false(pgpool.rows[1].is_check_failing);
	assert_int_equal(pgpool.rows[2].failed_age_ms, 0);
	assert_true(pgpool.rows[2].is_check_failing);
	assert_int_equal(pgpool.rows[3].failed_age_ms, SNAPSHOT_NONE);
	assert_false(pgpool.rows[3].is_check_failing);
}

static void
of_too_many_those_that_matter_stay(void **state)
{
	struct pgpool_show *show = start();
	struct snapshot_pgpool pgpool;

	(void)state;
	for (int i = 0; i < PGPOOL_SHOW_MAX; i++)
		add(show,
			i == 100           ? "down"
				: i == 110 ? "quarantine"
					   : "up",
			i == 120 ? "primary" : "standby");
	pgpool = settle(show, 10);
	assert_int_equal(pgpool.total, PGPOOL_SHOW_MAX);
	assert_int_equal(pgpool.rows[0].id, 100);
	assert_int_equal(pgpool.rows[1].id, 110);
	assert_int_equal(pgpool.rows[2].id, 120);
	assert_int_equal(pgpool.rows[3].id, 0);
	assert_int_equal(pgpool.rows[SNAPSHOT_PGPOOL_MAX - 1].id, 12);
}

static void
as_many_as_fit_stay_in_their_order(void **state)
{
	struct pgpool_show *show = start();
	struct snapshot_pgpool pgpool;

	(void)state;
	for (int i = 0; i < SNAPSHOT_PGPOOL_MAX; i++)
		add(show, i == 5 ? "down" : "up", i == 7 ? "primary" : "standby");
	pgpool = settle(show, 10);
	for (int i = 0; i < SNAPSHOT_PGPOOL_MAX; i++)
		assert_int_equal(pgpool.rows[i].id, i);
}

/* -- the watchdog ----------------------------------------------------------------------------------- */

#define CLUSTER_4_3                                                                                          \
	"Watchdog Cluster Information \nTotal Nodes              : 3\nRemote Nodes             : 2\n"        \
	"Member Remote Nodes      : 2\nAlive Remote Nodes       : 2\nNodes required for quorum: 2\n"         \
	"Quorum state             : QUORUM EXIST\nLocal node escalation    : NO\n"                           \
	"Leader Node Name         : pool1:9999 Linux pool1\nLeader Host Name         : pool1\n\n"            \
	"Watchdog Node Information \n"
#define NODE_4_3(name, state)                                                                                \
	"Node Name         : " name "\nHost Name         : pool\nDelegate IP       : Not_Set\n"              \
	"Pgpool port       : 9999\nWatchdog port     : 9000\nNode priority     : 1\nStatus            : 4\n" \
	"Status Name       : " state "\nMembership Status : MEMBER\n\n"

static struct snapshot_pgpool
read_pcp(const char *text)
{
	struct snapshot snapshot;
	struct err err;

	snapshot_init(&snapshot);
	if (pgpool_pcp_read(text, &snapshot.pgpool, &err) != 0)
		fail_msg("%s", err.text);
	return snapshot.pgpool;
}

static void
the_watchdog_of_4_3(void **state)
{
	struct snapshot_pgpool pgpool = read_pcp(CLUSTER_4_3 NODE_4_3("pool2:9999 Linux pool2", "STANDBY")
			NODE_4_3("pool1:9999 Linux pool1", "LEADER")
				NODE_4_3("pool3:9999 Linux pool3", "LOST"));

	(void)state;
	assert_string_equal(pgpool.watchdog_leader, "pool1:9999 Linux pool1");
	assert_string_equal(pgpool.watchdog_quorum, "QUORUM EXIST");
	assert_string_equal(pgpool.watchdog_state, "STANDBY");
	assert_int_equal(pgpool.watchdog_nodes, 2);
	assert_int_equal(pgpool.watchdog_total, 3);
	assert_string_equal(pgpool.watchdog_lost, "pool3:9999 Linux pool3");
}

static void
the_watchdog_of_4_0(void **state)
{
	struct snapshot_pgpool pgpool = read_pcp(
		"Watchdog Cluster Information \nTotal Nodes          : 2\nQuorum state         : QUORUM IS "
		"ON THE EDGE\n"
		"Master Node Name     : a\nMaster Host Name     : a\n\nWatchdog Node Information \n"
		"Node Name      : a\nStatus Name    : MASTER\n\nNode Name      : b\nStatus Name    : "
		"SHUTDOWN\n\n");

	(void)state;
	assert_string_equal(pgpool.watchdog_leader, "a");
	assert_string_equal(pgpool.watchdog_state, "LEADER");
	assert_int_equal(pgpool.watchdog_nodes, 1);
	assert_int_equal(pgpool.watchdog_total, 2);
	assert_string_equal(pgpool.watchdog_lost, "b");
}

static void
a_watchdog_without_a_leader(void **state)
{
	struct snapshot_pgpool pgpool = read_pcp(
		"Quorum state : NO LEADER NODE\nLeader Node Name : Not Set\n"
		"Leader Host Name : Not Set\nNode Name : a\nStatus Name : LEADER");

	(void)state;
	assert_string_equal(pgpool.watchdog_leader, "");
	assert_string_equal(pgpool.watchdog_quorum, "NO LEADER NODE");
	assert_string_equal(pgpool.watchdog_state, "LEADER");
	assert_int_equal(pgpool.watchdog_nodes, 1);
}

static void
what_is_no_watchdog_is_refused(void **state)
{
	static const char *const cases[] = {"", "\n\n\n", ":", "Quorum state : QUORUM EXIST\n",
		"Node Name : a\nStatus Name : LEADER\n",
		"Quorum state :\nNode Name : a\nStatus Name : LEADER\n",
		"Quorum state : QUORUM EXIST\nNode Name : a\n",
		"Quorum state : QUORUM EXIST\nNode Name :\nStatus Name : LEADER\n",
		"3 3 YES a:9999 Linux a a\n\na:9999 Linux a a 9999 9000 4 LEADER 0 MEMBER\n"};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		static struct snapshot before, after;
		struct err err;

		snapshot_init(&before);
		snapshot_init(&after);
		if (pgpool_pcp_read(cases[i], &after.pgpool, &err) != -1)
			fail_msg("\"%s\" was taken for what pcp_watchdog_info writes", cases[i]);
		assert_int_equal(err.class, ERR_PROTOCOL);
		assert_memory_equal(&before.pgpool, &after.pgpool, sizeof before.pgpool);
	}
}

static void
long_lines_are_cut(void **state)
{
	char text[4096];
	struct snapshot_pgpool pgpool;

	(void)state;
	snprintf(text, sizeof text,
		"%0600d : %0600d\nQuorum state : QUORUM EXIST\nLeader Node Name : %0600d\nNode Name : "
		"%0600d\nStatus Name : %0600d\n",
		1, 2, 3, 4, 5);
	pgpool = read_pcp(text);
	assert_int_equal(strlen(pgpool.watchdog_leader), sizeof pgpool.watchdog_leader - 1);
	assert_int_equal(strlen(pgpool.watchdog_state), sizeof pgpool.watchdog_state - 1);
}

static void
a_complaint_has_a_class(void **state)
{
	static const struct {
		const char *said;
		enum err_class class;
		const char *text;
	} cases[] = {
		{"ERROR: connection to host \"a\" failed with error \"Connection refused\"", ERR_DOWN,
			"connection to host \"a\" failed with error \"Connection refused\""},
		{"ERROR: connection to socket \"/tmp/.s.PGSQL.9898\" failed with error \"No such file\"",
			ERR_DOWN,
			"connection to socket \"/tmp/.s.PGSQL.9898\" failed with error \"No such file\""},
		{"FATAL:  authentication failed for user \"pcp\"", ERR_SETUP,
			"authentication failed for user \"pcp\""},
		{"ERROR:  PCP: informing watchdog info failed", ERR_SETUP,
			"PCP: informing watchdog info failed"},
		{"pcp_watchdog_info: Invalid port number", ERR_SETUP,
			"pcp_watchdog_info: Invalid port number"},
		{"", ERR_SETUP, "pcp_watchdog_info does not say why"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err err;

		pgpool_pcp_explain(cases[i].said, &err);
		assert_string_equal(err.text, cases[i].text);
		assert_int_equal(err.class, cases[i].class);
		assert_true(err.hint[0] != '\0');
	}
}

/* -- what backends say of themselves --------------------------------------------------------------- */

static void
a_loopback_address_is_known(void **state)
{
	static const char *const loopback[] = {"/run/postgresql", "@pg", "localhost", "LocalHost",
		"localhost.localdomain", "ip6-localhost", "127.0.0.1", "127.1.2.3", "0.0.0.0", "::1",
		"::", "::ffff:127.0.0.1"};
	static const char *const other[] = {"", "n1", "localhost.example.com", "mylocalhost", "10.0.0.127",
		"128.0.0.1", "126.255.255.255", "127.0.0.1.example.com", "fd00::1", "::ffff:10.0.0.1", "::2"};

	(void)state;
	for (size_t i = 0; i < sizeof loopback / sizeof loopback[0]; i++)
		if (!pgpool_own_is_loopback(loopback[i]))
			fail_msg("\"%s\" is one", loopback[i]);
	for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
		if (pgpool_own_is_loopback(other[i]))
			fail_msg("\"%s\" is none", other[i]);
}

/* What a server says: a primary at `lsn`, or a standby that has replayed until there; `cluster` NULL: not
 * which. */
static void
say(struct snapshot *seen, bool is_standby, uint64_t lsn, const char *cluster, int64_t started_ms)
{
	snapshot_init(seen);
	snapshot_mark(seen, SNAPSHOT_ROLE);
	seen->role.in_recovery = is_standby;
	snprintf(seen->role.wal_file, sizeof seen->role.wal_file, "000000020000000000000005");
	if (!is_standby)
		seen->role.wal_lsn = lsn;
	snapshot_mark(seen, SNAPSHOT_STANDBY);
	if (is_standby)
		seen->standby.replay_lsn = lsn;
	if (cluster == NULL)
		return;
	snapshot_mark(seen, SNAPSHOT_IDENTITY);
	snprintf(seen->identity.system_identifier, sizeof seen->identity.system_identifier, "%s", cluster);
	seen->identity.started_ms = started_ms;
}

/* The delay of the last of three servers, as they say. */
static int64_t
delay_of_last(struct snapshot *seen)
{
	struct snapshot_pgpool_backend backends[3];
	struct pgpool_own own[3];

	memset(backends, 0, sizeof backends);
	for (size_t i = 0; i < 3; i++) {
		backends[i].own_delay_bytes = backends[i].own_started_ms = SNAPSHOT_NONE;
		own[i] = (struct pgpool_own){&backends[i], &seen[i]};
	}
	pgpool_own_keep(own, 3);
	assert_string_equal(backends[2].own_role, "standby");
	assert_int_equal(backends[0].own_timeline, 2);
	assert_string_equal(backends[2].own_receiver, "none");
	return backends[2].own_delay_bytes;
}

static void
a_delay_is_that_in_ones_own_cluster(void **state)
{
	struct snapshot *seen = calloc(3, sizeof *seen);

	(void)state;
	assert_non_null(seen);
	say(&seen[0], false, 5000, "7001", 1);
	say(&seen[1], true, 100, "7001", 2);
	say(&seen[2], true, 1000, "7001", 3);
	assert_int_equal(delay_of_last(seen), 4000);
	say(&seen[1], false, 6000, "7001", 1); /* asked a moment later, by another address */
	assert_int_equal(delay_of_last(seen), 5000);
	say(&seen[1], false, 6000, "7001", 9);
	assert_int_equal(delay_of_last(seen), SNAPSHOT_NONE);
	say(&seen[1], false, 9000, "7002", 9); /* a primary of another cluster is not asked for its opinion */
	assert_int_equal(delay_of_last(seen), 4000);
	say(&seen[2], true, 1000, "7003", 3);
	assert_int_equal(delay_of_last(seen), SNAPSHOT_NONE);
	say(&seen[2], true, 1000, NULL, 0);
	assert_int_equal(delay_of_last(seen), SNAPSHOT_NONE);
	say(&seen[2], true, 1000, "", 3);
	say(&seen[0], false, 5000, "", 1);
	assert_int_equal(delay_of_last(seen), SNAPSHOT_NONE);
	free(seen);
}

static void
one_that_does_not_answer_says_why(void **state)
{
	struct snapshot *seen = calloc(1, sizeof *seen);
	struct snapshot_pgpool_backend backend;
	struct pgpool_own own = {&backend, seen};
	struct err err;

	(void)state;
	assert_non_null(seen);
	memset(&backend, 0, sizeof backend);
	backend.own_started_ms = SNAPSHOT_NONE;
	say(seen, true, 1000, "7001", 3);
	err_set(&err, ERR_TIMEOUT, "no answer");
	snapshot_fail(seen, SNAPSHOT_ROLE, &err);
	pgpool_own_keep(&own, 1);
	assert_string_equal(backend.fault, "no answer");
	assert_string_equal(backend.fault_class, "timeout");
	assert_string_equal(backend.own_role, "");
	assert_string_equal(backend.own_system_identifier, ""); /* half an answer is none */
	assert_true(backend.own_started_ms == SNAPSHOT_NONE);
	free(seen);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_delay_is_in_bytes_or_in_time),
		cmocka_unit_test(what_is_no_delay_is_refused),
		cmocka_unit_test(a_weight_is_a_share),
		cmocka_unit_test(instants_have_a_distance),
		cmocka_unit_test(what_is_no_instant_is_none),
		cmocka_unit_test(a_delay_stays_where_it_is_measured),
		cmocka_unit_test(a_delay_goes_where_nobody_measures_it),
		cmocka_unit_test(a_failed_check_has_an_age),
		cmocka_unit_test(of_too_many_those_that_matter_stay),
		cmocka_unit_test(as_many_as_fit_stay_in_their_order),
		cmocka_unit_test(a_loopback_address_is_known),
		cmocka_unit_test(a_delay_is_that_in_ones_own_cluster),
		cmocka_unit_test(one_that_does_not_answer_says_why),
		cmocka_unit_test(the_watchdog_of_4_3),
		cmocka_unit_test(the_watchdog_of_4_0),
		cmocka_unit_test(a_watchdog_without_a_leader),
		cmocka_unit_test(what_is_no_watchdog_is_refused),
		cmocka_unit_test(long_lines_are_cut),
		cmocka_unit_test(a_complaint_has_a_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
