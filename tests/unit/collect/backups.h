/* backups.h: a directory of its own for each test, files made there, and what is seen of a backup in them. */
#ifndef PGHA_TESTS_UNIT_COLLECT_BACKUPS_H
#define PGHA_TESTS_UNIT_COLLECT_BACKUPS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/clock.h"
#include "lib/collect/backup.h"

#define GOLDEN "tests/golden/backup/"

static char directory[64];

static inline int
make_directory(void **state)
{
	(void)state;
	snprintf(directory, sizeof directory, "/tmp/pgha-test-backup-XXXXXX");
	return mkdtemp(directory) == NULL;
}

static inline int
remove_directory(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", directory);
	return system(command);
}

static const struct backup_source nothing = {
	.command = "", .stanza = "", .server = "", .file = "", .directory = ""};

static inline struct snapshot
collect(struct backup_source source)
{
	struct snapshot snapshot;

	backup_collect(&source, clock_now_ms() + 10000, &snapshot);
	return snapshot;
}

static inline struct snapshot_backup
must(struct backup_source source)
{
	struct snapshot snapshot = collect(source);

	if (!snapshot_has(&snapshot, SNAPSHOT_BACKUP))
		fail_msg("%s", snapshot.faults[SNAPSHOT_BACKUP].text);
	assert_true(snapshot_is_sound(&snapshot));
	return snapshot.backup;
}

static inline void
assert_fault(struct backup_source source, enum err_class class, const char *text)
{
	struct snapshot snapshot = collect(source);

	assert_false(snapshot_has(&snapshot, SNAPSHOT_BACKUP));
	assert_string_equal(snapshot.faults[SNAPSHOT_BACKUP].text, text);
	assert_int_equal(snapshot.faults[SNAPSHOT_BACKUP].class, class);
}

static inline struct backup_source
file_source(const char *path)
{
	struct backup_source source = nothing;

	source.file = path;
	return source;
}

static inline const char *
or_empty(const char *text)
{
	return text == NULL ? "" : text;
}

static inline const char *
in_directory(const char *name)
{
	static char path[4][256];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof path[turn], "%s/%s", directory, name);
	return path[turn];
}

static inline const char *
write_bytes(const char *name, const void *bytes, size_t length)
{
	const char *path = in_directory(name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
	return path;
}

static inline const char *
write_text(const char *name, const char *text)
{
	return write_bytes(name, text, strlen(text));
}

static inline void
make(const char *name)
{
	assert_int_equal(mkdir(in_directory(name), 0755), 0);
}

static inline char *
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

static inline void
copy_golden(const char *name, const char *to)
{
	size_t length;
	char *bytes = golden(name, &length);

	write_bytes(to, bytes, length);
}

/* A test that begins in an empty directory. */
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

#endif
