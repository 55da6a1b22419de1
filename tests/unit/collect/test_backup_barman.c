#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/collect/backups.h"

static void
barman_list_with_a_failed_one(void **state)
{
	struct snapshot_backup backup = must(file_source(GOLDEN "barman-list-failed.json"));

	(void)state;
	assert_string_equal(backup.source, "barman");
	assert_string_equal(backup.name, "main");
	assert_int_equal(backup.count, 1);
	assert_string_equal(backup.label, "20261121T133753");
	assert_string_equal(backup.kind, "full");
	assert_int_equal(backup.stopped_ms, 1795268275000);
	assert_string_equal(backup.failed_label, "20261121T140231");
	assert_string_equal(backup.failure, "Barman does not say why");
	assert_string_equal(backup.unfinished, "20261121T134235 (STARTED)");
	assert_true(backup.is_running);
}

/* What cron may write one after the other into one file. */
static void
barman_documents_in_a_row(void **state)
{
	static const char *const names[] = {"barman-list-failed.json", "barman-show.json",
		"barman-show-failed.json", "barman-check.json"};
	char all[16384] = "";
	struct snapshot_backup backup;

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		size_t length;

		strcat(all, golden(names[i], &length));
		strcat(all, "\n");
	}
	backup = must(file_source(write_text("all", all)));
	assert_int_equal(backup.count, 1);
	assert_string_equal(backup.wal_start, "00000001000000000000000E");
	assert_string_equal(backup.wal_stop, "00000001000000000000000E");
	assert_string_equal(backup.wal_gap, "");
	assert_non_null(strstr(backup.failure, "failure copying files"));
	assert_string_equal(backup.complaint, "");
}

static void
barman_check_that_fails(void **state)
{
	struct snapshot_backup backup = must(file_source(write_text("check",
		"{\"main\": []}{\"main\": {\"archiver_errors\": {\"hint\": \"duplicates: 1\", \"status\": "
		"\"FAILED\"},"
		" \"failed_backups\": {\"hint\": \"1\", \"status\": \"FAILED\"}, \"ssh\": {\"status\": "
		"\"FAILED\"},"
		" \"postgresql\": {\"hint\": \"\", \"status\": \"OK\"}}}")));

	(void)state;
	assert_int_equal(backup.count, 0);
	assert_string_equal(backup.complaint, "archiver_errors failed (duplicates: 1), ssh failed");
}

static void
barman_show_alone(void **state)
{
	struct snapshot_backup backup = must(file_source(GOLDEN "barman-show.json"));

	(void)state;
	assert_int_equal(backup.count, 1);
	assert_string_equal(backup.label, "20261121T133753");
	assert_string_equal(backup.wal_stop, "00000001000000000000000E");
}

static void
barman_wal(void **state)
{
	static const struct {
		const char *last, *gap;
	} cases[] = {
		{"\"0000000100000000000000A2\"", ""},
		{"\"0000000100000000000000A1\"",
			"it needs WAL up to 0000000100000000000000A2, and the archive ends with "
			"0000000100000000000000A1"},
		{"null",
			"it needs WAL from 0000000100000000000000A1 to 0000000100000000000000A2, and none is "
			"archived"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[1024];

		snprintf(text, sizeof text,
			"{\"main\": {\"backup_id\": \"x\", \"status\": \"DONE\", "
			"\"base_backup_information\": "
			"{\"begin_wal\": \"0000000100000000000000A1\", \"end_wal\": "
			"\"0000000100000000000000A2\", "
			"\"end_time_timestamp\": \"1800000000\"}, \"wal_information\": {\"last_available\": "
			"%s}}}",
			cases[i].last);
		assert_string_equal(must(file_source(write_text("wal", text))).wal_gap, cases[i].gap);
	}
}

static void
barman_newer_form(void **state)
{
	struct snapshot_backup backup = must(file_source(GOLDEN "barman-3.17-list.json"));

	(void)state;
	assert_int_equal(backup.count, 2);
	assert_string_equal(backup.kind, "incr");
	assert_int_equal(backup.stopped_ms, 1799996500000);
	assert_int_equal(backup.full_stopped_ms, 1799910200000);
	assert_string_equal(backup.failed_label, ""); /* older than the newest good one */
}

static void
barman_incremental_without_a_full_one(void **state)
{
	struct snapshot_backup backup = must(file_source(write_text("incr",
		"{\"main\": [{\"backup_id\": \"20270115T070000\", \"backup_type\": "
		"\"incremental\", \"end_time_timestamp\": \"1799996500\", \"status\": \"DONE\"}]}")));

	(void)state;
	assert_int_equal(backup.count, 0);
	assert_true(backup.stopped_ms == SNAPSHOT_NONE);
	assert_string_equal(backup.failed_label, "20270115T070000");
	assert_string_equal(backup.failure, "it is incremental, and there is no full backup");
}

static void
barman_waiting_is_not_good(void **state)
{
	struct snapshot_backup backup = must(file_source(write_text("waiting",
		"{\"main\": [{\"backup_id\": \"20270115T070000\", \"end_time_timestamp\": "
		"\"1799996500\", \"status\": \"WAITING_FOR_WALS\"}]}")));

	(void)state;
	assert_int_equal(backup.count, 0);
	assert_string_equal(backup.unfinished, "20270115T070000 (WAITING_FOR_WALS)");
}

static void
barman_without_the_server(void **state)
{
	struct backup_source source = file_source(GOLDEN "barman-list-failed.json");

	(void)state;
	assert_fault(file_source(GOLDEN "barman-unknown-server.json"), ERR_SETUP,
		GOLDEN "barman-unknown-server.json: Barman says: Unknown server 'nope'");
	source.server = "other";
	assert_fault(source, ERR_SETUP,
		GOLDEN "barman-list-failed.json: there is no server \"other\", there is main");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(barman_list_with_a_failed_one),
		TEST(barman_documents_in_a_row),
		TEST(barman_check_that_fails),
		TEST(barman_show_alone),
		TEST(barman_wal),
		TEST(barman_newer_form),
		TEST(barman_incremental_without_a_full_one),
		TEST(barman_waiting_is_not_good),
		TEST(barman_without_the_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
