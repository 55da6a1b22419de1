#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <poll.h>
#include <time.h>

#include "lib/base/clock.h"

static void
what_is_left_counts_down_to_the_deadline(void **state)
{
	int64_t deadline_ms = clock_now_ms() + 60000;
	int before = clock_left_ms(deadline_ms), after;

	(void)state;
	poll(NULL, 0, 5);
	after = clock_left_ms(deadline_ms);
	assert_in_range(before, 50000, 60000);
	assert_in_range(after, 40000, 60000);
	assert_true(before - after >= 4); /* both cut off fractions of a millisecond */
}

static void
nothing_is_left_of_a_deadline_that_has_passed(void **state)
{
	(void)state;
	assert_int_equal(clock_left_ms(clock_now_ms()), 0);
	assert_int_equal(clock_left_ms(clock_now_ms() - 1), 0);
	assert_int_equal(clock_left_ms(clock_now_ms() - INT64_C(100000000000)), 0);
	assert_int_equal(clock_left_ms(0), 0);
	assert_int_equal(clock_left_ms(-1), 0);
}

static void
what_is_left_is_never_more_than_poll_takes(void **state)
{
	(void)state;
	assert_int_equal(clock_left_ms(clock_now_ms() + INT64_C(100000000000)), INT_MAX);
	assert_int_equal(clock_left_ms(INT64_MAX), INT_MAX);
}

static void
milliseconds_and_microseconds_are_of_one_clock(void **state)
{
	int64_t before_ms = clock_now_ms();
	int64_t us = clock_now_us();
	int64_t after_ms = clock_now_ms();

	(void)state;
	assert_true(before_ms <= us / 1000 && us / 1000 <= after_ms);
}

static void
the_wall_clock_counts_from_1970(void **state)
{
	int64_t before_ms = (int64_t)time(NULL) * 1000;
	int64_t wall_ms = clock_wall_ms();

	(void)state;
	/* time() may run a tick behind, and the machine may be slow between the two. */
	assert_true(wall_ms > before_ms - 2000 && wall_ms < before_ms + 60000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_counts_down_to_the_deadline),
		cmocka_unit_test(nothing_is_left_of_a_deadline_that_has_passed),
		cmocka_unit_test(what_is_left_is_never_more_than_poll_takes),
		cmocka_unit_test(milliseconds_and_microseconds_are_of_one_clock),
		cmocka_unit_test(the_wall_clock_counts_from_1970),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
