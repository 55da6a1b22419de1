#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include "lib/base/clock.h"
#include "lib/collect/backup.h"
#include "lib/collect/backup_manifest.h"
#include "lib/collect/backup_wal.h"

#define GOLDEN "tests/golden/backup/"

static char directory[64];

static int
make_directory(void **state)
{
	(void)state;
	snprintf(directory, sizeof directory, "/tmp/pgha-test-backup-XXXXXX");
	return mkdtemp(directory) == NULL;
}

static int
remove_directory(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", directory);
	return system(command);
}

static const struct backup_source nothing = {
	.command = "", .stanza = "", .server = "", .file = "", .directory = ""};

static struct snapshot
collect(struct backup_source source)
{
	struct snapshot snapshot;

	backup_collect(&source, clock_now_ms() + 10000, &snapshot);
	return snapshot;
}

static struct snapshot_backup
must(struct backup_source source)
{
	struct snapshot snapshot = collect(source);

	if (!snapshot_has(&snapshot, SNAPSHOT_BACKUP))
		fail_msg("%s", snapshot.faults[SNAPSHOT_BACKUP].text);
	assert_true(snapshot_is_sound(&snapshot));
	return snapshot.backup;
}

static void
assert_fault(struct backup_source source, enum err_class class, const char *text)
{
	struct snapshot snapshot = collect(source);

	assert_false(snapshot_has(&snapshot, SNAPSHOT_BACKUP));
	assert_string_equal(snapshot.faults[SNAPSHOT_BACKUP].text, text);
	assert_int_equal(snapshot.faults[SNAPSHOT_BACKUP].class, class);
}

static struct backup_source
file_source(const char *path)
{
	struct backup_source source = nothing;

	source.file = path;
	return source;
}

static const char *
or_empty(const char *text)
{
	return text == NULL ? "" : text;
}

/* -- files made by the tests --------------------------------------------------------------------- */

static const char *
in_directory(const char *name)
{
	static char path[4][256];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof path[turn], "%s/%s", directory, name);
	return path[turn];
}

static const char *
write_bytes(const char *name, const void *bytes, size_t length)
{
	const char *path = in_directory(name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
	return path;
}

static const char *
write_text(const char *name, const char *text)
{
	return write_bytes(name, text, strlen(text));
}

static void
make(const char *name)
{
	assert_int_equal(mkdir(in_directory(name), 0755), 0);
}

static char *
golden(const char *name, size_t *ret_length)
{
	static char bytes[65536];
	char path[256];
	FILE *file;

	snprintf(path, sizeof path, GOLDEN "%s", name);
	file = fopen(path, "r");
	assert_non_null(file);
	*ret_length = fread(bytes, 1, sizeof bytes - 1, file);
	bytes[*ret_length] = '\0';
	fclose(file);
	return bytes;
}

static void
copy_golden(const char *name, const char *to)
{
	size_t length;
	char *bytes = golden(name, &length);

	write_bytes(to, bytes, length);
}

/* -- pgBackRest ---------------------------------------------------------------------------------- */

static void
pgbackrest_good(void **state)
{
	struct snapshot_backup backup = must(file_source(GOLDEN "pgbackrest-good.json"));

	(void)state;
	assert_string_equal(backup.source, "pgbackrest");
	assert_string_equal(backup.name, "demo");
	assert_int_equal(backup.count, 3);
	assert_string_equal(backup.label, "20261121-133510F_20261121-133515I");
	assert_string_equal(backup.kind, "incr");
	assert_int_equal(backup.stopped_ms, 1795268117000);
	assert_int_equal(backup.full_stopped_ms, 1795268112000);
	assert_string_equal(backup.wal_start, "00000001000000000000000A");
	assert_string_equal(backup.wal_stop, "00000001000000000000000B");
	assert_string_equal(backup.archive_min, "000000010000000000000006");
	assert_string_equal(backup.archive_max, "000000010000000000000016");
	assert_string_equal(backup.wal_gap, "");
	assert_string_equal(backup.complaint, "");
	assert_string_equal(backup.failed_label, "");
	assert_false(backup.is_running);
	assert_true(backup.written_ms > 0);
}

static void
pgbackrest_running(void **state)
{
	(void)state;
	assert_true(must(file_source(GOLDEN "pgbackrest-running.json")).is_running);
}

static void
pgbackrest_without_the_stanza(void **state)
{
	struct snapshot_backup backup = must(file_source(GOLDEN "pgbackrest-no-stanza.json"));

	(void)state;
	assert_int_equal(backup.count, 0);
	assert_true(backup.stopped_ms == SNAPSHOT_NONE);
	assert_string_equal(backup.complaint, "missing stanza path");
}

static void
pgbackrest_empty_list(void **state)
{
	struct snapshot_backup backup = must(file_source(write_text("list", "[]\n")));

	(void)state;
	assert_int_equal(backup.count, 0);
	assert_string_equal(backup.complaint, "the repository has no stanza");
}

static void
pgbackrest_without_wal(void **state)
{
	(void)state;
	assert_string_equal(must(file_source(GOLDEN "pgbackrest-no-wal.json")).wal_gap,
		"it needs WAL from 00000001000000000000000A to 00000001000000000000000B, and none is "
		"archived");
}

static void
pgbackrest_with_damaged_pages(void **state)
{
	struct snapshot_backup backup = must(file_source(GOLDEN "pgbackrest-checksum-errors.json"));

	(void)state;
	assert_int_equal(backup.count, 1);
	assert_string_equal(backup.kind, "full");
	assert_non_null(strstr(backup.complaint, " has pages with wrong checksums: the database is damaged"));
}

static void
pgbackrest_second_repository(void **state)
{
	(void)state;
	assert_string_equal(must(file_source(GOLDEN "pgbackrest-repo2-missing.json")).complaint,
		"repo2: missing stanza path");
	assert_string_equal(
		must(file_source(GOLDEN "pgbackrest-repo2-empty.json")).complaint, "repo2: no valid backups");
	assert_int_equal(must(file_source(GOLDEN "pgbackrest-repo2-empty.json")).count, 3);
}

static void
pgbackrest_unreadable(void **state)
{
	(void)state;
	assert_fault(file_source(GOLDEN "pgbackrest-unreadable.json"), ERR_SETUP,
		GOLDEN "pgbackrest-unreadable.json: pgBackRest cannot read its repository: [PathOpenError] "
		       "unable to "
		       "list file info for path '/var/lib/pgbackrest/backup': [13] Permission denied");
	assert_non_null(strstr(must(file_source(GOLDEN "pgbackrest-repo1-unreadable.json")).complaint,
		"repo1: [PathOpenError]"));
}

static void
pgbackrest_host_down(void **state)
{
	struct backup_source source = file_source(write_text("down",
		"[{\"name\":\"demo\",\"repo\":[{\"key\":1,\"status\":{\"code\":99,\"message\":\"["
		"HostConnectError] "
		"unable to connect to 'backup:8432'\"}}],\"status\":{\"code\":99,\"message\":\"other\"}}]"));
	struct snapshot snapshot = collect(source);

	(void)state;
	assert_int_equal(snapshot.faults[SNAPSHOT_BACKUP].class, ERR_DOWN);
}

static void
pgbackrest_choice_of_the_stanza(void **state)
{
	static const char text[]
		= "[{\"name\":\"a\",\"status\":{\"code\":2,\"message\":\"no valid backups\"}},"
		  "{\"name\":\"b\",\"status\":{\"code\":0,\"message\":\"ok\"}}]";
	struct backup_source source = file_source(write_text("two", text));
	char expected[256];

	(void)state;
	snprintf(expected, sizeof expected, "%s/two: there is more than one stanza: a, b", directory);
	assert_fault(source, ERR_USAGE, expected);
	source.stanza = "a";
	assert_string_equal(must(source).name, "a");
	source.stanza = "c";
	snprintf(expected, sizeof expected, "%s/two: there is no stanza \"c\", there is a, b", directory);
	assert_fault(source, ERR_SETUP, expected);
}

/* After stanza-upgrade the backups of the old cluster are still there, and are none of this one. */
static void
pgbackrest_after_an_upgrade(void **state)
{
	static const char text[]
		= "[{\"name\":\"demo\",\"status\":{\"code\":0,\"message\":\"ok\"},"
		  "\"db\":[{\"id\":1,\"repo-key\":1},{\"id\":2,\"repo-key\":1,\"system-id\":"
		  "18446744073709551615}],"
		  "\"archive\":[{\"database\":{\"id\":1,\"repo-key\":1},\"min\":\"1\",\"max\":\"9\"}],"
		  "\"backup\":[{\"label\":\"old\",\"type\":\"full\",\"database\":{\"id\":1,\"repo-key\":1},"
		  "\"timestamp\":{\"start\":1,\"stop\":1800000000},\"archive\":{\"start\":\"2\",\"stop\":"
		  "\"3\"}}]}]";
	struct snapshot_backup backup = must(file_source(write_text("upgraded", text)));

	(void)state;
	assert_int_equal(backup.count, 0);
	assert_string_equal(backup.failed_label, "old");
	assert_string_equal(backup.failure, "of the database before the last stanza-upgrade");
}

/* A diff or incr whose "reference" is gone; of the same label in another repository it is not. */
static void
pgbackrest_chain_that_is_broken(void **state)
{
	static const struct {
		const char *full, *references, *missing;
	} cases[] = {
		{"{\"label\":\"F\",\"type\":\"full\",\"database\":{\"id\":1},\"timestamp\":{\"stop\":1}},",
			"[\"F\"]", NULL},
		{"", "[\"F\"]", "it builds on F, which is not there"},
		{"{\"label\":\"F\",\"type\":\"full\",\"database\":{\"id\":1,\"repo-key\":2},"
		 "\"timestamp\":{\"stop\":1}},",
			"[\"F\"]", "it builds on F, which is not there"},
		{"{\"label\":\"F\",\"type\":\"full\",\"database\":{\"id\":1},\"timestamp\":{\"stop\":1}},",
			"[\"F\",\"G\"]", "it builds on G, which is not there"},
		{"", "null", "it builds on a backup that is not told, which is not there"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct snapshot_backup backup;
		char text[1024];

		snprintf(text, sizeof text,
			"[{\"name\":\"demo\",\"status\":{\"code\":0},\"backup\":[%s{\"label\":\"F_I\","
			"\"type\":\"incr\",\"database\":{\"id\":1},\"timestamp\":{\"stop\":9},"
			"\"reference\":%s}]}]",
			cases[i].full, cases[i].references);
		backup = must(file_source(write_text("chain", text)));
		assert_string_equal(backup.label,
			cases[i].missing == NULL                     ? "F_I"
				: strstr(cases[i].full, "F") != NULL ? "F"
								     : "");
		assert_string_equal(backup.failed_label, cases[i].missing == NULL ? "" : "F_I");
		assert_string_equal(backup.failure, or_empty(cases[i].missing));
	}
}

static void
pgbackrest_one_of_several_repositories(void **state)
{
	static const char text[]
		= "[{\"name\":\"demo\",\"status\":{\"code\":4,\"message\":\"different across repos\"},"
		  "\"repo\":[{\"key\":1,\"status\":{\"code\":0,\"message\":\"ok\"}},"
		  "{\"key\":2,\"status\":{\"code\":0,\"message\":\"ok\"}},"
		  "{\"key\":3,\"status\":{\"code\":99,\"message\":\"[FileOpenError] x\"}}],\"backup\":["
		  "{\"label\":\"B\",\"type\":\"full\",\"database\":{\"id\":1,\"repo-key\":2},\"timestamp\":{"
		  "\"stop\":5}},"
		  "{\"label\":\"A\",\"type\":\"full\",\"database\":{\"id\":1,\"repo-key\":1},\"timestamp\":{"
		  "\"stop\":9}}"
		  "]}]";
	struct backup_source source = file_source(write_text("repositories", text));
	struct snapshot_backup backup = must(source);
	char expected[256];

	(void)state;
	assert_string_equal(backup.label, "A");
	assert_int_equal(backup.count, 2);
	assert_string_equal(backup.lagging, "repo2");
	assert_int_equal(backup.lagging_stopped_ms, 5000);
	assert_string_equal(backup.complaint, "repo3: [FileOpenError] x");
	source.repository = 2;
	backup = must(source);
	assert_string_equal(backup.label, "B");
	assert_int_equal(backup.count, 1);
	assert_string_equal(backup.lagging, "");
	assert_string_equal(backup.complaint, "");
	source.repository = 3;
	snprintf(expected, sizeof expected, "%s: pgBackRest cannot read its repository: [FileOpenError] x",
		source.file);
	assert_fault(source, ERR_SETUP, expected);
	source.repository = 4;
	snprintf(expected, sizeof expected, "%s: there is no repository 4", source.file);
	assert_fault(source, ERR_SETUP, expected);
}

/* Each with one thing changed of what can be read. */
static void
pgbackrest_wal_ranges(void **state)
{
	static const struct {
		const char *archives, *start, *stop, *gap;
	} cases[] = {
		{"{\"database\":{\"id\":1},\"min\":\"A2\",\"max\":\"A3\"}", "\"A2\"", "\"A3\"", ""},
		{"{\"database\":{\"id\":1},\"min\":\"A2\",\"max\":\"A3\"}", "\"A1\"", "\"A3\"",
			"it needs WAL from A1 on, and the archive begins with A2"},
		{"{\"database\":{\"id\":1},\"min\":\"A2\",\"max\":\"A3\"}", "\"A2\"", "\"A4\"",
			"it needs WAL up to A4, and the archive ends with A3"},
		{"{\"database\":{\"id\":2},\"min\":\"A2\",\"max\":\"A3\"}", "\"A2\"", "\"A3\"",
			"it needs WAL from A2 to A3, and none is archived"},
		{"{\"database\":{\"id\":1,\"repo-key\":2},\"min\":\"A2\",\"max\":\"A3\"}", "\"A2\"", "\"A3\"",
			"it needs WAL from A2 to A3, and none is archived"},
		{"{\"database\":{\"id\":1},\"min\":null,\"max\":null}", "null", "null", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[1024];

		snprintf(text, sizeof text,
			"[{\"name\":\"demo\",\"status\":{\"code\":0,\"message\":\"ok\"},\"archive\":[%s],"
			"\"backup\":[{\"label\":\"x\",\"type\":\"full\",\"database\":{\"id\":1},"
			"\"timestamp\":{\"stop\":1800000000},\"archive\":{\"start\":%s,\"stop\":%s}}]}]",
			cases[i].archives, cases[i].start, cases[i].stop);
		assert_string_equal(must(file_source(write_text("wal", text))).wal_gap, cases[i].gap);
	}
}

/* -- Barman -------------------------------------------------------------------------------------- */

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

/* -- what is no JSON of a tool ------------------------------------------------------------------- */

static void
other_shapes_are_refused_and_named(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"", "it is empty"},
		{" \n", "it is empty"},
		{"[1]", "stanza 1 is not an object"},
		{"[{}]", "stanza 1 has no \"name\""},
		{"[{\"name\": 7}]", "stanza 1: \"name\" is not text"},
		{"[{\"name\": \"x\"}]", "stanza \"x\": it has no \"status\" with a \"code\""},
		{"[{\"name\": \"x\", \"status\": \"ok\"}]", "stanza \"x\": \"status\" is not an object"},
		{"[{\"name\": \"x\", \"status\": {\"code\": \"0\"}}]",
			"stanza \"x\": \"code\" is not a number that can be read"},
		{"[{\"name\": \"x\", \"status\": {\"code\": 0}, \"backup\": {}}]",
			"stanza \"x\": \"backup\" is not a list"},
		{"[{\"name\": \"x\", \"status\": {\"code\": 0}, \"backup\": [{\"label\": \"a\"}]}]",
			"stanza \"x\": backup 1: it has no \"label\" or no \"type\""},
		{"[{\"name\": \"x\", \"status\": {\"code\": 0}, \"backup\": [{\"label\": \"a\", \"type\": "
		 "\"full\", "
		 "\"timestamp\": {\"stop\": 1e18}}]}]",
			"stanza \"x\": backup 1: \"stop\" is not a number that can be read"},
		{"[{\"name\": \"x\", \"status\": {\"code\": 0}, \"backup\": [{\"label\": \"a\", \"type\": "
		 "\"full\", "
		 "\"timestamp\": {\"stop\": -1}}]}]",
			"stanza \"x\": backup 1: \"stop\" is not seconds since 1970"},
		{"[{\"name\": \"x\", \"status\": {\"code\": 0}, \"backup\": [{\"label\": \"a\", \"type\": "
		 "\"full\"}]}]",
			"stanza \"x\": backup 1: \"stop\" is not seconds since 1970"},
		{"[][]", "there is something behind what pgBackRest wrote"},
		{"{}", "it has no server"},
		{"{\"main\": 1}", "server \"main\": neither a list of backups, a backup nor a check"},
		{"{\"main\": [1]}", "server \"main\": backup 1: not an object"},
		{"{\"main\": [{\"backup_id\": \"a\", \"status\": \"DONE\"}]}",
			"server \"main\": backup 1: \"end_time_timestamp\" is not seconds since 1970"},
		{"{\"main\": [{\"backup_id\": \"a\", \"status\": \"DONE\", \"end_time_timestamp\": "
		 "\"12x\"}]}",
			"server \"main\": backup 1: \"end_time_timestamp\" is not seconds since 1970"},
		{"{\"main\": {\"a\": \"OK\"}}", "server \"main\": \"a\" is not an object"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *path = write_text("shape", cases[i].text);
		char expected[512];

		snprintf(expected, sizeof expected, "%s: %s", path, cases[i].expected);
		assert_fault(file_source(path), ERR_PROTOCOL, expected);
	}
}

static void
cut_off_json_is_refused(void **state)
{
	size_t length;
	const char *whole = golden("pgbackrest-good.json", &length);

	(void)state;
	for (size_t cut = 1; cut < length; cut++) {
		struct snapshot snapshot = collect(file_source(write_bytes("cut", whole, cut)));

		assert_int_equal(snapshot.faults[SNAPSHOT_BACKUP].class, ERR_PROTOCOL);
	}
}

static void
a_file_that_is_too_long_is_refused(void **state)
{
	const char *path = write_text("long", "[");
	char expected[256];

	(void)state;
	assert_int_equal(truncate(path, 4 * 1024 * 1024 + 1), 0);
	snprintf(expected, sizeof expected, "\"%s\" is longer than 4096 kB", path);
	assert_fault(file_source(path), ERR_PROTOCOL, expected);
}

static void
what_is_no_file_is_refused(void **state)
{
	char expected[256];

	(void)state;
	snprintf(expected, sizeof expected, "cannot read \"%s/none\": No such file or directory", directory);
	assert_fault(file_source(in_directory("none")), ERR_SETUP, expected);
	snprintf(expected, sizeof expected, "cannot read \"%s\": it is not a regular file", directory);
	assert_fault(file_source(directory), ERR_SETUP, expected);
	assert_int_equal(mkfifo(in_directory("pipe"), 0600), 0);
	snprintf(expected, sizeof expected, "cannot read \"%s/pipe\": it is not a regular file", directory);
	assert_fault(file_source(in_directory("pipe")), ERR_SETUP, expected);
}

/* -- the source ---------------------------------------------------------------------------------- */

static void
sources_that_cannot_be_are_refused(void **state)
{
	static const struct {
		enum backup_tool tool;
		const char *command, *stanza, *server, *file, *directory;
		int64_t repository;
		bool wants_check;
		const char *text;
	} cases[] = {
		{.text = "no backups are named"},
		{.tool = BACKUP_PGBACKREST,
			.directory = "/d",
			.text = "--directory cannot be given together with --tool or --file"},
		{.file = "/f",
			.directory = "/d",
			.text = "--directory cannot be given together with --tool or --file"},
		{.command = "/c", .file = "/f", .text = "--command is given, and no tool is to be run"},
		{.tool = BACKUP_PGBACKREST, .server = "s", .text = "--server is an option for Barman"},
		{.tool = BACKUP_BARMAN,
			.stanza = "s",
			.server = "s",
			.text = "--stanza and --repo are options for pgBackRest"},
		{.tool = BACKUP_BARMAN,
			.repository = 2,
			.server = "s",
			.text = "--stanza and --repo are options for pgBackRest"},
		{.tool = BACKUP_BARMAN, .text = "--tool barman needs --server"},
		{.tool = BACKUP_PGBACKREST,
			.wants_check = true,
			.text = "--barman-check needs --tool barman"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_fault((struct backup_source){.tool = cases[i].tool,
				     .command = or_empty(cases[i].command),
				     .stanza = or_empty(cases[i].stanza),
				     .repository = cases[i].repository,
				     .server = or_empty(cases[i].server),
				     .file = or_empty(cases[i].file),
				     .directory = or_empty(cases[i].directory),
				     .wants_check = cases[i].wants_check},
			ERR_USAGE, cases[i].text);
}

static void
a_file_of_the_other_tool_is_refused(void **state)
{
	struct backup_source source = file_source(GOLDEN "pgbackrest-good.json");

	(void)state;
	source.tool = BACKUP_BARMAN;
	assert_fault(
		source, ERR_PROTOCOL, GOLDEN "pgbackrest-good.json: it is not what barman writes as JSON");
	source = file_source(GOLDEN "barman-show.json");
	source.tool = BACKUP_PGBACKREST;
	assert_fault(
		source, ERR_PROTOCOL, GOLDEN "barman-show.json: it is not what pgbackrest writes as JSON");
}

/* -- tools that are run -------------------------------------------------------------------------- */

/* A program that writes what a line of shell says. */
static struct backup_source
tool(enum backup_tool which, const char *line)
{
	struct backup_source source = nothing;
	char script[512];

	snprintf(script, sizeof script, "#!/bin/sh\n%s\n", line);
	source.tool = which;
	source.command = write_text("tool", script);
	source.stanza = which == BACKUP_PGBACKREST ? "demo" : "";
	source.server = which == BACKUP_BARMAN ? "main" : "";
	assert_int_equal(chmod(source.command, 0755), 0);
	return source;
}

static void
tools_get_their_arguments(void **state)
{
	char line[512], said[512] = "";
	FILE *file;

	(void)state;
	snprintf(line, sizeof line, "echo \"$@\" >>%s/said; cat $PWD/" GOLDEN "pgbackrest-good.json",
		directory);
	{
		struct backup_source source = tool(BACKUP_PGBACKREST, line);

		must(source);
		source.stanza = "";
		source.repository = 1;
		must(source);
	}
	snprintf(line, sizeof line,
		"echo \"$@\" >>%s/said; case $2 in list-backup) cat " GOLDEN
		"barman-list-failed.json;; *) echo "
		"'{\"main\": {}}';; esac",
		directory);
	{
		struct backup_source source = tool(BACKUP_BARMAN, line);

		source.wants_check = true;
		must(source);
	}
	file = fopen(in_directory("said"), "r");
	assert_non_null(file);
	said[fread(said, 1, sizeof said - 1, file)] = '\0';
	fclose(file);
	assert_string_equal(said,
		"info --output=json --log-level-console=off --log-level-stderr=error --stanza=demo\n"
		"info --output=json --log-level-console=off --log-level-stderr=error --repo=1\n"
		"--format=json list-backup main\n"
		"--format=json show-backup main 20261121T133753\n"
		"--format=json show-backup main 20261121T140231\n"
		"--format=json check main\n");
}

static void
a_tool_that_fails_is_told_with_its_words(void **state)
{
	struct backup_source source = tool(
		BACKUP_PGBACKREST, "echo 'ERROR: [041]: unable to open file' >&2; exit 41");
	char expected[256];

	(void)state;
	snprintf(expected, sizeof expected,
		"\"%s/tool\" failed with exit code 41: ERROR: [041]: unable to open file", directory);
	assert_fault(source, ERR_SETUP, expected);
	snprintf(expected, sizeof expected, "output of \"%s/tool\": it is empty", directory);
	assert_fault(tool(BACKUP_PGBACKREST, "exit 0"), ERR_PROTOCOL, expected);
}

static void
what_barman_says_of_its_failure_is_told(void **state)
{
	(void)state;
	assert_fault(tool(BACKUP_BARMAN, "echo '{\"_ERROR\": [\"Unknown server\"]}'; exit 1"), ERR_SETUP,
		"Barman says: Unknown server");
}

static void
a_tool_that_hangs_ends_at_the_deadline(void **state)
{
	struct backup_source source = tool(BACKUP_BARMAN, "exec sleep 100");
	struct snapshot snapshot;
	int64_t start_ms = clock_now_ms();

	(void)state;
	backup_collect(&source, start_ms + 300, &snapshot);
	assert_true(clock_now_ms() - start_ms < 2000);
	assert_int_equal(snapshot.faults[SNAPSHOT_BACKUP].class, ERR_TIMEOUT);
}

/* -- manifests ----------------------------------------------------------------------------------- */

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

/* -- directories --------------------------------------------------------------------------------- */

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pgbackrest_good),
		TEST(pgbackrest_running),
		TEST(pgbackrest_without_the_stanza),
		TEST(pgbackrest_empty_list),
		TEST(pgbackrest_without_wal),
		TEST(pgbackrest_with_damaged_pages),
		TEST(pgbackrest_second_repository),
		TEST(pgbackrest_unreadable),
		TEST(pgbackrest_host_down),
		TEST(pgbackrest_choice_of_the_stanza),
		TEST(pgbackrest_after_an_upgrade),
		TEST(pgbackrest_chain_that_is_broken),
		TEST(pgbackrest_one_of_several_repositories),
		TEST(pgbackrest_wal_ranges),
		TEST(barman_list_with_a_failed_one),
		TEST(barman_documents_in_a_row),
		TEST(barman_check_that_fails),
		TEST(barman_show_alone),
		TEST(barman_wal),
		TEST(barman_newer_form),
		TEST(barman_incremental_without_a_full_one),
		TEST(barman_waiting_is_not_good),
		TEST(barman_without_the_server),
		TEST(other_shapes_are_refused_and_named),
		TEST(cut_off_json_is_refused),
		TEST(a_file_that_is_too_long_is_refused),
		TEST(what_is_no_file_is_refused),
		TEST(sources_that_cannot_be_are_refused),
		TEST(a_file_of_the_other_tool_is_refused),
		TEST(tools_get_their_arguments),
		TEST(a_tool_that_fails_is_told_with_its_words),
		TEST(what_barman_says_of_its_failure_is_told),
		TEST(a_tool_that_hangs_ends_at_the_deadline),
		TEST(manifests_of_each_kind),
		TEST(a_manifest_that_is_cut_off_is_refused),
		TEST(wal_is_counted_by_segments_of_any_size),
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
