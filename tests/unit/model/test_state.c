#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/model/state.h"

static void
states_have_the_numbers_and_names_of_nagios(void **state)
{
	(void)state;
	assert_int_equal(STATE_OK, 0);
	assert_int_equal(STATE_WARNING, 1);
	assert_int_equal(STATE_CRITICAL, 2);
	assert_int_equal(STATE_UNKNOWN, 3);
	assert_string_equal(state_name(STATE_OK), "OK");
	assert_string_equal(state_name(STATE_WARNING), "WARNING");
	assert_string_equal(state_name(STATE_CRITICAL), "CRITICAL");
	assert_string_equal(state_name(STATE_UNKNOWN), "UNKNOWN");
	assert_string_equal(state_word(STATE_OK), "ok");
	assert_string_equal(state_word(STATE_WARNING), "warning");
	assert_string_equal(state_word(STATE_CRITICAL), "critical");
	assert_string_equal(state_word(STATE_UNKNOWN), "unknown");
}

static void
a_name_reads_back_in_any_case(void **state)
{
	(void)state;
	for (enum state each = STATE_OK; each < STATE_COUNT; each++) {
		assert_int_equal(state_parse(state_name(each)), each);
		assert_int_equal(state_parse(state_word(each)), each);
	}
	assert_int_equal(state_parse("Critical"), STATE_CRITICAL);
	assert_int_equal(state_parse("uNKNOWN"), STATE_UNKNOWN);
}

static void
what_names_no_state_is_told_apart(void **state)
{
	static const char *const names[] = {"", "o", "okay", "warn", "crit", " ok", "ok ", "0", "down"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_int_equal(state_parse(names[i]), STATE_COUNT);
}

static void
the_worse_of_two_is_ok_then_warning_then_unknown_then_critical(void **state)
{
	static const enum state order[STATE_COUNT] = {STATE_OK, STATE_WARNING, STATE_UNKNOWN, STATE_CRITICAL};

	(void)state;
	for (int i = 0; i < STATE_COUNT; i++)
		for (int j = 0; j < STATE_COUNT; j++)
			assert_int_equal(state_worse(order[i], order[j]), order[i > j ? i : j]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_have_the_numbers_and_names_of_nagios),
		cmocka_unit_test(a_name_reads_back_in_any_case),
		cmocka_unit_test(what_names_no_state_is_told_apart),
		cmocka_unit_test(the_worse_of_two_is_ok_then_warning_then_unknown_then_critical),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
