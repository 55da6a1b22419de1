#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/model/lsn.h"
#include "lib/model/state.h"
#include "lib/run/settings.h"

/* One of each type, in two groups as the programs have them. */
struct first {
	struct limit warning, critical;
	bool is_strict;
	int level;
	enum state on_down;
};

struct second {
	char host[16];
	char conninfo[16];
	int64_t port, timeout_ms;
	uint64_t replayed;
	int format;
};

static const char *const words[] = {"nagios", "http", "haproxy", NULL};

static const struct setting first_rows[] = {
	{.name = "warning",
		.letter = 'w',
		.type = SETTING_LIMIT,
		SETTING_AT(struct first, warning),
		.argument = "RANGE",
		.help = "when to warn",
		.accepted = 1U << UNIT_BYTES | 1U << UNIT_SECONDS,
		.plain = UNIT_BYTES},
	{.name = "critical",
		.letter = 'c',
		.type = SETTING_LIMIT,
		SETTING_AT(struct first, critical),
		.argument = "RANGE",
		.help = "when to alarm",
		.accepted = 1U << UNIT_BYTES | 1U << UNIT_SECONDS,
		.plain = UNIT_BYTES},
	{.name = "strict", .type = SETTING_FLAG, SETTING_AT(struct first, is_strict), .help = "be strict"},
	{.name = "verbose",
		.letter = 'v',
		.type = SETTING_COUNT,
		SETTING_AT(struct first, level),
		.help = "say more"},
	{.name = "on-down",
		.type = SETTING_STATE,
		SETTING_AT(struct first, on_down),
		.initial = "critical",
		.argument = "STATE",
		.help = "state when down"},
};

static const struct setting second_rows[] = {
	{.name = "host",
		.letter = 'H',
		.type = SETTING_TEXT,
		SETTING_AT(struct second, host),
		.argument = "HOST",
		.help = "whom to ask"},
	{.name = "dbname",
		.letter = 'd',
		.type = SETTING_TEXT,
		SETTING_AT(struct second, conninfo),
		.argument = "DBNAME",
		.help = "what to ask"},
	{.name = "port",
		.letter = 'p',
		.type = SETTING_INTEGER,
		SETTING_AT(struct second, port),
		.initial = "5432",
		.argument = "PORT",
		.help = "where",
		.min = 1,
		.max = 65535},
	{.name = "timeout",
		.letter = 't',
		.type = SETTING_DURATION,
		SETTING_AT(struct second, timeout_ms),
		.initial = "5s",
		.argument = "DURATION",
		.help = "how long"},
	{.name = "replay",
		.type = SETTING_TEXT,
		SETTING_AT(struct second, host),
		.argument = "FILE",
		.help = "from"},
	{.name = "replayed",
		.type = SETTING_LSN,
		SETTING_AT(struct second, replayed),
		.argument = "LSN",
		.help = "position"},
	{.name = "format",
		.letter = 'f',
		.type = SETTING_WORD,
		SETTING_AT(struct second, format),
		.argument = "FORMAT",
		.words = words,
		.help = "form"},
};

static struct first first;
static struct second second;
static struct err err;
static int first_operand;

static const struct settings_group groups[] = {
	{.title = "first",
		.rows = first_rows,
		.count = sizeof first_rows / sizeof first_rows[0],
		.base = &first},
	{.title = "second",
		.rows = second_rows,
		.count = sizeof second_rows / sizeof second_rows[0],
		.base = &second},
};

/* Reads a command line, written as its words; what is read before is forgotten. */
static int
read_words(const char *const *arguments)
{
	static char storage[12][64];
	static char *argv[13];
	int argc = 1;

	memset(&first, 0, sizeof first);
	memset(&second, 0, sizeof second);
	memset(&err, 0, sizeof err);
	assert_int_equal(settings_set_initial(groups, 2, &err), 0);
	argv[0] = strcpy(storage[0], "check");
	for (; arguments[argc - 1] != NULL; argc++)
		argv[argc] = strcpy(storage[argc], arguments[argc - 1]);
	argv[argc] = NULL;
	first_operand = -1;
	return settings_read_arguments(groups, 2, argc, argv, &first_operand, &err);
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
defaults_stand_until_something_is_said(void **state)
{
	(void)state;
	assert_int_equal(read_words((const char *const[]){NULL}), 0);
	assert_int_equal(first.on_down, STATE_CRITICAL);
	assert_true(second.port == 5432 && second.timeout_ms == 5000);
	assert_string_equal(second.host, "");
	assert_false(first.is_strict);
	assert_int_equal(first_operand, 1);
}

static void
every_type_is_read_in_every_way_to_write_it(void **state)
{
	(void)state;
	EXPECT_READ("-H", "db1", "-p", "6432", "-t", "900ms", "-f", "http", "-v", "--strict");
	assert_string_equal(second.host, "db1");
	assert_true(second.port == 6432 && second.timeout_ms == 900);
	assert_int_equal(second.format, 1);
	assert_int_equal(first.level, 1);
	assert_true(first.is_strict);
	EXPECT_READ("-Hdb1", "-p6432", "-t900ms", "-vvv");
	assert_string_equal(second.host, "db1");
	assert_true(second.port == 6432 && second.timeout_ms == 900);
	assert_int_equal(first.level, 3);
	EXPECT_READ("--host=db1", "--port", "6432", "--on-down=Warning", "--replayed=16/B374D848", "-vv",
		"--verbose");
	assert_string_equal(second.host, "db1");
	assert_int_equal(first.on_down, STATE_WARNING);
	assert_true(second.replayed == UINT64_C(0x16B374D848));
	assert_int_equal(first.level, 3);
	EXPECT_READ("--host=", "-d", "a=b --c");
	assert_string_equal(second.host, "");
	assert_string_equal(second.conninfo, "a=b --c");
	EXPECT_READ("-H", "-p"); /* what stands where a value belongs is one */
	assert_string_equal(second.host, "-p");
	EXPECT_READ("-vH", "db1");
	assert_string_equal(second.host, "db1");
	assert_int_equal(first.level, 1);
}

static void
limits_of_different_units_add_up(void **state)
{
	(void)state;
	EXPECT_READ("-w", "8MB", "-w", "10s", "-c", "16MB", "--critical=30s");
	assert_true(first.warning.of[UNIT_BYTES].end == 8388608 && first.warning.of[UNIT_SECONDS].end == 10);
	assert_true(
		first.critical.of[UNIT_BYTES].end == 16777216 && first.critical.of[UNIT_SECONDS].end == 30);
	EXPECT_REFUSED("option --critical", "-c", "16MB", "-c", "32MB");
	EXPECT_REFUSED("\"32\"", "-c", "16MB", "-c", "32"); /* plain: bytes */
	EXPECT_REFUSED("option --warning", "-w", "80%");
	EXPECT_REFUSED("option --warning", "-w", "");
}

static void
a_warning_that_is_looser_than_the_critical_limit_is_refused(void **state)
{
	(void)state;
	EXPECT_REFUSED("--warning (above 32 MB) is looser than --critical (above 16 MB)", "-w", "32MB", "-c",
		"16MB");
	assert_string_not_equal(err.hint, "");
	EXPECT_REFUSED("above 40 s", "-w", "8MB", "-c", "16MB", "-w", "40s", "-c", "30s");
	EXPECT_REFUSED("looser", "-c", "5s:", "-w", "2s:");
	EXPECT_READ("-w", "16MB", "-c", "16MB");
	EXPECT_READ("-w", "32MB", "-c", "30s"); /* nothing to compare */
	EXPECT_READ("-w", "32MB");
	EXPECT_READ("-c", "16MB", "-w", "8MB");
	EXPECT_READ("-w", "5s:", "-c", "2s:");
	/* One that warns within and one that alarms beyond. */
	EXPECT_READ("-w", "@10MB:", "-c", "~:20MB");
}

static void
what_is_given_twice_is_refused_however_it_is_written(void **state)
{
	(void)state;
	EXPECT_REFUSED("option --host is given twice", "-H", "a", "--host=b");
	EXPECT_REFUSED("option --host is given twice", "-H", "a", "-H", "a");
	EXPECT_REFUSED("option --port is given twice", "-p", "5432", "--por=5433");
	EXPECT_REFUSED("option --strict is given twice", "--strict", "--strict");
	EXPECT_REFUSED("option --timeout is given twice", "-t", "5s", "-v", "-t", "6s");
	EXPECT_REFUSED("option --on-down is given twice", "--on-down=ok", "--on-down=ok");
	EXPECT_REFUSED("option --replayed is given twice", "--replayed=0/1", "--replayed=0/1");
	EXPECT_READ("-H", "a"); /* nothing is left over from one reading to the next */
}

static void
a_missing_value_is_told_by_the_options_name(void **state)
{
	(void)state;
	EXPECT_REFUSED("option --host needs a value", "-H");
	EXPECT_REFUSED("option --host needs a value", "--host");
	EXPECT_REFUSED("option --timeout needs a value", "-v", "-t");
	EXPECT_REFUSED("option --timeout needs a value", "-vt");
	EXPECT_REFUSED("option --warning needs a value", "--warn");
}

static void
a_flag_takes_no_value(void **state)
{
	(void)state;
	EXPECT_REFUSED("option --strict takes no value", "--strict=yes");
	EXPECT_REFUSED("option --verbose takes no value", "--verbose=2");
	EXPECT_REFUSED("option --strict takes no value", "--str=");
}

static void
a_name_may_be_shortened_while_it_stays_one(void **state)
{
	(void)state;
	EXPECT_READ("--warn=8MB", "--crit=16MB", "--ho", "db1", "--t=1s", "--strict");
	assert_string_equal(second.host, "db1");
	assert_true(first.warning.of[UNIT_BYTES].is_set && second.timeout_ms == 1000);
	EXPECT_REFUSED("\"--re\"", "--re=x");
	EXPECT_REFUSED("\"--repla\"", "--repla=x");
	EXPECT_READ("--replay=file"); /* whole, though another begins with it */
	assert_string_equal(second.host, "file");
	assert_true(second.replayed == LSN_NONE);
}

static void
an_unknown_option_is_named_without_what_it_was_given(void **state)
{
	(void)state;
	EXPECT_REFUSED("\"--nonsense\"", "--nonsense");
	assert_non_null(strstr(err.hint, "--help"));
	EXPECT_REFUSED("\"-z\"", "-z");
	EXPECT_REFUSED("\"-z\"", "-vz");
	EXPECT_REFUSED("\"--password\"", "--password=sesame");
	assert_null(strstr(err.text, "sesame"));
	EXPECT_REFUSED("unknown option", "-:");
	EXPECT_REFUSED("unknown option", "-\xC3\xA9");
	EXPECT_REFUSED("\"-1\"", "-1");
}

static void
a_bad_value_is_told_with_its_option(void **state)
{
	(void)state;
	EXPECT_REFUSED("option --port: \"x\" is not a whole number", "-p", "x");
	EXPECT_REFUSED("option --port: \"0\" is out of range (1 to 65535)", "-p", "0");
	EXPECT_REFUSED("option --port: \"65536\"", "-p", "65536");
	EXPECT_REFUSED("option --timeout: \"5 apples\"", "-t", "5 apples");
	EXPECT_REFUSED("option --timeout: \"0\" is not above zero", "-t", "0");
	EXPECT_REFUSED("option --timeout: \"100us\" is not above zero", "-t", "100us");
	EXPECT_REFUSED("option --timeout: \"-1s\"", "-t", "-1s");
	EXPECT_REFUSED("option --on-down: \"bad\" is not a state", "--on-down=bad");
	EXPECT_REFUSED("option --replayed: \"16\" is not a WAL position", "--replayed=16");
	EXPECT_REFUSED("option --warning: \"a:b\"", "-w", "a:b");
	EXPECT_REFUSED("option --format: \"HTTP\" is not known", "-f", "HTTP");
	assert_string_equal(err.hint, "it is one of nagios, http, haproxy");
	EXPECT_REFUSED("option --format: \"\" is not known", "-f", "");
	EXPECT_REFUSED("option --format: \"htt\" is not known", "-f", "htt");
}

static void
a_text_is_taken_whole_or_refused_without_being_shown(void **state)
{
	(void)state;
	EXPECT_READ("-d", "123456789012345");
	assert_string_equal(second.conninfo, "123456789012345");
	EXPECT_REFUSED("option --dbname: the value is longer than 15 characters", "-d", "password=sesame1");
	assert_null(strstr(err.text, "sesame"));
	assert_string_equal(second.conninfo, "");
}

static void
operands_are_left_behind_wherever_they_stood(void **state)
{
	(void)state;
	EXPECT_READ("-v", "one", "two");
	assert_int_equal(first_operand, 2);
	EXPECT_READ("one", "-H", "db1", "two", "-v");
	assert_int_equal(first_operand, 4);
	assert_string_equal(second.host, "db1");
	EXPECT_READ("-v", "--", "-H", "db1");
	assert_int_equal(first_operand, 3);
	assert_string_equal(second.host, "");
	EXPECT_READ("-"); /* an operand by itself */
	assert_int_equal(first_operand, 1);
}

static void
a_default_that_does_not_read_is_an_error_of_the_table(void **state)
{
	static const struct setting bad_rows[] = {{.name = "port",
		.type = SETTING_INTEGER,
		SETTING_AT(struct second, port),
		.initial = "many",
		.max = 9}};
	const struct settings_group bad = {.rows = bad_rows, .count = 1, .base = &second};

	(void)state;
	assert_int_equal(settings_set_initial(&bad, 1, &err), -1);
	assert_string_equal(err.text, "option --port: \"many\" is not a whole number");
}

static void
help_shows_every_row_in_80_columns(void **state)
{
	static const struct setting long_rows[] = {{.name = "a-name-that-reaches-far-beyond-its-column",
		.type = SETTING_TEXT,
		SETTING_AT(struct second, host),
		.argument = "ARGUMENT",
		.help = "and a sentence that is long enough to be broken into several lines, "
			"because no terminal is as wide as a thought"}};
	const struct settings_group all[] = {
		groups[0], groups[1], {.title = "long", .rows = long_rows, .count = 1}};
	char storage[4096];
	struct text text;

	(void)state;
	text_init(&text, storage, sizeof storage);
	settings_write_help(all, 3, &text);
	assert_false(text.is_truncated);
	for (const char *line = storage; *line != '\0'; line += strcspn(line, "\n") + 1)
		if (strcspn(line, "\n") > 80)
			fail_msg("too wide: %.*s", (int)strcspn(line, "\n"), line);
	assert_non_null(strstr(storage, "\nfirst:\n"));
	assert_non_null(strstr(storage, "\n  -w, --warning RANGE         when to warn\n"));
	assert_non_null(strstr(storage, "\n      --strict                be strict\n"));
	assert_non_null(strstr(storage, "--on-down STATE         state when down (default: critical)\n"));
	assert_non_null(
		strstr(storage, "\n      --a-name-that-reaches-far-beyond-its-column ARGUMENT\n      "));
	assert_non_null(strstr(storage, "thought\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_stand_until_something_is_said),
		cmocka_unit_test(every_type_is_read_in_every_way_to_write_it),
		cmocka_unit_test(limits_of_different_units_add_up),
		cmocka_unit_test(a_warning_that_is_looser_than_the_critical_limit_is_refused),
		cmocka_unit_test(what_is_given_twice_is_refused_however_it_is_written),
		cmocka_unit_test(a_missing_value_is_told_by_the_options_name),
		cmocka_unit_test(a_flag_takes_no_value),
		cmocka_unit_test(a_name_may_be_shortened_while_it_stays_one),
		cmocka_unit_test(an_unknown_option_is_named_without_what_it_was_given),
		cmocka_unit_test(a_bad_value_is_told_with_its_option),
		cmocka_unit_test(a_text_is_taken_whole_or_refused_without_being_shown),
		cmocka_unit_test(operands_are_left_behind_wherever_they_stood),
		cmocka_unit_test(a_default_that_does_not_read_is_an_error_of_the_table),
		cmocka_unit_test(help_shows_every_row_in_80_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
