#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/agent/boards.h"

static void
what_is_drained_is_a_no_in_every_question_of_it(void **state)
{
	static const char *const drained[] = {
		"replica", "replica lag=1GB", "read-only", "replica accept_primary=yes"};

	(void)state;
	begin("[check other]\ncheck = pg_replica\n");
	see(0, behind(0, 0), START_MS);
	board_drain(&board, sample_check(&plan, "replica"), true, START_MS + 100, hear, told);
	for (size_t i = 0; i < sizeof drained / sizeof drained[0]; i++) {
		expect(drained[i], START_MS + 100, false, STATE_WARNING,
			"drained by the operator; streaming");
		assert_true(verdict.is_drained);
	}
	assert_true(answer("replica drained=ok", START_MS + 100));
	assert_false(verdict.is_drained);
	assert_true(answer("other", START_MS + 100));
	assert_true(answer("health", START_MS + 100));
	assert_int_equal(told_count, 4);
	assert_true(told[3].was_yes && !told[3].is_yes);
	board_drain(&board, sample_check(&plan, "replica"), false, START_MS + 200, hear, told);
	expect("replica", START_MS + 200, true, STATE_OK, "streaming");
	assert_int_equal(told_count, 5);
	assert_true(told[4].is_yes && told[4].lasted_ms == 100);
}

static void
what_is_wrong_beside_the_switch_is_still_told(void **state)
{
	(void)state;
	begin("");
	see(0, sample_fault("db2:5432", ERR_DOWN, "connection refused"), START_MS);
	board_drain(&board, sample_check(&plan, "replica"), true, START_MS, hear, told);
	expect("replica", START_MS, false, STATE_CRITICAL, "connection refused");
	assert_true(verdict.is_drained);
	assert_non_null(strstr(verdict.hint, "drained by the operator as well"));
	assert_false(answer("replica drained=ok", START_MS));
}

static void
a_drain_takes_no_step_of_damping(void **state)
{
	(void)state;
	begin("[check replica]\ncritical = 16MB\nfall = 2\nrise = 5\n");
	for (int i = 0; i < 5; i++)
		see(0, behind(0, (uint64_t)i), START_MS + i);
	see(0, behind(20, 10), START_MS + 10);
	for (int i = 0; i < 10; i++)
		board_drain(&board, sample_check(&plan, "replica"), i % 2 == 0, START_MS + 10, hear, told);
	expect("replica", START_MS + 10, true, STATE_WARNING, "1 of 2 bad probes");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_drained_is_a_no_in_every_question_of_it),
		cmocka_unit_test(what_is_wrong_beside_the_switch_is_still_told),
		cmocka_unit_test(a_drain_takes_no_step_of_damping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
