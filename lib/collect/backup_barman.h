/*
 * backup_barman.h: what `barman --format=json` says, of its commands list-backup, show-backup and check.
 * Pure.
 *
 * Good is a backup that is DONE. One WAITING_FOR_WALS cannot be restored yet, and is not finished here
 * either; nor is one STARTED, EMPTY or SYNCING (a backup that was killed stays STARTED for ever: its age
 * tells).
 *
 * The forms are those of barman/output.py, 3.4 to 3.17: an object with a member for each server, whose value
 * depends on the command, and messages in "_ERROR", "_WARNING", "_INFO".
 */
#ifndef PGHA_COLLECT_BACKUP_BARMAN_H
#define PGHA_COLLECT_BACKUP_BARMAN_H

#include <stddef.h>

#include "lib/base/err.h"
#include "lib/model/snapshot_parts.h"

struct json_t;

/*
 * Adds what one command said of a server; `server` may be empty when there is one. `ret` starts empty. The
 * list comes first: show-backup adds to a backup that it had (the WAL of the newest good one, the error of
 * one that failed), or is all there is. -1 with class protocol when it has another form, setup when Barman
 * says that it cannot, usage when it is not clear which server is meant.
 */
int backup_barman_read(struct json_t *document, const char *server, struct snapshot_backup *ret,
	struct err *err) __attribute__((warn_unused_result));

/* When all was read: forgets what is older than the newest good backup, and therefore no news. */
void backup_barman_settle(struct snapshot_backup *backup);

#endif
