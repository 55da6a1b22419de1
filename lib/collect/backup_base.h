/*
 * backup_base.h: one base backup in a directory, plain or as tar files, as pg_basebackup leaves it.
 *
 * Good is one whose backup_manifest is whole (see backup_manifest.h) and whose files are there at all. Any
 * other is being taken, or copied, as long as something in it changes, and has failed when nothing does.
 */
#ifndef PGHA_COLLECT_BACKUP_BASE_H
#define PGHA_COLLECT_BACKUP_BASE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/collect/backup_manifest.h"

enum backup_base_condition { BACKUP_BASE_NONE, BACKUP_BASE_GOOD, BACKUP_BASE_UNFINISHED, BACKUP_BASE_FAILED };

struct backup_base {
	enum backup_base_condition condition; /* none: the directory is no backup */
	int64_t at_ms;                        /* when it was finished; of one that was not, last changed */
	bool is_tar;
	bool is_full;
	/* Of an incremental one, where the backup that it builds on begins; none: it could not be seen
	 * (compressed) */
	uint64_t from_lsn;
	uint32_t from_timeline;
	char why[160]; /* it has failed */
	struct backup_manifest manifest;
};

/*
 * Says what a directory is, which stays open. `now_ms` is the wall clock's; the deadline is of
 * clock_now_ms(). -1 with class setup when it may not be read, or timeout.
 */
int backup_base_read(int directory, int64_t now_ms, int64_t deadline_ms, struct backup_base *ret,
	struct err *err) __attribute__((warn_unused_result));

/* The WAL that a good one needs, as far as file names are known, and what is missing of it (or empty). */
struct backup_base_wal {
	char first[32];
	char last[32];
	char gap[160];
};

/*
 * Looks at the WAL that a good backup carries. With `has_archive` one without any is whole: an archive has
 * it. WAL that is compressed, or within base.tar, is taken to be whole.
 */
int backup_base_read_wal(int directory, const struct backup_base *base, bool has_archive, int64_t deadline_ms,
	struct backup_base_wal *ret, struct err *err) __attribute__((warn_unused_result));

#endif
