/*
 * backup_manifest.h: the backup_manifest that PostgreSQL writes beside a base backup (13 and later). Pure.
 *
 * It has a line for each file of the cluster, so it can have many MB; only its beginning and its end are
 * looked at. pg_basebackup receives it last and gives it its name when all is written: a manifest that is
 * whole stands for a backup that is. Whether the files still are what it says, only pg_verifybackup can tell.
 *
 * The form is that of src/backend/backup/backup_manifest.c: one member a line, "Files" first, whose first is
 * backup_label and whose last is global/pg_control; then "WAL-Ranges" and "Manifest-Checksum".
 */
#ifndef PGHA_COLLECT_BACKUP_MANIFEST_H
#define PGHA_COLLECT_BACKUP_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

enum { BACKUP_MANIFEST_RANGES = 16 };

/* WAL from start up to, and without, end. */
struct backup_manifest_range {
	uint32_t timeline;
	uint64_t start_lsn;
	uint64_t end_lsn;
};

struct backup_manifest {
	int64_t version; /* 2 since PostgreSQL 17 */
	/*
	 * At least until then the backup went on, by the server's clock: the later of when backup_label was
	 * made and when pg_control, which is sent last, was written. The file's own time would be that of the
	 * last copy, and make an old backup new; backup_label's START TIME has a zone that nobody can tell
	 * for sure ("CST").
	 */
	int64_t stopped_ms;
	bool has_wal; /* WAL is among the files: -X fetch */
	size_t range_count;
	struct backup_manifest_range
		ranges[BACKUP_MANIFEST_RANGES]; /* the newest timeline first, see below */
};

/*
 * Reads it from its first and its last bytes, both ending in a zero byte; they may overlap or be the same. -1
 * with class protocol when it is not whole, or no manifest.
 */
int backup_manifest_read(const char *head, const char *tail, struct backup_manifest *ret, struct err *err)
	__attribute__((warn_unused_result));

/* The range that WAL begins in, and the one it ends in; NULL: there is none. They are not in the order of the
 * WAL. */
const struct backup_manifest_range *backup_manifest_first(const struct backup_manifest *manifest);
const struct backup_manifest_range *backup_manifest_last(const struct backup_manifest *manifest);

#endif
