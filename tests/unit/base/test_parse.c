#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/base/parse.h"

struct quantity_case {
	const char *text;
	double value;
	enum unit unit;
	const char *rest;
};

static void
a_quantity_is_a_number_with_a_unit_of_postgresql_in_any_case(void **state)
{
	static const struct quantity_case cases[] = {
		{"16", 16, UNIT_NONE, ""},
		{"0", 0, UNIT_NONE, ""},
		{"-1.5", -1.5, UNIT_NONE, ""},
		{"+2", 2, UNIT_NONE, ""},
		{".5", 0.5, UNIT_NONE, ""},
		{"5.", 5, UNIT_NONE, ""},
		{"007", 7, UNIT_NONE, ""}, /* not octal */
		{"5B", 5, UNIT_BYTES, ""},
		{"5b", 5, UNIT_BYTES, ""},
		{"1kB", 1024, UNIT_BYTES, ""},
		{"1KB", 1024, UNIT_BYTES, ""},
		{"1kb", 1024, UNIT_BYTES, ""},
		{"16MB", 16777216, UNIT_BYTES, ""},
		{"16mb", 16777216, UNIT_BYTES, ""},
		{"16 MB", 16777216, UNIT_BYTES, ""},
		{"1.5GB", 1610612736, UNIT_BYTES, ""},
		{"2TB", 2199023255552, UNIT_BYTES, ""},
		{"8192TB", 9007199254740992, UNIT_BYTES, ""},
		{"-9007199254740992", -9007199254740992, UNIT_NONE, ""},
		{"1us", 0.000001, UNIT_SECONDS, ""},
		{"100ms", 0.1, UNIT_SECONDS, ""}, /* exactly, not 100 * 0.001 */
		{"300ms", 0.3, UNIT_SECONDS, ""},
		{"30s", 30, UNIT_SECONDS, ""},
		{"30S", 30, UNIT_SECONDS, ""},
		{"5min", 300, UNIT_SECONDS, ""},
		{"5MIN", 300, UNIT_SECONDS, ""},
		{"2h", 7200, UNIT_SECONDS, ""},
		{"1d", 86400, UNIT_SECONDS, ""},
		{"-2h", -7200, UNIT_SECONDS, ""},
		{"80%", 80, UNIT_PERCENT, ""},
		{"99.5 %", 99.5, UNIT_PERCENT, ""},
		/* The cursor stops behind what was read. */
		{"10:20", 10, UNIT_NONE, ":20"},
		{"16MB:32MB", 16777216, UNIT_BYTES, ":32MB"},
		{"5 ", 5, UNIT_NONE, " "},
		{"5s ", 5, UNIT_SECONDS, " "},
		{"1,5s", 1, UNIT_NONE, ",5s"},
		{"1.2.3", 1.2, UNIT_NONE, ".3"},
		{"5-3", 5, UNIT_NONE, "-3"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *cursor = cases[i].text;
		struct parse_quantity got;
		struct err err;

		if (parse_quantity(&cursor, &got, &err) != 0)
			fail_msg("\"%s\": %s", cases[i].text, err.text);
		if (got.value != cases[i].value || got.unit != cases[i].unit
			|| strcmp(cursor, cases[i].rest) != 0)
			fail_msg("\"%s\": got %.17g, unit %d, rest \"%s\"", cases[i].text, got.value,
				got.unit, cursor);
	}
}

static void
what_is_no_quantity_is_refused_and_nothing_is_moved(void **state)
{
	static const char *const texts[] = {"", " ", " 5", "-", "+", ".", "-.", "--5", "+-5", "MB", "%",
		"abc", "$5", "inf", "-inf", "infinity", "nan", "NAN", "0x10", "0X10MB", "1e3", "1E3s", "1e-3",
		"5m", "5M", "5k", "5G", "5MiB", "5mbps", "5sec", "5w", "5y", "5%s", "5ns",
		/* 65 digits: nobody means that */
		"00000000000000000000000000000000000000000000000000000000000000001",
		/* above 8 PB, to which a double counts every whole number */
		"9007199254740994", "-9007199254740994", "8193TB", "104249991375d",
		"11111111111111111111111111111111111111111111"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		const char *cursor = texts[i];
		struct parse_quantity got = {.value = 77, .unit = UNIT_PERCENT};
		struct err err = {.class = ERR_NONE};

		if (parse_quantity(&cursor, &got, &err) != -1)
			fail_msg("\"%s\" was read as %g", texts[i], got.value);
		assert_int_equal(err.class, ERR_USAGE);
		assert_ptr_equal(cursor, texts[i]);
		assert_true(got.value == 77 && got.unit == UNIT_PERCENT);
	}
}

static void
an_unknown_unit_is_named_and_the_known_ones_are_hinted_at(void **state)
{
	const char *cursor = "16MiB";
	struct parse_quantity got;
	struct err err;

	(void)state;
	assert_int_equal(parse_quantity(&cursor, &got, &err), -1);
	assert_string_equal(err.text, "unknown unit \"MiB\"");
	assert_non_null(strstr(err.hint, "MB"));
	assert_non_null(strstr(err.hint, "min"));
}

static void
a_duration_counts_milliseconds_and_a_plain_number_seconds(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{"5s", 5000},
		{"5", 5000},
		{"0.5", 500},
		{"900ms", 900},
		{"1min", 60000},
		{"1 min", 60000},
		{"2H", 7200000},
		{"0", 0},
		{"0s", 0},
		{"1us", 0},
		{"600us", 1},
		{"1.0006s", 1001},
		{"0.29", 290},
		{"366d", INT64_C(31622400000)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t got = -1;
		struct err err;

		if (parse_duration_ms(cases[i].text, &got, &err) != 0 || got != cases[i].ms)
			fail_msg("\"%s\": got %lld", cases[i].text, (long long)got);
	}
}

static void
what_is_no_duration_or_out_of_range_is_refused(void **state)
{
	static const char *const texts[] = {"", "s", "5s ", " 5s", "5s5", "5s,", "5MB", "5%", "5x", "-1s",
		"-1", "-0.001", "366.1d", "367d", "99999999h", "1e3", "0x5", "inf", "nan", "5 minutes"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		int64_t got = 77;
		struct err err;

		if (parse_duration_ms(texts[i], &got, &err) != -1)
			fail_msg("\"%s\" was read as %lld", texts[i], (long long)got);
		assert_int_equal(err.class, ERR_USAGE);
		assert_int_equal(got, 77);
		if (texts[i][0] != '\0' && texts[i][0] != ' ' && strstr(err.text, texts[i]) == NULL)
			fail_msg("\"%s\" does not name the value \"%s\"", err.text, texts[i]);
	}
}

static void
an_integer_keeps_to_its_range(void **state)
{
	static const struct {
		const char *text;
		int64_t min, max;
		int64_t value;
	} cases[] = {
		{"0", 0, 0, 0},
		{"5432", 1, 65535, 5432},
		{"1", 1, 65535, 1},
		{"65535", 1, 65535, 65535},
		{"-5", -5, 5, -5},
		{"-0", 0, 5, 0},
		{"0010", 0, 100, 10},
		{"9223372036854775807", INT64_MIN, INT64_MAX, INT64_MAX},
		{"-9223372036854775808", INT64_MIN, INT64_MAX, INT64_MIN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t got = 77;
		struct err err;

		if (parse_integer(cases[i].text, cases[i].min, cases[i].max, &got, &err) != 0
			|| got != cases[i].value)
			fail_msg("\"%s\": got %lld", cases[i].text, (long long)got);
	}
}

static void
what_is_no_integer_or_out_of_range_is_refused(void **state)
{
	static const char *const texts[] = {"", " ", "-", "+5", " 5", "5 ", "5.0", "5,0", "0x10", "1e3",
		"--5", "5-", "five", "5\n", "0", "65536", "-1", "9223372036854775808", "-9223372036854775809",
		"99999999999999999999999"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		int64_t got = 77;
		struct err err;

		if (parse_integer(texts[i], 1, 65535, &got, &err) != -1)
			fail_msg("\"%s\" was read as %lld", texts[i], (long long)got);
		assert_int_equal(err.class, ERR_USAGE);
		assert_int_equal(got, 77);
	}
}

static void
an_integer_out_of_range_is_told_its_range(void **state)
{
	int64_t got;
	struct err err;

	(void)state;
	assert_int_equal(parse_integer("65536", 1, 65535, &got, &err), -1);
	assert_string_equal(err.text, "\"65536\" is out of range (1 to 65535)");
	assert_int_equal(parse_integer("9223372036854775808", INT64_MIN, INT64_MAX, &got, &err), -1);
	assert_non_null(strstr(err.text, "is out of range"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quantity_is_a_number_with_a_unit_of_postgresql_in_any_case),
		cmocka_unit_test(what_is_no_quantity_is_refused_and_nothing_is_moved),
		cmocka_unit_test(an_unknown_unit_is_named_and_the_known_ones_are_hinted_at),
		cmocka_unit_test(a_duration_counts_milliseconds_and_a_plain_number_seconds),
		cmocka_unit_test(what_is_no_duration_or_out_of_range_is_refused),
		cmocka_unit_test(an_integer_keeps_to_its_range),
		cmocka_unit_test(what_is_no_integer_or_out_of_range_is_refused),
		cmocka_unit_test(an_integer_out_of_range_is_told_its_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
