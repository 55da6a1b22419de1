#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/run/settings.h"

/* What a store has: a namespace needs a scope, and a time left one that is asked for, or a recording. */
struct limits {
	char scope[16], name_space[16];
	int64_t ttl_ms;
	bool is_open, is_deaf;
	int64_t count;
};

struct options {
	char replay[16];
};

static const struct setting limit_rows[] = {
	{.name = "scope",
		.type = SETTING_TEXT,
		SETTING_AT(struct limits, scope),
		.argument = "SCOPE",
		.help = "whose lock"},
	{.name = "name-space",
		.type = SETTING_TEXT,
		SETTING_AT(struct limits, name_space),
		.initial = "service",
		.argument = "NAME",
		.help = "where",
		.needs = "scope"},
	{.name = "min-ttl",
		.type = SETTING_DURATION,
		SETTING_AT(struct limits, ttl_ms),
		.initial = "5s",
		.argument = "DURATION",
		.help = "left",
		.needs = "scope,replay"},
	{.name = "open", .type = SETTING_FLAG, SETTING_AT(struct limits, is_open), .help = "let in"},
	{.name = "deaf", .type = SETTING_FLAG, SETTING_AT(struct limits, is_deaf), .help = "ask nobody"},
	{.name = "count",
		.type = SETTING_INTEGER,
		SETTING_AT(struct limits, count),
		.initial = "3",
		.min = 1,
		.max = 9,
		.argument = "NUMBER",
		.help = "so many",
		.needs = "open",
		.vain_with = "deaf"},
};

static const struct setting option_rows[] = {
	{.name = "replay",
		.type = SETTING_TEXT,
		SETTING_AT(struct options, replay),
		.argument = "FILE",
		.help = "from there"},
};

static struct limits limits;
static struct options options;
static struct err err;
static const struct settings_group groups[] = {
	{.rows = limit_rows, .count = sizeof limit_rows / sizeof limit_rows[0], .base = &limits},
	{.rows = option_rows, .count = sizeof option_rows / sizeof option_rows[0], .base = &options},
};

static void
begin(void)
{
	memset(&limits, 0, sizeof limits);
	memset(&options, 0, sizeof options);
	memset(&err, 0, sizeof err);
	assert_int_equal(settings_set_initial(groups, 2, &err), 0);
}

/* `count` of the groups are those that are read. */
static int
read_words(size_t count, const char *const *words)
{
	static char storage[8][32];
	char *argv[9];
	int argc = 1, first;

	begin();
	argv[0] = strcpy(storage[0], "check");
	for (; words[argc - 1] != NULL; argc++)
		argv[argc] = strcpy(storage[argc], words[argc - 1]);
	argv[argc] = NULL;
	return settings_read_arguments(groups, count, argc, argv, &first, &err);
}

#define READ(...) read_words(2, (const char *const[]){__VA_ARGS__, NULL})

/* A section of a file with one or two settings. */
static int
read_section(const char *name, const char *value, const char *other, const char *other_value)
{
	struct settings_given given = {.is_given = {false}};

	begin();
	assert_int_equal(settings_take(&given, groups, 1, name, value, &err), 0);
	if (other != NULL)
		assert_int_equal(settings_take(&given, groups, 1, other, other_value, &err), 0);
	return settings_check_section(groups, 1, &err);
}

static void
test_options(void **state)
{
	(void)state;
	assert_int_equal(READ("--name-space", "db"), -1);
	assert_int_equal(err.class, ERR_USAGE);
	assert_string_equal(err.text, "option --name-space has no effect without --scope");
	assert_string_equal(err.hint, "--scope SCOPE: whose lock");
	/* Whoever writes the default believes in it all the same. */
	assert_int_equal(READ("--name-space", "service"), -1);
	assert_int_equal(READ("--name-space", "db", "--scope", "demo"), 0);
	assert_int_equal(READ("--scope", "demo"), 0);
	assert_int_equal(READ("--count", "3"), -1);
	assert_string_equal(err.text, "option --count has no effect without --open");
	assert_string_equal(err.hint, "--open: let in");
	assert_int_equal(READ("--open", "--count", "3"), 0);
}

static void
test_any_of_several_will_do(void **state)
{
	(void)state;
	assert_int_equal(READ("--min-ttl", "1s"), -1);
	assert_string_equal(err.text, "option --min-ttl has no effect without --scope");
	assert_int_equal(READ("--min-ttl", "1s", "--scope", "demo"), 0);
	assert_int_equal(READ("--min-ttl", "1s", "--replay", "x"), 0);
}

static void
test_what_another_rules_out(void **state)
{
	(void)state;
	assert_int_equal(READ("--open", "--count", "3", "--deaf"), -1);
	assert_string_equal(err.text, "option --count has no effect with --deaf");
	assert_string_equal(err.hint, "leave one of them out");
	assert_int_equal(READ("--open", "--deaf"), 0);
	assert_int_equal(read_section("deaf", "yes", "open", "yes"), 0);
	limits.count = 4;
	assert_int_equal(settings_check_section(groups, 1, &err), -1);
	assert_string_equal(err.text, "setting \"count\" has no effect with \"deaf\"");
}

static void
test_files(void **state)
{
	(void)state;
	assert_int_equal(read_section("name_space", "db", NULL, NULL), -1);
	assert_string_equal(err.text, "setting \"name_space\" has no effect without \"scope\"");
	assert_string_equal(err.hint, "scope: whose lock");
	assert_int_equal(read_section("name_space", "db", "scope", "demo"), 0);
	assert_int_equal(read_section("name_space", "db", "scope", ""), -1);
	assert_int_equal(read_section("min_ttl", "1s", NULL, NULL), -1);
	assert_int_equal(read_section("count", "4", "open", "no"), -1);
	assert_int_equal(read_section("count", "4", "open", "yes"), 0);
}

/* A sample file has every setting at its default. */
static void
test_a_default_in_a_file_claims_nothing(void **state)
{
	(void)state;
	assert_int_equal(read_section("name_space", "service", NULL, NULL), 0);
	assert_int_equal(read_section("name_space", "", NULL, NULL), 0);
	assert_int_equal(read_section("min_ttl", "5000ms", NULL, NULL), 0);
	assert_int_equal(read_section("count", "3", "open", "no"), 0);
}

/* In the agent another section says whom to ask. */
static void
test_what_is_not_among_them_is_not_needed(void **state)
{
	struct settings_group alone = {.rows = limit_rows + 1, .count = 2, .base = &limits};
	struct settings_given given = {.is_given = {false}};

	(void)state;
	begin();
	assert_int_equal(settings_take(&given, &alone, 1, "name_space", "db", &err), 0);
	assert_int_equal(settings_check_section(&alone, 1, &err), 0);
	/* Only the first of several counts for that: without a --replay, a scope is needed still. */
	assert_int_equal(read_words(1, (const char *const[]){"--min-ttl", "1s", NULL}), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_any_of_several_will_do),
		cmocka_unit_test(test_what_another_rules_out),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_a_default_in_a_file_claims_nothing),
		cmocka_unit_test(test_what_is_not_among_them_is_not_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
