#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/collect/prepared.h"

static const char first[] = "SELECT 1", second[] = "SELECT 2";

static void
a_statement_is_sent_as_it_is_then_prepared_then_executed(void **state)
{
	struct prepared prepared = {.is_off = false};
	char name[PREPARED_NAME_SIZE], again[PREPARED_NAME_SIZE];

	(void)state;
	assert_int_equal(prepared_send(&prepared, first, name), PREPARED_NOT);
	assert_int_equal(prepared_send(&prepared, first, name), PREPARED_NOW);
	assert_string_not_equal(name, "");
	for (int i = 0; i < 3; i++) {
		memset(again, 0, sizeof again);
		assert_int_equal(prepared_send(&prepared, first, again), PREPARED_ONCE);
		assert_string_equal(again, name);
	}
}

static void
each_statement_goes_its_own_way_by_its_own_name(void **state)
{
	struct prepared prepared = {.is_off = false};
	char name[PREPARED_NAME_SIZE], other[PREPARED_NAME_SIZE];

	(void)state;
	assert_int_equal(prepared_send(&prepared, first, name), PREPARED_NOT);
	assert_int_equal(prepared_send(&prepared, first, name), PREPARED_NOW);
	assert_int_equal(prepared_send(&prepared, second, other), PREPARED_NOT);
	assert_int_equal(prepared_send(&prepared, first, name), PREPARED_ONCE);
	assert_int_equal(prepared_send(&prepared, second, other), PREPARED_NOW);
	assert_int_equal(prepared_send(&prepared, second, other), PREPARED_ONCE);
	assert_string_not_equal(name, other);
}

/*
 * Behind a pooler one session may come upon what another has prepared: the same name must not be another
 * statement there.
 */
static void
a_name_means_the_same_statement_on_every_connection(void **state)
{
	struct prepared one = {.is_off = false}, other = {.is_off = false};
	char name_one[PREPARED_NAME_SIZE], name_other[PREPARED_NAME_SIZE], second_other[PREPARED_NAME_SIZE];

	(void)state;
	for (int i = 0; i < 2; i++) {
		prepared_send(&one, first, name_one);
		prepared_send(&other, second, second_other);
		prepared_send(&other, first, name_other);
	}
	assert_string_equal(name_one, name_other);
	assert_string_not_equal(name_one, second_other);
}

static void
what_could_not_be_prepared_is_tried_again(void **state)
{
	struct prepared prepared = {.is_off = false};
	char name[PREPARED_NAME_SIZE];

	(void)state;
	for (int i = 0; i < 2; i++) {
		prepared_send(&prepared, first, name);
		prepared_send(&prepared, second, name);
	}
	prepared_forget(&prepared, first);
	assert_int_equal(prepared_send(&prepared, second, name), PREPARED_ONCE);
	assert_int_equal(prepared_send(&prepared, first, name), PREPARED_NOW);
	assert_int_equal(prepared_send(&prepared, first, name), PREPARED_ONCE);
	prepared_forget(&prepared, "never sent");
	assert_int_equal(prepared_send(&prepared, first, name), PREPARED_ONCE);
}

static void
where_it_is_off_everything_is_sent_as_it_is(void **state)
{
	struct prepared prepared = {.is_off = false};
	char name[PREPARED_NAME_SIZE];

	(void)state;
	for (int i = 0; i < 3; i++)
		prepared_send(&prepared, first, name);
	prepared.is_off = true;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(prepared_send(&prepared, first, name), PREPARED_NOT);
		assert_int_equal(prepared_send(&prepared, second, name), PREPARED_NOT);
	}
}

static void
what_there_is_no_room_for_is_sent_as_it_is(void **state)
{
	static char statements[PREPARED_MAX + 3][24];
	char names[PREPARED_MAX + 3][PREPARED_NAME_SIZE];
	struct prepared prepared = {.is_off = false};

	(void)state;
	for (size_t i = 0; i < PREPARED_MAX + 3; i++)
		snprintf(statements[i], sizeof statements[i], "SELECT %zu", i);
	for (int round = 0; round < 4; round++)
		for (size_t i = 0; i < PREPARED_MAX + 3; i++) {
			enum prepared_way way = prepared_send(&prepared, statements[i], names[i]);

			if (i >= PREPARED_MAX || round == 0)
				assert_int_equal(way, PREPARED_NOT);
			else
				assert_int_equal(way, round == 1 ? PREPARED_NOW : PREPARED_ONCE);
		}
	for (size_t i = 0; i < PREPARED_MAX; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(names[i], names[j]);
	prepared_forget(&prepared, statements[PREPARED_MAX]); /* it has no place */
}

static void
only_two_errors_say_that_it_is_lost(void **state)
{
	static const char *const others[] = {
		"", "26", "26001", "2600", "260000", "42P06", "42p05", "42501", "08P01", "57014", "0A000"};

	(void)state;
	assert_true(prepared_is_lost("26000"));
	assert_true(prepared_is_lost("42P05"));
	assert_false(prepared_is_lost(NULL)); /* libpq's own */
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_false(prepared_is_lost(others[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_statement_is_sent_as_it_is_then_prepared_then_executed),
		cmocka_unit_test(each_statement_goes_its_own_way_by_its_own_name),
		cmocka_unit_test(a_name_means_the_same_statement_on_every_connection),
		cmocka_unit_test(what_could_not_be_prepared_is_tried_again),
		cmocka_unit_test(where_it_is_off_everything_is_sent_as_it_is),
		cmocka_unit_test(what_there_is_no_room_for_is_sent_as_it_is),
		cmocka_unit_test(only_two_errors_say_that_it_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
