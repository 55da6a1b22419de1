/* A new plan: what goes over from the board of the former. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/agent/boards.h"

static struct plan other_plan;
static struct board other_board;

/* Takes the board over into one for that plan. */
static void
reload(const char *text, int64_t now_ms)
{
	other_plan = plan;
	other_board = board;
	other_board.plan = &other_plan;
	sample_plan(text, &plan);
	board_init(&board, &plan, now_ms);
	board_inherit(&board, &other_board, now_ms);
	told_count = 0;
}

static void
a_reload_keeps_what_is_known_and_tells_nothing(void **state)
{
	static const char text[]
		= "[check replica]\ncritical = 16MB\nfall = 3\n[peer n1]\nconninfo = host=a\n";
	uint64_t generation;

	(void)state;
	begin(text);
	see(1, leader(), START_MS);
	see(0, behind(0, 0), START_MS);
	see(0, behind(20, 1), START_MS + 250);
	board_drain(&board, sample_check(&plan, "leader"), true, START_MS + 250, hear, told);
	generation = board.generation;
	reload("[peer n0]\n[peer n1]\nconninfo = host=a\n[check replica]\ncritical = 16MB\nfall = "
	       "3\n[listen]\nhttp =\n",
		START_MS + 300);
	expect("replica", START_MS + 300, true, STATE_WARNING, "1 of 3 bad probes");
	assert_true(board.checks[sample_check(&plan, "leader")].is_drained);
	assert_true(board_age_ms(&board, 1, START_MS + 300) == -1);
	assert_true(board_age_ms(&board, 2, START_MS + 300) == 300);
	assert_true(board.generation > generation); /* nothing that was kept of an answer counts */
	see(0, behind(20, 2), START_MS + 500);
	assert_int_equal(told_count, 0);
	expect("replica", START_MS + 500, true, STATE_WARNING, "2 of 3 bad probes");
}

static void
another_check_of_the_same_name_begins_anew(void **state)
{
	(void)state;
	begin("[check far]\ncheck = pg_replica\n");
	see(0, behind(0, 0), START_MS);
	assert_true(board.checks[sample_check(&plan, "far")].is_yes);
	reload("[check far]\ncheck = pg_leader\n", START_MS + 10);
	assert_false(board.checks[sample_check(&plan, "far")].is_told);
	assert_false(board.checks[sample_check(&plan, "far")].is_yes);
	assert_false(board.checks[sample_check(&plan, "far")].damping.has_begun);
}

static void
other_limits_count_from_the_next_look_on(void **state)
{
	(void)state;
	begin("[check replica]\ncritical = 16MB\n");
	see(0, behind(8, 0), START_MS);
	assert_true(answer("replica", START_MS));
	reload("[check replica]\ncritical = 4MB\n", START_MS + 10);
	board_settle(&board, START_MS + 10, hear, told);
	expect("replica", START_MS + 10, true, STATE_WARNING, "still in rotation: 0 of 1 bad probes");
	see(0, behind(8, 1), START_MS + 250);
	assert_false(answer("replica", START_MS + 250));
	assert_false(board.checks[sample_check(&plan, "replica")].is_yes);
}

static void
nobody_hears_a_no_only_because_of_a_reload(void **state)
{
	(void)state;
	begin("");
	see(0, behind(0, 0), START_MS);
	reload("[check far]\ncheck = pg_replica\n", START_MS + 10);
	board_settle(&board, START_MS + 10, hear, told);
	assert_true(answer("far", START_MS + 10));
	assert_true(answer("replica", START_MS + 10));
	assert_int_equal(told_count, 1);
	assert_true(told[0].is_yes && told[0].lasted_ms == -1);
	board_settle(&board, START_MS + 10, hear, told);
	assert_int_equal(told_count, 1);
}

static void
what_was_never_seen_cannot_settle(void **state)
{
	(void)state;
	begin("");
	board_settle(&board, START_MS, hear, told);
	board_drain(&board, 0, true, START_MS, hear, told);
	assert_int_equal(told_count, 0);
	assert_false(board.checks[0].damping.has_begun);
	see(0, leader(), START_MS);
	assert_false(answer("leader", START_MS)); /* the switch counts all the same */
	assert_true(told_count == 2 && !told[0].is_yes);
}

static void
the_switch_outlives_another_server(void **state)
{
	(void)state;
	begin("[postgres]\nconninfo = host=a\n");
	see(0, leader(), START_MS);
	board_drain(&board, 0, true, START_MS, hear, told);
	reload("[postgres]\nconninfo = host=b\n", START_MS + 10);
	see(0, leader(), START_MS + 20);
	expect("leader", START_MS + 20, false, STATE_WARNING, "drained by the operator");
}

/* Track files begin with what the board says. */
static void
of_another_server_nothing_is_known(void **state)
{
	(void)state;
	begin("[postgres]\nconninfo = host=a\n");
	see(0, leader(), START_MS);
	assert_true(board.checks[0].is_yes);
	reload("[postgres]\nconninfo = host=b\n", START_MS + 10);
	expect("leader", START_MS + 10, false, STATE_CRITICAL, "nothing is known yet");
	assert_false(board.checks[0].is_yes);
	assert_false(board.checks[0].damping.is_yes);
}

static void
facts_that_grow_too_old_behind_a_reload_are_a_no_that_damping_sees(void **state)
{
	static const char text[] = "[check leader]\nrise = 2\n";

	(void)state;
	begin(text);
	see(0, leader(), START_MS);
	see(0, leader(), START_MS);
	reload(text, START_MS + 10);
	assert_true(answer("leader", START_MS + 10));
	board_age(&board, START_MS + MAX_AGE_MS + 1, hear, told);
	assert_int_equal(told_count, 1);
	assert_false(told[0].is_yes);
	see(0, leader(), START_MS + MAX_AGE_MS + 2);
	assert_false(answer("leader", START_MS + MAX_AGE_MS + 2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reload_keeps_what_is_known_and_tells_nothing),
		cmocka_unit_test(another_check_of_the_same_name_begins_anew),
		cmocka_unit_test(other_limits_count_from_the_next_look_on),
		cmocka_unit_test(nobody_hears_a_no_only_because_of_a_reload),
		cmocka_unit_test(what_was_never_seen_cannot_settle),
		cmocka_unit_test(the_switch_outlives_another_server),
		cmocka_unit_test(of_another_server_nothing_is_known),
		cmocka_unit_test(facts_that_grow_too_old_behind_a_reload_are_a_no_that_damping_sees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
