#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "lib/model/range.h"

static struct range
range(const char *text)
{
	struct range range = {.is_set = false};
	enum unit unit;
	struct err err;

	if (range_parse(text, &range, &unit, &err) != 0)
		fail_msg("\"%s\": %s", text, err.text);
	return range;
}

static void
a_range_follows_the_grammar_of_the_guidelines(void **state)
{
	static const struct {
		const char *text;
		bool is_inverted;
		double start, end;
		enum unit unit;
	} cases[] = {
		{"10", false, 0, 10, UNIT_NONE},
		{"10:", false, 10, INFINITY, UNIT_NONE},
		{"~:10", false, -INFINITY, 10, UNIT_NONE},
		{"10:20", false, 10, 20, UNIT_NONE},
		{"@10:20", true, 10, 20, UNIT_NONE},
		{"@10", true, 0, 10, UNIT_NONE},
		{"@10:", true, 10, INFINITY, UNIT_NONE},
		{"@~:10", true, -INFINITY, 10, UNIT_NONE},
		{"~:", false, -INFINITY, INFINITY, UNIT_NONE},
		{"@~:", true, -INFINITY, INFINITY, UNIT_NONE},
		{"-10:-5", false, -10, -5, UNIT_NONE},
		{"5:5", false, 5, 5, UNIT_NONE},
		{"0:0", false, 0, 0, UNIT_NONE},
		{"0", false, 0, 0, UNIT_NONE},
		{"1.5:2.5", false, 1.5, 2.5, UNIT_NONE},
		{"16MB", false, 0, 16777216, UNIT_BYTES},
		{"1kB:1MB", false, 1024, 1048576, UNIT_BYTES},
		{"1kb:1GB", false, 1024, 1073741824, UNIT_BYTES},
		{"500ms:2min", false, 0.5, 120, UNIT_SECONDS},
		{"~:30s", false, -INFINITY, 30, UNIT_SECONDS},
		{"10%:90%", false, 10, 90, UNIT_PERCENT},
		/* A plain number beside one with a unit counts in that unit's base. */
		{"1:5s", false, 1, 5, UNIT_SECONDS},
		{"500ms:5", false, 0.5, 5, UNIT_SECONDS},
		{"100:1kB", false, 100, 1024, UNIT_BYTES},
		{"10:90%", false, 10, 90, UNIT_PERCENT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct range got;
		enum unit unit;
		struct err err;

		if (range_parse(cases[i].text, &got, &unit, &err) != 0)
			fail_msg("\"%s\": %s", cases[i].text, err.text);
		if (!got.is_set || got.is_inverted != cases[i].is_inverted || got.start != cases[i].start
			|| got.end != cases[i].end || unit != cases[i].unit)
			fail_msg("\"%s\": got %s%g to %g, unit %d", cases[i].text, got.is_inverted ? "@" : "",
				got.start, got.end, unit);
	}
}

static void
what_is_no_range_is_refused_with_the_value_and_a_remedy(void **state)
{
	static const char *const texts[] = {"", "@", ":", ":10", "@:10", "~", "@~", "~10", "~:~", "10:~",
		"20:10", "-5", "~:10:20", "10:20:30", "10::20", "10 : 20", "10: 20", "10,20", "10..20",
		"10-20", "@@10", "~~:10", "10@", "abc", "1MB:2s", "1s:2%", "2MB:1MB", "1min:30s", "10XB",
		"16MB,", "inf", "nan", "0x10", "1e3", "10:inf"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct range got = {.start = 77};
		enum unit unit = UNIT_PERCENT;
		struct err err;
		char quoted[64] = "\"";

		if (range_parse(texts[i], &got, &unit, &err) != -1)
			fail_msg("\"%s\" was read as %g to %g", texts[i], got.start, got.end);
		strcat(strcat(quoted, texts[i]), "\"");
		assert_int_equal(err.class, ERR_USAGE);
		if (strstr(err.text, quoted) == NULL || err.hint[0] == '\0')
			fail_msg("\"%s\" (hint \"%s\") does not help with %s", err.text, err.hint, quoted);
		assert_true(got.start == 77 && unit == UNIT_PERCENT);
	}
}

static void
a_range_alerts_outside_or_inside_and_its_ends_belong_to_it(void **state)
{
	static const struct {
		const char *text;
		const double quiet[3], alert[3];
	} cases[] = {
		{"10", {0, 5, 10}, {-1, 10.5, INFINITY}},
		{"10:", {10, 11, INFINITY}, {9.5, 0, -5}},
		{"~:10", {-1000, 0, 10}, {10.5, 11, 1e12}},
		{"10:20", {10, 15, 20}, {9.5, 20.5, -15}},
		{"@10:20", {9.5, 20.5, -15}, {10, 15, 20}},
		{"@10", {-1, 11, 12}, {0, 5, 10}},
		{"0", {0, -0.0, 0}, {1, -1, 0.001}},
	};
	struct range unset = {.is_set = false}, always = range("@~:"), never = range("~:");

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct range tested = range(cases[i].text);

		for (int j = 0; j < 3; j++)
			if (range_alerts(&tested, cases[i].quiet[j])
				|| !range_alerts(&tested, cases[i].alert[j]))
				fail_msg("\"%s\" at %g and %g", cases[i].text, cases[i].quiet[j],
					cases[i].alert[j]);
	}
	assert_true(range_alerts(&always, 0));
	assert_false(range_alerts(&never, 0));
	assert_false(range_alerts(&unset, 5));
	unset.is_inverted = true;
	assert_false(range_alerts(&unset, 0));
}

/*
 * Whether every value that alerts `critical` alerts `warning`, found by trying: the ends are whole
 * multiples of 5, so a value on each, between each two and beyond both ends meets every case.
 */
static bool
covers_by_trial(const struct range *warning, const struct range *critical)
{
	for (double value = -12.5; value <= 32.5; value += 2.5)
		if (range_alerts(critical, value) && !range_alerts(warning, value))
			return false;
	return true;
}

static void
a_warning_covers_a_critical_exactly_when_every_value_says_so(void **state)
{
	static const char *const ends[] = {"~:", "~:0", "~:5", "~:10", "~:20", "0:", "0", "5", "10", "20",
		"5:", "5:5", "5:10", "5:20", "10:", "10:10", "10:20", "20:", "20:20", "-5:", "-5:5", "-5:20"};
	enum { COUNT = sizeof ends / sizeof ends[0] };
	int wrong_count = 0;

	(void)state;
	for (size_t i = 0; i < 2 * COUNT; i++)
		for (size_t j = 0; j < 2 * COUNT; j++) {
			struct range warning = range(ends[i / 2]), critical = range(ends[j / 2]);

			warning.is_inverted = i % 2 == 1;
			critical.is_inverted = j % 2 == 1;
			if (range_covers(&warning, &critical) == covers_by_trial(&warning, &critical))
				continue;
			wrong_count++;
			print_message("# -w %s%s -c %s%s got %d\n", i % 2 == 1 ? "@" : "", ends[i / 2],
				j % 2 == 1 ? "@" : "", ends[j / 2], range_covers(&warning, &critical));
		}
	assert_int_equal(wrong_count, 0);
}

static void
a_limit_that_is_not_set_is_never_in_the_way(void **state)
{
	struct range unset = {.is_set = false}, set = range("10:20"), inside = range("@10:20");

	(void)state;
	assert_true(range_covers(&unset, &set));
	assert_true(range_covers(&set, &unset));
	assert_true(range_covers(&unset, &inside));
	assert_true(range_covers(&inside, &unset));
	assert_true(range_covers(&unset, &unset));
}

static void
a_range_is_written_in_base_units_and_reads_back(void **state)
{
	static const struct {
		const char *text, *written;
	} cases[] = {
		{"10", "10"},
		{"0", "0"},
		{"0:", "0:"},
		{"10:", "10:"},
		{"~:10", "~:10"},
		{"10:20", "10:20"},
		{"@10:20", "@10:20"},
		{"@10", "@10"},
		{"@~:10", "@~:10"},
		{"~:", "~:"},
		{"@~:", "@~:"},
		{"@0:", "@0:"},
		{"-5:5", "-5:5"},
		{"16MB", "16777216"},
		{"~:16MB", "~:16777216"},
		{"1GB:1TB", "1073741824:1099511627776"},
		{"500ms:2min", "0.5:120"},
		{"100ms", "0.1"},
		{"80%:", "80:"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct range tested = range(cases[i].text), again;
		char storage[64];
		struct text text;

		text_init(&text, storage, sizeof storage);
		range_write(&tested, &text);
		assert_string_equal(storage, cases[i].written);
		again = range(storage);
		assert_true(again.start == tested.start && again.end == tested.end
			&& again.is_inverted == tested.is_inverted);
	}
}

static void
a_figure_is_written_with_digits_and_a_point_and_never_an_exponent(void **state)
{
	static const struct {
		double value;
		const char *written;
	} cases[] = {
		{0, "0"},
		{1, "1"},
		{-5, "-5"},
		{10, "10"},
		{100, "100"},
		{0.5, "0.5"},
		{0.1, "0.1"},
		{1.25, "1.25"},
		{0.000001, "0.000001"},
		{100.5, "100.5"},
		{9007199254740992, "9007199254740992"},
		{-9007199254740992, "-9007199254740992"},
		{1700000000.123, "1700000000.123"},
		{1e-9, "0"},
		{20000000, "20000000"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char storage[64];
		struct text text;

		text_init(&text, storage, sizeof storage);
		range_write_number(cases[i].value, &text);
		assert_string_equal(storage, cases[i].written);
	}
}

static void
a_range_is_described_by_when_it_alerts(void **state)
{
	static const struct {
		const char *text;
		enum unit unit;
		const char *expected;
	} cases[] = {
		{"16MB", UNIT_BYTES, "above 16 MB"},
		{"30s", UNIT_SECONDS, "above 30 s"},
		{"80%", UNIT_PERCENT, "above 80%"},
		{"2:", UNIT_NONE, "below 2"},
		{"~:10", UNIT_NONE, "above 10"},
		{"1s:5s", UNIT_SECONDS, "outside 1 s to 5 s"},
		{"10:20", UNIT_NONE, "outside 10 to 20"},
		{"@10:20", UNIT_NONE, "within 10 to 20"},
		{"@10", UNIT_NONE, "within 0 to 10"},
		{"@~:10", UNIT_NONE, "up to 10"},
		{"@10:", UNIT_NONE, "from 10"},
		{"0:", UNIT_NONE, "below 0"},
		{"@~:", UNIT_NONE, "always"},
		{"~:", UNIT_NONE, "never"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct range tested = range(cases[i].text);
		char storage[64];
		struct text text;

		text_init(&text, storage, sizeof storage);
		range_describe(&tested, cases[i].unit, &text);
		if (strcmp(storage, cases[i].expected) != 0)
			fail_msg("\"%s\": got \"%s\", expected \"%s\"", cases[i].text, storage,
				cases[i].expected);
	}
}

static void
a_quantity_is_written_for_people(void **state)
{
	static const struct {
		double value;
		enum unit unit;
		const char *expected;
	} cases[] = {
		{0, UNIT_BYTES, "0 B"},
		{1, UNIT_BYTES, "1 B"},
		{1023, UNIT_BYTES, "1023 B"},
		{1024, UNIT_BYTES, "1 kB"},
		{1536, UNIT_BYTES, "1.5 kB"},
		{16777216, UNIT_BYTES, "16 MB"},
		{1610612736, UNIT_BYTES, "1.5 GB"},
		{1099511627776, UNIT_BYTES, "1 TB"},
		{1125899906842624, UNIT_BYTES, "1024 TB"},
		{-16777216, UNIT_BYTES, "-16 MB"},
		{0, UNIT_SECONDS, "0 s"},
		{0.3, UNIT_SECONDS, "300 ms"},
		{0.0025, UNIT_SECONDS, "2.5 ms"},
		{1, UNIT_SECONDS, "1 s"},
		{1.5, UNIT_SECONDS, "1.5 s"},
		{90, UNIT_SECONDS, "90 s"},
		{120, UNIT_SECONDS, "2 min"},
		{150, UNIT_SECONDS, "2.5 min"},
		{7200, UNIT_SECONDS, "2 h"},
		{172800, UNIT_SECONDS, "2 d"},
		{-1.5, UNIT_SECONDS, "-1.5 s"},
		{75, UNIT_PERCENT, "75%"},
		{99.5, UNIT_PERCENT, "99.5%"},
		{3, UNIT_NONE, "3"},
		{-2, UNIT_NONE, "-2"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char storage[64];
		struct text text;

		text_init(&text, storage, sizeof storage);
		range_write_quantity(cases[i].value, cases[i].unit, &text);
		if (strcmp(storage, cases[i].expected) != 0)
			fail_msg("%g: got \"%s\", expected \"%s\"", cases[i].value, storage,
				cases[i].expected);
	}
}

static void
a_limit_keeps_one_range_per_unit(void **state)
{
	static const unsigned both = 1U << UNIT_BYTES | 1U << UNIT_SECONDS;
	struct limit limit = {0};
	struct err err;

	(void)state;
	assert_int_equal(range_add_limit(&limit, "30s", both, UNIT_BYTES, &err), 0);
	assert_int_equal(range_add_limit(&limit, "1024", both, UNIT_BYTES, &err), 0); /* plain: bytes */
	assert_true(limit.of[UNIT_SECONDS].is_set && limit.of[UNIT_SECONDS].end == 30);
	assert_true(limit.of[UNIT_BYTES].is_set && limit.of[UNIT_BYTES].end == 1024);
	assert_false(limit.of[UNIT_NONE].is_set);
	assert_false(limit.of[UNIT_PERCENT].is_set);
	assert_int_equal(range_add_limit(&limit, "5s", both, UNIT_BYTES, &err), -1);
	assert_non_null(strstr(err.text, "\"5s\""));
	assert_int_equal(range_add_limit(&limit, "5", both, UNIT_BYTES, &err), -1);
	assert_true(limit.of[UNIT_SECONDS].end == 30 && limit.of[UNIT_BYTES].end == 1024);
}

static void
a_limit_of_a_unit_that_is_not_measured_is_refused_with_those_that_are(void **state)
{
	static const unsigned both = 1U << UNIT_BYTES | 1U << UNIT_SECONDS;
	struct limit limit = {0};
	struct err err;

	(void)state;
	assert_int_equal(range_add_limit(&limit, "80%", both, UNIT_BYTES, &err), -1);
	assert_int_equal(err.class, ERR_USAGE);
	assert_non_null(strstr(err.text, "\"80%\""));
	assert_string_equal(err.hint, "give bytes such as 16MB or a time such as 30s");
	assert_int_equal(range_add_limit(&limit, "16MB", 1U << UNIT_SECONDS, UNIT_SECONDS, &err), -1);
	assert_int_equal(range_add_limit(&limit, "5s", 1U << UNIT_NONE, UNIT_NONE, &err), -1);
	assert_int_equal(range_add_limit(&limit, "nonsense", both, UNIT_BYTES, &err), -1);
	for (enum unit unit = UNIT_NONE; unit < UNIT_COUNT; unit++)
		assert_false(limit.of[unit].is_set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_range_follows_the_grammar_of_the_guidelines),
		cmocka_unit_test(what_is_no_range_is_refused_with_the_value_and_a_remedy),
		cmocka_unit_test(a_range_alerts_outside_or_inside_and_its_ends_belong_to_it),
		cmocka_unit_test(a_warning_covers_a_critical_exactly_when_every_value_says_so),
		cmocka_unit_test(a_limit_that_is_not_set_is_never_in_the_way),
		cmocka_unit_test(a_range_is_written_in_base_units_and_reads_back),
		cmocka_unit_test(a_figure_is_written_with_digits_and_a_point_and_never_an_exponent),
		cmocka_unit_test(a_range_is_described_by_when_it_alerts),
		cmocka_unit_test(a_quantity_is_written_for_people),
		cmocka_unit_test(a_limit_keeps_one_range_per_unit),
		cmocka_unit_test(a_limit_of_a_unit_that_is_not_measured_is_refused_with_those_that_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
