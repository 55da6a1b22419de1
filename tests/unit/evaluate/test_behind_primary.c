#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/evaluate/behind_primary.h"
#include "lib/evaluate/judge.h"

enum { NODE, PEER, PRIMARY, COUNT };

static struct snapshot snapshots[COUNT];
static struct verdict verdict;
static const struct check asking = {.name = "pg_lag", .title = "PG LAG"};

/* A standby on timeline 3 that has replayed all it knows of, another one, and the primary with as much WAL.
 */
static int
begin(void **state)
{
	(void)state;
	for (int i = 0; i < COUNT; i++) {
		snapshot_init(&snapshots[i]);
		snapshot_mark(&snapshots[i], SNAPSHOT_ROLE);
		snapshot_mark(&snapshots[i], SNAPSHOT_IDENTITY);
		snapshots[i].role.in_recovery = i != PRIMARY;
		snprintf(snapshots[i].identity.system_identifier,
			sizeof snapshots[i].identity.system_identifier, "77");
		snprintf(snapshots[i].target, sizeof snapshots[i].target, "10.0.0.1%d:5432", i);
		snapshots[i].taken_ms = 1000;
		snapshots[i].elapsed_us = 0;
	}
	snapshots[NODE].standby.replay_lsn = 0x5000000;
	snapshots[NODE].standby.received_timeline = 3;
	snapshots[PRIMARY].role.wal_lsn = 0x5000000;
	snprintf(snapshots[PRIMARY].role.wal_file, sizeof snapshots[PRIMARY].role.wal_file,
		"000000030000000000000005");
	judge_begin(&verdict, &asking, &snapshots[NODE]);
	return 0;
}

static bool
judge(size_t count)
{
	static const struct policy policy;
	static const struct limit none;
	const struct replay_limits limits = {.policy = &policy, .warning = &none, .critical = &none};
	bool is_judged = behind_primary_judge(snapshots, count, &limits, &verdict);

	judge_end(&verdict);
	return is_judged;
}

static void
the_primary_is_found_among_the_peers(void **state)
{
	(void)state;
	snapshots[PRIMARY].role.wal_lsn = 0x5000400;
	assert_true(judge(COUNT));
	assert_string_equal(verdict.summary, "1 kB behind the primary");
	assert_true(verdict.metrics[0].value == 1024);
}

static void
nobody_else_was_asked(void **state)
{
	(void)state;
	assert_false(judge(1));
	assert_string_equal(verdict.summary, "");
}

static void
none_of_several_peers_is_the_primary(void **state)
{
	(void)state;
	snapshots[PRIMARY].role.in_recovery = true;
	assert_false(judge(COUNT));
	assert_int_equal(verdict.state, STATE_WARNING);
	assert_string_equal(verdict.summary, "none of the peers is known to be the primary");
}

static void
of_two_primaries_the_newer_timeline_counts(void **state)
{
	(void)state;
	snapshots[PEER].role = snapshots[PRIMARY].role;
	snapshots[PEER].role.wal_lsn = 0x9000000;
	snapshots[PEER].role.wal_file[7] = '2';
	assert_true(judge(COUNT));
	assert_string_equal(verdict.summary, "0 B behind the primary");
}

/* In the agent a peer was asked at another time than the node: it may have written since. */
static void
a_primary_that_was_asked_before_is_not_held_against_the_standby(void **state)
{
	(void)state;
	snapshots[PRIMARY].role.wal_lsn = 0x4000000;
	snapshots[PRIMARY].taken_ms = 999;
	assert_true(judge(COUNT));
	assert_int_equal(verdict.state, STATE_OK);
	assert_true(verdict.metrics[0].value == 0);
}

static void
nor_one_whose_answer_took_until_after(void **state)
{
	(void)state;
	snapshots[PRIMARY].role.wal_lsn = 0x4000000;
	snapshots[PRIMARY].taken_ms = 1500;
	snapshots[PRIMARY].elapsed_us = 501000;
	assert_true(judge(COUNT));
	assert_int_equal(verdict.state, STATE_OK);
}

static void
ahead_of_one_that_was_asked_after(void **state)
{
	(void)state;
	snapshots[PRIMARY].role.wal_lsn = 0x4000000;
	snapshots[PRIMARY].taken_ms = 1500;
	snapshots[PRIMARY].elapsed_us = 500000;
	assert_true(judge(COUNT));
	assert_int_equal(verdict.state, STATE_CRITICAL);
	assert_string_equal(verdict.summary,
		"ahead of the primary 10.0.0.12:5432: has replayed 0/5000000, and WAL ends at 0/4000000 "
		"there");
}

static void
an_identity_that_is_not_known_is_no_identity(void **state)
{
	(void)state;
	snapshots[PRIMARY].obtained = 1U << SNAPSHOT_ROLE;
	assert_false(judge(COUNT));
}

static void
a_standby_that_has_replayed_nothing(void **state)
{
	(void)state;
	snapshots[NODE].standby.replay_lsn = 0;
	assert_false(judge(COUNT));
}

/* A timeline is not known of what streams from nowhere. */
static void
timelines_are_compared_where_there_are_two(void **state)
{
	(void)state;
	snapshots[NODE].standby.received_timeline = SNAPSHOT_NONE;
	assert_true(judge(COUNT));
	assert_int_equal(verdict.state, STATE_OK);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_primary_is_found_among_the_peers, begin),
		cmocka_unit_test_setup(nobody_else_was_asked, begin),
		cmocka_unit_test_setup(none_of_several_peers_is_the_primary, begin),
		cmocka_unit_test_setup(of_two_primaries_the_newer_timeline_counts, begin),
		cmocka_unit_test_setup(
			a_primary_that_was_asked_before_is_not_held_against_the_standby, begin),
		cmocka_unit_test_setup(nor_one_whose_answer_took_until_after, begin),
		cmocka_unit_test_setup(ahead_of_one_that_was_asked_after, begin),
		cmocka_unit_test_setup(an_identity_that_is_not_known_is_no_identity, begin),
		cmocka_unit_test_setup(a_standby_that_has_replayed_nothing, begin),
		cmocka_unit_test_setup(timelines_are_compared_where_there_are_two, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
