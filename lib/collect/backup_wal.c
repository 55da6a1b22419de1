#include "lib/collect/backup_wal.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/collect/backup_entries.h"

/* A name of WAL: timeline, high and low part of the number of the segment, eight hexadecimal digits each. */
enum { NAME_LENGTH = 24 };

static const uint64_t SEGMENT_MIN = UINT64_C(1) << 20, SEGMENT_MAX = UINT64_C(1) << 30;

static bool
is_name(const char *name)
{
	return strlen(name) == NAME_LENGTH && strspn(name, "0123456789ABCDEF") == NAME_LENGTH;
}

static bool
is_segment_size(uint64_t size)
{
	return size >= SEGMENT_MIN && size <= SEGMENT_MAX && (size & (size - 1)) == 0;
}

static uint64_t
hexadecimal(const char *digits)
{
	char part[9];

	memcpy(part, digits, 8);
	part[8] = '\0';
	return strtoull(part, NULL, 16);
}

void
backup_wal_feed(struct backup_wal *wal, const char *name, uint64_t size)
{
	uint64_t timeline, start;

	if (!is_name(name) || !is_segment_size(size))
		return;
	wal->segment_bytes = size;
	timeline = hexadecimal(name);
	start = (hexadecimal(name + 8) << 32) + hexadecimal(name + 16) * size;
	for (size_t i = 0; i < wal->manifest->range_count; i++) {
		const struct backup_manifest_range *range = &wal->manifest->ranges[i];

		if (range->timeline == timeline && start < range->end_lsn && start + size > range->start_lsn)
			wal->covered++;
	}
}

uint64_t
backup_wal_needed(const struct backup_wal *wal)
{
	uint64_t count = 0;

	if (wal->segment_bytes == 0)
		return 0;
	for (size_t i = 0; i < wal->manifest->range_count; i++) {
		const struct backup_manifest_range *range = &wal->manifest->ranges[i];

		if (range->end_lsn > range->start_lsn)
			count += (range->end_lsn - 1) / wal->segment_bytes
				- range->start_lsn / wal->segment_bytes + 1;
	}
	return count;
}

static void
write_name(uint32_t timeline, uint64_t lsn, uint64_t segment_bytes, char to[32])
{
	uint64_t segment = lsn / segment_bytes, per_part = (UINT64_C(1) << 32) / segment_bytes;

	snprintf(to, 32, "%08" PRIX32 "%08" PRIX32 "%08" PRIX32, timeline, (uint32_t)(segment / per_part),
		(uint32_t)(segment % per_part));
}

void
backup_wal_names(const struct backup_wal *wal, char first[32], char last[32])
{
	const struct backup_manifest_range *begin = backup_manifest_first(wal->manifest);
	const struct backup_manifest_range *end = backup_manifest_last(wal->manifest);

	first[0] = last[0] = '\0';
	if (wal->segment_bytes == 0 || begin == NULL)
		return;
	write_name(begin->timeline, begin->start_lsn, wal->segment_bytes, first);
	write_name(end->timeline, end->end_lsn - 1, wal->segment_bytes, last);
}

static int
visit(int directory, const char *name, void *context, struct err *err)
{
	struct stat status;

	(void)err;
	if (is_name(name) && fstatat(directory, name, &status, 0) == 0)
		backup_wal_feed(context, name, (uint64_t)status.st_size);
	return 0;
}

int
backup_wal_feed_directory(struct backup_wal *wal, int fd, int64_t deadline_ms, struct err *err)
{
	return backup_entries_each(fd, deadline_ms, visit, wal, err);
}

int
backup_wal_feed_tar(struct backup_wal *wal, int fd, int64_t deadline_ms, struct err *err)
{
	/* A header: the name in 100 bytes, and from byte 124 on the size, in octal digits. */
	enum { BLOCK = 512, SIZE_AT = 124, SIZE_DIGITS = 11, NAME_MAX_LENGTH = 100 };
	struct stat status;
	off_t at = 0;

	if (fstat(fd, &status) != 0)
		return err_set(err, ERR_SETUP, "cannot read the WAL of the backup");
	for (;;) {
		char header[BLOCK], name[NAME_MAX_LENGTH + 1], digits[SIZE_DIGITS + 1];
		uint64_t size;

		if (clock_left_ms(deadline_ms) == 0)
			return err_set(err, ERR_TIMEOUT, "pg_wal.tar could not be read in time");
		if (pread(fd, header, sizeof header, at) != BLOCK || header[0] == '\0')
			return 0;
		memcpy(name, header, NAME_MAX_LENGTH);
		name[NAME_MAX_LENGTH] = '\0';
		memcpy(digits, header + SIZE_AT, SIZE_DIGITS);
		digits[SIZE_DIGITS] = '\0';
		size = strtoull(digits, NULL, 8); /* at most 8 GB in eleven digits */
		at += BLOCK + (off_t)((size + BLOCK - 1) / BLOCK * BLOCK);
		if (at <= status.st_size) /* else the file is cut off within it */
			backup_wal_feed(wal, name, size);
	}
}
