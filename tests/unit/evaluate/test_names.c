#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/evaluate/names.h"

static void
a_name_fits_a_pattern_where_stars_stand_for_anything(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool fits;
	} cases[] = {
		{"n2", "n2", true},
		{"n2", "n3", false},
		{"n2", "n22", false},
		{"n2", "n", false},
		{"n2", "N2", false},
		{"n2", "", false},
		{"", "", true},
		{"", "n2", false},
		{"*", "", true},
		{"*", "n2", true},
		{"**", "n2", true},
		{"n*", "n", true},
		{"n*", "n2", true},
		{"n*", "m2", false},
		{"*2", "n2", true},
		{"*2", "2", true},
		{"*2", "n2 ", false},
		{"n*2", "n2", true},
		{"n*2", "n12", true},
		{"n*2", "n13", false},
		{"n*2", "n", false},
		{"*a*b*", "xaxbx", true},
		{"*a*b*", "ab", true},
		{"*a*b*", "ba", false},
		/* What a star took at first may have to be given back. */
		{"*ab", "aab", true},
		{"*abab", "abaabab", true},
		{"a*b*c", "abcbc", true},
		{"a*b*c", "abcb", false},
		{"*aab*", "aaaaab", true},
		/* No other character is special. */
		{"n?", "n2", false},
		{"n?", "n?", true},
		{"[n]2", "n2", false},
		{"n\\*", "n*", false},
		{"n.", "n2", false},
		{"n*", "n*", true},
		{"caf\xC3\xA9*", "caf\xC3\xA9s", true},
		{"caf*s", "caf\xC3\xA9s", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (names_match(cases[i].pattern, cases[i].name) != cases[i].fits)
			fail_msg("\"%s\" %s \"%s\"", cases[i].pattern,
				cases[i].fits ? "does not fit" : "fits", cases[i].name);
}

/* Each star tried against each place, one within the other, would take longer than the universe is old. */
static void
many_stars_are_no_work(void **state)
{
	char name[64], pattern[256];
	size_t length = 0;

	(void)state;
	memset(name, 'a', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	while (length + 3 < sizeof pattern) {
		pattern[length++] = '*';
		pattern[length++] = 'a';
	}
	memcpy(pattern + 2 * (sizeof name - 1), "*b", 3);
	assert_false(names_match(pattern, name));
	memcpy(pattern + 2 * (sizeof name - 1), "*", 2);
	assert_true(names_match(pattern, name));
}

static void
a_list_includes_what_fits_one_of_its_patterns(void **state)
{
	static const struct {
		const char *list, *name;
		bool is_included;
	} cases[] = {
		{"n1", "n1", true},
		{"n1,n2", "n1", true},
		{"n1,n2", "n2", true},
		{"n1,n2", "n3", false},
		{"n1,n2", "n1,n2", false},
		{"n1,n2", "n", false},
		{"n1,n2", "", false},
		{"a*,b*", "b1", true},
		{"a*,b*", "c1", false},
		{"n1,*", "", true},
		{"a b,c", "a b", true},
		{"a, b", " b", true}, /* blanks are part of a name */
		{"a, b", "b", false},
		{"0123456789012345678901234567890123456789012345678901234567890123,n2", "n2", true},
		/* No list asks for everything. */
		{"", "n1", true},
		{"", "", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (names_include(cases[i].list, cases[i].name) != cases[i].is_included)
			fail_msg("\"%s\" %s \"%s\"", cases[i].list,
				cases[i].is_included ? "does not include" : "includes", cases[i].name);
}

static void
a_pattern_longer_than_any_name_fits_none_of_them(void **state)
{
	char list[400];

	(void)state;
	memset(list, 'x', sizeof list);
	memcpy(list + sizeof list - 4, ",n2", 4);
	assert_true(names_include(list, "n2"));
	list[63] = '\0';
	assert_true(names_include(list, list));
	list[63] = 'x';
	assert_false(names_include(list, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"));
}

static void
the_patterns_of_a_list_are_counted_from_zero(void **state)
{
	static const struct {
		const char *list;
		size_t index;
		const char *expected; /* NULL: there is none */
	} cases[] = {
		{"n1", 0, "n1"},
		{"n1", 1, NULL},
		{"n1", 1000000, NULL},
		{"n1,n2*,n3", 0, "n1"},
		{"n1,n2*,n3", 1, "n2*"},
		{"n1,n2*,n3", 2, "n3"},
		{"n1,n2*,n3", 3, NULL},
		{"", 0, NULL},
		{"", 1, NULL},
		{"abcdefghij,n2", 0, "abcdefg"}, /* cut */
		{"abcdefghij,n2", 1, "n2"},
		{"abcdefg", 0, "abcdefg"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char to[8] = "before";
		const char *got = names_at(cases[i].list, cases[i].index, to, sizeof to);

		if (cases[i].expected == NULL) {
			assert_null(got);
		} else {
			assert_ptr_equal(got, to);
			assert_string_equal(to, cases[i].expected);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_fits_a_pattern_where_stars_stand_for_anything),
		cmocka_unit_test(many_stars_are_no_work),
		cmocka_unit_test(a_list_includes_what_fits_one_of_its_patterns),
		cmocka_unit_test(a_pattern_longer_than_any_name_fits_none_of_them),
		cmocka_unit_test(the_patterns_of_a_list_are_counted_from_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
