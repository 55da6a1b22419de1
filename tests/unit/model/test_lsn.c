#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/model/lsn.h"

static uint64_t
lsn(const char *text)
{
	uint64_t value = 0;

	if (lsn_parse(text, &value) != 0)
		fail_msg("\"%s\" was refused", text);
	return value;
}

static void
a_position_is_two_hexadecimal_words(void **state)
{
	static const struct {
		const char *text;
		uint64_t value;
	} cases[] = {
		{"0/0", 0},
		{"0/1", 1},
		{"0/3000060", 0x3000060},
		{"16/B374D848", UINT64_C(0x16B374D848)},
		{"16/b374d848", UINT64_C(0x16B374D848)},
		{"0/FFFFFFFF", UINT64_C(0xFFFFFFFF)},
		{"1/0", UINT64_C(0x100000000)},
		{"00000001/00000000", UINT64_C(0x100000000)},
		{"FFFFFFFF/FFFFFFFF", UINT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (lsn(cases[i].text) != cases[i].value)
			fail_msg("\"%s\" was read as %llx", cases[i].text,
				(unsigned long long)lsn(cases[i].text));
}

static void
what_is_no_position_is_refused_and_nothing_is_set(void **state)
{
	static const char *const texts[] = {"", "/", "0", "0/", "/0", "0//0", "0/0/0", "123456789/0",
		"0/123456789", "0x1/0", "0/0x1", "G/0", "0/G", " 0/0", "0/0 ", "0 /0", "0/ 0", "-1/0", "0/-1",
		"+1/2", "1/+2", "1:2", "0\\0", "0/0\n", "NULL"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		uint64_t value = 77;

		if (lsn_parse(texts[i], &value) != -1)
			fail_msg("\"%s\" was read as %llx", texts[i], (unsigned long long)value);
		assert_true(value == 77);
	}
}

static void
a_position_is_written_as_postgresql_writes_it(void **state)
{
	static const char *const texts[] = {"0/0", "0/3000060", "16/B374D848", "1/0", "FFFFFFFF/FFFFFFFF"};
	char to[LSN_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		assert_string_equal(lsn_format(lsn(texts[i]), to), texts[i]);
		assert_ptr_equal(lsn_format(lsn(texts[i]), to), to);
	}
}

static void
a_distance_counts_every_byte_across_4_gib(void **state)
{
	static const struct {
		const char *ahead, *behind;
		int64_t bytes;
	} cases[] = {
		{"1/0", "0/FFFFFFFF", 1},
		/* With words of 0xFF000000 bytes these two, 16 MB apart, would be one place. */
		{"1/0", "0/FF000000", 16777216},
		{"2/800000", "1/FF800000", 16777216},
		{"3/0", "1/0", INT64_C(8589934592)},
		{"16/B374D848", "16/B374D848", 0},
		{"0/3000060", "0/3000000", 96},
		{"0/80000000", "0/7FFFFFFF", 1},
		{"80000000/0", "7FFFFFFF/FFFFFFFF", 1},
		/* Two reads may cross. */
		{"0/3000000", "0/3000060", 0},
		{"0/FFFFFFFF", "1/0", 0},
		{"0/0", "FFFFFFFF/FFFFFFFF", 0},
		/* More than a signed number holds. */
		{"7FFFFFFF/FFFFFFFF", "0/0", INT64_MAX},
		{"80000000/0", "0/0", INT64_MAX},
		{"FFFFFFFF/FFFFFFFF", "0/0", INT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t got = lsn_distance(lsn(cases[i].ahead), lsn(cases[i].behind));

		if (got != cases[i].bytes)
			fail_msg("%s - %s: got %lld", cases[i].ahead, cases[i].behind, (long long)got);
	}
}

static void
the_newer_of_two_is_the_higher_whatever_their_order(void **state)
{
	(void)state;
	assert_true(lsn_newer(lsn("1/0"), lsn("0/FFFFFFFF")) == lsn("1/0"));
	assert_true(lsn_newer(lsn("0/FFFFFFFF"), lsn("1/0")) == lsn("1/0"));
	assert_true(lsn_newer(LSN_NONE, lsn("0/1")) == lsn("0/1"));
	assert_true(lsn_newer(lsn("80000000/0"), lsn("7FFFFFFF/0")) == lsn("80000000/0"));
	assert_true(lsn_newer(LSN_NONE, LSN_NONE) == LSN_NONE);
}

static void
a_timeline_is_read_from_the_name_of_a_wal_file(void **state)
{
	static const struct {
		const char *name;
		uint32_t timeline;
	} cases[] = {
		{"000000030000000100000014", 3},
		{"0000000A0000000100000014", 10},
		{"0000000a0000000100000014", 10},
		{"FFFFFFFF0000000000000001", UINT32_MAX},
		/* None of these is the name of a WAL file, or of one that a server writes. */
		{"000000000000000100000014", 0},
		{"", 0},
		{"00000003", 0},
		{"00000003000000010000001", 0},
		{"0000000300000001000000140", 0},
		{"000000030000000100000014.partial", 0},
		{"00000003.history", 0},
		{"00000003000000010000001G", 0},
		{"0x0000030000000100000014", 0},
		{" 00000030000000100000014", 0},
		{"-00000030000000100000014", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (lsn_timeline(cases[i].name) != cases[i].timeline)
			fail_msg("\"%s\": got %u", cases[i].name, lsn_timeline(cases[i].name));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_position_is_two_hexadecimal_words),
		cmocka_unit_test(what_is_no_position_is_refused_and_nothing_is_set),
		cmocka_unit_test(a_position_is_written_as_postgresql_writes_it),
		cmocka_unit_test(a_distance_counts_every_byte_across_4_gib),
		cmocka_unit_test(the_newer_of_two_is_the_higher_whatever_their_order),
		cmocka_unit_test(a_timeline_is_read_from_the_name_of_a_wal_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
