#define _GNU_SOURCE /* memmem() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/collect/conf_file.h"

static char directory[64];
static struct snapshot snapshot;
static struct err err;

/* A path in the test's directory. */
static const char *
at(const char *name)
{
	static char path[4][256];
	static int next;

	next = (next + 1) % 4;
	snprintf(path[next], sizeof path[next], "%s/%s", directory, name);
	return path[next];
}

static void
write_bytes(const char *name, const char *bytes, size_t length)
{
	FILE *file = fopen(at(name), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static void
write_file(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

static int
read_file(const char *name)
{
	memset(&err, 0, sizeof err);
	return conf_file_read(at(name), &snapshot, &err);
}

/* Reads a file of one text that must be readable; returns what it would be refused for, without the path. */
static const char *
refused_of(const char *text)
{
	size_t length = strlen(directory) + 1;

	write_file("postgresql.conf", text);
	if (read_file("postgresql.conf") != 0)
		fail_msg("%s", err.text);
	assert_true(snapshot_has(&snapshot, SNAPSHOT_CONFIG));
	if (snapshot.config.refused[0] == '\0')
		return "";
	assert_int_equal(strncmp(snapshot.config.refused, directory, length - 1), 0);
	return snapshot.config.refused + length;
}

static int
set_up(void **state)
{
	(void)state;
	snprintf(directory, sizeof directory, "/tmp/test_conf_file.XXXXXX");
	return mkdtemp(directory) == NULL ? -1 : 0;
}

static int
remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	return remove(path);
}

static int
tear_down(void **state)
{
	(void)state;
	return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void
an_empty_file_has_the_defaults(void **state)
{
	(void)state;
	assert_string_equal(refused_of(""), "");
	assert_string_equal(snapshot.config.file, at("postgresql.conf"));
	assert_string_equal(snapshot.target, at("postgresql.conf"));
	assert_true(snapshot.taken_ms > 1700000000000);
	assert_string_equal(snapshot.config.wal_level, "replica");
	assert_string_equal(snapshot.config.synchronous_standby_names, "");
	assert_true(snapshot.config.weak_commit_roles == SNAPSHOT_NONE);
	assert_false(snapshot_has(&snapshot, SNAPSHOT_ROLE));
}

static void
of_a_setting_the_last_line_counts(void **state)
{
	(void)state;
	assert_string_equal(
		refused_of("max_connections = 1\nMAX_connections 7 \nfsync = none\nfsync = 'on'"), "");
	assert_int_equal(snapshot.config.max_connections, 7);
	assert_string_equal(snapshot.config.fsync, "on");
}

static void
a_password_goes_nowhere(void **state)
{
	(void)state;
	assert_string_equal(
		refused_of("primary_conninfo = 'host=a password=secret application_name=n2'"), "");
	assert_true(snapshot.config.has_primary_conninfo && snapshot.config.has_application_name);
	assert_false(snapshot.config.has_dbname);
	assert_null(memmem(&snapshot, sizeof snapshot, "secret", 6));
	assert_string_equal(refused_of("primary_conninfo = 'host=a\n  password=secret'\n"),
		"postgresql.conf:1: syntax error: a quote that does not end on the line (end it; a quote "
		"within the "
		"value is written '')");
	assert_null(memmem(&snapshot, sizeof snapshot, "secret", 6));
}

static void
what_the_server_would_refuse_is_told_with_its_place(void **state)
{
	(void)state;
	assert_string_equal(refused_of("\n# two\nwal_level = all\n"),
		"postgresql.conf:3: wal_level cannot be \"all\" (it is one of minimal, replica, logical)");
	assert_string_equal(refused_of("a = 1\nb == 2\nc = 'open\n"),
		"postgresql.conf:2: syntax error: this value needs quotes (write name = 'value')");
	assert_string_equal(refused_of("synchronous_standby_name = 'a'\n"),
		"postgresql.conf:1: no setting is called \"synchronous_standby_name\" (is "
		"synchronous_standby_names "
		"meant?)");
	assert_string_equal(refused_of("wal_levels.x = 1\nshared_buffers = 1GB\nno_such_thing = 5\n"), "");
	/* The values around it are known all the same. */
	assert_string_equal(refused_of("oops\nmax_connections = 9\n"),
		"postgresql.conf:1: syntax error: a name without a value (write name = value; an empty value "
		"is '')");
	assert_int_equal(snapshot.config.max_connections, 9);
}

static void
files_lead_on_relative_to_themselves(void **state)
{
	(void)state;
	assert_int_equal(mkdir(at("sub"), 0700), 0);
	assert_int_equal(mkdir(at("sub/conf.d"), 0700), 0);
	assert_int_equal(mkdir(at("sub/conf.d/z.conf"), 0700), 0);
	write_file("sub/a.conf", "max_wal_senders = 5\ninclude_dir = 'conf.d'\nmax_worker_processes = 5\n");
	write_file("sub/conf.d/2.conf", "max_connections = 2\n");
	write_file("sub/conf.d/10.conf", "max_connections = 10\nmax_wal_senders = 10\n");
	write_file("sub/conf.d/.3.conf", "max_connections = 3\n");
	write_file("sub/conf.d/3.config", "max_connections = 4\n");
	write_file("sub/conf.d/.conf", "max_connections = 4\n");
	assert_string_equal(
		refused_of("max_worker_processes = 1\nINCLUDE 'sub/a.conf'\ninclude_if_exists none\n"), "");
	assert_int_equal(snapshot.config.max_connections, 2); /* "2.conf" comes after "10.conf" */
	assert_int_equal(snapshot.config.max_wal_senders, 10);
	assert_int_equal(snapshot.config.max_worker_processes, 5);
}

static void
errors_are_told_of_the_file_that_has_them(void **state)
{
	(void)state;
	write_file("b.conf", "\nfsync = maybe\n");
	assert_string_equal(
		refused_of("include 'b.conf'\n"), "b.conf:2: fsync cannot be \"maybe\" (write on or off)");
}

static void
what_is_not_there_cannot_be_included(void **state)
{
	(void)state;
	refused_of("include 'none.conf'\n");
	assert_non_null(strstr(snapshot.config.refused, "postgresql.conf:1: there is no file \""));
	refused_of("\ninclude_dir 'none.d'\n");
	assert_non_null(strstr(snapshot.config.refused, "postgresql.conf:2: there is no directory \""));
	assert_string_equal(refused_of("include ' '\n"), "postgresql.conf:1: nothing is named to include");
	assert_string_equal(refused_of("include_dir ''\n"), "postgresql.conf:1: nothing is named to include");
}

static void
a_file_that_includes_itself_ends(void **state)
{
	(void)state;
	assert_string_equal(
		refused_of("max_connections = 8\ninclude 'postgresql.conf'\ninclude 'postgresql.conf'\n"),
		"postgresql.conf:2: files that include one another, more than 10 deep");
	assert_int_equal(snapshot.config.max_connections, 8);
}

static void
what_cannot_be_read_is_an_error(void **state)
{
	char longest[1200];

	(void)state;
	assert_int_equal(read_file("none.conf"), -1);
	assert_int_equal(err.class, ERR_USAGE);
	assert_non_null(strstr(err.text, "none.conf cannot be read: No such file or directory"));
	assert_false(snapshot_has(&snapshot, SNAPSHOT_CONFIG));
	assert_int_equal(read_file("."), -1);
	assert_non_null(strstr(err.text, "is a directory"));
	assert_int_equal(mkfifo(at("pipe"), 0600), 0);
	assert_int_equal(read_file("pipe"), -1); /* and does not wait for a writer */
	assert_non_null(strstr(err.text, "is not a file"));
	write_file("a.conf", "include 'pipe'\n");
	assert_int_equal(read_file("a.conf"), -1);
	memset(longest, 'x', sizeof longest);
	memcpy(longest, "include '", 9);
	memcpy(longest + sizeof longest - 3, "'\n", 3);
	write_file("a.conf", longest);
	assert_int_equal(read_file("a.conf"), -1);
	assert_non_null(strstr(err.text, "a path that is too long"));
}

static void
what_is_larger_than_its_bounds_is_an_error(void **state)
{
	static char bytes[(1 << 20) + 1];
	char name[32];

	(void)state;
	memset(bytes, '#', sizeof bytes);
	write_bytes("large.conf", bytes, sizeof bytes - 1);
	assert_int_equal(read_file("large.conf"), 0);
	write_bytes("large.conf", bytes, sizeof bytes);
	assert_int_equal(read_file("large.conf"), -1);
	assert_non_null(strstr(err.text, "1 MiB"));
	write_bytes("half.conf", bytes, sizeof bytes / 2);
	write_file("a.conf", "include 'half.conf'\ninclude 'half.conf'\n");
	assert_int_equal(read_file("a.conf"), -1);
	assert_int_equal(mkdir(at("many"), 0700), 0);
	for (int i = 0; i < 99; i++) {
		snprintf(name, sizeof name, "many/%d.conf", i);
		write_file(name, "");
	}
	write_file("a.conf", "include_dir 'many'\n");
	assert_int_equal(read_file("a.conf"), 0);
	write_file("many/99.conf", "");
	assert_int_equal(read_file("a.conf"), -1);
	assert_non_null(strstr(err.text, "one file too many"));
	memset(bytes, 'x', 6000);
	memcpy(bytes, "cluster_name = '", 16);
	memcpy(bytes + 6000, "'\n", 2);
	write_bytes("a.conf", bytes, 6002);
	assert_int_equal(read_file("a.conf"), -1);
	assert_non_null(strstr(err.text, "a value of cluster_name that is too long"));
}

static void
a_snapshot_does_not_hold_every_value(void **state)
{
	char text[1100];

	(void)state;
	memset(text, 'a', sizeof text);
	memcpy(text, "synchronous_standby_names = '", 29);
	memcpy(text + sizeof text - 3, "'\n", 3);
	write_file("a.conf", text);
	assert_int_equal(read_file("a.conf"), -1);
	assert_int_equal(err.class, ERR_PROTOCOL);
	assert_non_null(
		strstr(err.text, "a.conf:1: synchronous_standby_names is longer than 1023 characters"));
}

/* No descriptor stays open, whatever happened. */
static void
nothing_stays_open(void **state)
{
	int before = dup(STDIN_FILENO), after;

	close(before);
	an_empty_file_has_the_defaults(state);
	files_lead_on_relative_to_themselves(state);
	what_cannot_be_read_is_an_error(state);
	after = dup(STDIN_FILENO);
	close(after);
	assert_int_equal(after, before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_file_has_the_defaults),
		TEST(of_a_setting_the_last_line_counts),
		TEST(a_password_goes_nowhere),
		TEST(what_the_server_would_refuse_is_told_with_its_place),
		TEST(files_lead_on_relative_to_themselves),
		TEST(errors_are_told_of_the_file_that_has_them),
		TEST(what_is_not_there_cannot_be_included),
		TEST(a_file_that_includes_itself_ends),
		TEST(what_cannot_be_read_is_an_error),
		TEST(what_is_larger_than_its_bounds_is_an_error),
		TEST(a_snapshot_does_not_hold_every_value),
		TEST(nothing_stays_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
