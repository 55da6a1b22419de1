/* recording.h: a directory with one file in it, and a snapshot to record. */
#ifndef PGHA_TESTS_UNIT_RUN_RECORDING_H
#define PGHA_TESTS_UNIT_RUN_RECORDING_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/model/snapshot.h"

static char directory[] = "/tmp/pgha-test-record-XXXXXX";
static char path[sizeof directory + 16];

static inline int
make_directory(void **state)
{
	(void)state;
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/file.json", directory);
	return 0;
}

static inline int
remove_directory(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

static inline int
remove_file(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

/* How many files there are, temporary ones included. */
static inline int
file_count(void)
{
	DIR *stream = opendir(directory);
	int count = -2; /* "." and ".." */

	assert_non_null(stream);
	while (readdir(stream) != NULL)
		count++;
	closedir(stream);
	return count;
}

static inline void
write_file(const char *bytes, size_t length)
{
	FILE *stream = fopen(path, "w");

	assert_non_null(stream);
	assert_int_equal(fwrite(bytes, 1, length, stream), length);
	assert_int_equal(fclose(stream), 0);
}

static inline size_t
read_file(char *to, size_t size)
{
	FILE *stream = fopen(path, "r");
	size_t length;

	assert_non_null(stream);
	length = fread(to, 1, size - 1, stream);
	to[length] = '\0';
	fclose(stream);
	return length;
}

/* One with a value in every field; no two alike. */
static inline struct snapshot
full_snapshot(void)
{
	struct snapshot snapshot;
	struct err err;

	snapshot_init(&snapshot);
	snprintf(snapshot.target, sizeof snapshot.target, "caf\xC3\xA9 \"db1\":5432");
	snapshot.taken_ms = 1700000000123;
	snapshot.elapsed_us = 4567;
	snapshot.server_version = 150004;
	for (size_t i = 0; i < snapshot_field_count; i++) {
		char value[64];

		if (snapshot_fields[i].type == SNAPSHOT_BOOL)
			snprintf(value, sizeof value, "%s", i % 2 == 0 ? "true" : "false");
		else if (snapshot_fields[i].type == SNAPSHOT_LSN)
			snprintf(value, sizeof value, "FFFFFF%02zX/FF%02zX", i, i);
		else if (snapshot_fields[i].type == SNAPSHOT_INTEGER)
			snprintf(value, sizeof value, "-%zu", 9000000000000000000 + i);
		else
			snprintf(value, sizeof value, "\"caf\xC3\xA9\" %zu", i);
		if (snapshot_set(&snapshot, &snapshot_fields[i], value, &err) != 0)
			fail_msg("%s", err.text);
	}
	snapshot.senders.total = 1; /* the row that the fields above are of */
	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++)
		snapshot_mark(&snapshot, part);
	return snapshot;
}

/* Whether two say the same; what stands behind the end of a text says nothing. */
static inline bool
is_same_snapshot(const struct snapshot *a, const struct snapshot *b)
{
	bool is_same = strcmp(a->target, b->target) == 0 && a->taken_ms == b->taken_ms
		&& a->elapsed_us == b->elapsed_us && a->server_version == b->server_version
		&& a->obtained == b->obtained;

	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++)
		is_same = is_same && a->faults[part].class == b->faults[part].class
			&& strcmp(a->faults[part].text, b->faults[part].text) == 0
			&& strcmp(a->faults[part].hint, b->faults[part].hint) == 0;
	for (size_t i = 0; i < snapshot_field_count; i++) {
		const char *from = (const char *)a + snapshot_fields[i].offset;
		const char *to = (const char *)b + snapshot_fields[i].offset;

		is_same = is_same
			&& (snapshot_fields[i].type == SNAPSHOT_TEXT
					? strcmp(from, to) == 0
					: memcmp(from, to, snapshot_fields[i].size) == 0);
	}
	return is_same;
}

#endif
