#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "tests/unit/render/sample.h"

static const struct format_options verbose = {.verbosity = 1};

static void
the_first_line_is_title_state_and_summary(void **state)
{
	static const char *const expected[STATE_COUNT] = {
		"PG REPLICA OK - so it is\n",
		"PG REPLICA WARNING - so it is\n",
		"PG REPLICA CRITICAL - so it is\n",
		"PG REPLICA UNKNOWN - so it is\n",
	};

	(void)state;
	for (enum state each = STATE_OK; each < STATE_COUNT; each++) {
		struct verdict verdict = sample_verdict(each, "so it is");

		assert_string_equal(sample_written(FORMAT_NAGIOS, &verdict, NULL), expected[each]);
	}
}

static void
performance_data_has_value_unit_limits_and_minimum(void **state)
{
	static const struct {
		double value;
		enum unit unit;
		const char *warning, *critical; /* NULL: not set */
		const char *expected;
	} cases[] = {
		{16777216, UNIT_BYTES, "8MB", "64MB", "m=16777216B;8388608;67108864;0"},
		{0, UNIT_BYTES, NULL, NULL, "m=0B;;;0"},
		{1.5, UNIT_SECONDS, NULL, "30s", "m=1.5s;;30;0"},
		{1.5, UNIT_SECONDS, "30s", NULL, "m=1.5s;30;;0"},
		{0.000123, UNIT_SECONDS, NULL, NULL, "m=0.000123s;;;0"},
		{75, UNIT_PERCENT, "80%", "90%", "m=75%;80;90"},
		{75, UNIT_PERCENT, NULL, NULL, "m=75%"},
		{3, UNIT_NONE, NULL, NULL, "m=3"},
		{3, UNIT_NONE, "2:", NULL, "m=3;2:"},
		{3, UNIT_NONE, NULL, "@1:2", "m=3;;@1:2"},
		{-2, UNIT_NONE, "~:5", "~:10", "m=-2;~:5;~:10"},
		/* What could not be determined has no unit. */
		{NAN, UNIT_BYTES, "8MB", NULL, "m=U;8388608;;0"},
		{NAN, UNIT_NONE, NULL, NULL, "m=U"},
		/* Every byte counts below 2^53, and no exponent hides any. */
		{9007199254740, UNIT_BYTES, NULL, NULL, "m=9007199254740B;;;0"},
		{123456789012345, UNIT_BYTES, NULL, NULL, "m=123456789012345B;;;0"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct verdict verdict = sample_verdict(STATE_OK, "fine");
		struct verdict_metric *metric = sample_metric(&verdict, "m", cases[i].value, cases[i].unit);
		char expected[128];

		if (cases[i].warning != NULL)
			metric->warning = sample_range(cases[i].warning);
		if (cases[i].critical != NULL)
			metric->critical = sample_range(cases[i].critical);
		snprintf(expected, sizeof expected, "PG REPLICA OK - fine | %s\n", cases[i].expected);
		assert_string_equal(sample_written(FORMAT_NAGIOS, &verdict, NULL), expected);
	}
}

static void
several_figures_stand_behind_one_separator(void **state)
{
	struct verdict verdict = sample_verdict(STATE_OK, "fine");

	(void)state;
	sample_metric(&verdict, "a", 1, UNIT_NONE);
	sample_metric(&verdict, "b", 2, UNIT_SECONDS);
	sample_metric(&verdict, "c", 3, UNIT_NONE);
	assert_string_equal(
		sample_written(FORMAT_NAGIOS, &verdict, NULL), "PG REPLICA OK - fine | a=1 b=2s;;;0 c=3\n");
}

/* A label in quotes ends at the next quote, and at the next "=" for those that read it no better. */
static void
a_figure_of_one_of_several_is_labelled_with_its_name(void **state)
{
	static const struct {
		const char *subject, *expected;
	} cases[] = {
		{"", "m_bytes=1B;;;0"},
		{"n2", "'n2_m_bytes'=1B;;;0"},
		{"two words", "'two words_m_bytes'=1B;;;0"},
		{"it's", "'it_s_m_bytes'=1B;;;0"},
		{"''", "'___m_bytes'=1B;;;0"},
		{"a=b", "'a_b_m_bytes'=1B;;;0"},
		{"=", "'__m_bytes'=1B;;;0"},
		{"\"quoted\";%s", "'\"quoted\";%s_m_bytes'=1B;;;0"},
		{"caf\xC3\xA9", "'caf\xC3\xA9_m_bytes'=1B;;;0"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct verdict verdict = sample_verdict(STATE_OK, "fine");
		char expected[128];

		sample_metric_of(&verdict, cases[i].subject, "m_bytes", 1, UNIT_BYTES);
		snprintf(expected, sizeof expected, "PG REPLICA OK - fine | %s\n", cases[i].expected);
		assert_string_equal(sample_written(FORMAT_NAGIOS, &verdict, NULL), expected);
	}
}

static void
figures_of_several_things_have_their_own_values_and_limits(void **state)
{
	struct verdict verdict = sample_verdict(STATE_OK, "fine");

	(void)state;
	sample_metric(&verdict, "standbys", 2, UNIT_NONE);
	sample_metric_of(&verdict, "n2", "lag_bytes", 1, UNIT_BYTES)->warning = sample_range("8MB");
	sample_metric_of(&verdict, "n3", "lag_bytes", NAN, UNIT_BYTES)->critical = sample_range("16MB");
	assert_string_equal(sample_written(FORMAT_NAGIOS, &verdict, NULL),
		"PG REPLICA OK - fine | standbys=2 'n2_lag_bytes'=1B;8388608;;0 "
		"'n3_lag_bytes'=U;;16777216;0\n");
}

static void
a_hint_follows_unless_all_is_well(void **state)
{
	(void)state;
	for (enum state each = STATE_OK; each < STATE_COUNT; each++) {
		struct verdict verdict = sample_verdict(each, "so it is");
		const char *answer;

		snprintf(verdict.hint, sizeof verdict.hint, "mend it");
		answer = sample_written(FORMAT_NAGIOS, &verdict, NULL);
		assert_int_equal(strstr(answer, "\nhint: mend it\n") != NULL, each != STATE_OK);
		assert_non_null(
			strstr(sample_written(FORMAT_NAGIOS, &verdict, &verbose), "\nhint: mend it\n"));
	}
}

static void
with_v_every_finding_and_the_target_follow(void **state)
{
	struct verdict verdict = sample_verdict(STATE_CRITICAL, "paused");

	(void)state;
	verdict.reason_count = 2;
	verdict.reasons[1] = (struct verdict_reason){.state = STATE_OK, .text = "streaming"};
	sample_metric(&verdict, "m", 1, UNIT_NONE);
	assert_string_equal(sample_written(FORMAT_NAGIOS, &verdict, &verbose),
		"PG REPLICA CRITICAL - paused | m=1\n"
		"CRITICAL: paused\n"
		"OK: streaming\n"
		"target: db1:5432\n");
	verdict.target[0] = '\0';
	assert_null(strstr(sample_written(FORMAT_NAGIOS, &verdict, &verbose), "target"));
}

static void
a_fault_is_told_like_any_other_finding(void **state)
{
	struct verdict verdict = sample_fault(ERR_TIMEOUT, STATE_CRITICAL);

	(void)state;
	assert_string_equal(sample_written(FORMAT_NAGIOS, &verdict, NULL),
		"PG REPLICA CRITICAL - something is wrong\nhint: mend it\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_line_is_title_state_and_summary),
		cmocka_unit_test(performance_data_has_value_unit_limits_and_minimum),
		cmocka_unit_test(several_figures_stand_behind_one_separator),
		cmocka_unit_test(a_figure_of_one_of_several_is_labelled_with_its_name),
		cmocka_unit_test(figures_of_several_things_have_their_own_values_and_limits),
		cmocka_unit_test(a_hint_follows_unless_all_is_well),
		cmocka_unit_test(with_v_every_finding_and_the_target_follow),
		cmocka_unit_test(a_fault_is_told_like_any_other_finding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
