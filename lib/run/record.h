/*
 * record.h: snapshots to and from JSON files, so that an incident becomes a test case and a bug
 * report carries its evidence. The table of fields in lib/model/snapshot.h is the format.
 */
#ifndef PGHA_RUN_RECORD_H
#define PGHA_RUN_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/model/snapshot.h"

/* The version of the file's form. A change that older programs cannot read raises it. */
enum { RECORD_FORM = 1 };

/*
 * Writes snapshots to `path`; "-" is standard output. A file is written whole or not at all:
 * under a temporary name beside it, then renamed. -1 with class usage.
 */
int record_write(const char *path, const struct snapshot *snapshots, size_t count, struct err *err)
	__attribute__((warn_unused_result));

/* Appends what record_write() would write; nothing for want of memory. */
void record_write_text(const struct snapshot *snapshots, size_t count, struct text *text);

/*
 * Reads snapshots from `path`; "-" is standard input. *ret is the caller's, to be freed, and
 * holds at least one. Unknown parts and fields, values of another shape, and files over 1 MiB
 * are refused. -1 with class usage and the place in the file.
 */
int record_read(const char *path, struct snapshot **ret, size_t *ret_count, struct err *err)
	__attribute__((warn_unused_result));

/* Whether `path` is a file that record_write() made, or an empty one, whatever became of it since: it may be
 * replaced. */
bool record_is_ours(const char *path);

#endif
