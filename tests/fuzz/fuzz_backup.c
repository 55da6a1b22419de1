/*
 * Any bytes as what a backup tool wrote, and as a manifest: they are read or refused, what was read is
 * a sound snapshot that makes sense, and every answer of the check to it can be written.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/collect/backup_barman.h"
#include "lib/collect/document.h"
#include "lib/collect/backup_manifest.h"
#include "lib/collect/backup_pgbackrest.h"
#include "lib/collect/backup_wal.h"
#include "lib/evaluate/evaluate.h"
#include "lib/model/check.h"

extern const struct check check_pg_backup;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The last instant that a calendar of four digits has. */
#define INSTANT_MAX INT64_C(253402300799000)

static void
judge(struct snapshot *snapshot)
{
	const struct snapshot_backup *backup = &snapshot->backup;
	void *limits = calloc(1, check_pg_backup.limits_size);
	struct verdict verdict;

	snapshot_mark(snapshot, SNAPSHOT_BACKUP);
	if (!snapshot_is_sound(snapshot))
		abort();
	if ((backup->count > 0) != (backup->stopped_ms != SNAPSHOT_NONE) || backup->count < 0)
		abort();
	if (backup->stopped_ms != SNAPSHOT_NONE
		&& (backup->stopped_ms < 0 || backup->stopped_ms > INSTANT_MAX
			|| backup->full_stopped_ms > backup->stopped_ms))
		abort();
	evaluate_check(&check_pg_backup, snapshot, 1, limits, &verdict);
	if (verdict.state == STATE_OK && backup->count == 0)
		abort();
	free(limits);
}

static int
read_all(const char *text, size_t size, const char *wanted, struct snapshot_backup *backup)
{
	struct json_t *document;
	size_t offset = 0;
	struct err err;

	for (;;) {
		int status;

		if (document_next(text, size, &offset, &document, &err) != 0)
			return -1;
		if (document == NULL)
			return 0;
		if (document_is_list(document))
			status = backup_pgbackrest_read(
				document, wanted, wanted[0] == '\0' ? 0 : 1, backup, &err);
		else
			status = backup_barman_read(document, wanted, backup, &err);
		document_release(document);
		if (status != 0)
			return -1;
	}
}

/* What backup.c does: of pgBackRest one document, of Barman any number. */
static void
read_json(const char *text, size_t size, const char *wanted)
{
	bool is_list = text[strspn(text, " \t\r\n")] == '[';
	struct snapshot snapshot;

	snapshot_init(&snapshot);
	snapshot.backup.count = 0;
	if (is_list && strchr(strchr(text, '[') + 1, '[') != NULL && strstr(text, "][") != NULL)
		return; /* perhaps two lists in a row, which backup.c refuses */
	if (read_all(text, size, wanted, &snapshot.backup) == 0) {
		if (!is_list)
			backup_barman_settle(&snapshot.backup);
		judge(&snapshot);
	}
}

static void
read_manifest(const char *text)
{
	struct backup_manifest manifest;
	struct backup_wal wal = {.manifest = &manifest};
	char first[32], last[32];
	struct err err;

	if (backup_manifest_read(text, text, &manifest, &err) != 0) {
		if (err.class != ERR_PROTOCOL || err.text[0] == '\0')
			abort();
		return;
	}
	if (manifest.range_count > BACKUP_MANIFEST_RANGES || manifest.stopped_ms < 0)
		abort();
	backup_wal_feed(&wal, "000000010000000000000011", 1 << 20);
	backup_wal_names(&wal, first, last);
	if (manifest.range_count > 0 && (strlen(first) != 24 || strlen(last) != 24))
		abort();
	backup_wal_needed(&wal);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	read_json(text, size, "");
	read_json(text, size, "demo");
	read_manifest(text);
	free(text);
	return 0;
}
