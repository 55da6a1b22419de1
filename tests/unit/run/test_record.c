#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/resource.h>
#include <sys/stat.h>

#include "lib/run/record.h"
#include "tests/unit/run/child.h"
#include "tests/unit/run/recording.h"

static void
expect_round_trip(const struct snapshot *snapshots, size_t count)
{
	struct snapshot *got = NULL;
	size_t got_count = 0;
	struct err err;

	if (record_write(path, snapshots, count, &err) != 0 || record_read(path, &got, &got_count, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(got_count, count);
	for (size_t i = 0; i < count; i++)
		if (!is_same_snapshot(&got[i], &snapshots[i]))
			fail_msg("snapshot %zu differs", i + 1);
	free(got);
	assert_int_equal(file_count(), 1);
}

static void
every_field_of_a_snapshot_reads_back(void **state)
{
	struct snapshot snapshot = full_snapshot();

	(void)state;
	expect_round_trip(&snapshot, 1);
}

static void
null_and_the_absence_of_a_part_read_back(void **state)
{
	struct snapshot snapshots[3];
	struct err fault;

	(void)state;
	for (int i = 0; i < 3; i++)
		snapshot_init(&snapshots[i]);
	snapshot_mark(&snapshots[0], SNAPSHOT_ROLE);
	snapshot_mark(&snapshots[0], SNAPSHOT_STANDBY);
	snapshot_mark(&snapshots[1], SNAPSHOT_STANDBY);
	err_set(&fault, ERR_TIMEOUT, "no answer \"in time\"");
	err_hint(&fault, "is it frozen?");
	snapshot_fail(&snapshots[2], SNAPSHOT_ROLE, &fault);
	err_set(&fault, ERR_SETUP, "not permitted");
	snapshot_fail(&snapshots[2], SNAPSHOT_STANDBY, &fault);
	expect_round_trip(snapshots, 3);
}

static void
every_class_of_fault_reads_back(void **state)
{
	(void)state;
	for (enum err_class class = ERR_DOWN; class < ERR_CLASS_COUNT; class ++) {
		struct snapshot snapshot;
		struct err fault;

		snapshot_init(&snapshot);
		err_set(&fault, class, "why");
		snapshot_fail(&snapshot, SNAPSHOT_ROLE, &fault);
		expect_round_trip(&snapshot, 1);
	}
}

static void
as_many_snapshots_as_can_be_read_read_back(void **state)
{
	static struct snapshot snapshots[128];

	(void)state;
	for (size_t i = 0; i < 128; i++) {
		snapshots[i] = full_snapshot();
		snapshots[i].taken_ms = (int64_t)i;
	}
	expect_round_trip(snapshots, 128);
}

static void
a_recording_takes_the_place_of_the_one_before_and_is_private(void **state)
{
	struct snapshot snapshot = full_snapshot();
	struct stat status;

	(void)state;
	write_file("an older recording", 18);
	expect_round_trip(&snapshot, 1);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07077, 0);
}

/* -- what cannot be written -------------------------------------------------------------------- */

static void
a_file_that_cannot_be_put_in_place_leaves_nothing_behind(void **state)
{
	struct snapshot snapshot = full_snapshot();
	struct err err;

	(void)state;
	assert_int_equal(mkdir(path, 0700), 0); /* nothing can be renamed over a directory */
	assert_int_equal(record_write(path, &snapshot, 1, &err), -1);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(err.class, ERR_USAGE);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(file_count(), 0);
}

static void
a_directory_that_is_not_there_is_an_error(void **state)
{
	struct snapshot snapshot = full_snapshot();
	char nowhere[sizeof path + 16];
	struct err err;

	(void)state;
	snprintf(nowhere, sizeof nowhere, "%s/none/file", directory);
	assert_int_equal(record_write(nowhere, &snapshot, 1, &err), -1);
	assert_int_equal(err.class, ERR_USAGE);
	assert_int_equal(record_write("", &snapshot, 1, &err), -1);
	assert_int_equal(file_count(), 0);
}

static int
write_recording(void *context)
{
	struct err err;

	return record_write(path, context, 1, &err) == 0 ? 0 : 1;
}

/* Who records to /dev/null as root means to throw it away, not to have a file in its place. */
static void
what_is_no_file_is_not_replaced_by_one(void **state)
{
	struct snapshot snapshot = full_snapshot();
	struct stat status;
	int reader, written;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK);
	written = child_run(write_recording, &snapshot);
	close(reader);
	assert_true(written == 0 || written == 1);
	assert_int_equal(stat(path, &status), 0);
	assert_true(S_ISFIFO(status.st_mode));
	assert_int_equal(file_count(), 1);
}

/* A limit on the size of files stands in for a full disk. */
static int
write_on_a_full_disk(void *context)
{
	static const struct rlimit limit = {.rlim_cur = 100, .rlim_max = 100};
	struct err err;

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
		return 1;
	return record_write(path, context, 1, &err) == -1 && err.class == ERR_USAGE ? 0 : 2;
}

static void
a_full_disk_leaves_the_older_recording_as_it_was(void **state)
{
	struct snapshot snapshot = full_snapshot();
	char bytes[64];

	(void)state;
	write_file("an older recording", 18);
	assert_int_equal(child_run(write_on_a_full_disk, &snapshot), 0);
	assert_int_equal(file_count(), 1);
	read_file(bytes, sizeof bytes);
	assert_string_equal(bytes, "an older recording");
}

/* -- standard output and input ----------------------------------------------------------------- */

static int
write_to_standard_output(void *context)
{
	struct err err;

	dup2(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
	return record_write("-", context, 1, &err) == 0 ? 0 : 1;
}

static int
read_from_standard_input(void *context)
{
	struct snapshot *got;
	size_t count;
	struct err err;

	dup2(open(path, O_RDONLY), STDIN_FILENO);
	if (record_read("-", &got, &count, &err) != 0 || count != 1)
		return 1;
	return is_same_snapshot(got, context) ? 0 : 2;
}

static void
a_dash_is_standard_output_and_input(void **state)
{
	struct snapshot snapshot = full_snapshot();

	(void)state;
	assert_int_equal(child_run(write_to_standard_output, &snapshot), 0);
	assert_int_equal(child_run(read_from_standard_input, &snapshot), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_field_of_a_snapshot_reads_back, remove_file),
		cmocka_unit_test_setup(null_and_the_absence_of_a_part_read_back, remove_file),
		cmocka_unit_test_setup(every_class_of_fault_reads_back, remove_file),
		cmocka_unit_test_setup(as_many_snapshots_as_can_be_read_read_back, remove_file),
		cmocka_unit_test_setup(
			a_recording_takes_the_place_of_the_one_before_and_is_private, remove_file),
		cmocka_unit_test_setup(a_file_that_cannot_be_put_in_place_leaves_nothing_behind, remove_file),
		cmocka_unit_test_setup(a_directory_that_is_not_there_is_an_error, remove_file),
		cmocka_unit_test_setup(what_is_no_file_is_not_replaced_by_one, remove_file),
		cmocka_unit_test_setup(a_full_disk_leaves_the_older_recording_as_it_was, remove_file),
		cmocka_unit_test_setup(a_dash_is_standard_output_and_input, remove_file),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
