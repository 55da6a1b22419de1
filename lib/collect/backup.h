/*
 * backup.h: the part SNAPSHOT_BACKUP of a snapshot, which no server is asked for: from a backup tool that is
 * run, from the file that it wrote, or from backups in a directory.
 */
#ifndef PGHA_COLLECT_BACKUP_H
#define PGHA_COLLECT_BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/facet.h"
#include "lib/model/snapshot.h"

/* The facet of a check that reads backups; it has no statement. */
extern const struct facet backup_facet;

enum backup_tool { BACKUP_TOLD_BY_FILE, BACKUP_PGBACKREST, BACKUP_BARMAN };

/* "auto", "pgbackrest", "barman", NULL: in the order of enum backup_tool. */
extern const char *const backup_tool_names[];

/* What is to be looked at. Texts are empty where nothing was said, never NULL. */
struct backup_source {
	enum backup_tool tool;
	const char *command; /* the program to run instead of the tool; it gets the tool's arguments */
	const char *stanza;  /* of pgBackRest */
	int64_t repository;  /* of pgBackRest, the only one that counts; 0: all do */
	const char *server;  /* of Barman */
	const char *file;    /* what the tool wrote; the tool itself is not run */
	const char *directory;
	bool has_archive; /* backups in the directory need no WAL of their own */
	bool wants_check; /* runs `barman check`, too, which talks to the PostgreSQL server */
};

/*
 * Fills the whole snapshot before `deadline_ms` of clock_now_ms(): the target (what was looked at), when, and
 * the part or its fault. Class usage: the source is none, or two; setup: no such program, file or directory,
 * or it may not be read; down, timeout, protocol as in err.h.
 */
void backup_collect(const struct backup_source *source, int64_t deadline_ms, struct snapshot *snapshot);

#endif
