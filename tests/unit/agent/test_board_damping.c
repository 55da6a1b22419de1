#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/agent/boards.h"

static void
a_burst_is_held_and_a_long_one_is_a_no(void **state)
{
	(void)state;
	begin("[check replica]\ncritical = 16MB\nfall = 3\n");
	see(0, behind(0, 0), START_MS);
	see(0, behind(20, 100), START_MS + 250);
	expect("replica", START_MS + 250, true, STATE_WARNING, "still in rotation: 1 of 3 bad probes");
	see(0, behind(20, 200), START_MS + 500);
	expect("replica", START_MS + 500, true, STATE_WARNING, "still in rotation: 2 of 3 bad probes");
	see(0, behind(0, 300), START_MS + 750);
	expect("replica", START_MS + 750, true, STATE_OK, "streaming");
	for (int i = 0; i < 3; i++)
		see(0, behind(20, 400 + (uint64_t)i), START_MS + 1000 + i * 250);
	expect("replica", START_MS + 1500, false, STATE_CRITICAL, "replay lag is 20 MB");
	assert_false(board.checks[sample_check(&plan, "replica")].is_yes);
}

static void
a_standby_that_replays_nothing_is_no_burst(void **state)
{
	(void)state;
	begin("[check replica]\ncritical = 16MB\nfall = 100\n");
	see(0, behind(0, 0), START_MS);
	for (int ms = 250; ms <= 1000; ms += 250) {
		see(0, behind(20, 0), START_MS + ms);
		assert_true(answer("replica", START_MS + ms));
	}
	see(0, behind(20, 0), START_MS + 1250); /* a second and more without progress */
	assert_false(answer("replica", START_MS + 1250));
}

static void
a_long_burst_is_held_while_it_goes_on_replaying(void **state)
{
	(void)state;
	begin("[check replica]\ncritical = 16MB\nfall = 100\n");
	see(0, behind(0, 0), START_MS);
	for (int i = 1; i <= 40; i++) {
		see(0, behind(20, (uint64_t)i), START_MS + i * 250);
		assert_true(answer("replica", START_MS + i * 250));
	}
	/* That the next look is late tells nothing of the replay: as long as these facts are believed. */
	assert_true(answer("replica", START_MS + 40 * 250 + 1001));
	assert_true(answer("replica", START_MS + 40 * 250 + MAX_AGE_MS));
	assert_false(answer("replica", START_MS + 40 * 250 + MAX_AGE_MS + 1));
}

/* How long what was seen was under way is not how long the replay has stood still. */
static void
progress_is_judged_by_when_it_was_seen(void **state)
{
	struct snapshot snapshot = behind(20, 1);

	(void)state;
	begin("[check replica]\ncritical = 16MB\nfall = 100\n");
	see(0, behind(0, 0), START_MS);
	see(0, snapshot, START_MS + 250);
	board_take(&board, 0, &snapshot, START_MS + 1250, START_MS + 2900, hear, told);
	assert_true(answer("replica", START_MS + 2900)); /* it stood still for 1000 ms */
	board_take(&board, 0, &snapshot, START_MS + 1251, START_MS + 2901, hear, told);
	assert_false(answer("replica", START_MS + 2901));
}

static void
what_is_known_for_certain_is_a_no_at_once(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++) {
		struct snapshot snapshot = behind(0, 1);

		begin("[check replica]\ncritical = 16MB\nfall = 100\n");
		see(0, behind(0, 0), START_MS);
		assert_true(answer("replica", START_MS));
		if (i == 0)
			snapshot = sample_fault("db2:5432", ERR_DOWN, "connection refused");
		else if (i == 1)
			snapshot = leader();
		else if (i == 2)
			snapshot.standby.receiver_pid = SNAPSHOT_NONE;
		else if (i == 3)
			snprintf(snapshot.standby.replay_pause, sizeof snapshot.standby.replay_pause,
				"paused");
		else if (i == 4)
			snapshot = sample_fault("db2:5432", ERR_SETUP, "permission denied");
		else
			snapshot = sample_fault("db2:5432", ERR_FULL, "too many connections");
		see(0, snapshot, START_MS + 250);
		if (answer("replica", START_MS + 250))
			fail_msg("%d is held back: %s", i, verdict.summary);
	}
}

static void
a_look_that_is_not_answered_in_time_is_doubt_for_fall_looks(void **state)
{
	struct snapshot late = sample_fault("db1:5432", ERR_TIMEOUT, "no answer before the deadline");

	(void)state;
	begin("[check leader]\nfall = 2\n");
	see(0, leader(), START_MS);
	see(0, late, START_MS + 1000);
	expect("leader", START_MS + 1000, true, STATE_WARNING, "still in rotation: 1 of 2 bad probes");
	see(0, late, START_MS + 2000);
	assert_false(answer("leader", START_MS + 2000));
}

static void
it_comes_back_within_tighter_limits(void **state)
{
	(void)state;
	begin("[check replica]\ncritical = 16MB\nrecover = 1MB\nrise = 2\n");
	see(0, behind(0, 0), START_MS);
	see(0, behind(0, 1), START_MS + 1);
	assert_true(answer("replica", START_MS + 1));
	see(0, behind(20, 2), START_MS + 2);
	assert_false(answer("replica", START_MS + 2));
	for (int i = 0; i < 5; i++)
		see(0, behind(8, 3 + (uint64_t)i), START_MS + 3 + i);
	expect("replica", START_MS + 8, false, STATE_CRITICAL,
		"not back yet: lag must fall below the limit to come back");
	see(0, behind(0, 10), START_MS + 10);
	assert_false(answer("replica", START_MS + 10));
	see(0, behind(1, 11), START_MS + 11);
	assert_true(answer("replica", START_MS + 11));
}

static void
the_weight_climbs_after_a_return(void **state)
{
	(void)state;
	begin("[check replica]\ncritical = 16MB\nweight_ramp = 1s\n");
	see(0, behind(0, 0), START_MS);
	assert_true(answer("replica", START_MS) && verdict.weight_percent == 100); /* it was never away */
	see(0, sample_fault("db2:5432", ERR_DOWN, "gone"), START_MS + 10);
	see(0, behind(0, 1), START_MS + 1000);
	assert_true(answer("replica", START_MS + 1000) && verdict.weight_percent == 1);
	assert_true(answer("replica", START_MS + 1500) && verdict.weight_percent == 50);
	assert_true(answer("replica", START_MS + 2000) && verdict.weight_percent == 100);
}

static void
a_question_with_limits_of_its_own_is_not_damped(void **state)
{
	(void)state;
	begin("[check replica]\ncritical = 16MB\nfall = 3\n");
	see(0, behind(0, 0), START_MS);
	see(0, behind(20, 1), START_MS + 250);
	assert_true(answer("replica", START_MS + 250));
	assert_false(answer("replica lag=16MB", START_MS + 250));
	assert_true(answer("replica lag=32MB", START_MS + 250));
	assert_string_equal(verdict.check, "replica");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_is_held_and_a_long_one_is_a_no),
		cmocka_unit_test(a_standby_that_replays_nothing_is_no_burst),
		cmocka_unit_test(what_is_known_for_certain_is_a_no_at_once),
		cmocka_unit_test(a_look_that_is_not_answered_in_time_is_doubt_for_fall_looks),
		cmocka_unit_test(it_comes_back_within_tighter_limits),
		cmocka_unit_test(the_weight_climbs_after_a_return),
		cmocka_unit_test(a_question_with_limits_of_its_own_is_not_damped),
		cmocka_unit_test(a_long_burst_is_held_while_it_goes_on_replaying),
		cmocka_unit_test(progress_is_judged_by_when_it_was_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
