#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/evaluate/sync_names.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The same verdicts come from real servers: tests/live/test_sync_names.py. */
static const struct {
	const char *value;
	enum sync_names_method method;
	int required;
	const char *names[5]; /* up to NULL */
} taken[] = {
	{"", SYNC_NAMES_OFF, 0, {NULL}},
	/* Plain lists. */
	{"a", SYNC_NAMES_PRIORITY, 1, {"a"}},
	{"a,b", SYNC_NAMES_PRIORITY, 1, {"a", "b"}},
	{" \t\n\r\f\va\v , b ", SYNC_NAMES_PRIORITY, 1, {"a", "b"}},
	{"a, A, a", SYNC_NAMES_PRIORITY, 1, {"a", "A", "a"}},
	{"_a$1, Z9_", SYNC_NAMES_PRIORITY, 1, {"_a$1", "Z9_"}},
	{"anyone, any$, first_, firsx", SYNC_NAMES_PRIORITY, 1, {"anyone", "any$", "first_", "firsx"}},
	{"ALL", SYNC_NAMES_PRIORITY, 1, {"ALL"}},
	{"off", SYNC_NAMES_PRIORITY, 1, {"off"}},
	{"\xc3\xa9, \x80\xff", SYNC_NAMES_PRIORITY, 1, {"\xc3\xa9", "\x80\xff"}},
	/* A blank of Unicode is a letter to the server. */
	{"a\xc2\xa0"
	 "b",
		SYNC_NAMES_PRIORITY, 1,
		{"a\xc2\xa0"
		 "b"}},
	/* Numbers are names unless a list in parentheses follows. */
	{"1", SYNC_NAMES_PRIORITY, 1, {"1"}},
	{"1,02", SYNC_NAMES_PRIORITY, 1, {"1", "02"}},
	{"0", SYNC_NAMES_PRIORITY, 1, {"0"}},
	{"99999999999999999999", SYNC_NAMES_PRIORITY, 1, {"99999999999999999999"}},
	{"2 (1,2)", SYNC_NAMES_PRIORITY, 2, {"1", "2"}},
	{"2(a,b)", SYNC_NAMES_PRIORITY, 2, {"a", "b"}},
	{"2(a)", SYNC_NAMES_PRIORITY, 2, {"a"}},
	{"007 ( a )", SYNC_NAMES_PRIORITY, 7, {"a"}},
	/* Quotes. */
	{"\"\"", SYNC_NAMES_PRIORITY, 1, {""}},
	{"\"\"\"\"", SYNC_NAMES_PRIORITY, 1, {"\""}},
	{"\"\"\"\"\"\",a", SYNC_NAMES_PRIORITY, 1, {"\"\"", "a"}},
	{"\"a\"\"b\"", SYNC_NAMES_PRIORITY, 1, {"a\"b"}},
	{"\"s-1\",\"host.example\"", SYNC_NAMES_PRIORITY, 1, {"s-1", "host.example"}},
	{"\" a, (b) \n\"", SYNC_NAMES_PRIORITY, 1, {" a, (b) \n"}},
	{"\"any\", \"FIRST\"", SYNC_NAMES_PRIORITY, 1, {"any", "FIRST"}},
	/* FIRST and ANY. */
	{"FIRST 1 (a)", SYNC_NAMES_PRIORITY, 1, {"a"}},
	{"first 2(a,b)", SYNC_NAMES_PRIORITY, 2, {"a", "b"}},
	{"FiRsT\t3\n(a,b)", SYNC_NAMES_PRIORITY, 3, {"a", "b"}},
	{"ANY 1 (a)", SYNC_NAMES_QUORUM, 1, {"a"}},
	{"aNy 2(a,b,c)", SYNC_NAMES_QUORUM, 2, {"a", "b", "c"}},
	{"ANY 5 (\"any\", 5)", SYNC_NAMES_QUORUM, 5, {"any", "5"}},
	/* What the server makes of numbers that are too large. */
	{"2147483647 (a)", SYNC_NAMES_PRIORITY, 2147483647, {"a"}},
	{"4294967297 (a)", SYNC_NAMES_PRIORITY, 1, {"a"}},
	{"ANY 99999999999 (a)", SYNC_NAMES_QUORUM, 1215752191, {"a"}},
};

#define ZERO "number of synchronous standbys (0) must be greater than zero"
#define HINT_OFF "leave the value empty to switch synchronous replication off"
#define HINT_COMMAS "separate names by commas"
#define HINT_COMMA "a comma stands only between two names"
#define HINT_LIST "a list holds names only"
#define HINT_NUMBER "before a list stands FIRST or ANY and a whole number"
#define HINT_PARENTHESES "put the names in parentheses, as in FIRST 1 (a, b)"
#define HINT_QUOTE "end the name with a double quote; one within a name is written twice"
#define HINT_KEYWORD "FIRST and ANY need double quotes as names"

static const struct {
	const char *value, *text, *hint;
} refused[] = {
	/* ALL is in tutorials, and to the server the name of a standby. */
	{"ALL (a, b)", "syntax error at \"(\" (character 5)",
		"there is no ALL: write FIRST 2 (a, b) or ANY 2 (a, b)"},
	{" all(a,\"b,(c\") ", "syntax error at \"(\" (character 5)",
		"there is no ALL: write FIRST 2 (a,\"b,(c\") or ANY 2 (a,\"b,(c\")"},
	{"ALL (a, _0123456789012345678901234567890123456789012345678901234567891234)",
		"syntax error at \"(\" (character 5)",
		"there is no ALL: write FIRST 2 (a, "
		"_0123456789012345678901234567890123456789012345678901234567891234) or ANY 2 (a, "
		"_0123456789012345678901234567890123456789012345678901234567891234)"},
	{"ALL (a, _01234567890123456789012345678901234567890123456789012345678912348)",
		"syntax error at \"(\" (character 5)", "there is no ALL: write FIRST 2 (...) or ANY 2 (...)"},
	{"ALL (a", "syntax error at \"(\" (character 5)",
		"there is no ALL: write FIRST or ANY, a number and the list"},
	{"ALL ()", "syntax error at \"(\" (character 5)",
		"there is no ALL: write FIRST or ANY, a number and the list"},
	{"ALL 2 (a, b)", "syntax error at \"2\" (character 5)", HINT_NUMBER},
	{"all, b (c)", "syntax error at \"(\" (character 8)", HINT_NUMBER},
	{"a, all (b)", "syntax error at \"(\" (character 8)", HINT_NUMBER},
	{"alle (b)", "syntax error at \"(\" (character 6)", HINT_NUMBER},
	/* FIRST and ANY without a number or a list. */
	{"FIRST (a)", "syntax error at \"(\" (character 7)", "FIRST needs a number: write FIRST 1 (a)"},
	{"any (a, b) x", "syntax error at \"(\" (character 5)", "ANY needs a number: write ANY 1 (a, b)"},
	{"ANY (a", "syntax error at \"(\" (character 5)",
		"write ANY with a number and a list, as in ANY 1 (a, b), or \"ANY\" for a name"},
	{"first", "syntax error at the end",
		"write FIRST with a number and a list, as in FIRST 1 (a, b), or \"first\" for a name"},
	{"Any, a", "syntax error at \",\" (character 4)",
		"write ANY with a number and a list, as in ANY 1 (a, b), or \"Any\" for a name"},
	{"FIRST a", "syntax error at \"a\" (character 7)",
		"write FIRST with a number and a list, as in FIRST 1 (a, b), or \"FIRST\" for a name"},
	{"FIRST \"1\" (a)", "syntax error at \"1\" (character 7)",
		"write FIRST with a number and a list, as in FIRST 1 (a, b), or \"FIRST\" for a name"},
	{"ANY 1", "syntax error at the end", HINT_PARENTHESES},
	{"ANY 1 a", "syntax error at \"a\" (character 7)", HINT_PARENTHESES},
	{"FIRST1 (a)", "syntax error at \"(\" (character 8)", HINT_NUMBER},
	{"\"FIRST\" 1 (a)", "syntax error at \"1\" (character 9)", HINT_NUMBER},
	{"QUORUM 1 (a)", "syntax error at \"1\" (character 8)", HINT_NUMBER},
	{"a, any", "syntax error at \"any\" (character 4)", HINT_KEYWORD},
	{"ANY 1 (FIRST)", "syntax error at \"FIRST\" (character 8)", HINT_KEYWORD},
	/* The number. */
	{"0 (a)", ZERO, HINT_OFF},
	{"FIRST 00 (a)", ZERO, HINT_OFF},
	{"ANY 0 (a)", ZERO, HINT_OFF},
	{"ANY 0 (a", "syntax error at the end", "the closing parenthesis is missing"},
	{"ANY 4294967296 (a)", ZERO, "the server takes a number past 2147483647 for another one"},
	{"2147483648 (a)", "number of synchronous standbys (-2147483648) must be greater than zero",
		"the server takes a number past 2147483647 for another one"},
	{"9223372036854775807 (a)", "number of synchronous standbys (-1) must be greater than zero",
		"the server takes a number past 2147483647 for another one"},
	{"99999999999999999999 (a)", "number of synchronous standbys (-1) must be greater than zero",
		"the server takes a number past 2147483647 for another one"},
	{"-1 (a)", "syntax error at \"-\" (character 1)", HINT_NUMBER},
	{"FIRST +1 (a)", "syntax error at \"+\" (character 7)", HINT_NUMBER},
	{"ANY 1.5 (a)", "syntax error at \".\" (character 6)", HINT_NUMBER},
	{"50% (a)", "syntax error at \"%\" (character 3)", HINT_NUMBER},
	/* Names that need quotes. */
	{"s-1", "syntax error at \"-\" (character 2)", "a name with \"-\" needs double quotes: \"s-1\""},
	{"ANY 1 (a, host.example.org)", "syntax error at \".\" (character 15)",
		"a name with \".\" needs double quotes: \"host.example.org\""},
	{"\xc3\xa9, \xc3\xa9-1", "syntax error at \"-\" (character 5)",
		"a name with \"-\" needs double quotes: \"\xc3\xa9-1\""},
	{"1a", "syntax error at \"a\" (character 2)",
		"a name that begins with a digit needs double quotes: \"1a\""},
	{"1any", "syntax error at \"any\" (character 2)",
		"a name that begins with a digit needs double quotes: \"1any\""},
	{"$a", "syntax error at \"$\" (character 1)", "a name with \"$\" needs double quotes: \"$a\""},
	{"first-1", "syntax error at \"-\" (character 6)",
		"a name with \"-\" needs double quotes: \"first-1\""},
	{"n1:5432", "syntax error at \":\" (character 3)",
		"a name with \":\" needs double quotes: \"n1:5432\""},
	{"node*", "syntax error at \"*\" (character 5)",
		"there are no patterns: \"*\" stands alone, for any standby"},
	{"*a", "syntax error at \"a\" (character 2)",
		"there are no patterns: \"*\" stands alone, for any standby"},
	{"**", "syntax error at \"*\" (character 2)",
		"there are no patterns: \"*\" stands alone, for any standby"},
	{"a\x01", "syntax error at byte 0x01 (character 2)", "a name holds no control characters"},
	{"\x7f", "syntax error at byte 0x7f (character 1)", "a name holds no control characters"},
	/* Quotes. */
	{"'a'", "syntax error at \"'\" (character 1)", "names take double quotes, not single ones"},
	{"''", "syntax error at \"'\" (character 1)", "names take double quotes, not single ones"},
	{"\"", "unterminated quoted name (character 1)", HINT_QUOTE},
	{"a, \"b", "unterminated quoted name (character 4)", HINT_QUOTE},
	{"\"\"\"", "unterminated quoted name (character 1)", HINT_QUOTE},
	{"\"a\"\"", "unterminated quoted name (character 1)", HINT_QUOTE},
	{"abc\"b\"", "syntax error at \"b\" (character 4)", HINT_COMMAS},
	{"\"a\"b-c", "syntax error at \"b\" (character 4)", HINT_COMMAS},
	/* Commas. */
	{"a b", "syntax error at \"b\" (character 3)", HINT_COMMAS},
	{"a b-c", "syntax error at \"b\" (character 3)", HINT_COMMAS},
	{"a;b", "syntax error at \";\" (character 2)", HINT_COMMAS},
	{"2 (a b)", "syntax error at \"b\" (character 6)", HINT_COMMAS},
	{"a,", "syntax error at the end", HINT_COMMA},
	{",", "syntax error at \",\" (character 1)", HINT_COMMA},
	{",a", "syntax error at \",\" (character 1)", HINT_COMMA},
	{"a,,b", "syntax error at \",\" (character 3)", HINT_COMMA},
	{"2 (a,)", "syntax error at \")\" (character 6)", HINT_COMMA},
	{"FIRST 1 (a,b),", "syntax error at \",\" (character 14)", "nothing may follow the list"},
	/* Parentheses. */
	{"(a, b)", "syntax error at \"(\" (character 1)",
		"write FIRST or ANY and a number before the list, or leave the parentheses out"},
	{"1 ((a))", "syntax error at \"(\" (character 4)", HINT_LIST},
	{"1 (2 (a))", "syntax error at \"(\" (character 6)", HINT_LIST},
	{"1 ()", "syntax error at \")\" (character 4)", "a list needs at least one name"},
	{"1 (", "syntax error at the end", "a list needs at least one name"},
	{"1 (a", "syntax error at the end", "the closing parenthesis is missing"},
	{"1 (a))", "syntax error at \")\" (character 6)", "nothing may follow the list"},
	{"1 (a) b", "syntax error at \"b\" (character 7)", "nothing may follow the list"},
	{"a)", "syntax error at \")\" (character 2)", "no parenthesis is open here"},
	{"2 a", "syntax error at \"a\" (character 3)", HINT_PARENTHESES},
	{"2 *", "syntax error at \"*\" (character 3)", HINT_PARENTHESES},
	{"1,2 (a)", "syntax error at \"(\" (character 5)", HINT_NUMBER},
	/* Only the empty value is off. */
	{" ", "syntax error at the end", HINT_OFF},
	{"\t\n\v\f\r", "syntax error at the end", HINT_OFF},
};

static struct sync_names
parse(const char *value)
{
	struct sync_names names;
	struct err err;

	if (sync_names_parse(value, &names, &err) != 0)
		fail_msg("\"%s\": %s", value, err.text);
	return names;
}

static void
what_the_server_takes_is_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(taken); i++) {
		struct sync_names names = parse(taken[i].value);
		int count = 0;

		if (names.method != taken[i].method || names.required != taken[i].required)
			fail_msg("\"%s\": method %d, requires %d", taken[i].value, names.method,
				names.required);
		for (; taken[i].names[count] != NULL; count++) {
			assert_true(count < names.name_count);
			assert_string_equal(sync_names_at(&names, count), taken[i].names[count]);
		}
		assert_int_equal(names.name_count, count);
		assert_null(sync_names_at(&names, count));
		assert_null(sync_names_at(&names, -1));
		assert_false(names.has_star);
	}
}

static void
what_the_server_refuses_is_refused_with_its_place_and_a_remedy(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct sync_names names, before;
		struct err err;

		memset(&names, 0x5A, sizeof names);
		before = names;
		if (sync_names_parse(refused[i].value, &names, &err) != -1)
			fail_msg("\"%s\" is taken", refused[i].value);
		if (strcmp(err.text, refused[i].text) != 0 || strcmp(err.hint, refused[i].hint) != 0)
			fail_msg("\"%s\": %s (%s)", refused[i].value, err.text, err.hint);
		assert_int_equal(err.class, ERR_USAGE);
		assert_memory_equal(&names, &before, sizeof names);
	}
}

static void
a_star_is_one_with_and_without_quotes(void **state)
{
	static const char *const with[] = {"*", "\"*\"", "a, *", "ANY 2 (a, \"*\", b)", "2(*,*)"};
	static const char *const without[] = {"", "a", "\"**\"", "\" *\"", "\"a*\", \"\""};

	(void)state;
	for (size_t i = 0; i < COUNT(with); i++)
		assert_true(parse(with[i]).has_star);
	for (size_t i = 0; i < COUNT(without); i++)
		assert_false(parse(without[i]).has_star);
}

/* Names of one letter, and a last one that makes the value as long as wanted. */
static const char *
value_of(size_t length)
{
	static char value[SYNC_NAMES_TEXT + 2];

	for (size_t i = 0; i < length; i++)
		value[i] = i % 2 == 0 ? 'a' : ',';
	value[length - 1] = 'z';
	value[length] = '\0';
	return value;
}

static void
a_value_of_any_length_that_a_snapshot_holds_is_read(void **state)
{
	struct sync_names names = parse(value_of(SYNC_NAMES_TEXT - 1));
	char quoted[SYNC_NAMES_TEXT];
	struct err err;

	(void)state;
	assert_int_equal(names.name_count, SYNC_NAMES_TEXT / 2);
	assert_string_equal(sync_names_at(&names, SYNC_NAMES_TEXT / 2 - 1), "z");
	assert_int_equal(sync_names_parse(value_of(SYNC_NAMES_TEXT), &names, &err), -1);
	/* The server would take it, so it must not be called wrong. */
	assert_int_equal(err.class, ERR_PROTOCOL);
	assert_string_equal(err.text, "too long to be read: 1024 bytes, at most 1023");

	memset(quoted, 'x', sizeof quoted);
	quoted[0] = quoted[sizeof quoted - 2] = '"';
	quoted[sizeof quoted - 1] = '\0';
	names = parse(quoted);
	assert_int_equal(strlen(sync_names_at(&names, 0)), SYNC_NAMES_TEXT - 3);
}

static void
a_refusal_tells_the_place_behind_however_long_a_word(void **state)
{
	char value[1000];
	struct sync_names names;
	struct err err;

	(void)state;
	memset(value, 'x', sizeof value);
	value[1] = ' ';
	value[sizeof value - 1] = '\0';
	assert_int_equal(sync_names_parse(value, &names, &err), -1);
	assert_non_null(strstr(err.text, "(character 3)"));
}

static void
the_priority_is_the_place_of_the_first_member_that_matches(void **state)
{
	static const struct {
		const char *value, *application;
		int priority;
	} cases[] = {
		{"", "a", 0},
		{"", "", 0},
		{"a, b", "a", 1},
		{"a, b", "b", 2},
		{"a, b", "c", 0},
		{"a, b", "", 0},
		{"FIRST 2 (c, b, a)", "a", 3},
		{"a, b, b", "b", 2},
		{"a, *", "a", 1},
		{"a, *", "c", 2},
		{"*, a", "a", 1},
		{"\"*\"", "a", 1},
		{"a, \"*\"", "", 2},
		{"\"**\"", "a", 0},
		{"\"*\"", "*", 1},
		{"\"a*\"", "ab", 0},
		{"\"\", a", "", 1},
		{"1, 2", "2", 2},
		{"02", "2", 0},
		{"2 (1, 2)", "2", 2},
		/* Case, of the letters of ASCII. */
		{"Alpha", "aLPHA", 1},
		{"\"Alpha\"", "alpha", 1},
		{"a_b", "A_B", 1},
		{"\"[\"", "{", 0},
		{"\xc3\xa9", "\xc3\x89", 0},
		/* No prefixes, no blanks left out. */
		{"ab", "a", 0},
		{"a", "ab", 0},
		{"\"a \"", "a", 0},
		/* A quorum has no order. */
		{"ANY 1 (a, b)", "a", 1},
		{"ANY 2 (a, b)", "B", 1},
		{"ANY 2 (a, *)", "c", 1},
		{"ANY 2 (a, b)", "c", 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sync_names names = parse(cases[i].value);
		int priority = sync_names_priority(&names, cases[i].application);

		if (priority != cases[i].priority)
			fail_msg("\"%s\" of %s: %d", cases[i].application, cases[i].value, priority);
	}
}

static void
it_is_said_as_people_say_it(void **state)
{
	static const struct {
		const char *value, *words;
	} cases[] = {
		{"", "none"},
		{"n2, n3", "the first 1 of (n2, n3)"},
		{"FIRST 2(n2,N3,n4)", "the first 2 of (n2, N3, n4)"},
		{"2 (1, 2)", "the first 2 of (1, 2)"},
		{"ANY 1 (n2, n3)", "1 of (n2, n3)"},
		{"ANY 5 (*)", "5 of (*)"},
		{"\"*\", \"b\"", "the first 1 of (*, b)"},
		/* With quotes where the setting needs them. */
		{"\"s-1\", \"\", \"a\"\"b\", \"a, b\"",
			"the first 1 of (\"s-1\", \"\", \"a\"\"b\", \"a, b\")"},
		{"\"any\", \"First\", \"1a\", \" a\", \"a \"",
			"the first 1 of (\"any\", \"First\", \"1a\", \" a\", \"a \")"},
		/* Long lists end in a count. */
		{"ANY 3 (a1234567890123456789, b1234567890123456789, c1234567890123456789, "
		 "d1234567890123456789, e1234567890123456789, f, g, h)",
			"3 of (a1234567890123456789, b1234567890123456789, c1234567890123456789, "
			"d1234567890123456789, e1234567890123456789 and 3 more)"},
		{"a1234567890123456789012345678901234567890123456789012345678901234567890123456789",
			"the first 1 of "
			"(a12345678901234567890123456789012345678901234567890123456789012...)"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sync_names names = parse(cases[i].value);
		char storage[512];
		struct text text;

		text_init(&text, storage, sizeof storage);
		text_add(&text, "needs ");
		sync_names_describe(&names, &text);
		assert_string_equal(storage + strlen("needs "), cases[i].words);
		assert_false(text.is_truncated);
	}
}

static void
said_in_too_little_room_it_is_cut(void **state)
{
	struct sync_names names = parse("ANY 1 (n2, n3)");
	char storage[10];
	struct text text;

	(void)state;
	text_init(&text, storage, sizeof storage);
	sync_names_describe(&names, &text);
	assert_string_equal(storage, "1 of (n2,");
	assert_true(text.is_truncated);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_server_takes_is_taken),
		cmocka_unit_test(what_the_server_refuses_is_refused_with_its_place_and_a_remedy),
		cmocka_unit_test(a_star_is_one_with_and_without_quotes),
		cmocka_unit_test(a_value_of_any_length_that_a_snapshot_holds_is_read),
		cmocka_unit_test(a_refusal_tells_the_place_behind_however_long_a_word),
		cmocka_unit_test(the_priority_is_the_place_of_the_first_member_that_matches),
		cmocka_unit_test(it_is_said_as_people_say_it),
		cmocka_unit_test(said_in_too_little_room_it_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
