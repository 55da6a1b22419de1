#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/run/record.h"
#include "tests/unit/run/recording.h"

static void
expect_refused(const char *bytes, size_t length, const char *wanted)
{
	struct snapshot *got = (struct snapshot *)&got;
	size_t count = 77;
	struct err err;

	write_file(bytes, length);
	if (record_read(path, &got, &count, &err) != -1) {
		free(got);
		fail_msg("taken: %.*s", (int)(length < 300 ? length : 300), bytes);
	}
	assert_int_equal(err.class, ERR_USAGE);
	if (strstr(err.text, wanted) == NULL || strstr(err.text, path) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.text, wanted);
	assert_true(got == (struct snapshot *)&got && count == 77);
}

static void
what_is_no_recording_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{"", "line"},
		{"\n", "line"},
		{"not JSON", "line 1, column"},
		{"{\n\"form\": 1,\n nonsense}", "line 3, column"},
		{"[]", "form"},
		{"{}", "form"},
		{"{\"form\":2,\"snapshots\":[{\"parts\":{}}]}", "form 1"},
		{"{\"form\":0,\"snapshots\":[{\"parts\":{}}]}", "form 1"},
		{"{\"form\":\"1\",\"snapshots\":[{\"parts\":{}}]}", "form 1"},
		{"{\"form\":1.0,\"snapshots\":[{\"parts\":{}}]}", "form 1"},
		{"{\"snapshots\":[{\"parts\":{}}]}", "form 1"},
		{"{\"form\":1}", "0 snapshots"},
		{"{\"form\":1,\"snapshots\":[]}", "0 snapshots"},
		{"{\"form\":1,\"snapshots\":{\"parts\":{}}}", "0 snapshots"},
		{"{\"form\":1,\"snapshots\":[5]}", "snapshot 1"},
		{"{\"form\":1,\"snapshots\":[{}]}", "snapshot 1"},
		{"{\"form\":1,\"snapshots\":[{\"parts\":[]}]}", "snapshot 1"},
		{"{\"form\":1,\"snapshots\":[{\"parts\":{}},{\"parts\":5}]}", "snapshot 2"},
		{"{\"form\":1,\"snapshots\":[{\"parts\":{}}]} x", "line 1, column"},
		{"{\"form\":1,\"form\":1,\"snapshots\":[{\"parts\":{}}]}", "duplicate"},
		{"{\"form\":1,\"snapshots\":[{\"parts\":{\"role\":{\"wal_file\":null,\"wal_file\":null}}}]}",
			"duplicate"},
		{"{\"form\":1,\"snapshots\":[{\"parts\":{\"standby\":{\"sender_port\":9223372036854775808}}}]"
		 "}",
			"line 1"},
		{"{\"form\":1,\"snapshots\":[{\"target\":\"\xFF\",\"parts\":{}}]}", "line 1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		expect_refused(cases[i].text, strlen(cases[i].text), cases[i].wanted);
}

/* A recording whose one snapshot has these parts. */
static void
expect_parts_refused(const char *parts, const char *wanted)
{
	char text[1024];

	snprintf(
		text, sizeof text, "{\"form\":1,\"snapshots\":[{\"target\":\"db1\",\"parts\":{%s}}]}", parts);
	expect_refused(text, strlen(text), wanted);
	expect_refused(text, strlen(text), "snapshot 1");
}

#define ROLE "\"role\":{\"in_recovery\":false,\"is_read_only\":false"

static void
unknown_parts_and_fields_and_values_of_another_type_are_refused(void **state)
{
	static const struct {
		const char *parts, *wanted;
	} cases[] = {
		{"\"nonsense\":{}", "\"nonsense\""},
		{"\"Role\":{}", "\"Role\""},
		{ROLE ",\"nonsense\":1}", "\"nonsense\""},
		{ROLE ",\"replay_lsn\":\"0/1\"}", "\"replay_lsn\""}, /* of another part */
		{"\"role\":{\"in_recovery\":null}", "\"in_recovery\""},
		{"\"role\":{\"in_recovery\":1}", "\"in_recovery\""},
		{"\"role\":{\"in_recovery\":\"yes\"}", "\"in_recovery\""},
		{"\"role\":{\"in_recovery\":[]}", "\"in_recovery\""},
		{"\"role\":{\"in_recovery\":{}}", "\"in_recovery\""},
		{"\"standby\":{\"sender_port\":1.0}", "\"sender_port\""},
		{"\"standby\":{\"sender_port\":\"one\"}", "\"sender_port\""},
		{"\"standby\":{\"sender_port\":true}", "\"sender_port\""},
		{ROLE ",\"wal_lsn\":5}", "\"wal_lsn\""},
		{ROLE ",\"wal_lsn\":\"\"}", "\"wal_lsn\""},
		{ROLE ",\"wal_lsn\":true}", "\"wal_lsn\""},
		{ROLE ",\"wal_file\":\"000000030000000100000014.longer than the field\"}", "\"wal_file\""},
		{ROLE ",\"wal_file\":[]}", "\"wal_file\""},
		{ROLE ",\"wal_file\":1.5}", "\"wal_file\""},
		{"\"role\":{\"fault\":{}}", "fault"},
		{"\"role\":{\"fault\":null}", "fault"},
		{"\"role\":{\"fault\":{\"class\":\"down\"}}", "fault"},
		{"\"role\":{\"fault\":{\"text\":\"why\"}}", "fault"},
		{"\"role\":{\"fault\":{\"class\":\"nonsense\",\"text\":\"why\"}}", "fault"},
		{"\"role\":{\"fault\":{\"class\":\"none\",\"text\":\"why\"}}", "fault"},
		{"\"role\":{\"fault\":{\"class\":\"down\",\"text\":5}}", "fault"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		expect_parts_refused(cases[i].parts, cases[i].wanted);
}

/* To take one of these for a part that was seen makes a primary of nothing. */
static void
a_part_that_is_no_object_is_refused(void **state)
{
	static const char *const values[] = {"5", "\"x\"", "true", "[]", "null"};

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
		for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++) {
			char parts[64];

			snprintf(parts, sizeof parts, "\"%s\":%s", snapshot_part_name(part), values[i]);
			expect_parts_refused(parts, snapshot_part_name(part));
		}
}

static void
a_part_that_does_not_say_what_cannot_be_null_is_refused(void **state)
{
	(void)state;
	expect_parts_refused("\"role\":{}", "in_recovery");
	expect_parts_refused("\"role\":{\"in_recovery\":false,\"wal_file\":null}", "is_read_only");
}

static void
what_stands_beside_the_parts_is_of_its_type_too(void **state)
{
	static const char *const members[] = {
		"\"target\":5", "\"taken_ms\":\"now\"", "\"elapsed_us\":1.5", "\"server_version\":\"15\""};

	(void)state;
	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
		char text[256];

		snprintf(text, sizeof text, "{\"form\":1,\"snapshots\":[{%s,\"parts\":{}}]}", members[i]);
		expect_refused(text, strlen(text), "snapshot 1");
	}
}

static void
a_recording_cut_anywhere_is_refused(void **state)
{
	struct snapshot snapshot = full_snapshot();
	static char bytes[2 * sizeof snapshot];
	struct err err;
	size_t length;

	(void)state;
	assert_int_equal(record_write(path, &snapshot, 1, &err), 0);
	length = read_file(bytes, sizeof bytes);
	assert_int_equal(bytes[length - 1], '\n');
	/* Near the start each kind of place comes once in a few bytes; after that, every part is met many times. */
	for (size_t cut = 0; cut < length - 1; cut += cut < 1000 ? 1 : cut % 97 + 1)
		expect_refused(bytes, cut, "line");
	expect_refused(bytes, length - 2, "line");
}

static void
a_recording_of_too_many_snapshots_is_refused(void **state)
{
	static char text[8192];
	size_t length = (size_t)snprintf(text, sizeof text, "{\"form\":1,\"snapshots\":[{\"parts\":{}}");

	(void)state;
	for (int i = 1; i < 129; i++)
		length += (size_t)snprintf(text + length, sizeof text - length, ",{\"parts\":{}}");
	snprintf(text + length, sizeof text - length, "]}");
	expect_refused(text, strlen(text), "129 snapshots");
}

static void
a_file_over_4_mib_is_refused_and_one_of_4_mib_is_not(void **state)
{
	enum { LIMIT = 4 * 1024 * 1024 };
	static const char text[] = "{\"form\":1,\"snapshots\":[{\"parts\":{}}]}";
	char *bytes = malloc(LIMIT + 1);
	struct snapshot *got;
	size_t count;
	struct err err;

	(void)state;
	memset(bytes, ' ', LIMIT + 1);
	memcpy(bytes, text, strlen(text));
	expect_refused(bytes, LIMIT + 1, "larger than 4194304 bytes");
	write_file(bytes, LIMIT);
	assert_int_equal(record_read(path, &got, &count, &err), 0);
	free(got);
	free(bytes);
}

static void
a_file_that_cannot_be_read_is_an_error_with_its_name(void **state)
{
	struct snapshot *got;
	size_t count;
	struct err err;

	(void)state;
	assert_int_equal(record_read(path, &got, &count, &err), -1);
	assert_int_equal(err.class, ERR_USAGE);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(record_read(directory, &got, &count, &err), -1);
	assert_int_equal(err.class, ERR_USAGE);
	assert_non_null(strstr(err.text, directory));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_no_recording_is_refused_with_its_place, remove_file),
		cmocka_unit_test_setup(
			unknown_parts_and_fields_and_values_of_another_type_are_refused, remove_file),
		cmocka_unit_test_setup(a_part_that_is_no_object_is_refused, remove_file),
		cmocka_unit_test_setup(a_part_that_does_not_say_what_cannot_be_null_is_refused, remove_file),
		cmocka_unit_test_setup(what_stands_beside_the_parts_is_of_its_type_too, remove_file),
		cmocka_unit_test_setup(a_recording_cut_anywhere_is_refused, remove_file),
		cmocka_unit_test_setup(a_recording_of_too_many_snapshots_is_refused, remove_file),
		cmocka_unit_test_setup(a_file_over_4_mib_is_refused_and_one_of_4_mib_is_not, remove_file),
		cmocka_unit_test_setup(a_file_that_cannot_be_read_is_an_error_with_its_name, remove_file),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
