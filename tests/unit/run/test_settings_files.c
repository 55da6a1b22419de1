#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/model/lsn.h"
#include "lib/model/state.h"
#include "lib/run/settings.h"

/* One of each type, in two groups as the sections of a file have them. */
struct first {
	struct limit warning, critical;
	bool is_strict;
	int level;
	enum state on_down;
	uint64_t replayed;
};

struct second {
	char conninfo[32], log[16];
	int64_t port, max_age_ms;
	int format;
};

static const char *const words[] = {"nagios", "http", "haproxy", NULL};

#define LAG_UNITS (1U << UNIT_BYTES | 1U << UNIT_SECONDS)
#define FIRST(member) SETTING_AT(struct first, member)
#define SECOND(member) SETTING_AT(struct second, member)

static const struct setting first_rows[] = {
	{.name = "warning",
		.letter = 'w',
		.type = SETTING_LIMIT,
		FIRST(warning),
		.help = "when to warn",
		.accepted = LAG_UNITS,
		.plain = UNIT_BYTES},
	{.name = "critical",
		.letter = 'c',
		.type = SETTING_LIMIT,
		FIRST(critical),
		.help = "when to alarm",
		.accepted = LAG_UNITS,
		.plain = UNIT_BYTES},
	{.name = "be-strict", .type = SETTING_FLAG, FIRST(is_strict), .help = "be strict"},
	{.name = "verbose", .type = SETTING_COUNT, FIRST(level), .help = "say more"},
	{.name = "on-down",
		.type = SETTING_STATE,
		FIRST(on_down),
		.initial = "critical",
		.help = "state when down"},
	{.name = "replayed", .type = SETTING_LSN, FIRST(replayed), .help = "position"},
};

static const struct setting second_rows[] = {
	{.name = "conninfo",
		.type = SETTING_TEXT,
		SECOND(conninfo),
		.help = "whom to ask",
		.is_secret = true},
	{.name = "log", .type = SETTING_TEXT, SECOND(log), .help = "where to say what changed"},
	{.name = "port", .type = SETTING_INTEGER, SECOND(port), .help = "where", .min = 1, .max = 65535},
	{.name = "max-age",
		.type = SETTING_DURATION,
		SECOND(max_age_ms),
		.initial = "3s",
		.help
		= "facts that are older than this are not believed any more, whatever they said, and the "
		  "answer is unknown"},
	{.name = "format", .type = SETTING_WORD, SECOND(format), .words = words, .help = "form"},
};

static struct first first;
static struct second second;
static struct settings_given given;
static struct err err;

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

static int
begin(void **state)
{
	(void)state;
	memset(&first, 0, sizeof first);
	memset(&second, 0, sizeof second);
	memset(&given, 0, sizeof given);
	memset(&err, 0, sizeof err);
	return settings_set_initial(groups, 2, &err);
}

static void
take(const char *name, const char *value)
{
	if (settings_take(&given, groups, 2, name, value, &err) != 0)
		fail_msg("%s = %s: refused: %s", name, value, err.text);
}

/* In a section of its own, refused as usage with exactly this text. */
static void
expect_refused(const char *name, const char *value, const char *wanted)
{
	memset(&given, 0, sizeof given);
	if (settings_take(&given, groups, 2, name, value, &err) != -1)
		fail_msg("%s = %s: taken, instead of \"%s\"", name, value, wanted);
	assert_int_equal(err.class, ERR_USAGE);
	assert_string_equal(err.text, wanted);
}

/* -- reading ----------------------------------------------------------------------------------- */

static void
a_row_is_found_by_either_spelling(void **state)
{
	const struct settings_group *group = NULL;

	(void)state;
	assert_ptr_equal(settings_find(groups, 2, "max_age", &group), &second_rows[3]);
	assert_ptr_equal(group, &groups[1]);
	assert_ptr_equal(settings_find(groups, 2, "max-age", NULL), &second_rows[3]);
	assert_ptr_equal(settings_find(groups, 2, "warning", &group), &first_rows[0]);
	assert_ptr_equal(group, &groups[0]);
	group = NULL;
	assert_null(settings_find(groups, 2, "max", &group));
	assert_null(settings_find(groups, 2, "max_ages", &group));
	assert_null(settings_find(groups, 2, "Max_age", &group));
	assert_null(settings_find(groups, 2, "", &group));
	assert_null(settings_find(groups, 1, "max_age", &group));
	assert_null(settings_find(groups, 0, "warning", &group));
	assert_null(group);
}

static void
every_type_is_read(void **state)
{
	(void)state;
	take("max_age", "250ms");
	take("on-down", "Warning");
	take("port", "8008");
	take("format", "http");
	take("log", "stderr");
	take("replayed", "16/B374D848");
	take("verbose", "2");
	assert_true(second.max_age_ms == 250 && second.port == 8008);
	assert_int_equal(first.on_down, STATE_WARNING);
	assert_int_equal(second.format, 1);
	assert_string_equal(second.log, "stderr");
	assert_true(first.replayed == UINT64_C(0x16B374D848));
	assert_int_equal(first.level, 2);
}

static void
a_flag_is_a_word_of_yes_or_no(void **state)
{
	static const char *const yes[] = {"yes", "on", "true", "1", "YES", "True"};
	static const char *const no[] = {"no", "off", "false", "0", "No", "OFF"};

	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(begin(state), 0);
		take("be_strict", yes[i]);
		assert_true(first.is_strict);
		memset(&given, 0, sizeof given);
		take("be_strict", no[i]);
		assert_false(first.is_strict);
	}
	expect_refused("be_strict", "2", "setting \"be_strict\": \"2\" is neither yes nor no");
	expect_refused("be_strict", "y", "setting \"be_strict\": \"y\" is neither yes nor no");
	expect_refused("be-strict", "", "setting \"be_strict\": \"\" is neither yes nor no");
}

static void
a_count_is_a_number(void **state)
{
	(void)state;
	take("verbose", "3");
	memset(&given, 0, sizeof given);
	take("verbose", "0");
	assert_int_equal(first.level, 0);
	expect_refused("verbose", "-1", "setting \"verbose\": \"-1\" is out of range (0 to 2147483647)");
	expect_refused("verbose", "2147483648",
		"setting \"verbose\": \"2147483648\" is out of range (0 to 2147483647)");
	expect_refused("verbose", "yes", "setting \"verbose\": \"yes\" is not a whole number");
}

static void
what_is_given_twice_is_refused(void **state)
{
	(void)state;
	take("max_age", "1s");
	assert_int_equal(settings_take(&given, groups, 2, "max-age", "2s", &err), -1);
	assert_string_equal(err.text, "setting \"max_age\" is given twice");
	take("verbose", "1"); /* which repeats as an option */
	assert_int_equal(settings_take(&given, groups, 2, "verbose", "1", &err), -1);
	assert_string_equal(err.text, "setting \"verbose\" is given twice");
	take("log", ""); /* even if it was empty */
	assert_int_equal(settings_take(&given, groups, 2, "log", "stderr", &err), -1);
	memset(&given, 0, sizeof given); /* the next section */
	take("max_age", "2s");
	assert_true(second.max_age_ms == 2000);
}

static void
limits_add_up_within_a_section(void **state)
{
	(void)state;
	take("critical", "16MB");
	take("critical", "30s");
	assert_true(
		first.critical.of[UNIT_BYTES].end == 16777216 && first.critical.of[UNIT_SECONDS].end == 30);
	assert_int_equal(settings_take(&given, groups, 2, "critical", "32MB", &err), -1);
	assert_string_equal(err.text, "setting \"critical\": \"32MB\" sets a limit that was set before");
	/* The next one does not keep what the other had. */
	memset(&given, 0, sizeof given);
	take("critical", "32MB");
	assert_true(first.critical.of[UNIT_BYTES].end == 33554432);
	assert_false(first.critical.of[UNIT_SECONDS].is_set);
	memset(&given, 0, sizeof given);
	take("critical", "");
	assert_false(first.critical.of[UNIT_BYTES].is_set);
}

static void
only_texts_and_limits_may_be_empty(void **state)
{
	(void)state;
	take("log", "");
	take("conninfo", "");
	take("warning", "");
	expect_refused("port", "", "setting \"port\": \"\" is not a whole number");
	expect_refused("max_age", "", "setting \"max_age\": \"\" is not a duration");
	expect_refused("format", "", "setting \"format\": \"\" is not known");
	expect_refused("on_down", "", "setting \"on_down\": \"\" is not a state");
	expect_refused("replayed", "", "setting \"replayed\": \"\" is not a WAL position");
	expect_refused("verbose", "", "setting \"verbose\": \"\" is not a whole number");
}

static void
a_bad_value_is_told_with_its_key(void **state)
{
	(void)state;
	expect_refused("max-age", "soon", "setting \"max_age\": \"soon\" is not a duration");
	assert_string_equal(err.hint, "write it like 500ms, 5s or 1min");
	expect_refused("max_age", "0", "setting \"max_age\": \"0\" is not above zero");
	assert_true(second.max_age_ms == 3000); /* it was left alone */
	expect_refused("port", "70000", "setting \"port\": \"70000\" is out of range (1 to 65535)");
	expect_refused("conninfo", "host=a port=1 password=sesame123456",
		"setting \"conninfo\": the value is longer than 31 characters");
	assert_null(strstr(err.hint, "sesame"));
}

static void
an_unknown_key_is_told_with_the_nearest(void **state)
{
	(void)state;
	expect_refused("max_aeg", "3s", "unknown setting \"max_aeg\"");
	assert_string_equal(err.hint, "did you mean \"max_age\"?");
	expect_refused("conninf", "password=sesame", "unknown setting \"conninf\"");
	expect_refused("nonsense", "1", "unknown setting \"nonsense\"");
	assert_string_equal(err.hint,
		"known here are warning, critical, be_strict, verbose, on_down, replayed, conninfo, log, "
		"port, "
		"max_age, format");
}

static void
a_looser_warning_is_told_as_a_file_has_it(void **state)
{
	(void)state;
	take("warning", "32MB");
	assert_int_equal(settings_check_section(groups, 2, &err), 0);
	take("critical", "16MB");
	assert_int_equal(settings_check_section(groups, 2, &err), -1);
	assert_int_equal(err.class, ERR_USAGE);
	assert_string_equal(err.text, "setting warning (above 32 MB) is looser than critical (above 16 MB)");
	assert_null(strstr(err.hint, "-w"));
	memset(&given, 0, sizeof given);
	take("critical", "64MB");
	assert_int_equal(settings_check_section(groups, 2, &err), 0);
}

static void
more_rows_than_can_be_noted_are_refused(void **state)
{
	static struct setting rows[SETTINGS_MAX + 1];
	static char names[SETTINGS_MAX + 1][8];
	const struct settings_group many = {.rows = rows, .count = SETTINGS_MAX + 1, .base = &first};

	(void)state;
	for (size_t i = 0; i <= SETTINGS_MAX; i++) {
		snprintf(names[i], sizeof names[i], "row-%zu", i);
		rows[i] = (struct setting){.name = names[i], .type = SETTING_FLAG, FIRST(is_strict)};
	}
	assert_int_equal(settings_take(&given, &many, 1, names[SETTINGS_MAX - 1], "yes", &err), 0);
	assert_int_equal(settings_take(&given, &many, 1, names[SETTINGS_MAX], "yes", &err), -1);
}

/* -- near misses ------------------------------------------------------------------------------- */

static void
expect_nearest(const char *name, const char *wanted)
{
	const char *nearest = settings_nearest(groups, 2, name);

	if (nearest == NULL && wanted != NULL)
		fail_msg("nothing is near \"%s\"", name);
	if (nearest != NULL && (wanted == NULL || strcmp(nearest, wanted) != 0))
		fail_msg("\"%s\" is near \"%s\"", nearest, name);
}

static void
a_slip_is_near(void **state)
{
	(void)state;
	expect_nearest("criticl", "critical");    /* left out */
	expect_nearest("critticall", "critical"); /* added, twice */
	expect_nearest("kritical", "critical");   /* changed */
	expect_nearest("vrebose", "verbose");     /* swapped */
	expect_nearest("prot", "port");
	expect_nearest("lgo", "log"); /* one slip, though "changed" it would be two */
	expect_nearest("CRITICAL", "critical");
	expect_nearest("max_age", "max-age");
	expect_nearest("maxage", "max-age");
}

static void
what_is_far_is_not_near(void **state)
{
	static char long_name[300];

	(void)state;
	expect_nearest("lag", "log");
	expect_nearest("lac", NULL); /* two of three letters */
	expect_nearest("pirate", NULL);
	expect_nearest("x", NULL);
	expect_nearest("", NULL);
	expect_nearest("timeout", NULL);
	memset(long_name, 'x', sizeof long_name - 1);
	expect_nearest(long_name, NULL);
	assert_null(settings_nearest(groups, 0, "critical"));
}

static void
at_most_three_slips_are_near(void **state)
{
	static const char *const names[] = {"abcdefghijklmnop", NULL};

	(void)state;
	assert_string_equal(settings_nearest_word(names, "xbcdexghijkxmnop"), names[0]);
	assert_null(settings_nearest_word(names, "xbcdexghijkxmnox"));
}

static void
words_are_near_in_the_same_way(void **state)
{
	static const char *const sections[] = {"agent", "postgres", "peer", "listen", NULL};
	static const char *const none[] = {NULL};

	(void)state;
	assert_string_equal(settings_nearest_word(sections, "agnet"), "agent");
	assert_string_equal(settings_nearest_word(sections, "postgresql"), "postgres");
	assert_string_equal(settings_nearest_word(sections, "pear"), "peer");
	assert_null(settings_nearest_word(sections, "patroni"));
	assert_null(settings_nearest_word(none, "agent"));
	/* The best, not the first. */
	assert_string_equal(
		settings_nearest_word((const char *const[]){"listed", "listen", NULL}, "listn"), "listen");
}

static int
read_option(const char *option)
{
	char program[] = "check", argument[64];
	char *argv[] = {program, argument, NULL};
	int first_operand;

	strcpy(argument, option);
	return settings_read_arguments(groups, 2, 2, argv, &first_operand, &err);
}

static void
an_unknown_option_is_told_with_the_nearest(void **state)
{
	(void)state;
	assert_int_equal(read_option("--critcal=16MB"), -1);
	assert_string_equal(err.text, "unknown or ambiguous option \"--critcal\"");
	assert_string_equal(err.hint, "did you mean --critical? --help lists the options");
	assert_int_equal(read_option("--max_age"), -1);
	assert_string_equal(err.hint, "did you mean --max-age? --help lists the options");
	assert_int_equal(read_option("--nonsense"), -1);
	assert_string_equal(err.hint, "--help lists the options");
	assert_int_equal(read_option("--=x"), -1);
	assert_string_equal(err.hint, "--help lists the options");
}

/* -- writing ----------------------------------------------------------------------------------- */

static char written[1024];
static struct text text;

/* The value in effect, or NULL. */
static const char *
value_of(const char *name, size_t index)
{
	const struct settings_group *group = NULL;
	const struct setting *row = settings_find(groups, 2, name, &group);

	text_init(&text, written, sizeof written);
	if (settings_write_value(group, row, index, &text))
		return written;
	assert_string_equal(written, "");
	return NULL;
}

/* What is given comes out as `wanted`, and that is read as the same. */
static void
expect_written(const char *name, const char *value, const char *wanted)
{
	struct first first_before;
	struct second second_before;
	char storage[128];

	memset(&given, 0, sizeof given);
	take(name, value);
	assert_non_null(value_of(name, 0));
	assert_string_equal(written, wanted);
	first_before = first;
	second_before = second;
	strcpy(storage, written);
	memset(&given, 0, sizeof given);
	take(name, storage);
	assert_memory_equal(&first_before, &first, sizeof first);
	assert_memory_equal(&second_before, &second, sizeof second);
	assert_null(value_of(name, 1));
}

static void
values_are_written_as_one_would(void **state)
{
	(void)state;
	expect_written("max_age", "250ms", "250ms");
	expect_written("max_age", "3000ms", "3s");
	expect_written("max_age", "1500ms", "1500ms");
	expect_written("max_age", "90s", "90s");
	expect_written("max_age", "120", "2min");
	expect_written("max_age", "366d", "366d");
	expect_written("max_age", "0.5ms", "1ms");
	expect_written("be_strict", "TRUE", "yes");
	expect_written("be_strict", "0", "no");
	expect_written("verbose", "2", "2");
	expect_written("on_down", "Unknown", "unknown");
	expect_written("port", "8008", "8008");
	expect_written("format", "haproxy", "haproxy");
	expect_written("log", "a b;c", "a b;c");
	expect_written("replayed", "0016/0374D848", "16/374D848");
	expect_written("conninfo", "host=a user=b", "host=a user=b");
}

static void
ranges_are_written_with_units(void **state)
{
	(void)state;
	expect_written("critical", "16MB", "16MB");
	expect_written("critical", "16777216", "16MB");
	expect_written("critical", "16777217", "16777217B");
	expect_written("critical", "1.5MB", "1536kB");
	expect_written("critical", "0.3MB", "314572.8B");
	expect_written("critical", "100ms", "100ms");
	expect_written("critical", "0.1s", "100ms");
	expect_written("critical", "0.0000005s", "0.0000005s");
	expect_written("critical", "0", "0B");
	expect_written("critical", "10:", "10B:");
	expect_written("critical", "0s:", "0s:");
	expect_written("critical", "-5s:5s", "-5s:5s");
	expect_written("critical", "~:30s", "~:30s");
	expect_written("critical", "@1min:1h", "@1min:1h");
	expect_written("critical", "@~:5", "@~:5B");
	expect_written("critical", "~:", "~:");
	expect_written("critical", "8192TB", "8192TB");
	memset(&given, 0, sizeof given);
	take("critical", "-0:5");
	take("critical", "-0s:");
	assert_string_equal(value_of("critical", 0), "5B");
	assert_string_equal(value_of("critical", 1), "0s:");
}

static void
each_unit_of_a_limit_is_a_value(void **state)
{
	(void)state;
	assert_null(value_of("critical", 0));
	take("critical", "30s");
	take("critical", "16MB");
	assert_string_equal(value_of("critical", 0), "16MB");
	assert_string_equal(value_of("critical", 1), "30s");
	assert_null(value_of("critical", 2));
}

static void
what_is_empty_has_no_value(void **state)
{
	(void)state;
	assert_null(value_of("conninfo", 0));
	assert_null(value_of("port", 0)); /* 0 is none */
	assert_null(value_of("replayed", 0));
	second.max_age_ms = 0;
	assert_null(value_of("max_age", 0));
	second.format = -1;
	assert_null(value_of("format", 0));
	second.format = 3;
	assert_null(value_of("format", 0));
}

static void
a_secret_is_not_written(void **state)
{
	(void)state;
	take("conninfo", "host=a password=sesame user=b");
	assert_string_equal(value_of("conninfo", 0), "host=a password=*** user=b");
	take("log", "password=x"); /* no connection string */
	assert_string_equal(value_of("log", 0), "password=x");
}

static void
a_value_cannot_be_two_lines(void **state)
{
	(void)state;
	take("log", "a\n[b]\x7F\x01");
	assert_string_equal(value_of("log", 0), "a?[b]??");
}

static void
a_section_is_written_in_lines(void **state)
{
	(void)state;
	take("critical", "16MB");
	take("critical", "30s");
	take("be_strict", "yes");
	text_init(&text, written, sizeof written);
	settings_write_section(&groups[0], false, &text);
	assert_string_equal(written,
		"critical = 16MB\n"
		"critical = 30s\n"
		"be_strict = yes\n"
		"verbose = 0\n"
		"on_down = critical\n");
}

static void
a_documented_section_has_every_row(void **state)
{
	(void)state;
	take("conninfo", "password=sesame");
	text_init(&text, written, sizeof written);
	settings_write_section(&groups[1], true, &text);
	assert_string_equal(written,
		"; whom to ask\n"
		"conninfo = password=***\n"
		"\n"
		"; where to say what changed\n"
		";log =\n"
		"\n"
		"; where\n"
		";port =\n"
		"\n"
		"; facts that are older than this are not believed any more, whatever they said, and the "
		"answer is\n"
		"; unknown\n"
		"max_age = 3s\n"
		"\n"
		"; form\n"
		"format = nagios\n");
	for (const char *line = written; *line != '\0'; line += strcspn(line, "\n") + 1)
		assert_true(strcspn(line, "\n") <= 100);
}

static void
groups_of_one_section_are_kept_apart(void **state)
{
	(void)state;
	take("log", "[::1]"); /* like a header, but none */
	text_init(&text, written, sizeof written);
	text_add(&text, "[agent]\n");
	settings_write_section(
		&(struct settings_group){.rows = &second_rows[1], .count = 1, .base = &second}, true, &text);
	settings_write_section(
		&(struct settings_group){.rows = &second_rows[2], .count = 1, .base = &second}, true, &text);
	assert_string_equal(written,
		"[agent]\n"
		"; where to say what changed\n"
		"log = [::1]\n"
		"\n"
		"; where\n"
		";port =\n");
}

/* Cut where the room ends, and told. */
static void
what_does_not_fit_is_cut(void **state)
{
	char small[24];

	(void)state;
	text_init(&text, small, sizeof small);
	settings_write_section(&groups[1], true, &text);
	assert_true(text.is_truncated);
	assert_string_equal(small, "; whom to ask\n;conninfo");
}

#define TEST(function) cmocka_unit_test_setup(function, begin)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_row_is_found_by_either_spelling),
		TEST(every_type_is_read),
		TEST(a_flag_is_a_word_of_yes_or_no),
		TEST(a_count_is_a_number),
		TEST(what_is_given_twice_is_refused),
		TEST(limits_add_up_within_a_section),
		TEST(only_texts_and_limits_may_be_empty),
		TEST(a_bad_value_is_told_with_its_key),
		TEST(an_unknown_key_is_told_with_the_nearest),
		TEST(a_looser_warning_is_told_as_a_file_has_it),
		TEST(more_rows_than_can_be_noted_are_refused),
		TEST(a_slip_is_near),
		TEST(what_is_far_is_not_near),
		TEST(at_most_three_slips_are_near),
		TEST(words_are_near_in_the_same_way),
		TEST(an_unknown_option_is_told_with_the_nearest),
		TEST(values_are_written_as_one_would),
		TEST(ranges_are_written_with_units),
		TEST(each_unit_of_a_limit_is_a_value),
		TEST(what_is_empty_has_no_value),
		TEST(a_secret_is_not_written),
		TEST(a_value_cannot_be_two_lines),
		TEST(a_section_is_written_in_lines),
		TEST(a_documented_section_has_every_row),
		TEST(groups_of_one_section_are_kept_apart),
		TEST(what_does_not_fit_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
