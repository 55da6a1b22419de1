#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/base/nearest.h"

static const char *
nearest_of(const char *given)
{
	static const char *const words[] = {"ab", "wal_level", "wal_sender_timeout", "wal_receiver_timeout"};
	struct nearest nearest = nearest_begin(given);

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		nearest_offer(&nearest, words[i]);
	return nearest.word;
}

static void
what_is_near_is_found(void **state)
{
	(void)state;
	assert_string_equal(nearest_of("wal_level"), "wal_level");
	assert_string_equal(nearest_of("WAL-LEVEL"), "wal_level");
	assert_string_equal(nearest_of("wal_lvele"), "wal_level"); /* swapped, twice */
	assert_string_equal(nearest_of("wal_senders_timeout"), "wal_sender_timeout");
	assert_string_equal(nearest_of("ac"), "ab");
	assert_string_equal(nearest_of("a"), "ab");
}

static void
what_is_far_is_not(void **state)
{
	char longest[65];

	(void)state;
	assert_null(nearest_of(""));
	assert_null(nearest_of("zzz"));
	assert_null(nearest_of("wal_sender_tim"));
	assert_null(nearest_of("level"));
	memset(longest, 'a', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	assert_null(nearest_of(longest));
}

static void
a_word_that_is_too_long_is_passed_over(void **state)
{
	char given[64], word[65];
	struct nearest nearest;

	(void)state;
	memset(given, 'a', 63);
	given[63] = '\0';
	memset(word, 'a', 64);
	word[64] = '\0';
	nearest = nearest_begin(given);
	nearest_offer(&nearest, word);
	assert_null(nearest.word);
	nearest_offer(&nearest, given);
	assert_ptr_equal(nearest.word, given);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_near_is_found),
		cmocka_unit_test(what_is_far_is_not),
		cmocka_unit_test(a_word_that_is_too_long_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
