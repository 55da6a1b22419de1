/*
 * backup_directory.h: base backups in a directory (see backup_base.h): the directory is one itself, or holds
 * several. Links in it are not followed. An incremental one is good if the one that it builds on is there,
 * and good, and so on down to a full one. The newest good one's WAL is looked at as well.
 */
#ifndef PGHA_COLLECT_BACKUP_DIRECTORY_H
#define PGHA_COLLECT_BACKUP_DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/model/snapshot_parts.h"

/*
 * Reads the directory at `path` before `deadline_ms` of clock_now_ms(), into an empty `ret`. With
 * `has_archive` a backup without any WAL of its own is whole: an archive has it. -1 with class setup when the
 * directory is not there or may not be read, timeout, or protocol when it holds more than backups can be.
 */
int backup_directory_read(const char *path, bool has_archive, int64_t deadline_ms,
	struct snapshot_backup *ret, struct err *err) __attribute__((warn_unused_result));

#endif
