#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>
#include <utime.h>

#include "tests/unit/collect/backups.h"

static struct backup_source
directory_source(const char *path)
{
	struct backup_source source = nothing;

	source.directory = path;
	return source;
}

/* A plain backup as far as it is looked at; the WAL of manifest-15.json is 000000010000000000000011 of 1 MB.
 */
static void
make_backup(const char *name, const char *manifest)
{
	char path[128];

	make(name);
	snprintf(path, sizeof path, "%s/global", name);
	make(path);
	snprintf(path, sizeof path, "%s/pg_wal", name);
	make(path);
	snprintf(path, sizeof path, "%s/global/pg_control", name);
	write_text(path, "x");
	snprintf(path, sizeof path, "%s/backup_manifest", name);
	copy_golden(manifest, path);
	snprintf(path, sizeof path, "%s/backup_label", name);
	write_text(path,
		strstr(manifest, "incremental") == NULL ? "START WAL LOCATION: 0/1\n"
							: "START WAL LOCATION: 0/1\nINCREMENTAL FROM LSN: "
							  "0/800028\nINCREMENTAL FROM TLI: 1\n");
}

static void
add_wal(const char *backup, const char *name)
{
	char path[128];

	snprintf(path, sizeof path, "%s/pg_wal/%s", backup, name);
	assert_int_equal(truncate(write_text(path, ""), 1 << 20), 0);
}

static void
a_directory_with_several(void **state)
{
	struct snapshot_backup backup;

	(void)state;
	make_backup("monday", "manifest-14.json");
	make_backup("tuesday", "manifest-17.json");
	make_backup("wednesday", "manifest-18-incremental.json");
	add_wal("wednesday", "00000001000000000000000B");
	make("lost+found");
	write_text("notes.txt", "x");
	backup = must(directory_source(directory));
	assert_string_equal(backup.source, "pg_basebackup");
	assert_string_equal(backup.name, directory);
	assert_int_equal(backup.count, 3);
	assert_string_equal(backup.label, "wednesday");
	assert_string_equal(backup.kind, "incr");
	assert_int_equal(backup.stopped_ms, 1795269915000);
	assert_int_equal(backup.full_stopped_ms, 1795269914000);
	assert_string_equal(backup.wal_start, "00000001000000000000000B");
	assert_string_equal(backup.wal_gap, "");
	assert_string_equal(backup.failed_label, "");
}

/* monday <- tuesday <- wednesday: what is not there takes along all that builds on it. */
static void
an_incremental_one_needs_what_it_builds_on(void **state)
{
	static const char why[] = "it is incremental, and the backup that it builds on is not there";
	struct snapshot_backup backup;

	(void)state;
	make_backup("wednesday", "manifest-18-incremental.json");
	add_wal("wednesday", "00000001000000000000000B");
	backup = must(directory_source(directory));
	assert_int_equal(backup.count, 0);
	assert_true(backup.stopped_ms == SNAPSHOT_NONE);
	assert_string_equal(backup.failed_label, "wednesday");
	assert_string_equal(backup.failure, why);
	make_backup("tuesday", "manifest-17.json");
	assert_int_equal(must(directory_source(directory)).count, 2);
	/* Of another timeline, or from elsewhere, it is not the one. */
	write_text("wednesday/backup_label", "x\nINCREMENTAL FROM LSN: 0/800028\nINCREMENTAL FROM TLI: 2\n");
	backup = must(directory_source(directory));
	assert_int_equal(backup.count, 1);
	assert_string_equal(backup.label, "tuesday");
	assert_string_equal(backup.failed_label, "wednesday");
	write_text("wednesday/backup_label", "x\nINCREMENTAL FROM LSN: 0/800029\nINCREMENTAL FROM TLI: 1\n");
	assert_int_equal(must(directory_source(directory)).count, 1);
	/* tuesday builds on monday now. */
	write_text("wednesday/backup_label", "x\nINCREMENTAL FROM LSN: 0/800028\nINCREMENTAL FROM TLI: 1\n");
	write_text("tuesday/backup_label", "x\nINCREMENTAL FROM LSN: 0/700028\nINCREMENTAL FROM TLI: 1\n");
	assert_int_equal(must(directory_source(directory)).count, 0);
	make_backup("monday", "manifest-17-full.json");
	backup = must(directory_source(directory));
	assert_int_equal(backup.count, 3);
	assert_string_equal(backup.label, "wednesday");
	assert_string_equal(backup.failed_label, "");
}

static void
a_directory_that_is_one(void **state)
{
	struct snapshot_backup backup;
	char path[128];

	(void)state;
	make_backup("monday", "manifest-15.json");
	add_wal("monday", "000000010000000000000011");
	snprintf(path, sizeof path, "%s/monday/", directory);
	backup = must(directory_source(path));
	assert_int_equal(backup.count, 1);
	assert_string_equal(backup.label, "monday");
	assert_string_equal(backup.kind, "full");
	assert_int_equal(backup.stopped_ms, 1795268552000);
}

/* Copying makes files new; what is in them stays. */
static void
the_time_of_a_copy_does_not_count(void **state)
{
	(void)state;
	make_backup("monday", "manifest-14.json");
	assert_int_equal(utime(in_directory("monday/backup_manifest"), NULL), 0);
	assert_int_equal(must(directory_source(directory)).stopped_ms, 1795268584000);
}

static void
wal_that_is_missing_is_told(void **state)
{
	struct backup_source source;

	(void)state;
	make_backup("monday", "manifest-15.json");
	source = directory_source(directory);
	assert_non_null(strstr(must(source).wal_gap, "it has no WAL of its own"));
	source.has_archive = true;
	assert_string_equal(must(source).wal_gap, "");
	add_wal("monday", "000000010000000000000012");
	assert_string_equal(must(source).wal_gap, "1 of the 1 WAL files that it needs are missing");
	add_wal("monday", "000000010000000000000011");
	assert_string_equal(must(source).wal_gap, "");
}

/* Makes a manifest one of 2020, whatever the clock of this machine says. */
static void
copy_as_of_2020(const char *name, const char *to)
{
	size_t length;
	char *bytes = golden(name, &length);

	for (char *year = bytes; (year = strstr(year, "\"2026-")) != NULL; year++)
		memcpy(year, "\"2020-", strlen("\"2020-"));
	write_bytes(to, bytes, length);
}

/* Nothing has changed in it for a quarter of an hour. */
static void
quieten(const char *name)
{
	char command[256];

	snprintf(command, sizeof command, "find %s/%s -exec touch -d '-15 minutes' {} +", directory, name);
	assert_int_equal(system(command), 0);
}

static void
one_without_a_manifest_is_being_taken_as_long_as_it_changes(void **state)
{
	struct snapshot_backup backup;

	(void)state;
	make_backup("monday", "manifest-14.json");
	copy_as_of_2020("manifest-14.json", "monday/backup_manifest");
	make_backup("friday", "manifest-14.json");
	assert_int_equal(unlink(in_directory("friday/backup_manifest")), 0);
	backup = must(directory_source(directory));
	assert_int_equal(backup.count, 1);
	assert_true(backup.is_running);
	assert_string_equal(backup.unfinished, "friday");
	quieten("friday");
	backup = must(directory_source(directory));
	assert_false(backup.is_running);
	assert_string_equal(backup.failed_label, "friday");
	assert_string_equal(
		backup.failure, "it has no backup_manifest: cut off, or taken with --no-manifest");
	/* Data files are two levels down, and some programs that copy give them their names last. */
	make("friday/base");
	make("friday/base/5");
	quieten("friday");
	assert_false(must(directory_source(directory)).is_running);
	write_text("friday/base/5/.16384.Xy12", "x");
	quieten("friday/base/5");
	assert_false(must(directory_source(directory)).is_running);
	write_text("friday/base/5/.16384.Xy12", "xx");
	assert_true(must(directory_source(directory)).is_running);
}

static void
assert_no_good(const char *why)
{
	struct snapshot_backup backup = must(directory_source(directory));

	assert_int_equal(backup.count, 0);
	assert_true(backup.is_running);
	assert_string_equal(backup.failure, "");
	quieten("friday");
	backup = must(directory_source(directory));
	assert_int_equal(backup.count, 0);
	assert_string_equal(backup.failed_label, "friday");
	assert_string_equal(backup.failure, why);
}

static void
one_that_is_not_whole_is_no_good(void **state)
{
	(void)state;
	make_backup("friday", "manifest-18-incremental.json");
	assert_int_equal(unlink(in_directory("friday/global/pg_control")), 0);
	assert_no_good("its files are not there, only backup_manifest is");
	write_text("friday/global/pg_control", "x");
	assert_int_equal(truncate(in_directory("friday/backup_manifest"), 600), 0);
	assert_no_good("backup_manifest is cut off: it has no checksum at its end");
	write_text("friday/backup_manifest", "{}");
	assert_no_good("backup_manifest is not one of PostgreSQL");
}

/* "latest" is one of the others, and would be counted twice. */
static void
links_are_not_followed(void **state)
{
	(void)state;
	make_backup("monday", "manifest-14.json");
	assert_int_equal(symlink("monday", in_directory("latest")), 0);
	assert_int_equal(must(directory_source(directory)).count, 1);
	assert_int_equal(must(directory_source(in_directory("latest"))).count, 1);
}

/* Tar files: the label is the first member of base.tar; compressed, only the manifest tells the kind. */
static void
tar_files_and_what_they_tell(void **state)
{
	char block[1024] = "backup_label";
	struct snapshot_backup backup;

	(void)state;
	snprintf(block + 512, 512,
		"START WAL LOCATION: 0/1\nINCREMENTAL FROM LSN: 0/800028\nINCREMENTAL FROM TLI: 1\n");
	make_backup("monday", "manifest-17.json"); /* which it builds on */
	make("friday");
	copy_golden("manifest-18-incremental.json", "friday/backup_manifest");
	write_bytes("friday/base.tar", block, sizeof block);
	backup = must(directory_source(directory));
	assert_string_equal(backup.kind, "incr");
	assert_string_equal(backup.wal_gap, ""); /* within base.tar: -X fetch */
	assert_int_equal(rename(in_directory("friday/base.tar"), in_directory("friday/base.tar.gz")), 0);
	assert_string_equal(must(directory_source(directory)).kind, "incr");
	assert_int_equal(rename(in_directory("monday/backup_manifest"), in_directory("monday/x")), 0);
	assert_int_equal(must(directory_source(directory)).count, 0);
	copy_golden("manifest-17.json", "friday/backup_manifest");
	backup = must(directory_source(directory));
	assert_string_equal(backup.kind, "full");
	assert_non_null(strstr(backup.wal_gap, "it has no WAL of its own"));
	write_text("friday/pg_wal.tar.gz", "x");
	assert_string_equal(must(directory_source(directory)).wal_gap, "");
	assert_int_equal(truncate(in_directory("friday/base.tar.gz"), 0), 0);
	assert_int_equal(must(directory_source(directory)).count, 0);
}

static void
wal_in_a_tar_file(void **state)
{
	char header[512] = "000000010000000000000008";

	(void)state;
	make("friday");
	copy_golden("manifest-17.json", "friday/backup_manifest");
	write_text("friday/base.tar", "x");
	snprintf(header + 124, 12, "%011o", 1 << 20);
	write_bytes("friday/pg_wal.tar", header, sizeof header);
	assert_non_null(strstr(must(directory_source(directory)).wal_gap, "no WAL of its own")); /* cut off */
	assert_int_equal(truncate(in_directory("friday/pg_wal.tar"), 512 + (1 << 20)), 0);
	assert_string_equal(must(directory_source(directory)).wal_gap, "");
	header[23] = '9';
	write_bytes("friday/pg_wal.tar", header, sizeof header);
	assert_int_equal(truncate(in_directory("friday/pg_wal.tar"), 512 + (1 << 20)), 0);
	assert_string_equal(
		must(directory_source(directory)).wal_gap, "1 of the 1 WAL files that it needs are missing");
}

static void
an_empty_directory_has_no_backup(void **state)
{
	struct snapshot_backup backup = must(directory_source(directory));
	char expected[256];

	(void)state;
	assert_int_equal(backup.count, 0);
	assert_true(backup.stopped_ms == SNAPSHOT_NONE);
	snprintf(expected, sizeof expected, "cannot read \"%s/none\": No such file or directory", directory);
	assert_fault(directory_source(in_directory("none")), ERR_SETUP, expected);
	snprintf(expected, sizeof expected, "cannot read \"%s/file\": Not a directory", directory);
	assert_fault(directory_source(write_text("file", "x")), ERR_SETUP, expected);
}

static void
a_directory_is_left_at_the_deadline(void **state)
{
	struct backup_source source = directory_source(directory);
	struct snapshot snapshot;

	(void)state;
	make_backup("monday", "manifest-14.json");
	backup_collect(&source, clock_now_ms(), &snapshot);
	assert_int_equal(snapshot.faults[SNAPSHOT_BACKUP].class, ERR_TIMEOUT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_directory_with_several),
		TEST(an_incremental_one_needs_what_it_builds_on),
		TEST(a_directory_that_is_one),
		TEST(the_time_of_a_copy_does_not_count),
		TEST(wal_that_is_missing_is_told),
		TEST(one_without_a_manifest_is_being_taken_as_long_as_it_changes),
		TEST(one_that_is_not_whole_is_no_good),
		TEST(links_are_not_followed),
		TEST(tar_files_and_what_they_tell),
		TEST(wal_in_a_tar_file),
		TEST(an_empty_directory_has_no_backup),
		TEST(a_directory_is_left_at_the_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
