#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/collect/conf_line.h"

static struct conf_line line;

static void
settings_are_read_as_the_server_reads_them(void **state)
{
	static const struct {
		const char *text, *name, *value;
	} cases[] = {
		{"wal_level = replica", "wal_level", "replica"},
		{"wal_level=replica", "wal_level", "replica"},
		{"\t Wal_Level\t\treplica \r", "Wal_Level", "replica"},
		{"wal_level replica # a comment", "wal_level", "replica"},
		{"wal_level = replica#a comment", "wal_level", "replica"},
		{"max_connections = 100", "max_connections", "100"},
		{"a = -1", "a", "-1"},
		{"a = +0x1FkB", "a", "+0x1FkB"},
		{"a = 0x", "a", "0x"},
		{"a = 10GB", "a", "10GB"},
		{"a = 1.5e+3", "a", "1.5e+3"},
		{"a = .", "a", "."},
		{"a = a/b:c-d", "a", "a/b:c-d"},
		{"a = a.b.c", "a", "a.b.c"},
		{"a.b = c", "a.b", "c"},
		{"\xC3\xA9 = \xC3\xA9", "\xC3\xA9", "\xC3\xA9"},
		{"a = ''", "a", ""},
		{"a='b'#c", "a", "b"},
		{"a = 'it''s'", "a", "it's"},
		{"a = 'it\\'s \\\\'", "a", "it's \\"},
		{"a = '\\101\\x\\n\\t\\b\\f\\r'", "a", "Ax\n\t\b\f\r"},
		{"a = '\\1012\\60'", "a", "A20"},
		{"a = 'a = ''b'' # c'", "a", "a = 'b' # c"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err err;

		if (conf_line_read(cases[i].text, strlen(cases[i].text), &line, &err) != 0)
			fail_msg("\"%s\": %s", cases[i].text, err.text);
		assert_false(line.is_empty);
		assert_false(line.is_cut);
		assert_string_equal(line.name, cases[i].name);
		assert_string_equal(line.value, cases[i].value);
	}
}

static void
blank_lines_and_comments_are_empty(void **state)
{
	static const char *const cases[] = {"", " ", "\t\r", "#", "  # wal_level = replica", "#'"};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(conf_line_read(cases[i], strlen(cases[i]), &line, &err), 0);
		assert_true(line.is_empty);
	}
}

static void
what_the_server_calls_a_syntax_error_is_one(void **state)
{
	static const struct {
		const char *text, *told;
	} cases[] = {
		{"secret", "syntax error: a name without a value"},
		{"secret =", "syntax error: a name without a value"},
		{"secret = # none", "syntax error: a name without a value"},
		{"= secret", "syntax error: the line does not begin with the name of a setting"},
		{"'secret' = a", "syntax error: the line does not begin with the name of a setting"},
		{"5x = secret", "syntax error: the line does not begin with the name of a setting"},
		{"wal-level = secret", "syntax error: the line does not begin with the name of a setting"},
		{"a.b.c = secret", "syntax error: the line does not begin with the name of a setting"},
		{"\fa = secret", "syntax error: the line does not begin with the name of a setting"},
		{"a = 'secret", "syntax error: a quote that does not end on the line"},
		{"a = 'secret\\'", "syntax error: a quote that does not end on the line"},
		{"a = 'secret''", "syntax error: a quote that does not end on the line"},
		{"a = \"secret\"", "syntax error: this value needs quotes"},
		{"a = = secret", "syntax error: this value needs quotes"},
		{"a = secret.b", "syntax error: this value needs quotes"},
		{"a = *", "syntax error: this value needs quotes"},
		{"a = -", "syntax error: this value needs quotes"},
		{"a = secret, b", "syntax error: something behind the value"},
		{"a = secret'", "syntax error: something behind the value"},
		{"a = 'b' 'secret'", "syntax error: something behind the value"},
		{"a = 10 s", "syntax error: something behind the value"},
		{"a = 1.5GB", "syntax error: something behind the value"},
		{"a = 1e5", "syntax error: something behind the value"},
		{"a = 10.0.0.1", "syntax error: something behind the value"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err err;

		if (conf_line_read(cases[i].text, strlen(cases[i].text), &line, &err) != -1)
			fail_msg("\"%s\" is taken", cases[i].text);
		assert_int_equal(err.class, ERR_USAGE);
		assert_string_equal(err.text, cases[i].told);
		assert_string_not_equal(err.hint, "");
		assert_null(strstr(err.hint, "secret"));
	}
}

static void
a_zero_byte_is_no_text(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(conf_line_read("a = b\0c", 7, &line, &err), -1);
	assert_string_equal(err.text, "syntax error: a zero byte");
	assert_int_equal(conf_line_read("a = \\000", 8, &line, &err), -1);
}

static void
what_is_too_long_is_cut_and_says_so(void **state)
{
	static char text[CONF_LINE_VALUE + 64];
	struct err err;
	size_t length;

	(void)state;
	memcpy(text, "a = '", 5);
	length = CONF_LINE_VALUE - 1;
	memset(text + 5, 'x', length);
	text[5 + length] = '\'';
	assert_int_equal(conf_line_read(text, 6 + length, &line, &err), 0);
	assert_false(line.is_cut);
	assert_int_equal(strlen(line.value), length);
	memset(text + 5, 'x', length + 1);
	text[6 + length] = '\'';
	assert_int_equal(conf_line_read(text, 7 + length, &line, &err), 0);
	assert_true(line.is_cut);
	memset(text, 'n', CONF_LINE_NAME + 10);
	memcpy(text + CONF_LINE_NAME + 10, " = 1", 4);
	assert_int_equal(conf_line_read(text, CONF_LINE_NAME + 14, &line, &err), 0);
	assert_int_equal(strlen(line.name), CONF_LINE_NAME - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_are_read_as_the_server_reads_them),
		cmocka_unit_test(blank_lines_and_comments_are_empty),
		cmocka_unit_test(what_the_server_calls_a_syntax_error_is_one),
		cmocka_unit_test(a_zero_byte_is_no_text),
		cmocka_unit_test(what_is_too_long_is_cut_and_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
