#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/collect/backup_manifest.h"
#include "lib/collect/backup_wal.h"

static struct backup_manifest
needing(uint64_t start_lsn, uint64_t end_lsn)
{
	struct backup_manifest manifest = {
		.range_count = 1, .ranges = {{.timeline = 3, .start_lsn = start_lsn, .end_lsn = end_lsn}}};

	return manifest;
}

static void
wal_is_counted_by_segments_of_any_size(void **state)
{
	static const struct {
		uint64_t segment_bytes, start_lsn, end_lsn, needed;
		const char *first, *last;
	} cases[] = {
		{16 << 20, 0x2000028, 0x2000100, 1, "000000030000000000000002", "000000030000000000000002"},
		{16 << 20, 0x2000028, 0x3000000, 1, "000000030000000000000002", "000000030000000000000002"},
		{16 << 20, 0x2000028, 0x3000001, 2, "000000030000000000000002", "000000030000000000000003"},
		{1 << 20, 0xFFF00028, 0x100000001, 2, "000000030000000000000FFF", "000000030000000100000000"},
		{1 << 30, 0x100000028, 0x140000001, 2, "000000030000000100000000",
			"000000030000000100000001"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct backup_manifest manifest = needing(cases[i].start_lsn, cases[i].end_lsn);
		struct backup_wal wal = {.manifest = &manifest};
		char first[32], last[32];

		backup_wal_names(&wal, first, last);
		assert_string_equal(first, "");
		backup_wal_feed(&wal, cases[i].first, cases[i].segment_bytes);
		if (strcmp(cases[i].first, cases[i].last) != 0)
			backup_wal_feed(&wal, cases[i].last, cases[i].segment_bytes);
		backup_wal_feed(
			&wal, "000000020000000000000002", cases[i].segment_bytes); /* another timeline */
		backup_wal_feed(&wal, "0000000300000000000000F0", cases[i].segment_bytes); /* not needed */
		if (cases[i].end_lsn == 0x3000000) /* which begins with the next file */
			backup_wal_feed(&wal, "000000030000000000000003", cases[i].segment_bytes);
		backup_wal_feed(&wal, cases[i].first, 12345); /* cut off */
		backup_wal_feed(&wal, "00000003.history", 100);
		backup_wal_names(&wal, first, last);
		assert_int_equal(backup_wal_needed(&wal), cases[i].needed);
		assert_int_equal(wal.covered, cases[i].needed);
		assert_string_equal(first, cases[i].first);
		assert_string_equal(last, cases[i].last);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wal_is_counted_by_segments_of_any_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
