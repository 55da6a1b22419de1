/*
 * backup_pgbackrest_stanza.h: a stanza of `pgbackrest info --output=json`: which one is meant, its lists, and
 * what pgBackRest itself complains about. Pure.
 */
#ifndef PGHA_COLLECT_BACKUP_PGBACKREST_STANZA_H
#define PGHA_COLLECT_BACKUP_PGBACKREST_STANZA_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/model/snapshot_parts.h"

struct json_t;

/* The lists and the message are the document's. */
struct backup_pgbackrest_stanza {
	struct json_t *databases, *archives, *backups, *repositories;
	int64_t repository; /* the one to look at; 0: all */
	int64_t status;
	const char *message;
	bool is_running; /* a backup is being taken */
};

/*
 * *ret gets the stanza that is `wanted` (empty: the only one); NULL where there is none. One that pgBackRest
 * could not even list is called "[invalid]". -1 with class protocol, setup or usage.
 */
int backup_pgbackrest_stanza_find(const struct json_t *stanzas, const char *wanted, const struct json_t **ret,
	struct err *err) __attribute__((warn_unused_result));

/* Fills all but the repository. -1 with class protocol. */
int backup_pgbackrest_stanza_open(const struct json_t *object, struct backup_pgbackrest_stanza *ret,
	struct err *err) __attribute__((warn_unused_result));

/*
 * Fills the complaint: "repo2: no valid backups", for each repository that has not all it should have. -1
 * with class setup or down when none of them could be seen, protocol.
 */
int backup_pgbackrest_stanza_judge(const struct backup_pgbackrest_stanza *stanza, struct snapshot_backup *ret,
	struct err *err) __attribute__((warn_unused_result));

#endif
