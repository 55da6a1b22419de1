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

/* A value of its own for a field, which fits the shortest text; no two alike. */
static inline void
fill_field(struct snapshot *snapshot, const struct snapshot_field *field, size_t number)
{
	char value[64];
	struct err err;

	if (field->type == SNAPSHOT_BOOL)
		snprintf(value, sizeof value, "%s", number % 2 == 0 ? "true" : "false");
	else if (field->type == SNAPSHOT_LSN)
		snprintf(value, sizeof value, "FFF%05zX/%zX", number, number + 1);
	else if (field->type == SNAPSHOT_INTEGER)
		snprintf(value, sizeof value, "-%zu", 900000000000000000 + number);
	else
		snprintf(value, sizeof value, "\"\xC3\xA9%zu", number);
	if (snapshot_set(snapshot, field, value, &err) != 0)
		fail_msg("%s", err.text);
}

/* Says that every list has so many rows, and that every part was seen. */
static inline void
mark_all(struct snapshot *snapshot, int64_t rows)
{
	for (size_t i = 0; i < snapshot_fields_list_count; i++)
		memcpy((char *)snapshot + snapshot_fields_lists[i].total_offset, &rows, sizeof rows);
	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++)
		snapshot_mark(snapshot, part);
}

/* One with a value in every field, and one row in every list. */
static inline struct snapshot
full_snapshot(void)
{
	struct snapshot snapshot;

	snapshot_init(&snapshot);
	snprintf(snapshot.target, sizeof snapshot.target, "caf\xC3\xA9 \"db1\":5432");
	snapshot.taken_ms = 1700000000123;
	snapshot.elapsed_us = 4567;
	snapshot.server_version = 150004;
	for (size_t i = 0; i < snapshot_fields_count; i++)
		fill_field(&snapshot, &snapshot_fields[i], i);
	mark_all(&snapshot, 1);
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
	for (size_t i = 0; i < snapshot_fields_count; i++) {
		const struct snapshot_list *list = snapshot_list_of(snapshot_fields[i].part);
		size_t rows = snapshot_fields[i].is_in_row ? list->rows_max : 1;

		for (size_t row = 0; row < rows; row++) {
			struct snapshot_field field = snapshot_field_at(&snapshot_fields[i], row);
			const char *from = (const char *)a + field.offset,
				   *to = (const char *)b + field.offset;

			is_same = is_same
				&& (field.type == SNAPSHOT_TEXT ? strcmp(from, to) == 0
								: memcmp(from, to, field.size) == 0);
		}
	}
	return is_same;
}

#endif
