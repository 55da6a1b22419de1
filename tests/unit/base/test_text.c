#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"

#define TWO "\xC3\xA9"          /* U+00E9, two bytes */
#define THREE "\xE4\xB8\xAD"    /* U+4E2D, three bytes */
#define FOUR "\xF0\x9F\x90\x98" /* U+1F418, four bytes */

struct clean_case {
	size_t size;
	const char *from;
	const char *expected;
};

static void
expect_clean(const struct clean_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char to[64];

		text_clean(to, cases[i].size, cases[i].from);
		if (strcmp(to, cases[i].expected) != 0)
			fail_msg("case %zu (\"%s\"): got \"%s\", expected \"%s\"", i, cases[i].from, to,
				cases[i].expected);
	}
}

#define EXPECT_CLEAN(cases) expect_clean(cases, sizeof cases / sizeof cases[0])

static void
clean_makes_one_line_without_control_characters(void **state)
{
	static const struct clean_case cases[] = {
		{64, "", ""},
		{64, "plain words", "plain words"},
		{64, "a\nb", "a b"},
		{64, "a\r\n\t b", "a b"},
		{64, "  a  b  ", "a b"},
		{64, "\n\n", ""},
		{64, "\033[31mred\033[0m", "[31mred [0m"},
		{64,
			"a\x01\x02"
			"b",
			"a b"},
		{64,
			"a\x7F"
			"b",
			"a b"},
		/* U+009B starts an escape sequence in a terminal just as ESC [ does. */
		{64,
			"a\xC2\x9B"
			"31m",
			"a 31m"},
		{64, "\xC2\x80\xC2\x85\xC2\x9F", ""},
		{64,
			"a\xC2\xA0"
			"b",
			"a\xC2\xA0"
			"b"},
	};

	(void)state;
	EXPECT_CLEAN(cases);
}

static void
clean_leaves_no_separator_of_nagios(void **state)
{
	static const struct clean_case cases[] = {
		{64, "a|b", "a/b"},
		{64, "|", "/"},
		{64, "x | y=1;2;3", "x / y=1;2;3"},
	};

	(void)state;
	EXPECT_CLEAN(cases);
}

static void
clean_keeps_every_length_of_utf8_and_its_limits(void **state)
{
	static const char *const kept[] = {
		TWO, THREE, FOUR, "a" TWO "b" THREE "c" FOUR "d", "\xDF\xBF", /* U+07FF */
		"\xE0\xA0\x80",                                               /* U+0800 */
		"\xED\x9F\xBF",     /* U+D7FF, before the surrogates */
		"\xEE\x80\x80",     /* U+E000, after them */
		"\xEF\xBF\xBF",     /* U+FFFF */
		"\xF0\x90\x80\x80", /* U+10000 */
		"\xF4\x8F\xBF\xBF", /* U+10FFFF */
	};
	char to[64];

	(void)state;
	for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
		text_clean(to, sizeof to, kept[i]);
		assert_string_equal(to, kept[i]);
	}
}

static void
clean_marks_each_byte_that_is_not_utf8(void **state)
{
	static const struct clean_case cases[] = {
		{64, "caf\xE9 bar", "caf? bar"},
		{64, "\x80", "?"},
		{64, "\xBF\xBF", "??"},
		{64, "\xFF\xFE", "??"},
		{64, "\xC0\x80", "??"},           /* overlong zero byte */
		{64, "\xC0\x8A", "??"},           /* overlong line feed */
		{64, "\xC1\xBF", "??"},           /* overlong U+007F */
		{64, "\xE0\x80\x8A", "???"},      /* overlong line feed again */
		{64, "\xE0\x9F\xBF", "???"},      /* overlong U+07FF */
		{64, "\xF0\x8F\xBF\xBF", "????"}, /* overlong U+FFFF */
		{64, "\xED\xA0\x80", "???"},      /* first surrogate */
		{64, "\xED\xBF\xBF", "???"},      /* last surrogate */
		{64, "\xF4\x90\x80\x80", "????"}, /* past U+10FFFF */
		{64, "\xF5\x80\x80\x80", "????"},
		{64, "\xF8\x88\x80\x80\x80", "?????"},
		{64, "a\xC3", "a?"}, /* cut off at the end */
		{64, "a\xE4", "a?"},
		{64, "a\xE4\xB8", "a??"},
		{64, "a\xF0\x9F\x90", "a???"},
		{64, "\xE4\xB8x", "??x"}, /* cut off before the end */
		{64, "\xC3\n", "?"},
		{64, "\xE4\xB8" TWO, "??" TWO},
	};

	(void)state;
	EXPECT_CLEAN(cases);
}

static void
clean_cuts_at_a_character_and_says_so(void **state)
{
	static const struct clean_case cases[] = {
		{8, "1234567", "1234567"},
		{8, "12345678", "1234..."},
		{8, "1234567 ", "1234567"}, /* what is trimmed needs no room */
		{8, "1" THREE "45678", "1" THREE "..."},
		{8, "12" THREE "45678", "12..."},
		{8, "123" THREE "45678", "123..."},
		{8, TWO TWO TWO TWO TWO, TWO TWO "..."},
		{8, FOUR FOUR, FOUR "..."},
		{7, FOUR FOUR, "..."},
		{7, "1234" TWO, "1234" TWO},
		{6, "1234" TWO, "12..."},
		{5, "abcdef", "a..."},
		{2, "abcdef", "a"}, /* no room for the mark */
		{1, "abcdef", ""},
		{2, TWO, ""},
		{3, TWO, TWO},
		{8, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", "????..."},
	};

	(void)state;
	EXPECT_CLEAN(cases);
}

/* jansson refuses text that is not UTF-8: a second opinion about what is. */
static bool
is_utf8(const char *text)
{
	json_t *string = json_string(text);
	bool is_good = string != NULL;

	json_decref(string);
	return is_good;
}

static void
clean_agrees_with_another_decoder_about_what_is_utf8(void **state)
{
	static const unsigned char thirds[] = {0x41, 0x80, 0xBF, 0xC2};
	int kept_count = 0;

	(void)state;
	for (unsigned first = 0x80; first < 0x100; first++)
		for (unsigned second = 0x41; second < 0x100; second++)
			for (size_t i = 0; i < sizeof thirds * sizeof thirds; i++) {
				/* The "x" keeps a lone C1 control from being trimmed at the end. */
				char from[] = {(char)first, (char)second, (char)thirds[i / sizeof thirds],
					(char)thirds[i % sizeof thirds], 'x', '\0'};
				bool is_control = first == 0xC2 && second < 0xA0 && second >= 0x80;
				char to[16];

				/* A "|" is replaced and a C1 control further behind likewise: not of
				 * interest. */
				if (second == '|' || second == 0x7F || is_control
					|| (strstr(from, "\xC2\x80") != NULL))
					continue;
				text_clean(to, sizeof to, from);
				if (!is_utf8(to) || is_utf8(from) != (strcmp(from, to) == 0))
					fail_msg("%02X %02X %02X %02X became \"%s\"", first, second,
						(unsigned char)from[2], (unsigned char)from[3], to);
				kept_count += is_utf8(from);
			}
	assert_true(kept_count > 1000); /* or the loop has compared nothing */
}

static void
clean_stays_within_its_size_and_never_ends_within_a_character(void **state)
{
	static const char *const sources[] = {
		"1234567890123456789012345678901234567890",
		TWO THREE FOUR TWO THREE FOUR TWO THREE FOUR TWO THREE FOUR,
		"a b\nc" THREE THREE THREE "\xFF\xFF" FOUR FOUR FOUR FOUR "|||||||||||||||",
		"\xE4\xB8\xE4\xB8\xE4\xB8\xE4\xB8\xE4\xB8\xE4\xB8\xE4\xB8\xE4\xB8\xE4\xB8\xE4\xB8",
	};

	(void)state;
	for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++)
		for (size_t size = 1; size <= 40; size++) {
			char to[48], again[48];

			memset(to, '#', sizeof to);
			text_clean(to, size, sources[i]);
			assert_true(memchr(to, '\0', size) != NULL);
			for (size_t j = size; j < sizeof to; j++)
				assert_int_equal(to[j], '#');
			assert_true(is_utf8(to));
			if (size > 4) { /* with less there is no room for the mark, which hides a blank at the
					   end */
				text_clean(again, sizeof again, to);
				assert_string_equal(again, to);
			}
		}
}

static void
text_takes_pieces_until_it_is_full(void **state)
{
	char storage[8];
	struct text text;

	(void)state;
	text_init(&text, storage, sizeof storage);
	assert_string_equal(text.bytes, "");
	text_add(&text, "%d-%s", 12, "ab");
	text_add_bytes(&text, "cdef", 2);
	assert_string_equal(text.bytes, "12-abcd");
	assert_int_equal(text.length, 7);
	assert_false(text.is_truncated);
	text_add(&text, "%s", "");
	text_add_bytes(&text, "x", 0);
	assert_false(text.is_truncated);
	text_add_bytes(&text, "x", 1);
	assert_true(text.is_truncated);
	assert_string_equal(text.bytes, "12-abcd");
	text_add(&text, "%d", 5);
	assert_string_equal(text.bytes, "12-abcd");
	assert_int_equal(text.length, 7);
}

static void
text_that_does_not_fit_is_cut_at_a_character(void **state)
{
	static const struct {
		size_t size;
		const char *piece;
		const char *expected;
	} cases[] = {
		{4, "abcdef", "abc"},
		{4, "ab" TWO, "ab"},
		{5, "ab" TWO, "ab" TWO},
		{5, "ab" THREE, "ab"},
		{6, "ab" FOUR, "ab"},
		{4, TWO TWO, TWO},
		{1, "a", ""},
		{2, FOUR, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (int is_formatted = 0; is_formatted < 2; is_formatted++) {
			char storage[16];
			struct text text;

			memset(storage, '#', sizeof storage);
			text_init(&text, storage, cases[i].size);
			if (is_formatted)
				text_add(&text, "%s", cases[i].piece);
			else
				text_add_bytes(&text, cases[i].piece, strlen(cases[i].piece));
			assert_string_equal(text.bytes, cases[i].expected);
			assert_int_equal(text.length, strlen(cases[i].expected));
			assert_int_equal(text.is_truncated, strcmp(cases[i].piece, cases[i].expected) != 0);
			assert_int_equal(storage[cases[i].size], '#');
		}
}

static void
copy_takes_all_or_nothing(void **state)
{
	char to[4] = "old";

	(void)state;
	assert_int_equal(text_copy(to, sizeof to, "abcd"), -1);
	assert_string_equal(to, "old");
	assert_int_equal(text_copy(to, sizeof to, "abc"), 0);
	assert_string_equal(to, "abc");
	assert_int_equal(text_copy(to, sizeof to, ""), 0);
	assert_string_equal(to, "");
	assert_int_equal(text_copy(to, 1, "a"), -1);
}

static void
starts_compares_the_whole_prefix(void **state)
{
	(void)state;
	assert_true(text_starts("HEAD /", "HEAD "));
	assert_true(text_starts("abc", ""));
	assert_true(text_starts("abc", "abc"));
	assert_false(text_starts("ab", "abc"));
	assert_false(text_starts("", "a"));
	assert_false(text_starts("Head /", "HEAD "));
}

static void
items_are_counted_and_taken_as_libpq_does(void **state)
{
	static const struct {
		const char *list;
		size_t count;
		const char *items[4]; /* what stands behind the last one is "" */
	} cases[] = {
		{"", 1, {"", "", "", ""}}, {"a", 1, {"a", "", "", ""}}, {"a,b", 2, {"a", "b", "", ""}},
		{"a,,c", 3, {"a", "", "c", ""}}, {",", 2, {"", "", "", ""}}, {"a,", 2, {"a", "", "", ""}},
		{"/run/postgresql,::1,db3", 3, {"/run/postgresql", "::1", "db3", ""}},
		{"a , b", 2, {"a ", " b", "", ""}}, /* libpq trims nothing */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(text_item_count(cases[i].list), cases[i].count);
		for (size_t j = 0; j < 4; j++) {
			char item[32];

			text_item(cases[i].list, j, item, sizeof item);
			assert_string_equal(item, cases[i].items[j]);
		}
	}
}

static void
an_item_is_cut_to_its_storage(void **state)
{
	char item[4] = "###";

	(void)state;
	text_item("first,second", 1, item, sizeof item);
	assert_string_equal(item, "sec");
}

static const char *
identifier(const char *name)
{
	static char to[24];

	text_identifier(to, sizeof to, name);
	return to;
}

static void
test_identifier(void **state)
{
	(void)state;
	assert_string_equal(identifier("shop_2"), "shop_2");
	assert_string_equal(identifier("my-app"), "\"my-app\"");
	assert_string_equal(identifier("Shop"), "\"Shop\"");
	assert_string_equal(identifier("2nd"), "\"2nd\"");
	assert_string_equal(identifier("a\"; b"), "\"a\"\"; b\"");
	assert_string_equal(identifier("d\u00e9"), "\"d\u00e9\"");
	assert_string_equal(identifier(""), "\"\"");
}

static void
test_shell_word(void **state)
{
	(void)state;
	assert_string_equal(text_shell_word("n1.db-2_x", "MEMBER"), "n1.db-2_x");
	assert_string_equal(text_shell_word("", "MEMBER"), "MEMBER");
	assert_string_equal(text_shell_word("-f", "MEMBER"), "MEMBER");
	assert_string_equal(text_shell_word("n1;x", "MEMBER"), "MEMBER");
	assert_string_equal(text_shell_word("it's", "MEMBER"), "MEMBER");
	assert_string_equal(text_shell_word("a b", "MEMBER"), "MEMBER");
	assert_string_equal(text_shell_word("$(x)", "MEMBER"), "MEMBER");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean_makes_one_line_without_control_characters),
		cmocka_unit_test(clean_leaves_no_separator_of_nagios),
		cmocka_unit_test(clean_keeps_every_length_of_utf8_and_its_limits),
		cmocka_unit_test(clean_marks_each_byte_that_is_not_utf8),
		cmocka_unit_test(clean_cuts_at_a_character_and_says_so),
		cmocka_unit_test(clean_agrees_with_another_decoder_about_what_is_utf8),
		cmocka_unit_test(clean_stays_within_its_size_and_never_ends_within_a_character),
		cmocka_unit_test(text_takes_pieces_until_it_is_full),
		cmocka_unit_test(text_that_does_not_fit_is_cut_at_a_character),
		cmocka_unit_test(copy_takes_all_or_nothing),
		cmocka_unit_test(starts_compares_the_whole_prefix),
		cmocka_unit_test(items_are_counted_and_taken_as_libpq_does),
		cmocka_unit_test(an_item_is_cut_to_its_storage),
		cmocka_unit_test(test_identifier),
		cmocka_unit_test(test_shell_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
