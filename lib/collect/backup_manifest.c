#define _GNU_SOURCE /* timegm() */
#include "lib/collect/backup_manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/text.h"
#include "lib/model/lsn.h"
#include "lib/model/snapshot_parts.h"

/* "2026-11-21 13:42:33 GMT"; the server writes no other zone. */
static int64_t
read_time(const char *text)
{
	struct tm tm = {.tm_isdst = 0};
	int length = 0;

	if (sscanf(text, "%4d-%2d-%2d %2d:%2d:%2d GMT\"%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
		    &tm.tm_min, &tm.tm_sec, &length)
			!= 6
		|| length == 0 || tm.tm_year < 1970)
		return SNAPSHOT_NONE;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return (int64_t)timegm(&tm) * 1000;
}

/* When a file of that path was last changed; none: it is not told here. */
static int64_t
file_time(const char *text, const char *path)
{
	static const char key[] = "\"Last-Modified\": \"";
	char entry[64];
	const char *line, *time;

	snprintf(entry, sizeof entry, "{ \"Path\": \"%s\",", path);
	line = strstr(text, entry);
	time = line == NULL ? NULL : strstr(line, key);
	if (time == NULL || time > line + strcspn(line, "\n"))
		return SNAPSHOT_NONE;
	return read_time(time + strlen(key));
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int
read_range(const char *text, struct backup_manifest_range *ret)
{
	unsigned timeline;
	char start[LSN_TEXT_SIZE], end[LSN_TEXT_SIZE];

	if (sscanf(text,
		    "{ \"Timeline\": %10u, \"Start-LSN\": \"%17[0-9A-Fa-f/]\", \"End-LSN\": "
		    "\"%17[0-9A-Fa-f/]\"",
		    &timeline, start,
		    end) != 3
		|| lsn_parse(start, &ret->start_lsn) != 0 || lsn_parse(end, &ret->end_lsn) != 0)
		return -1;
	ret->timeline = timeline;
	return 0;
}

static int
read_ranges(const char *text, struct backup_manifest *ret, struct err *err)
{
	static const char key[] = "\"WAL-Ranges\": [";
	const char *line = strstr(text, key);

	if (line == NULL)
		return err_set(err, ERR_PROTOCOL, "backup_manifest is cut off: it has no WAL-Ranges");
	for (line = strchr(line, '\n'); line != NULL && text_starts(line, "\n{ ");
		line = strchr(line + 1, '\n')) {
		if (ret->range_count == BACKUP_MANIFEST_RANGES)
			return err_set(err, ERR_PROTOCOL, "backup_manifest has more than %d ranges of WAL",
				BACKUP_MANIFEST_RANGES);
		if (read_range(line + 1, &ret->ranges[ret->range_count]) != 0)
			return err_set(
				err, ERR_PROTOCOL, "backup_manifest has a range of WAL that cannot be read");
		ret->range_count++;
	}
	return 0;
}

/* It ends in its own checksum: 64 hexadecimal digits. */
static bool
has_end(const char *text)
{
	static const char key[] = "\"Manifest-Checksum\": \"";
	const char *checksum = strstr(text, key);

	if (checksum == NULL)
		return false;
	checksum += strlen(key);
	return strspn(checksum, "0123456789abcdef") == 64 && text_starts(checksum + 64, "\"}");
}

int
backup_manifest_read(const char *head, const char *tail, struct backup_manifest *ret, struct err *err)
{
	static const char first[] = "{ \"PostgreSQL-Backup-Manifest-Version\": ";
	struct backup_manifest manifest = {.version = 0};

	if (!text_starts(head, first))
		return err_set(err, ERR_PROTOCOL, "backup_manifest is not one of PostgreSQL");
	if (!has_end(tail))
		return err_set(
			err, ERR_PROTOCOL, "backup_manifest is cut off: it has no checksum at its end");
	manifest.version = strtol(head + strlen(first), NULL, 10);
	if (read_ranges(tail, &manifest, err) != 0)
		return -1;
	/* pg_combinebackup writes the files in another order. */
	manifest.stopped_ms = later(file_time(head, "backup_label"), file_time(tail, "backup_label"));
	manifest.stopped_ms = later(manifest.stopped_ms, file_time(tail, "global/pg_control"));
	if (manifest.stopped_ms == SNAPSHOT_NONE)
		return err_set(err, ERR_PROTOCOL, "backup_manifest does not tell when backup_label was made");
	manifest.has_wal = strstr(tail, "\"Path\": \"pg_wal/archive_status/") != NULL;
	*ret = manifest;
	return 0;
}

const struct backup_manifest_range *
backup_manifest_first(const struct backup_manifest *manifest)
{
	const struct backup_manifest_range *first = NULL;

	for (size_t i = 0; i < manifest->range_count; i++)
		if (first == NULL || manifest->ranges[i].start_lsn < first->start_lsn)
			first = &manifest->ranges[i];
	return first;
}

const struct backup_manifest_range *
backup_manifest_last(const struct backup_manifest *manifest)
{
	const struct backup_manifest_range *last = NULL;

	for (size_t i = 0; i < manifest->range_count; i++)
		if (last == NULL || manifest->ranges[i].end_lsn > last->end_lsn)
			last = &manifest->ranges[i];
	return last;
}
