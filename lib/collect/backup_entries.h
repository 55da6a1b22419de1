/*
 * backup_entries.h: what is in a directory, under a deadline and a bound.
 */
#ifndef PGHA_COLLECT_BACKUP_ENTRIES_H
#define PGHA_COLLECT_BACKUP_ENTRIES_H

#include <stdint.h>

#include "lib/base/err.h"

/* Opens a name in a directory for reading; never waits, as for a pipe it would. -1 with errno. */
int backup_entries_open(int directory, const char *name, int flags);

/* Says with errno that a path cannot be read: class setup. Returns -1. */
int backup_entries_refuse(const char *path, struct err *err);

/* Gets the directory and the name of an entry. Other than 0 ends the way through it. */
typedef int backup_entries_visit(int directory, const char *name, void *context, struct err *err);

/*
 * Visits every entry but "." and "..". -1 when a visit did not return 0, with class setup when the directory
 * cannot be listed, timeout when the deadline (of clock_now_ms()) comes, protocol when it has more entries
 * than the bound.
 */
int backup_entries_each(int directory, int64_t deadline_ms, backup_entries_visit *visit, void *context,
	struct err *err) __attribute__((warn_unused_result));

#endif
