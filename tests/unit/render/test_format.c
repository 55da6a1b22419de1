#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "tests/unit/render/sample.h"

static void
names_stand_in_the_order_of_the_formats(void **state)
{
	(void)state;
	for (int i = 0; i < FORMAT_COUNT; i++) {
		assert_string_equal(format_names[i], formats[i].name);
		assert_non_null(formats[i].media_type);
		assert_non_null(formats[i].write);
	}
	assert_null(format_names[FORMAT_COUNT]);
}

static void
yes_is_ok_and_warning_and_what_the_options_add_or_take(void **state)
{
	static const struct {
		enum state state;
		bool plain, warning_is_failure, unknown_is_ok;
	} cases[] = {
		{STATE_OK, true, true, true},
		{STATE_WARNING, true, false, true},
		{STATE_CRITICAL, false, false, false},
		{STATE_UNKNOWN, false, false, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct verdict verdict = sample_verdict(cases[i].state, "so it is");

		assert_int_equal(format_is_yes(&verdict, &(struct format_options){0}), cases[i].plain);
		assert_int_equal(
			format_is_yes(&verdict, &(struct format_options){.warning_is_failure = true}),
			cases[i].warning_is_failure);
		assert_int_equal(format_is_yes(&verdict, &(struct format_options){.unknown_is_ok = true}),
			cases[i].unknown_is_ok);
	}
}

static void
a_wrong_role_is_never_a_yes(void **state)
{
	static const struct format_options lenient = {.unknown_is_ok = true};

	(void)state;
	for (enum state each = STATE_OK; each < STATE_COUNT; each++) {
		struct verdict verdict = sample_verdict(each, "standby, not the leader");

		verdict.is_wrong_role = true;
		assert_false(format_is_yes(&verdict, &lenient));
		assert_int_equal(format_exit_code(&formats[FORMAT_KEEPALIVED], &verdict, &lenient), 1);
		assert_int_equal(format_exit_code(&formats[FORMAT_NAGIOS], &verdict, &lenient), each);
	}
}

static void
a_usage_error_exits_3_in_every_format_and_is_never_a_yes(void **state)
{
	static const struct format_options lenient = {.unknown_is_ok = true};

	(void)state;
	for (enum state each = STATE_OK; each < STATE_COUNT; each++) {
		struct verdict verdict = sample_fault(ERR_USAGE, each);

		assert_false(format_is_yes(&verdict, &lenient));
		for (int i = 0; i < FORMAT_COUNT; i++)
			assert_int_equal(format_exit_code(&formats[i], &verdict, &lenient), 3);
	}
}

static void
the_exit_code_is_the_state_or_yes_and_no(void **state)
{
	static const struct format_options none;

	(void)state;
	for (enum state each = STATE_OK; each < STATE_COUNT; each++) {
		struct verdict verdict = sample_fault(ERR_DOWN, each);

		for (int i = 0; i < FORMAT_COUNT; i++)
			if (i == FORMAT_KEEPALIVED)
				assert_int_equal(format_exit_code(&formats[i], &verdict, &none),
					each == STATE_OK || each == STATE_WARNING ? 0 : 1);
			else
				assert_int_equal(format_exit_code(&formats[i], &verdict, &none), each);
	}
}

static void
keepalived_is_written_nothing(void **state)
{
	(void)state;
	for (enum state each = STATE_OK; each < STATE_COUNT; each++) {
		struct verdict verdict = sample_fault(ERR_DOWN, each);

		assert_string_equal(sample_written(FORMAT_KEEPALIVED, &verdict, NULL), "");
	}
}

static void
every_format_ends_its_last_line_and_stands_the_largest_verdict(void **state)
{
	struct verdict verdict = sample_largest();
	static const struct format_options verbose = {.verbosity = 2, .is_coloured = true};

	(void)state;
	for (int i = 0; i < FORMAT_COUNT; i++) {
		const char *answer = sample_written((enum format_id)i, &verdict, &verbose);
		size_t length = strlen(answer);

		if (i != FORMAT_KEEPALIVED && (length == 0 || answer[length - 1] != '\n'))
			fail_msg("%s does not end its last line", formats[i].name);
	}
}

/* Colours are for terminals; anywhere else an escape sequence is dirt. */
static void
only_plain_on_a_terminal_writes_control_characters(void **state)
{
	struct verdict verdict = sample_fault(ERR_DOWN, STATE_CRITICAL);
	static const struct format_options verbose = {.verbosity = 2};

	(void)state;
	sample_metric(&verdict, "replay_lag_bytes", NAN, UNIT_BYTES);
	for (int i = 0; i < FORMAT_COUNT; i++)
		for (const char *next = sample_written((enum format_id)i, &verdict, &verbose); *next != '\0';
			next++)
			if ((unsigned char)*next < 0x20 && *next != '\n'
				&& (i != FORMAT_HTTP || *next != '\r'))
				fail_msg("%s writes %02X", formats[i].name, (unsigned)*next);
}

static void
what_the_operator_took_out_is_never_a_yes(void **state)
{
	static const struct format_options lenient = {.unknown_is_ok = true};

	(void)state;
	for (enum state each = STATE_OK; each < STATE_COUNT; each++) {
		struct verdict verdict = sample_verdict(each, "drained by the operator");

		verdict.is_drained = true;
		assert_false(format_is_yes(&verdict, &lenient));
		assert_int_equal(format_exit_code(&formats[FORMAT_KEEPALIVED], &verdict, &lenient), 1);
		assert_int_equal(format_exit_code(&formats[FORMAT_NAGIOS], &verdict, &lenient), each);
	}
}

static void
what_is_known_no_more_is_never_a_yes(void **state)
{
	static const struct format_options lenient = {.unknown_is_ok = true};

	(void)state;
	for (enum state each = STATE_OK; each < STATE_COUNT; each++) {
		struct verdict verdict = sample_verdict(each, "what is known is too old");

		verdict.is_stale = true;
		assert_false(format_is_yes(&verdict, &lenient));
		assert_int_equal(format_exit_code(&formats[FORMAT_KEEPALIVED], &verdict, &lenient), 1);
		assert_int_equal(format_exit_code(&formats[FORMAT_NAGIOS], &verdict, &lenient), each);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_stand_in_the_order_of_the_formats),
		cmocka_unit_test(yes_is_ok_and_warning_and_what_the_options_add_or_take),
		cmocka_unit_test(a_wrong_role_is_never_a_yes),
		cmocka_unit_test(a_usage_error_exits_3_in_every_format_and_is_never_a_yes),
		cmocka_unit_test(the_exit_code_is_the_state_or_yes_and_no),
		cmocka_unit_test(keepalived_is_written_nothing),
		cmocka_unit_test(every_format_ends_its_last_line_and_stands_the_largest_verdict),
		cmocka_unit_test(only_plain_on_a_terminal_writes_control_characters),
		cmocka_unit_test(what_the_operator_took_out_is_never_a_yes),
		cmocka_unit_test(what_is_known_no_more_is_never_a_yes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
