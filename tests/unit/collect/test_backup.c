#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#include "tests/unit/collect/backups.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
