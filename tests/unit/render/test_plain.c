#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "tests/unit/render/sample.h"

static void
the_first_line_is_state_check_target_and_summary(void **state)
{
	static const char *const expected[STATE_COUNT] = {
		"OK       pg_replica on db1:5432: so it is\n",
		"WARNING  pg_replica on db1:5432: so it is\n",
		"CRITICAL pg_replica on db1:5432: so it is\n",
		"UNKNOWN  pg_replica on db1:5432: so it is\n",
	};

	(void)state;
	for (enum state each = STATE_OK; each < STATE_COUNT; each++) {
		struct verdict verdict = sample_verdict(each, "so it is");

		assert_string_equal(sample_written(FORMAT_PLAIN, &verdict, NULL), expected[each]);
	}
}

static void
without_a_target_none_is_named(void **state)
{
	struct verdict verdict = sample_fault(ERR_USAGE, STATE_UNKNOWN);

	(void)state;
	verdict.target[0] = '\0';
	assert_string_equal(sample_written(FORMAT_PLAIN, &verdict, NULL),
		"UNKNOWN  pg_replica: something is wrong\n    hint: mend it\n");
}

static void
colours_are_for_terminals_and_end_with_the_word(void **state)
{
	static const struct format_options coloured = {.is_coloured = true};
	static const char *const expected[STATE_COUNT] = {
		"\033[32mOK      \033[0m pg_replica on db1:5432: so it is\n",
		"\033[33mWARNING \033[0m pg_replica on db1:5432: so it is\n",
		"\033[31mCRITICAL\033[0m pg_replica on db1:5432: so it is\n",
		"\033[35mUNKNOWN \033[0m pg_replica on db1:5432: so it is\n",
	};

	(void)state;
	for (enum state each = STATE_OK; each < STATE_COUNT; each++) {
		struct verdict verdict = sample_verdict(each, "so it is");

		assert_string_equal(sample_written(FORMAT_PLAIN, &verdict, &coloured), expected[each]);
	}
}

static void
findings_that_the_summary_does_not_hold_follow(void **state)
{
	struct verdict verdict = sample_verdict(STATE_CRITICAL, "paused");

	(void)state;
	verdict.reason_count = 2;
	verdict.reasons[1] = (struct verdict_reason){.state = STATE_WARNING, .text = "slow"};
	assert_string_equal(sample_written(FORMAT_PLAIN, &verdict, NULL),
		"CRITICAL pg_replica on db1:5432: paused\n    warning: slow\n");
}

static void
with_v_figures_follow_with_their_limits(void **state)
{
	static const struct format_options verbose = {.verbosity = 1};
	struct verdict verdict = sample_verdict(STATE_OK, "fine");
	struct verdict_metric *metric = sample_metric(&verdict, "replay_lag_bytes", 16777216, UNIT_BYTES);

	(void)state;
	metric->warning = sample_range("32MB");
	metric->critical = sample_range("64MB");
	sample_metric(&verdict, "replay_lag_seconds", NAN, UNIT_SECONDS);
	assert_string_equal(sample_written(FORMAT_PLAIN, &verdict, &verbose),
		"OK       pg_replica on db1:5432: fine\n"
		"    replay_lag_bytes     16 MB, warning above 32 MB, critical above 64 MB\n"
		"    replay_lag_seconds   unknown\n");
	assert_string_equal(
		sample_written(FORMAT_PLAIN, &verdict, NULL), "OK       pg_replica on db1:5432: fine\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_line_is_state_check_target_and_summary),
		cmocka_unit_test(without_a_target_none_is_named),
		cmocka_unit_test(colours_are_for_terminals_and_end_with_the_word),
		cmocka_unit_test(findings_that_the_summary_does_not_hold_follow),
		cmocka_unit_test(with_v_figures_follow_with_their_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
