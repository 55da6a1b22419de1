#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/collect/backups.h"

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
