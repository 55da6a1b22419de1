#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "lib/evaluate/weight.h"

static const struct range to_100 = {.is_set = true, .start = 0, .end = 100};

static void
the_weight_falls_linearly_from_100_to_its_minimum(void **state)
{
	static const struct {
		double lag;
		int min, expected;
	} cases[] = {
		{0, 1, 100},
		{25, 0, 75},
		{50, 0, 50},
		{99, 0, 1},
		{100, 0, 0},
		{50, 50, 75},
		{100, 50, 50},
		{100, 1, 1},
		{1000000, 1, 1},
		{50, 100, 100},
		{INFINITY, 5, 5},
		{0.001, 0, 100},
		{-5, 1, 100},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int got = weight_from_lag(cases[i].lag, &to_100, cases[i].min);

		if (got != cases[i].expected)
			fail_msg("lag %g, at least %d: got %d", cases[i].lag, cases[i].min, got);
	}
}

static void
more_lag_never_means_more_weight_and_the_bounds_hold(void **state)
{
	(void)state;
	for (int min = 0; min <= 100; min += 7) {
		int before = 100;

		for (double lag = 0; lag <= 130; lag += 0.25) {
			int weight = weight_from_lag(lag, &to_100, min);

			assert_true(weight <= before && weight >= min);
			before = weight;
		}
		assert_int_equal(before, min);
	}
}

static void
without_an_end_or_a_figure_the_weight_is_whole(void **state)
{
	static const struct range unset = {.is_set = false, .end = 100};
	static const struct range open = {.is_set = true, .start = 5, .end = INFINITY};
	static const struct range inside = {.is_set = true, .is_inverted = true, .start = 0, .end = 100};

	(void)state;
	assert_int_equal(weight_from_lag(50, &unset, 1), 100);
	assert_int_equal(weight_from_lag(50, &open, 1), 100);
	assert_int_equal(weight_from_lag(50, &inside, 1), 100);
	assert_int_equal(weight_from_lag(NAN, &to_100, 1), 100);
}

static void
a_range_that_ends_at_zero_divides_by_nothing(void **state)
{
	static const struct range none = {.is_set = true, .start = 0, .end = 0};

	(void)state;
	assert_int_equal(weight_from_lag(0, &none, 1), 100);
	assert_int_equal(weight_from_lag(1, &none, 1), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_weight_falls_linearly_from_100_to_its_minimum),
		cmocka_unit_test(more_lag_never_means_more_weight_and_the_bounds_hold),
		cmocka_unit_test(without_an_end_or_a_figure_the_weight_is_whole),
		cmocka_unit_test(a_range_that_ends_at_zero_divides_by_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
