#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/render/sample.h"

static void
a_yes_takes_back_whatever_an_earlier_answer_set(void **state)
{
	static const struct {
		int weight;
		const char *expected;
	} cases[] = {
		{VERDICT_NO_WEIGHT, "up ready 100%\n"},
		{100, "up ready 100%\n"},
		{75, "up ready 75%\n"},
		{1, "up ready 1%\n"},
		{0, "up ready 0%\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct verdict verdict = sample_verdict(STATE_OK, "streaming");

		verdict.weight_percent = cases[i].weight;
		assert_string_equal(sample_written(FORMAT_HAPROXY, &verdict, NULL), cases[i].expected);
		verdict.state = STATE_WARNING;
		assert_string_equal(sample_written(FORMAT_HAPROXY, &verdict, NULL), cases[i].expected);
	}
}

static void
a_no_says_why_and_sets_no_weight(void **state)
{
	static const struct format_options strict = {.warning_is_failure = true};
	static const struct format_options lenient = {.unknown_is_ok = true};
	struct verdict verdict = sample_verdict(STATE_CRITICAL, "replay is paused");

	(void)state;
	verdict.weight_percent = 75;
	assert_string_equal(sample_written(FORMAT_HAPROXY, &verdict, &lenient), "down #replay is paused\n");
	verdict.state = STATE_UNKNOWN;
	assert_string_equal(sample_written(FORMAT_HAPROXY, &verdict, NULL), "down #replay is paused\n");
	assert_string_equal(sample_written(FORMAT_HAPROXY, &verdict, &lenient), "up ready 75%\n");
	verdict.state = STATE_WARNING;
	assert_string_equal(sample_written(FORMAT_HAPROXY, &verdict, &strict), "down #replay is paused\n");
	verdict.state = STATE_OK;
	verdict.is_wrong_role = true;
	assert_string_equal(sample_written(FORMAT_HAPROXY, &verdict, NULL), "down #replay is paused\n");
}

static void
a_fault_is_a_no_with_its_text(void **state)
{
	struct verdict verdict = sample_fault(ERR_TIMEOUT, STATE_CRITICAL);

	(void)state;
	assert_string_equal(sample_written(FORMAT_HAPROXY, &verdict, NULL), "down #something is wrong\n");
}

static void
the_reason_keeps_to_the_127_characters_that_haproxy_keeps(void **state)
{
	struct verdict verdict = sample_verdict(STATE_CRITICAL, "");

	(void)state;
	for (size_t length = 120; length < sizeof verdict.summary; length++) {
		const char *answer;
		size_t reason_length;

		memset(verdict.summary, 'x', length);
		verdict.summary[length] = '\0';
		answer = sample_written(FORMAT_HAPROXY, &verdict, NULL);
		assert_true(text_starts(answer, "down #x"));
		reason_length = strcspn(answer + strlen("down #"), "\n");
		assert_int_equal(reason_length, length <= 127 ? length : 127);
		assert_int_equal(strstr(answer, "...\n") != NULL, length > 127);
		assert_string_equal(answer + strlen("down #") + reason_length, "\n");
	}
}

static void
the_reason_is_not_cut_within_a_character(void **state)
{
	struct verdict verdict = sample_verdict(STATE_CRITICAL, "");

	(void)state;
	for (size_t offset = 0; offset < 4; offset++) {
		const char *answer;

		memset(verdict.summary, 0, sizeof verdict.summary);
		memset(verdict.summary, 'x', offset);
		while (strlen(verdict.summary) + 5 < sizeof verdict.summary)
			strcat(verdict.summary, "\xF0\x9F\x90\x98");
		answer = sample_written(FORMAT_HAPROXY, &verdict, NULL);
		assert_true(strlen(answer) <= strlen("down #") + 127 + 1);
		assert_non_null(strstr(answer, "\xF0\x9F\x90\x98...\n"));
	}
}

/* Its sessions may end by themselves, and "up" takes back an earlier "down". */
static void
what_is_well_and_drained_is_up_and_gets_nothing_new(void **state)
{
	struct verdict verdict = sample_verdict(STATE_WARNING, "drained by the operator");

	(void)state;
	verdict.is_drained = true;
	verdict.weight_percent = 75;
	assert_string_equal(
		sample_written(FORMAT_HAPROXY, &verdict, NULL), "up drain #drained by the operator\n");
	verdict.state = STATE_OK;
	assert_string_equal(
		sample_written(FORMAT_HAPROXY, &verdict, NULL), "up drain #drained by the operator\n");
	verdict.is_drained = false;
	assert_string_equal(sample_written(FORMAT_HAPROXY, &verdict, NULL), "up ready 75%\n");
}

static void
what_is_broken_and_drained_is_down(void **state)
{
	static const struct format_options lenient = {.unknown_is_ok = true};
	struct verdict verdict = sample_fault(ERR_DOWN, STATE_CRITICAL);

	(void)state;
	verdict.is_drained = true;
	assert_string_equal(sample_written(FORMAT_HAPROXY, &verdict, &lenient), "down #something is wrong\n");
	verdict.state = STATE_UNKNOWN;
	assert_string_equal(sample_written(FORMAT_HAPROXY, &verdict, &lenient), "down #something is wrong\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_yes_takes_back_whatever_an_earlier_answer_set),
		cmocka_unit_test(a_no_says_why_and_sets_no_weight),
		cmocka_unit_test(a_fault_is_a_no_with_its_text),
		cmocka_unit_test(the_reason_keeps_to_the_127_characters_that_haproxy_keeps),
		cmocka_unit_test(the_reason_is_not_cut_within_a_character),
		cmocka_unit_test(what_is_well_and_drained_is_up_and_gets_nothing_new),
		cmocka_unit_test(what_is_broken_and_drained_is_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
