#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/agent/boards.h"

/* -- how old facts may be ---------------------------------------------------------------------- */

static void
before_the_first_facts_every_answer_is_a_no(void **state)
{
	static const char *const names[] = {"leader", "replica", "read-only", "sync", "async", "health",
		"readiness", "liveness", "standby-leader"};

	(void)state;
	begin("");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_false(answer(names[i], START_MS));
	expect("leader", START_MS, false, STATE_CRITICAL, "nothing is known yet: the agent has just started");
	assert_true(board_age_ms(&board, 0, START_MS) == -1);
	assert_true(verdict.is_stale);
	board_age(&board, START_MS + MAX_AGE_MS - 1, hear, told);
	assert_int_equal(told_count, 0);
	board_age(&board, START_MS + MAX_AGE_MS, hear, told); /* nobody has answered in all that time */
	assert_int_equal(told_count, 2);
	assert_false(told[0].is_yes || told[1].is_yes);
	expect("leader", START_MS + 100000, false, STATE_CRITICAL, "nothing is known yet");
}

/* A peer may dispute what this node says of itself: it is waited for, if it is away no longer than that. */
static void
nothing_is_said_until_every_target_was_heard_of(void **state)
{
	(void)state;
	begin("[peer n2]\n[peer n3]\n");
	see(0, leader(), START_MS);
	see(1, sample_standby("db2:5432", 0), START_MS);
	see(0, leader(), START_MS + 250);
	expect("leader", START_MS + 250, false, STATE_CRITICAL, "nothing is known yet");
	assert_false(answer("liveness", START_MS + 250));
	assert_int_equal(told_count, 0);
	see(2, sample_fault("db3:5432", ERR_DOWN, "gone"),
		START_MS + 300); /* that is to be heard of as well */
	expect("leader", START_MS + 300, true, STATE_OK, "primary on timeline 3");
	assert_false(verdict.is_stale);
	assert_int_equal(told_count, 2);
	assert_true(told[0].is_yes && told[0].lasted_ms == -1);
}

static void
who_is_not_heard_of_has_the_time_that_facts_have(void **state)
{
	(void)state;
	begin("[peer n2]\n");
	see(0, leader(), START_MS + MAX_AGE_MS - 1);
	board_age(&board, START_MS + MAX_AGE_MS - 1, hear, told);
	assert_false(answer("leader", START_MS + MAX_AGE_MS - 1));
	assert_int_equal(told_count, 0);
	board_age(&board, START_MS + MAX_AGE_MS, hear, told);
	assert_int_equal(told_count, 2);
	assert_true(told[0].is_yes);
	expect("leader", START_MS + MAX_AGE_MS, true, STATE_OK, "primary on timeline 3");
}

static void
what_a_peer_disputes_at_the_start_was_never_a_yes(void **state)
{
	(void)state;
	begin("[peer n2]\n");
	see(0, leader(), START_MS);
	assert_false(answer("leader", START_MS));
	see(1, sample_primary("db2:5432", 4, 1700000000000), START_MS + 100);
	expect("leader", START_MS + 100, false, STATE_CRITICAL, "stale primary");
	assert_int_equal(told_count, 2);
	assert_true(!told[0].is_yes && told[0].lasted_ms == -1);
}

static void
facts_are_believed_to_the_last_millisecond_of_max_age(void **state)
{
	(void)state;
	begin("");
	see(0, leader(), START_MS);
	assert_true(board.view_until_ms == START_MS + MAX_AGE_MS + 1);
	expect("leader", START_MS, true, STATE_OK, "primary on timeline 3");
	expect("leader", START_MS + MAX_AGE_MS, true, STATE_OK, "primary on timeline 3");
	expect("leader", START_MS + MAX_AGE_MS + 1, false, STATE_CRITICAL,
		"what is known is too old: from 3.0 s ago, for more than 3.0 s");
	assert_int_equal(verdict.fault.class, ERR_TIMEOUT);
	assert_false(answer("health", START_MS + MAX_AGE_MS + 1));
	assert_false(answer("liveness", START_MS + MAX_AGE_MS + 1));
	expect("leader", START_MS + 12345, false, STATE_CRITICAL, "from 3.0 s ago"); /* as it was found out */
	assert_true(board_age_ms(&board, 0, START_MS + 12345) == 12345);
}

static void
the_configured_age_is_the_one_that_counts(void **state)
{
	(void)state;
	begin("[agent]\nmax_age = 1250ms\n");
	see(0, leader(), START_MS);
	assert_true(answer("leader", START_MS + 1250));
	expect("leader", START_MS + 1251, false, STATE_CRITICAL, "from 1.2 s ago, for more than 1.2 s");
}

static void
facts_that_come_too_late_are_none(void **state)
{
	struct snapshot snapshot = leader();

	(void)state;
	begin("");
	board_take(&board, 0, &snapshot, START_MS, START_MS + MAX_AGE_MS + 1, hear, told);
	assert_false(board.is_known);
	assert_false(answer("leader", START_MS + MAX_AGE_MS + 1));
}

static void
a_question_that_was_stamped_before_the_facts_is_answered_from_them(void **state)
{
	(void)state;
	begin("");
	see(0, leader(), START_MS);
	assert_true(answer("leader", START_MS - 5));
	assert_true(board_age_ms(&board, 0, START_MS - 5) == 0);
	see(0, sample_fault("db1:5432", ERR_DOWN, "gone"), START_MS + 10);
	see(0, leader(), START_MS + 20);
	assert_true(answer("leader", START_MS + 15));
}

static void
an_unknown_that_is_ok_is_no_yes_of_old_facts(void **state)
{
	(void)state;
	begin("[check leader]\nunknown_is_ok = yes\n");
	see(0, leader(), START_MS);
	assert_true(answer("leader", START_MS));
	assert_false(answer("leader", START_MS + MAX_AGE_MS + 1)); /* it is CRITICAL, as a timeout is */
}

/* Those options are for what the server says, or does not; not for an agent that knows nothing. */
static void
whatever_the_options_say_no_facts_and_old_ones_are_no_yes(void **state)
{
	static const char *const words[] = {"ok", "warning", "unknown"};

	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		char text[128];

		snprintf(text, sizeof text,
			"[check leader]\non_timeout = %s\nunknown_is_ok = yes\nfall = 5\n", words[i]);
		begin(text);
		assert_false(answer("leader", START_MS));
		assert_true(verdict.is_stale);
		see(0, leader(), START_MS);
		assert_true(answer("leader", START_MS + MAX_AGE_MS));
		assert_false(verdict.is_stale);
		assert_false(answer("leader", START_MS + MAX_AGE_MS + 1));
		assert_true(verdict.is_stale);
		board_age(&board, START_MS + MAX_AGE_MS + 1, hear, told);
		assert_false(board.checks[sample_check(&plan, "leader")].is_yes);
		assert_false(answer("leader unknown_is_ok=yes", START_MS + MAX_AGE_MS + 2));
	}
}

static void
growing_too_old_is_told_once_whoever_finds_out(void **state)
{
	(void)state;
	for (int is_asked = 0; is_asked <= 1; is_asked++) {
		begin("");
		see(0, leader(), START_MS);
		assert_int_equal(told_count, 2);
		board_age(&board, START_MS + MAX_AGE_MS, hear, told);
		assert_int_equal(told_count, 2);
		if (is_asked)
			assert_false(answer("leader", START_MS + MAX_AGE_MS + 1));
		board_age(&board, START_MS + MAX_AGE_MS + 1, hear, told);
		board_age(&board, START_MS + MAX_AGE_MS + 2, hear, told);
		board_age(&board, START_MS + 60000, hear, told);
		assert_int_equal(told_count, 3); /* the replica's no stays CRITICAL */
		assert_true(told[2].was_yes && !told[2].is_yes);
		assert_int_equal(told[2].check_index, sample_check(&plan, "leader"));
		assert_true(told[2].lasted_ms == MAX_AGE_MS + 1);
	}
}

/* Without this a yes would come back at the first good look. */
static void
growing_too_old_is_a_no_that_damping_sees(void **state)
{
	(void)state;
	for (int is_asked = 0; is_asked <= 2; is_asked++) {
		int64_t late_ms = START_MS + MAX_AGE_MS + 1;

		begin("[check leader]\nrise = 2\nfall = 5\n[peer n2]\n");
		see(1, sample_standby("db2:5432", 0), START_MS);
		see(0, leader(), START_MS);
		see(0, leader(), START_MS);
		assert_true(answer("leader", START_MS));
		if (is_asked == 1)
			assert_false(answer("leader", late_ms));
		if (is_asked == 2) /* the peer's facts find it out */
			see(1, sample_standby("db2:5432", 0), late_ms);
		board_age(&board, late_ms, hear, told);
		see(0, leader(), late_ms + 1);
		expect("leader", late_ms + 1, false, STATE_CRITICAL, "not back yet: 1 of 2 good probes");
		see(0, leader(), late_ms + 2);
		assert_true(answer("leader", late_ms + 2));
	}
}

/* -- what is told ------------------------------------------------------------------------------ */

static void
the_first_answers_are_told_as_such(void **state)
{
	(void)state;
	begin("");
	see(0, leader(), START_MS + 40);
	assert_int_equal(told_count, 2);
	assert_true(told[0].is_yes && told[0].lasted_ms == -1);
	assert_int_equal(told[0].check_index, 0);
	assert_int_equal(told[0].state, STATE_OK);
	assert_string_equal(told[0].summary, "primary on timeline 3");
	assert_false(told[1].is_yes);
	assert_int_equal(told[1].state, STATE_CRITICAL);
}

static void
a_change_is_told_once_with_what_it_was(void **state)
{
	(void)state;
	begin("");
	for (int i = 0; i < 5; i++)
		see(0, leader(), START_MS + i * 250);
	assert_int_equal(told_count, 2);
	for (int i = 5; i < 10; i++)
		see(0, sample_standby("db1:5432", 0), START_MS + i * 250);
	assert_int_equal(told_count, 4);
	assert_true(told[2].was_yes && !told[2].is_yes);
	assert_int_equal(told[2].was_state, STATE_OK);
	assert_int_equal(told[2].state, STATE_CRITICAL);
	assert_true(told[2].lasted_ms == 1250);
	assert_string_equal(told[2].former_summary, "primary on timeline 3");
	assert_string_equal(told[2].summary, "standby, not the leader");
	assert_int_equal(told[3].check_index, 1);
	assert_true(told[3].is_yes);
	assert_true(board.checks[0].since_ms == START_MS + 1250);
}

static void
another_state_is_told_although_the_answer_stays(void **state)
{
	(void)state;
	begin("[check replica]\nwarning = 1MB\ncritical = 16MB\n");
	see(0, sample_standby("db2:5432", 0), START_MS);
	see(0, sample_standby("db2:5432", 2 << 20), START_MS + 250);
	assert_int_equal(told_count, 3);
	assert_true(told[2].was_yes && told[2].is_yes);
	assert_int_equal(told[2].state, STATE_WARNING);
	see(0, sample_standby("db2:5432", 3 << 20), START_MS + 500);
	assert_int_equal(told_count, 3); /* another figure is no change */
}

static void
a_listener_is_not_needed(void **state)
{
	struct snapshot snapshot = leader();

	(void)state;
	begin("");
	board_take(&board, 0, &snapshot, START_MS, START_MS, NULL, NULL);
	board_drain(&board, 0, true, START_MS, NULL, NULL);
	board_age(&board, START_MS + 60000, NULL, NULL);
	assert_false(board.checks[0].is_yes);
}

static void
peers_alone_make_no_answer(void **state)
{
	(void)state;
	begin("[peer n1]\n");
	see(1, leader(), START_MS);
	assert_int_equal(told_count, 0);
	expect("leader", START_MS, false, STATE_CRITICAL, "nothing is known yet");
	see(1, leader(), START_MS + MAX_AGE_MS);
	assert_int_equal(told_count, 2);
	assert_false(told[0].is_yes || told[1].is_yes);
	expect("leader", START_MS + MAX_AGE_MS, false, STATE_CRITICAL, "nothing is known yet");
}

static void
the_generation_grows_with_what_answers_depend_on(void **state)
{
	uint64_t before;

	(void)state;
	begin("[peer n1]\n");
	see(1, leader(), START_MS);
	before = board.generation;
	see(0, leader(), START_MS);
	assert_true(board.generation > before);
	before = board.generation;
	assert_true(answer("leader", START_MS + 10));
	board_age(&board, START_MS + 10, hear, told);
	assert_true(board.generation == before); /* nothing new */
	see(1, leader(), START_MS + 20);
	assert_true(board.generation > before);
	before = board.generation;
	board_drain(&board, 0, true, START_MS + 30, hear, told);
	assert_true(board.generation > before);
	before = board.generation;
	board_drain(&board, 0, true, START_MS + 40, hear, told);
	assert_true(board.generation == before);
	board_age(&board, START_MS + MAX_AGE_MS + 1, hear, told);
	assert_true(board.generation > before);
	before = board.generation;
	answer("leader", START_MS + 2 * MAX_AGE_MS); /* now the peer's are too old as well */
	assert_true(board.generation > before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_the_first_facts_every_answer_is_a_no),
		cmocka_unit_test(facts_are_believed_to_the_last_millisecond_of_max_age),
		cmocka_unit_test(the_configured_age_is_the_one_that_counts),
		cmocka_unit_test(facts_that_come_too_late_are_none),
		cmocka_unit_test(a_question_that_was_stamped_before_the_facts_is_answered_from_them),
		cmocka_unit_test(an_unknown_that_is_ok_is_no_yes_of_old_facts),
		cmocka_unit_test(growing_too_old_is_told_once_whoever_finds_out),
		cmocka_unit_test(growing_too_old_is_a_no_that_damping_sees),
		cmocka_unit_test(the_first_answers_are_told_as_such),
		cmocka_unit_test(a_change_is_told_once_with_what_it_was),
		cmocka_unit_test(another_state_is_told_although_the_answer_stays),
		cmocka_unit_test(a_listener_is_not_needed),
		cmocka_unit_test(peers_alone_make_no_answer),
		cmocka_unit_test(the_generation_grows_with_what_answers_depend_on),
		cmocka_unit_test(nothing_is_said_until_every_target_was_heard_of),
		cmocka_unit_test(who_is_not_heard_of_has_the_time_that_facts_have),
		cmocka_unit_test(what_a_peer_disputes_at_the_start_was_never_a_yes),
		cmocka_unit_test(whatever_the_options_say_no_facts_and_old_ones_are_no_yes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
