#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/base/err.h"

static void
set_fills_class_and_text_and_empties_the_hint(void **state)
{
	struct err err = {.class = ERR_DOWN, .text = "old", .hint = "old"};

	(void)state;
	assert_int_equal(err_set(&err, ERR_SETUP, "no role \"%s\" (%d)", "pgha", 7), -1);
	assert_int_equal(err.class, ERR_SETUP);
	assert_string_equal(err.text, "no role \"pgha\" (7)");
	assert_string_equal(err.hint, "");
}

static void
text_and_hint_are_made_clean(void **state)
{
	struct err err;

	(void)state;
	err_set(&err, ERR_DOWN, "  a\nb|c\033[0m\xFF ");
	assert_string_equal(err.text, "a b/c [0m?");
	assert_int_equal(err_hint(&err, "try\t%s", "this|that\n"), -1);
	assert_string_equal(err.hint, "try this/that");
	assert_string_equal(err.text, "a b/c [0m?");
}

static void
what_is_too_long_is_cut_and_marked(void **state)
{
	struct err err;
	char words[6000];

	(void)state;
	memset(words, 'x', sizeof words - 1);
	words[sizeof words - 1] = '\0';
	err_set(&err, ERR_DOWN, "%s", words);
	assert_int_equal(strlen(err.text), sizeof err.text - 1);
	assert_string_equal(err.text + sizeof err.text - 4, "...");
	err_hint(&err, "%s", words);
	assert_int_equal(strlen(err.hint), sizeof err.hint - 1);
	assert_string_equal(err.hint + sizeof err.hint - 4, "...");
}

static void
context_goes_in_front_and_leaves_class_and_hint(void **state)
{
	struct err err;

	(void)state;
	err_set(&err, ERR_USAGE, "\"x\" is not a number");
	err_hint(&err, "write 5");
	assert_int_equal(err_context(&err, "option --%s", "port"), -1);
	assert_int_equal(err_context(&err, "file \"%s\"", "a.ini"), -1);
	assert_string_equal(err.text, "file \"a.ini\": option --port: \"x\" is not a number");
	assert_int_equal(err.class, ERR_USAGE);
	assert_string_equal(err.hint, "write 5");
}

static void
an_error_may_be_rewritten_from_its_own_text(void **state)
{
	struct err err;

	(void)state;
	err_set(&err, ERR_DOWN, "refused");
	err_set(&err, ERR_TIMEOUT, "gave up: %s", err.text);
	assert_string_equal(err.text, "gave up: refused");
	err_context(&err, "%s", err.text);
	assert_string_equal(err.text, "gave up: refused: gave up: refused");
}

static void
a_context_of_any_length_stays_within_the_text(void **state)
{
	struct err err;
	char words[6000];

	(void)state;
	memset(words, 'y', sizeof words - 1);
	words[sizeof words - 1] = '\0';
	err_set(&err, ERR_DOWN, "refused");
	err_context(&err, "%s", words);
	assert_int_equal(strlen(err.text), sizeof err.text - 1);
	assert_string_equal(err.text + sizeof err.text - 4, "...");
}

static void
every_class_has_a_name_that_reads_back(void **state)
{
	static const char *const names[ERR_CLASS_COUNT] = {
		"none", "down", "timeout", "full", "setup", "protocol", "usage"};

	(void)state;
	for (enum err_class class = ERR_NONE; class < ERR_CLASS_COUNT; class ++) {
		assert_string_equal(err_class_name(class), names[class]);
		assert_int_equal(err_class_parse(names[class]), class);
	}
}

static void
what_names_no_class_is_told_apart(void **state)
{
	static const char *const names[] = {"", "Down", "DOWN", "dow", "downs", " down", "unknown"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_int_equal(err_class_parse(names[i]), ERR_CLASS_COUNT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_fills_class_and_text_and_empties_the_hint),
		cmocka_unit_test(text_and_hint_are_made_clean),
		cmocka_unit_test(what_is_too_long_is_cut_and_marked),
		cmocka_unit_test(context_goes_in_front_and_leaves_class_and_hint),
		cmocka_unit_test(an_error_may_be_rewritten_from_its_own_text),
		cmocka_unit_test(a_context_of_any_length_stays_within_the_text),
		cmocka_unit_test(every_class_has_a_name_that_reads_back),
		cmocka_unit_test(what_names_no_class_is_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
