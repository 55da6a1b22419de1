/*
 * backup_wal.h: whether the WAL files that a base backup carries are all that it needs.
 *
 * Names of WAL files depend on the size of a segment, which only the files themselves tell. So each file that
 * is there is fed, wherever it was found, and counted when it holds some of what is needed.
 */
#ifndef PGHA_COLLECT_BACKUP_WAL_H
#define PGHA_COLLECT_BACKUP_WAL_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/collect/backup_manifest.h"

struct backup_wal {
	const struct backup_manifest *manifest;
	uint64_t segment_bytes; /* 0: no WAL file was there */
	uint64_t covered;       /* files of those that are needed */
};

/* One file: whatever is not named as a WAL file, or has not the size of one, is none. */
void backup_wal_feed(struct backup_wal *wal, const char *name, uint64_t size);

/* How many files are needed; 0 while nobody knows the size of a segment. */
uint64_t backup_wal_needed(const struct backup_wal *wal);

/* The name of the first file that is needed, and of the last, as far as they are known; else "". */
void backup_wal_names(const struct backup_wal *wal, char first[32], char last[32]);

/* Feeds the files of a directory (a descriptor, which stays open), and of an uncompressed tar file. */
int backup_wal_feed_directory(struct backup_wal *wal, int fd, int64_t deadline_ms, struct err *err)
	__attribute__((warn_unused_result));
int backup_wal_feed_tar(struct backup_wal *wal, int fd, int64_t deadline_ms, struct err *err)
	__attribute__((warn_unused_result));

#endif
