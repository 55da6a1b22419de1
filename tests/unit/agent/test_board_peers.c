#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/agent/boards.h"

static void
a_primary_on_an_older_timeline_is_stale_while_the_newer_is_seen(void **state)
{
	(void)state;
	begin("[peer n2]\n");
	see(1, sample_standby("db2:5432", 0), START_MS);
	see(0, leader(), START_MS);
	see(1, sample_primary("db2:5432", 4, 1700000000000), START_MS + 100);
	expect("leader", START_MS + 100, false, STATE_CRITICAL,
		"stale primary: db2:5432 is primary on the newer timeline 4");
	assert_int_equal(told_count, 3); /* it is told as soon as the peer is seen */
	assert_true(told[2].was_yes && !told[2].is_yes);
	see(1, sample_standby("db2:5432", 0), START_MS + 200);
	see(0, leader(), START_MS + 250);
	expect("leader", START_MS + 250, true, STATE_OK, "primary on timeline 3"); /* it is none any more */
}

/* That it is cut off or too busy is when it matters. */
static void
a_newer_timeline_counts_on_when_its_primary_is_not_seen(void **state)
{
	static const char last_seen[]
		= "stale primary: db2:5432 (as last seen) is primary on the newer timeline 4";
	enum { LATER_MS = START_MS + 10 * MAX_AGE_MS };

	(void)state;
	begin("[peer n2]\n");
	see(0, leader(), START_MS);
	see(1, sample_primary("db2:5432", 4, 1700000000000), START_MS);
	see(1, sample_fault("db2:5432", ERR_TIMEOUT, "no answer"), START_MS + 250);
	see(0, leader(), START_MS + 250);
	expect("leader", START_MS + 250, false, STATE_CRITICAL, last_seen); /* it fails */
	board_age(&board, LATER_MS, hear, told);
	see(0, leader(), LATER_MS);
	expect("leader", LATER_MS, false, STATE_CRITICAL, last_seen); /* it is silent */
	see(0, sample_primary("db1:5432", 4, 1690000000000), LATER_MS + 250);
	expect("leader", LATER_MS + 250, true, STATE_OK, "primary on timeline 4");
}

/* What is left of an earlier look is no timeline of this one's. */
static void
no_timeline_is_newer_than_one_that_is_not_known(void **state)
{
	struct snapshot own = sample_fault("db1:5432", ERR_DOWN, "gone");

	(void)state;
	begin("[peer n2]\n");
	see(0, leader(), START_MS);
	see(1, sample_primary("db2:5432", 4, 1700000000000), START_MS);
	snprintf(own.role.wal_file, sizeof own.role.wal_file, "%s", leader().role.wal_file);
	see(0, own, START_MS + 250);
	see(1, sample_fault("db2:5432", ERR_TIMEOUT, "no answer"), START_MS + 250);
	assert_false(answer("leader", START_MS + 250));
	assert_int_equal(board.view_count, 2);
	assert_string_equal(board.view[1].target, "db2:5432");
}

/* One that was rebuilt as a standby has left its timeline: its next absence must not take out the leader. */
static void
a_newer_timeline_counts_no_more_once_its_primary_is_a_standby(void **state)
{
	(void)state;
	begin("[peer n2]\n");
	see(0, leader(), START_MS);
	see(1, sample_primary("db2:5432", 4, 1700000000000), START_MS);
	see(1, sample_standby("db2:5432", 0), START_MS + 250);
	see(1, sample_fault("db2:5432", ERR_DOWN, "gone"), START_MS + 500);
	see(0, leader(), START_MS + 500);
	expect("leader", START_MS + 500, true, STATE_OK, "primary on timeline 3");
}

static void
two_primaries_of_one_timeline_are_both_a_no(void **state)
{
	(void)state;
	begin("[peer n2]\n");
	see(0, leader(), START_MS);
	see(1, sample_primary("db2:5432", 3, 1700000000000), START_MS);
	expect("leader", START_MS, false, STATE_CRITICAL, "split brain");
}

static void
a_peer_that_is_this_very_server_disputes_nothing(void **state)
{
	(void)state;
	begin("[peer n1]\n");
	see(0, leader(), START_MS);
	see(1, leader(), START_MS);
	expect("leader", START_MS, true, STATE_OK, "primary on timeline 3");
}

static void
a_stale_primary_comes_back_only_as_damping_says(void **state)
{
	(void)state;
	begin("[peer n2]\n[check leader]\nrise = 2\n");
	see(1, sample_standby("db2:5432", 0), START_MS);
	see(0, leader(), START_MS);
	see(0, leader(), START_MS + 1);
	assert_true(answer("leader", START_MS + 1));
	see(1, sample_primary("db2:5432", 4, 1700000000000), START_MS + 2);
	assert_false(answer("leader", START_MS + 2));
	see(0, leader(), START_MS + 3);
	see(1, sample_standby("db2:5432", 0), START_MS + 4);
	see(0, leader(), START_MS + 5);
	expect("leader", START_MS + 5, false, STATE_CRITICAL, "not back yet: 1 of 2 good probes");
}

/* The peer is a standby again before this node is looked at: that it was a no is not lost. */
static void
a_certain_no_that_a_peer_tells_is_a_step_of_damping(void **state)
{
	(void)state;
	begin("[peer n2]\n[check leader]\nrise = 2\nfall = 100\n");
	see(1, sample_standby("db2:5432", 0), START_MS);
	see(0, leader(), START_MS);
	see(0, leader(), START_MS + 1);
	assert_true(answer("leader", START_MS + 1));
	see(1, sample_primary("db2:5432", 4, 1700000000000), START_MS + 2);
	assert_false(board.checks[sample_check(&plan, "leader")].damping.is_yes);
	see(1, sample_standby("db2:5432", 0), START_MS + 3);
	expect("leader", START_MS + 3, false, STATE_CRITICAL, "not back yet: 0 of 2 good probes");
	see(0, leader(), START_MS + 4);
	assert_false(answer("leader", START_MS + 4));
	see(0, leader(), START_MS + 5);
	assert_true(answer("leader", START_MS + 5));
}

/* What the primary says of n2, in the answers to the questions for it. */
static void
expect_sync(const char *sync_state, const char *yes)
{
	static const char *const names[] = {"sync", "synchronous", "read-only-sync", "quorum",
		"read-only-quorum", "async", "asynchronous"};
	struct snapshot primary = leader();

	begin("[peer n1]\n");
	if (sync_state != NULL)
		sample_sender(&primary, "n2", sync_state);
	sample_sender(&primary, "n3", "sync");
	see(0, behind(0, 0), START_MS);
	see(1, primary, START_MS);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		bool is_right = strstr(names[i], yes) != NULL
			&& (strcmp(yes, "sync") != 0 || names[i][0] != 'a');

		if (answer(names[i], START_MS) != is_right)
			fail_msg("%s, which is \"%s\": %s", names[i],
				sync_state == NULL ? "not there" : sync_state, verdict.summary);
	}
}

static void
only_the_primary_knows_who_is_synchronous(void **state)
{
	(void)state;
	expect_sync("sync", "sync");
	expect_sync("quorum", "quorum");
	expect_sync("async", "async");
	expect_sync("potential", "async");
	expect_sync(NULL, "nobody");
	expect_sync("", "nobody");
}

static void
a_question_of_synchronism_needs_what_it_stands_on(void **state)
{
	struct snapshot primary = leader();

	(void)state;
	sample_sender(&primary, "n2", "sync");
	begin("[check replica]\ncritical = 16MB\n");
	see(0, behind(0, 0), START_MS);
	expect("sync", START_MS, false, STATE_UNKNOWN,
		"no primary that is asked here tells whether it is synchronous");
	begin("[peer n1]\n[check replica]\ncritical = 16MB\n");
	see(1, primary, START_MS);
	see(0, behind(20, 0), START_MS + 2000);
	expect("sync", START_MS + 2000, false, STATE_CRITICAL,
		"replay lag"); /* synchronous, but not fit for reads */
	see(0, behind(0, 0), START_MS + MAX_AGE_MS);
	assert_true(answer("sync", START_MS + MAX_AGE_MS));
	assert_false(answer("sync", START_MS + MAX_AGE_MS + 1)); /* the primary's word is too old */
	see(1, primary, START_MS + 4000);
	assert_true(answer("sync", START_MS + 4000));
	board_drain(&board, sample_check(&plan, "replica"), true, START_MS + 4000, hear, told);
	assert_false(answer("sync", START_MS + 4000));
	board_drain(&board, sample_check(&plan, "replica"), false, START_MS + 4000, hear, told);
	see(0, leader(), START_MS + 4000);
	assert_false(answer("sync", START_MS + 4000));
}

static void
a_primary_answers_the_questions_that_accept_it(void **state)
{
	(void)state;
	begin("");
	see(0, leader(), START_MS);
	assert_true(answer("read-only", START_MS));
	assert_true(answer("read-only-sync", START_MS));
	assert_true(answer("read-only-quorum", START_MS));
	assert_false(answer("sync", START_MS));
	assert_false(answer("async", START_MS));
	assert_false(answer("replica", START_MS));
	assert_true(answer("health", START_MS));
	assert_true(answer("readiness", START_MS));
	assert_false(answer("standby-leader", START_MS));
	assert_false(answer("leader tag_x=1", START_MS));
}

static void
the_agent_gets_on_while_its_server_is_away(void **state)
{
	(void)state;
	begin("");
	see(0, sample_fault("db1:5432", ERR_DOWN, "connection refused"), START_MS);
	expect("liveness", START_MS, true, STATE_OK, "the agent gets on");
	assert_false(answer("health", START_MS));
	assert_false(answer("readiness", START_MS));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_primary_on_an_older_timeline_is_stale_while_the_newer_is_seen),
		cmocka_unit_test(two_primaries_of_one_timeline_are_both_a_no),
		cmocka_unit_test(a_peer_that_is_this_very_server_disputes_nothing),
		cmocka_unit_test(a_stale_primary_comes_back_only_as_damping_says),
		cmocka_unit_test(only_the_primary_knows_who_is_synchronous),
		cmocka_unit_test(a_question_of_synchronism_needs_what_it_stands_on),
		cmocka_unit_test(a_primary_answers_the_questions_that_accept_it),
		cmocka_unit_test(the_agent_gets_on_while_its_server_is_away),
		cmocka_unit_test(a_newer_timeline_counts_on_when_its_primary_is_not_seen),
		cmocka_unit_test(no_timeline_is_newer_than_one_that_is_not_known),
		cmocka_unit_test(a_newer_timeline_counts_no_more_once_its_primary_is_a_standby),
		cmocka_unit_test(a_certain_no_that_a_peer_tells_is_a_step_of_damping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
