#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/collect/backup_manifest.h"
#include "tests/unit/collect/backups.h"

static void
manifests_of_each_kind(void **state)
{
	static const struct {
		const char *name;
		int64_t version, stopped_ms;
		bool has_wal;
		uint64_t start_lsn, end_lsn;
	} cases[] = {
		{"manifest-14.json", 1, 1795268584000, false, 0x900028, 0x900100},
		{"manifest-15.json", 1, 1795268552000, false, 0x1100028, 0x1100100},
		{"manifest-15-fetch.json", 1, 1795268553000, true, 0x1400028, 0x1400100},
		{"manifest-17.json", 2, 1795269914000, false, 0x800028, 0x800120},
		{"manifest-18-incremental.json", 2, 1795269915000, true, 0xB00028, 0xB00120},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct backup_manifest manifest;
		size_t length;
		char *bytes = golden(cases[i].name, &length);
		struct err err;

		if (backup_manifest_read(bytes, bytes, &manifest, &err) != 0)
			fail_msg("%s: %s", cases[i].name, err.text);
		assert_int_equal(manifest.version, cases[i].version);
		assert_int_equal(manifest.stopped_ms, cases[i].stopped_ms);
		assert_int_equal(manifest.has_wal, cases[i].has_wal);
		assert_int_equal(manifest.range_count, 1);
		assert_int_equal(manifest.ranges[0].timeline, 1);
		assert_int_equal(manifest.ranges[0].start_lsn, cases[i].start_lsn);
		assert_int_equal(manifest.ranges[0].end_lsn, cases[i].end_lsn);
	}
}

static void
a_manifest_that_is_cut_off_is_refused(void **state)
{
	size_t length;
	char *bytes = golden("manifest-15.json", &length);
	struct backup_manifest manifest;
	struct err err;

	(void)state;
	while (length > 0 && bytes[length - 1] != '}')
		length--;
	while (length-- > 0) {
		bytes[length] = '\0';
		assert_int_equal(backup_manifest_read(bytes, bytes, &manifest, &err), -1);
		assert_int_equal(err.class, ERR_PROTOCOL);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(manifests_of_each_kind),
		TEST(a_manifest_that_is_cut_off_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
