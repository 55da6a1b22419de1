#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/run/settings.h"

/* Sizes and lists of names, and limits that have a default. */
struct values {
	struct limit warning, critical;
	int64_t size, other_size;
	char names[12], ignored[32];
};

#define UNITS (1U << UNIT_BYTES | 1U << UNIT_SECONDS)
#define AT(member) SETTING_AT(struct values, member)

static const struct setting rows[] = {
	{.name = "warning",
		.letter = 'w',
		.type = SETTING_LIMIT,
		AT(warning),
		.initial = "512MB",
		.help = "when to warn",
		.accepted = UNITS,
		.plain = UNIT_BYTES},
	{.name = "critical",
		.letter = 'c',
		.type = SETTING_LIMIT,
		AT(critical),
		.initial = "1GB",
		.help = "when to alarm",
		.accepted = UNITS,
		.plain = UNIT_BYTES},
	{.name = "size", .type = SETTING_SIZE, AT(size), .help = "how large"},
	{.name = "other-size", .type = SETTING_SIZE, AT(other_size), .initial = "16MB", .help = "how large"},
	{.name = "names", .letter = 'n', .type = SETTING_LIST, AT(names), .help = "who"},
	{.name = "ignored", .type = SETTING_LIST, AT(ignored), .initial = "a*,b", .help = "who not"},
};

static struct values values;
static struct settings_given given;
static struct err err;

static const struct settings_group group = {
	.title = "first", .rows = rows, .count = sizeof rows / sizeof rows[0], .base = &values};

static int
begin(void **state)
{
	(void)state;
	memset(&values, 0, sizeof values);
	memset(&given, 0, sizeof given);
	memset(&err, 0, sizeof err);
	return settings_set_initial(&group, 1, &err);
}

/* -- the command line -------------------------------------------------------------------------- */

static int
read_words(const char *const *arguments)
{
	static char storage[12][64];
	static char *argv[13];
	int argc = 1, first_operand;

	if (begin(NULL) != 0)
		fail_msg("%s", err.text);
	argv[0] = strcpy(storage[0], "check");
	for (; arguments[argc - 1] != NULL; argc++)
		argv[argc] = strcpy(storage[argc], arguments[argc - 1]);
	argv[argc] = NULL;
	return settings_read_arguments(&group, 1, argc, argv, &first_operand, &err);
}

#define READ(...) read_words((const char *const[]){__VA_ARGS__, NULL})

#define EXPECT_READ(...)                                                                                     \
	do {                                                                                                 \
		if (READ(__VA_ARGS__) != 0)                                                                  \
			fail_msg("refused: %s", err.text);                                                   \
	} while (0)

/* Refused as usage, with these words in the text. */
#define EXPECT_REFUSED(wanted, ...)                                                                          \
	do {                                                                                                 \
		if (READ(__VA_ARGS__) != -1)                                                                 \
			fail_msg("taken, instead of \"%s\"", wanted);                                        \
		assert_int_equal(err.class, ERR_USAGE);                                                      \
		if (strstr(err.text, wanted) == NULL)                                                        \
			fail_msg("\"%s\" does not say \"%s\"", err.text, wanted);                            \
	} while (0)

static void
a_size_is_a_quantity_of_bytes_above_zero(void **state)
{
	static const struct {
		const char *value;
		int64_t bytes; /* -1: refused */
	} cases[] = {
		{"1", 1},
		{"16777216", 16777216},
		{"1B", 1},
		{"16kB", 16384},
		{"16MB", 16777216},
		{"16mb", 16777216},
		{"1.5GB", INT64_C(1610612736)},
		{"2TB", INT64_C(2199023255552)},
		{"8192TB", INT64_C(9007199254740992)},
		{"0", -1},
		{"0MB", -1},
		{"-1", -1},
		{"-16MB", -1},
		{"0.5", -1},
		{"", -1},
		{" ", -1},
		{"MB", -1},
		{"large", -1},
		{"16MB ", -1},
		{"16 PB", -1},
		{"16PB", -1},
		{"16MB,", -1},
		{"30s", -1},
		{"80%", -1},
		{"9223372036854775807", -1},
		{"1000000000TB", -1},
		{"inf", -1},
		{"nan", -1},
		{"1e400", -1},
		/* It is no range. */
		{"16MB:", -1},
		{"~:16MB", -1},
		{"@16MB", -1},
		{"1:2", -1},
		{":", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char option[64];

		snprintf(option, sizeof option, "--size=%s", cases[i].value);
		if (cases[i].bytes == -1) {
			EXPECT_REFUSED("option --size: ", option);
			EXPECT_REFUSED("is not a size above zero", option);
			EXPECT_REFUSED(cases[i].value, option);
			assert_string_equal(err.hint, "sizes are written like 16MB or 1GB");
			assert_true(values.size == 0);
		} else {
			EXPECT_READ(option);
			if (values.size != cases[i].bytes)
				fail_msg("\"%s\" is %lld", cases[i].value, (long long)values.size);
		}
	}
	EXPECT_REFUSED("--size is given twice", "--size", "1MB", "--size", "1MB");
}

static void
a_size_has_its_default_until_it_is_given(void **state)
{
	(void)state;
	EXPECT_READ("--size=1");
	assert_true(values.other_size == 16777216);
	EXPECT_READ("--other-size=1GB");
	assert_true(values.other_size == 1073741824);
}

static void
names_add_up_in_their_order(void **state)
{
	(void)state;
	EXPECT_READ("--names", "n1");
	assert_string_equal(values.names, "n1");
	EXPECT_READ("--names", "n1", "-n", "n2", "--names=n3");
	assert_string_equal(values.names, "n1,n2,n3");
	EXPECT_READ("--names=n1,n2", "--names=n3");
	assert_string_equal(values.names, "n1,n2,n3");
	EXPECT_READ("--names=n*", "--names=n*"); /* twice is no harm */
	assert_string_equal(values.names, "n*,n*");
}

/* As one writes a list in a file. */
static void
blanks_around_a_name_are_not_part_of_it(void **state)
{
	(void)state;
	EXPECT_READ("--names=n1, n2");
	assert_string_equal(values.names, "n1,n2");
	EXPECT_READ("--names= n1 ,  n2 ", "--names= n3");
	assert_string_equal(values.names, "n1,n2,n3");
	EXPECT_READ("--names= ");
	assert_string_equal(values.names, "");
	EXPECT_READ("--names=a b, c");
	assert_string_equal(values.names, "a b,c");
	EXPECT_READ("--names=   12345,    78901   "); /* nor do they take room */
	assert_string_equal(values.names, "12345,78901");
}

/* Who names some wants those, not those and the default's. */
static void
names_that_are_given_take_the_place_of_the_default(void **state)
{
	(void)state;
	EXPECT_READ("--size=1");
	assert_string_equal(values.ignored, "a*,b");
	EXPECT_READ("--ignored=c");
	assert_string_equal(values.ignored, "c");
	EXPECT_READ("--ignored=c", "--ignored=d");
	assert_string_equal(values.ignored, "c,d");
	EXPECT_READ("--ignored=");
	assert_string_equal(values.ignored, "");
}

static void
an_empty_name_is_refused(void **state)
{
	static const char *const lists[] = {",", ",n1", "n1,", "n1,,n2", ",,", "n1, ,n2", " ,", "n1, "};

	(void)state;
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		EXPECT_REFUSED("option --names: ", "--names", lists[i]);
		EXPECT_REFUSED("a name between commas is empty", "--names", lists[i]);
		EXPECT_REFUSED("a name between commas is empty", "--names", "n1", "--names", lists[i]);
	}
}

static void
names_are_taken_whole_or_refused(void **state)
{
	(void)state;
	EXPECT_READ("--names=12345678901");
	assert_string_equal(values.names, "12345678901");
	EXPECT_READ("--names=12345", "--names=78901");
	assert_string_equal(values.names, "12345,78901");
	EXPECT_REFUSED("longer than 11 characters together", "--names=123456789012");
	EXPECT_REFUSED("option --names: ", "--names=123456789012");
	EXPECT_REFUSED("longer than 11 characters together", "--names=12345", "--names=789012");
	EXPECT_REFUSED("longer than 11 characters together", "--names=12345678901", "--names=2");
}

/* -- limits with a default --------------------------------------------------------------------- */

static double
end_of(const struct limit *limit, enum unit unit)
{
	return limit->of[unit].is_set ? limit->of[unit].end : -1;
}

#define MB 1048576.0

static void
a_limit_that_is_given_takes_the_place_of_the_default(void **state)
{
	(void)state;
	EXPECT_READ("--size=1");
	assert_true(end_of(&values.warning, UNIT_BYTES) == 512 * MB);
	assert_true(end_of(&values.critical, UNIT_BYTES) == 1024 * MB);
	assert_true(values.warning.is_initial && values.critical.is_initial);
	EXPECT_READ("-w", "8MB", "-c", "16MB");
	assert_true(end_of(&values.warning, UNIT_BYTES) == 8 * MB);
	assert_true(end_of(&values.critical, UNIT_BYTES) == 16 * MB);
	assert_false(values.warning.is_initial || values.critical.is_initial);
	/* Of one unit it takes the place of those of all: who says 30 s does not mean 1 GB as well. */
	EXPECT_READ("-c", "30s");
	assert_true(end_of(&values.critical, UNIT_BYTES) == -1);
	assert_true(end_of(&values.critical, UNIT_SECONDS) == 30);
	assert_true(end_of(&values.warning, UNIT_BYTES) == 512 * MB);
	EXPECT_READ("-c", "2GB", "-c", "30s");
	assert_true(end_of(&values.critical, UNIT_BYTES) == 2048 * MB);
	assert_true(end_of(&values.critical, UNIT_SECONDS) == 30);
}

static void
a_default_warning_that_is_looser_than_a_critical_limit_is_dropped(void **state)
{
	(void)state;
	EXPECT_READ("-c", "256MB");
	assert_true(end_of(&values.warning, UNIT_BYTES) == -1);
	assert_true(end_of(&values.critical, UNIT_BYTES) == 256 * MB);
	EXPECT_READ("-c", "512MB"); /* it is no looser */
	assert_true(end_of(&values.warning, UNIT_BYTES) == 512 * MB);
	EXPECT_READ("-c", "256MB", "-c", "30s");
	assert_true(end_of(&values.warning, UNIT_BYTES) == -1);
	assert_true(end_of(&values.critical, UNIT_SECONDS) == 30);
}

static void
a_warning_that_was_given_and_is_looser_is_refused(void **state)
{
	(void)state;
	EXPECT_REFUSED(
		"above 512 MB) is looser than --critical (above 256 MB)", "-c", "256MB", "-w", "512MB");
	EXPECT_REFUSED("above 2 GB) is looser than --critical (above 1 GB)", "-w", "2GB");
	EXPECT_REFUSED("looser", "-w", "300MB", "-w", "60s", "-c", "512MB", "-c", "30s");
}

/* Both are ours: the table is wrong, and a test of every program's defaults would say so. */
static void
a_default_warning_that_is_looser_than_the_default_critical_limit_is_refused(void **state)
{
	static const struct setting wrong[] = {
		{.name = "warning",
			.type = SETTING_LIMIT,
			AT(warning),
			.initial = "2GB",
			.accepted = UNITS,
			.plain = UNIT_BYTES},
		{.name = "critical",
			.type = SETTING_LIMIT,
			AT(critical),
			.initial = "1GB",
			.accepted = UNITS,
			.plain = UNIT_BYTES},
	};
	const struct settings_group wrong_group = {.rows = wrong, .count = 2, .base = &values};

	(void)state;
	memset(&values, 0, sizeof values);
	assert_int_equal(settings_set_initial(&wrong_group, 1, &err), 0);
	assert_int_equal(settings_check_section(&wrong_group, 1, &err), -1);
}

/* -- files ------------------------------------------------------------------------------------- */

static void
take(const char *name, const char *value)
{
	if (settings_take(&given, &group, 1, name, value, &err) != 0)
		fail_msg("%s = %s: refused: %s", name, value, err.text);
}

/* In a section of its own, refused as usage with exactly this text. */
static void
expect_refused(const char *name, const char *value, const char *wanted)
{
	memset(&given, 0, sizeof given);
	if (settings_take(&given, &group, 1, name, value, &err) != -1)
		fail_msg("%s = %s: taken, instead of \"%s\"", name, value, wanted);
	assert_int_equal(err.class, ERR_USAGE);
	assert_string_equal(err.text, wanted);
}

static void
a_file_gives_them_as_the_command_line_does(void **state)
{
	(void)state;
	take("size", "1GB");
	take("other_size", "1kB");
	assert_true(values.size == 1073741824 && values.other_size == 1024);
	take("names", "n1");
	take("names", "n2,n3");
	assert_string_equal(values.names, "n1,n2,n3");
	take("ignored", "x");
	take("ignored", "y");
	assert_string_equal(values.ignored, "x,y");
	assert_int_equal(settings_take(&given, &group, 1, "size", "1GB", &err), -1);
	assert_string_equal(err.text, "setting \"size\" is given twice");
	/* The next section, or the query of a URI, does not keep what the other had. */
	memset(&given, 0, sizeof given);
	take("names", "n4");
	assert_string_equal(values.names, "n4");
	memset(&given, 0, sizeof given);
	take("names", "");
	assert_string_equal(values.names, "");
}

static void
a_bad_value_is_told_with_its_key(void **state)
{
	(void)state;
	expect_refused("size", "large", "setting \"size\": \"large\" is not a size above zero");
	expect_refused("other-size", "0", "setting \"other_size\": \"0\" is not a size above zero");
	assert_true(values.other_size == 16777216); /* it was left alone */
	expect_refused("size", "", "setting \"size\": \"\" is not a size above zero");
	expect_refused("names", "n1,", "setting \"names\": a name between commas is empty");
	expect_refused("names", "123456789012",
		"setting \"names\": the names are longer than 11 characters together");
}

static void
defaults_of_limits_are_dropped_or_refused_as_on_the_command_line(void **state)
{
	(void)state;
	take("critical", "256MB");
	assert_int_equal(settings_check_section(&group, 1, &err), 0);
	assert_true(end_of(&values.warning, UNIT_BYTES) == -1);
	assert_int_equal(begin(NULL), 0);
	take("critical", "256MB");
	take("warning", "512MB");
	assert_int_equal(settings_check_section(&group, 1, &err), -1);
	assert_int_equal(begin(NULL), 0);
	take("critical", ""); /* there is to be none */
	assert_int_equal(settings_check_section(&group, 1, &err), 0);
	assert_true(end_of(&values.critical, UNIT_BYTES) == -1);
	assert_true(end_of(&values.warning, UNIT_BYTES) == 512 * MB);
}

/* -- writing ----------------------------------------------------------------------------------- */

static char written[1024];
static struct text text;

static void
write_section(void)
{
	text_init(&text, written, sizeof written);
	settings_write_section(&group, false, &text);
	assert_false(text.is_truncated);
}

/* Reads a section as it was written. */
static void
read_section(void)
{
	char copy[sizeof written], *rest = copy, *line;

	strcpy(copy, written);
	assert_int_equal(begin(NULL), 0);
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		char *equals = strstr(line, " =");

		assert_non_null(equals);
		*equals = '\0';
		equals += strspn(equals + 1, "= ") + 1;
		take(line, equals);
	}
	assert_int_equal(settings_check_section(&group, 1, &err), 0);
}

static void
what_is_written_reads_as_the_same(void **state)
{
	static const struct {
		const char *name, *value, *wanted; /* a line of the section */
	} cases[] = {
		{"size", "16MB", "size = 16MB\n"},
		{"size", "16777216", "size = 16MB\n"},
		{"size", "16777217", "size = 16777217B\n"},
		{"size", "1.5GB", "size = 1536MB\n"},
		{"size", "1", "size = 1B\n"},
		{"size", "8192TB", "size = 8192TB\n"},
		{"other_size", "1kB", "other_size = 1kB\n"},
		{"names", "n1", "names = n1\n"},
		{"names", "n1,n2*", "names = n1,n2*\n"},
		{"ignored", "x y", "ignored = x y\n"},
		{"critical", "30s", "critical = 30s\n"},
		{"critical", "256MB", "critical = 256MB\n"},
		{"warning", "10s", "warning = 10s\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct values before;

		assert_int_equal(begin(NULL), 0);
		take(cases[i].name, cases[i].value);
		assert_int_equal(settings_check_section(&group, 1, &err), 0);
		write_section();
		if (strstr(written, cases[i].wanted) == NULL)
			fail_msg("no \"%s\" in \"%s\"", cases[i].wanted, written);
		before = values;
		read_section();
		assert_true(before.size == values.size && before.other_size == values.other_size);
		assert_string_equal(before.names, values.names);
		assert_string_equal(before.ignored, values.ignored);
		for (enum unit unit = UNIT_NONE; unit < UNIT_COUNT; unit++) {
			assert_true(end_of(&before.warning, unit) == end_of(&values.warning, unit));
			assert_true(end_of(&before.critical, unit) == end_of(&values.critical, unit));
		}
	}
}

static void
what_is_empty_and_has_no_default_is_left_out(void **state)
{
	(void)state;
	write_section();
	assert_string_equal(written, "warning = 512MB\ncritical = 1GB\nother_size = 16MB\nignored = a*,b\n");
}

/* It was somebody's will: left out, it would read as the default again. */
static void
what_was_emptied_although_it_has_a_default_is_written_empty(void **state)
{
	static const char *const names[] = {"warning", "critical", "ignored"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct values before;
		char line[32];

		assert_int_equal(begin(NULL), 0);
		take(names[i], "");
		before = values;
		write_section();
		snprintf(line, sizeof line, "%s =\n", names[i]);
		if (strstr(written, line) == NULL)
			fail_msg("no \"%s =\" in \"%s\"", names[i], written);
		read_section();
		assert_string_equal(before.ignored, values.ignored);
		assert_true(end_of(&before.warning, UNIT_BYTES) == end_of(&values.warning, UNIT_BYTES));
		assert_true(end_of(&before.critical, UNIT_BYTES) == end_of(&values.critical, UNIT_BYTES));
	}
}

static void
a_default_warning_that_was_dropped_does_not_come_back(void **state)
{
	(void)state;
	take("critical", "256MB");
	assert_int_equal(settings_check_section(&group, 1, &err), 0);
	write_section();
	read_section();
	assert_true(end_of(&values.warning, UNIT_BYTES) == -1);
	assert_true(end_of(&values.critical, UNIT_BYTES) == 256 * MB);
}

static void
a_name_cannot_be_two_lines(void **state)
{
	(void)state;
	take("names", "a\n[b]\x7F");
	write_section();
	assert_non_null(strstr(written, "names = a?[b]?\n"));
}

#define TEST(function) cmocka_unit_test_setup(function, begin)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_size_is_a_quantity_of_bytes_above_zero),
		TEST(a_size_has_its_default_until_it_is_given),
		TEST(names_add_up_in_their_order),
		TEST(blanks_around_a_name_are_not_part_of_it),
		TEST(names_that_are_given_take_the_place_of_the_default),
		TEST(an_empty_name_is_refused),
		TEST(names_are_taken_whole_or_refused),
		TEST(a_limit_that_is_given_takes_the_place_of_the_default),
		TEST(a_default_warning_that_is_looser_than_a_critical_limit_is_dropped),
		TEST(a_warning_that_was_given_and_is_looser_is_refused),
		TEST(a_default_warning_that_is_looser_than_the_default_critical_limit_is_refused),
		TEST(a_file_gives_them_as_the_command_line_does),
		TEST(a_bad_value_is_told_with_its_key),
		TEST(defaults_of_limits_are_dropped_or_refused_as_on_the_command_line),
		TEST(what_is_written_reads_as_the_same),
		TEST(what_is_empty_and_has_no_default_is_left_out),
		TEST(what_was_emptied_although_it_has_a_default_is_written_empty),
		TEST(a_default_warning_that_was_dropped_does_not_come_back),
		TEST(a_name_cannot_be_two_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
