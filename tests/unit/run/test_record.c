#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/resource.h>
#include <sys/stat.h>

#include "lib/agent/plan.h"
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

/* -- lists ------------------------------------------------------------------------------------- */

static void
add_sender(struct snapshot *to, const char *application)
{
	struct snapshot_sender *sender = &to->senders.rows[to->senders.total++];

	sender->pid = 4000 + to->senders.total;
	snprintf(sender->application, sizeof sender->application, "%s", application);
	snprintf(sender->state, sizeof sender->state, "streaming");
	snprintf(sender->sync_state, sizeof sender->sync_state, "quorum");
	sender->replay_lsn = 0x14000060;
	sender->behind_bytes = -96;
}

static void
expect_senders(int rows, int64_t more)
{
	struct snapshot snapshot;

	snapshot_init(&snapshot);
	snapshot_mark(&snapshot, SNAPSHOT_SENDERS);
	snapshot.senders.total = 0;
	for (int row = 0; row < rows; row++)
		add_sender(&snapshot, row % 2 == 0 ? "n \"2\"" : "");
	snapshot.senders.total += more;
	expect_round_trip(&snapshot, 1);
}

static void
a_list_reads_back_with_its_rows_and_its_total(void **state)
{
	(void)state;
	for (int rows = 0; rows <= SNAPSHOT_SENDERS_MAX; rows++)
		expect_senders(rows, 0);
	expect_senders(SNAPSHOT_SENDERS_MAX, 1); /* of more, those that there is room for */
	expect_senders(SNAPSHOT_SENDERS_MAX, 1000000);
}

/* Reads a recording of senders with that total and those rows; `wanted` NULL: it is taken. */
static void
expect_list(const char *total, const char *rows, const char *wanted)
{
	struct snapshot *got = NULL;
	char text[16384];
	size_t count;
	struct err err = {.class = ERR_NONE};
	int status;

	snprintf(text, sizeof text,
		"{\"form\":1,\"snapshots\":[{\"parts\":{\"senders\":{\"total\":%s,\"rows\":%s}}}]}", total,
		rows);
	write_file(text, strlen(text));
	status = record_read(path, &got, &count, &err);
	free(got);
	if ((status == 0) != (wanted == NULL))
		fail_msg("total %s, rows %s: %s", total, rows, status == 0 ? "taken" : err.text);
	if (status != 0 && (err.class != ERR_USAGE || strstr(err.text, wanted) == NULL))
		fail_msg("total %s, rows %s: %s", total, rows, err.text);
}

/* Every row of every list, each text as long as there is room for, in characters that JSON writes as two. */
static void
fill_to_the_brim(struct snapshot *snapshot)
{
	snapshot_init(snapshot);
	for (size_t i = 0; i < snapshot_fields_count; i++) {
		const struct snapshot_list *list = snapshot_list_of(snapshot_fields[i].part);
		size_t rows = snapshot_fields[i].is_in_row ? list->rows_max : 1;

		for (size_t row = 0; row < rows; row++) {
			struct snapshot_field field = snapshot_field_at(&snapshot_fields[i], row);

			if (field.type == SNAPSHOT_TEXT)
				memset((char *)snapshot + field.offset, '"', field.size - 1);
			else
				fill_field(snapshot, &field, row);
		}
	}
	mark_all(snapshot, SNAPSHOT_NUMBER_MAX);
}

static void
the_largest_snapshot_reads_back(void **state)
{
	static struct snapshot snapshots[PLAN_TARGETS];

	(void)state;
	for (size_t i = 0; i < PLAN_TARGETS; i++)
		fill_to_the_brim(&snapshots[i]);
	expect_round_trip(snapshots, 1);
	expect_round_trip(snapshots, PLAN_TARGETS); /* what an agent gives at once */
}

/* The rows of a list of senders, of which `last` stands at the end. */
static void
write_rows(int count, const char *last, struct text *text)
{
	text_add(text, "[");
	for (int i = 0; i < count; i++)
		text_add(text, "%s{\"is_logical\":false,\"pid\":%d,\"application\":null}", i == 0 ? "" : ",",
			i + 1);
	text_add(text, "%s%s]", count > 0 && last[0] != '\0' ? "," : "", last);
}

static void
rows_that_do_not_fit_are_refused(void **state)
{
	enum { MAX = SNAPSHOT_SENDERS_MAX };
	static const struct {
		const char *total;
		int rows;
		const char *last, *wanted; /* NULL: it is taken */
	} cases[] = {
		{"0", 0, "", NULL},
		{"1", 1, "", NULL},
		{"2", 2, "", NULL},
		{"1000", MAX, "", NULL},
		{"0", 1, "", "total"},
		{"1", 0, "", "total"},
		{"2", 1, "", "total"},
		{"1000", 1, "", "total"},
		{"1000", MAX - 1, "", "total"},
		{"-1", 1, "", "total"},
		{"null", 1, "", "total"},
		{"1000", MAX + 1, "", "at most"},
		{"1", 0, "5", ""},
		{"2", 1, "null", ""},
		{"1", 0, "{\"is_logical\":true}", NULL}, /* what is left out is NULL, as in every part */
		{"1", 0, "{\"is_logical\":true,\"pid\":\"x\"}", "pid"},
		{"1", 0, "{\"is_logical\":null}", "is_logical"},
		{"1", 0, "{\"is_logical\":true,\"nonsense\":1}", "nonsense"},
		{"1", 0, "{\"is_logical\":true,\"total\":1}", "total"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char rows[8192];
		struct text text;

		text_init(&text, rows, sizeof rows);
		write_rows(cases[i].rows, cases[i].last, &text);
		assert_false(text.is_truncated);
		expect_list(cases[i].total, rows, cases[i].wanted);
	}
	expect_list("1", "{}", "rows");
	expect_list("1", "null", "rows");
	expect_list("1", "5", "rows");
}

/* A row of an old recording, made before the server was asked so much, must not pass for false. */
static void
a_row_that_does_not_say_what_cannot_be_null_is_refused(void **state)
{
	(void)state;
	expect_list("1", "[{}]", "is_logical");
	expect_list("2", "[{\"is_logical\":true},{\"pid\":1}]", "is_logical");
}

static void
a_list_without_its_rows_or_its_total_is_refused(void **state)
{
	static const char *const lists[] = {"{\"total\":1}", "{\"rows\":[]}", "{}", "[]"};

	(void)state;
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		struct snapshot *got = NULL;
		char text[256];
		size_t count;
		struct err err;

		snprintf(text, sizeof text, "{\"form\":1,\"snapshots\":[{\"parts\":{\"senders\":%s}}]}",
			lists[i]);
		write_file(text, strlen(text));
		if (record_read(path, &got, &count, &err) == 0) {
			free(got);
			fail_msg("taken: %s", lists[i]);
		}
	}
}

static void
what_is_written_into_a_text_is_what_is_written_into_a_file(void **state)
{
	struct snapshot snapshots[2] = {full_snapshot(), full_snapshot()};
	char storage[4 * sizeof snapshots[0]], bytes[sizeof storage];
	struct text text;
	struct err err;

	(void)state;
	snapshots[1].senders.total = 0;
	text_init(&text, storage, sizeof storage);
	record_write_text(snapshots, 2, &text);
	assert_false(text.is_truncated);
	assert_int_equal(record_write(path, snapshots, 2, &err), 0);
	read_file(bytes, sizeof bytes);
	assert_string_equal(bytes, storage);
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
		cmocka_unit_test_setup(a_list_reads_back_with_its_rows_and_its_total, remove_file),
		cmocka_unit_test_setup(the_largest_snapshot_reads_back, remove_file),
		cmocka_unit_test_setup(rows_that_do_not_fit_are_refused, remove_file),
		cmocka_unit_test_setup(a_row_that_does_not_say_what_cannot_be_null_is_refused, remove_file),
		cmocka_unit_test_setup(a_list_without_its_rows_or_its_total_is_refused, remove_file),
		cmocka_unit_test_setup(
			what_is_written_into_a_text_is_what_is_written_into_a_file, remove_file),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
