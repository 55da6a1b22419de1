#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "tests/unit/render/sample.h"

static void
expect_line(const struct verdict *verdict, const struct format_options *options, const char *line)
{
	const char *answer = sample_written(FORMAT_PROMETHEUS, verdict, options);
	char bounded[256];

	snprintf(bounded, sizeof bounded, "\n%s\n", line);
	if (strstr(answer, bounded) == NULL)
		fail_msg("no line \"%s\" in %s", line, answer);
}

static void
every_state_is_a_series_and_one_of_them_is_1(void **state)
{
	(void)state;
	for (enum state each = STATE_OK; each < STATE_COUNT; each++) {
		struct verdict verdict = sample_verdict(each, "so it is");

		for (enum state other = STATE_OK; other < STATE_COUNT; other++) {
			char line[128];

			snprintf(line, sizeof line,
				"pgha_check_state{check=\"pg_replica\",target=\"db1:5432\",state=\"%s\"} %d",
				state_word(other), other == each);
			expect_line(&verdict, NULL, line);
		}
	}
}

static void
yes_and_no_follow_the_options(void **state)
{
	static const struct format_options strict = {.warning_is_failure = true};
	static const char yes[] = "pgha_check_yes{check=\"pg_replica\",target=\"db1:5432\"} 1";
	static const char no[] = "pgha_check_yes{check=\"pg_replica\",target=\"db1:5432\"} 0";
	struct verdict verdict = sample_verdict(STATE_WARNING, "slow");

	(void)state;
	expect_line(&verdict, NULL, yes);
	expect_line(&verdict, &strict, no);
	verdict = sample_fault(ERR_DOWN, STATE_CRITICAL);
	expect_line(&verdict, NULL, no);
}

static void
figures_are_numbers_and_what_is_unknown_is_nan(void **state)
{
	static const struct {
		double value;
		const char *written;
	} cases[] = {
		{0, "0"},
		{16777216, "16777216"},
		{123456789012345, "123456789012345"},
		{0.25, "0.25"},
		{-3, "-3"},
		{NAN, "NaN"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct verdict verdict = sample_verdict(STATE_OK, "fine");
		char line[128];

		sample_metric(&verdict, "replay_lag_bytes", cases[i].value, UNIT_BYTES);
		snprintf(line, sizeof line,
			"pgha_replay_lag_bytes{check=\"pg_replica\",target=\"db1:5432\"} %s",
			cases[i].written);
		expect_line(&verdict, NULL, line);
	}
}

static void
the_time_is_there_when_something_was_seen(void **state)
{
	struct verdict verdict = sample_verdict(STATE_OK, "fine");

	(void)state;
	expect_line(&verdict, NULL,
		"pgha_check_timestamp_seconds{check=\"pg_replica\",target=\"db1:5432\"} 1700000000.123");
	verdict.taken_ms = 0;
	assert_null(strstr(sample_written(FORMAT_PROMETHEUS, &verdict, NULL), "timestamp"));
}

static void
label_values_are_escaped(void **state)
{
	struct verdict verdict = sample_verdict(STATE_OK, "fine");

	(void)state;
	snprintf(verdict.target, sizeof verdict.target, "%s", "a\"b\\c\\\"d{}=,:5432");
	expect_line(&verdict, NULL,
		"pgha_check_yes{check=\"pg_replica\",target=\"a\\\"b\\\\c\\\\\\\"d{}=,:5432\"} 1");
	snprintf(verdict.target, sizeof verdict.target, "caf\xC3\xA9:5432");
	expect_line(&verdict, NULL, "pgha_check_yes{check=\"pg_replica\",target=\"caf\xC3\xA9:5432\"} 1");
}

/* The textfile collector of node_exporter refuses a file that breaks any of this. */
static void
every_line_is_a_comment_or_a_sample_of_the_metric_announced_before_it(void **state)
{
	struct verdict verdict = sample_verdict(STATE_OK, "fine");
	char announced[64] = "";
	const char *line;

	(void)state;
	sample_metric(&verdict, "replay_lag_bytes", NAN, UNIT_BYTES);
	sample_metric(&verdict, "replay_lag_seconds", 1, UNIT_SECONDS);
	line = sample_written(FORMAT_PROMETHEUS, &verdict, NULL);
	for (; *line != '\0'; line += strcspn(line, "\n") + 1) {
		size_t name_length = strspn(line, "abcdefghijklmnopqrstuvwxyz_");

		if (text_starts(line, "# HELP ")) {
			size_t help_length = strspn(line + 7, "abcdefghijklmnopqrstuvwxyz_");

			snprintf(announced, sizeof announced, "%.*s", (int)help_length, line + 7);
		} else if (text_starts(line, "# TYPE ")) {
			assert_true(text_starts(line + 7, announced));
			assert_true(text_starts(line + 7 + strlen(announced), " gauge\n"));
		} else {
			assert_int_equal(name_length, strlen(announced));
			assert_memory_equal(line, announced, name_length);
			assert_int_equal(line[name_length], '{');
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_is_a_series_and_one_of_them_is_1),
		cmocka_unit_test(yes_and_no_follow_the_options),
		cmocka_unit_test(figures_are_numbers_and_what_is_unknown_is_nan),
		cmocka_unit_test(the_time_is_there_when_something_was_seen),
		cmocka_unit_test(label_values_are_escaped),
		cmocka_unit_test(every_line_is_a_comment_or_a_sample_of_the_metric_announced_before_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
