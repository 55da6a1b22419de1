/*
 * backup_pgbackrest.h: what `pgbackrest info --output=json` says. Pure.
 *
 * Good is a backup of the current database (after an upgrade those of the old one are still listed) in which
 * no page had a wrong checksum, and whose "reference" backups, which it builds on, are all there. What it
 * needs of WAL is held against the oldest and the newest file that is archived for its database in its
 * repository; that none is missing in between only `pgbackrest verify` can tell.
 *
 * The forms are those of src/command/info/info.c, 2.45 to 2.57: a list of stanzas, each with "name",
 * "status", "repo", "db", "archive" and "backup".
 */
#ifndef PGHA_COLLECT_BACKUP_PGBACKREST_H
#define PGHA_COLLECT_BACKUP_PGBACKREST_H

#include <stdint.h>

#include "lib/base/err.h"
#include "lib/model/snapshot_parts.h"

struct json_t;

/*
 * Reads the list of stanzas; of several, the one that is named. `stanza` may be empty when there is one. With
 * a `repository` above 0 only that one counts. Writes to an empty `ret`. -1 with class protocol when it has
 * another form, setup when pgBackRest says that it can read none of its repositories, down when it cannot
 * reach any, usage when it is not clear which stanza is meant.
 */
int backup_pgbackrest_read(const struct json_t *stanzas, const char *stanza, int64_t repository,
	struct snapshot_backup *ret, struct err *err) __attribute__((warn_unused_result));

#endif
