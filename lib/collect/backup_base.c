#include "lib/collect/backup_base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/collect/backup_entries.h"
#include "lib/collect/backup_wal.h"
#include "lib/model/lsn.h"

enum {
	/* Of a manifest of many MB: room for some hundred of its lines. */
	WINDOW = 32768,
	/* Of backup_label, which has some hundred bytes, alone or behind the header of a tar file. */
	BEGINNING = 4096,
	/* As long as something changed within this time, a backup that is not whole is being taken. */
	QUIET_MS = 10 * 60 * 1000
};

static bool
exists(int directory, const char *name)
{
	struct stat status;

	return fstatat(directory, name, &status, 0) == 0;
}

/* -- one that is not whole ------------------------------------------------------------------------ */

struct change {
	int64_t deadline_ms;
	int64_t at_ms;
	int depth; /* how far down to look: data files are two levels below */
};

static int
visit_change(int directory, const char *name, void *context, struct err *err)
{
	struct change *change = context;
	struct stat status;
	int64_t at_ms;
	int fd, result = 0;

	if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return 0; /* it is gone meanwhile */
	at_ms = (int64_t)status.st_mtim.tv_sec * 1000;
	if (at_ms > change->at_ms)
		change->at_ms = at_ms;
	if (!S_ISDIR(status.st_mode) || change->depth == 0)
		return 0;
	fd = backup_entries_open(directory, name, O_DIRECTORY | O_NOFOLLOW);
	if (fd < 0)
		return 0;
	change->depth--;
	result = backup_entries_each(fd, change->deadline_ms, visit_change, change, err);
	change->depth++;
	close(fd);
	/* In a directory with very many files, those that were seen have to do. */
	return result != 0 && err->class == ERR_PROTOCOL ? 0 : result;
}

static int
take_unfinished(int directory, int64_t now_ms, int64_t deadline_ms, const char *why, struct backup_base *ret,
	struct err *err)
{
	struct change change = {.deadline_ms = deadline_ms, .depth = 2};

	if (backup_entries_each(directory, deadline_ms, visit_change, &change, err) != 0)
		return -1;
	ret->at_ms = change.at_ms;
	ret->condition = now_ms - change.at_ms < QUIET_MS ? BACKUP_BASE_UNFINISHED : BACKUP_BASE_FAILED;
	text_clean(ret->why, sizeof ret->why, why);
	return 0;
}

/* -- one backup -------------------------------------------------------------------------------- */

static ssize_t
read_window(int fd, off_t from, char to[WINDOW + 1])
{
	ssize_t got = pread(fd, to, WINDOW, from);

	to[got < 0 ? 0 : got] = '\0';
	return got;
}

/* 1: it is whole; 0: `trouble` tells why it is not. -1 when it cannot be read at all. */
static int
read_manifest(int fd, struct backup_manifest *ret, struct err *trouble, struct err *err)
{
	char *head = malloc(2 * (WINDOW + 1)), *tail;
	struct stat status;
	int result = -1;

	if (head == NULL)
		return err_set(err, ERR_SETUP, "out of memory");
	tail = head + WINDOW + 1;
	if (fstat(fd, &status) == 0 && read_window(fd, 0, head) >= 0
		&& read_window(fd, status.st_size > WINDOW ? status.st_size - WINDOW : 0, tail) >= 0)
		result = backup_manifest_read(head, tail, ret, trouble) == 0;
	else
		backup_entries_refuse("backup_manifest", err);
	free(head);
	return result;
}

/* The first bytes of a file as text: of a tar file these are its first member, with blanks for what fills it.
 */
static void
read_beginning(int directory, const char *name, char to[BEGINNING + 1])
{
	int fd = backup_entries_open(directory, name, 0);
	ssize_t got = fd < 0 ? -1 : read(fd, to, BEGINNING);

	if (fd >= 0)
		close(fd);
	for (ssize_t i = 0; i < got; i++)
		if (to[i] == '\0')
			to[i] = ' ';
	to[got < 0 ? 0 : got] = '\0';
}

/* backup_label has two lines more in an incremental backup: where the one begins that it builds on. */
static void
read_label(int directory, const char *name, struct backup_base *ret)
{
	static const char key[] = "\nINCREMENTAL FROM LSN: ", key_of_timeline[] = "\nINCREMENTAL FROM TLI: ";
	char bytes[BEGINNING + 1], lsn[LSN_TEXT_SIZE];
	const char *from, *timeline;

	read_beginning(directory, name, bytes);
	from = strstr(bytes, key);
	timeline = strstr(bytes, key_of_timeline);
	ret->is_full = from == NULL;
	if (from == NULL || timeline == NULL)
		return;
	if (sscanf(from + strlen(key), "%17[0-9A-Fa-f/]", lsn) == 1 && lsn_parse(lsn, &ret->from_lsn) == 0)
		ret->from_timeline = (uint32_t)strtoul(timeline + strlen(key_of_timeline), NULL, 10);
}

/* Of a compressed backup only the manifest tells: an incremental one has files of that kind. */
static int
scan_manifest(int manifest_fd, int64_t deadline_ms, bool *ret_is_full, struct err *err)
{
	static const char wanted[] = "/INCREMENTAL.";
	char bytes[WINDOW + 1];
	off_t at = 0;
	ssize_t got;

	*ret_is_full = true;
	while (*ret_is_full && (got = read_window(manifest_fd, at, bytes)) > 0) {
		if (clock_left_ms(deadline_ms) == 0)
			return err_set(err, ERR_TIMEOUT, "backup_manifest could not be read in time");
		*ret_is_full = strstr(bytes, wanted) == NULL;
		if (got < WINDOW)
			break;
		at += got - (ssize_t)strlen(wanted); /* it may lie across the border */
	}
	return 0;
}

/* Incremental backups are there since PostgreSQL 17, whose manifests are of version 2. */
static int
read_kind(int directory, int manifest_fd, int64_t deadline_ms, struct backup_base *ret, struct err *err)
{
	ret->from_lsn = LSN_NONE;
	if (ret->manifest.version < 2)
		ret->is_full = true;
	else if (!ret->is_tar)
		read_label(directory, "backup_label", ret);
	else if (exists(directory, "base.tar"))
		read_label(directory, "base.tar", ret);
	else
		return scan_manifest(manifest_fd, deadline_ms, &ret->is_full, err);
	return 0;
}

/* Whether there is what the manifest describes. */
static bool
has_data(int fd, struct backup_base *ret)
{
	static const char *const tars[] = {"base.tar", "base.tar.gz", "base.tar.lz4", "base.tar.zst"};
	struct stat status;

	for (size_t i = 0; i < sizeof tars / sizeof tars[0]; i++)
		if (fstatat(fd, tars[i], &status, 0) == 0) {
			ret->is_tar = true;
			return status.st_size > 0;
		}
	return exists(fd, "global/pg_control");
}

/* One that has a manifest. */
static int
read_backup(int directory, int manifest_fd, int64_t now_ms, int64_t deadline_ms, struct backup_base *ret,
	struct err *err)
{
	/* Copied in the order of names, a manifest is there long before the files are. */
	bool has_files = has_data(directory, ret);
	struct err trouble;
	int whole = read_manifest(manifest_fd, &ret->manifest, &trouble, err);

	if (whole < 0)
		return -1;
	if (whole == 0)
		return take_unfinished(directory, now_ms, deadline_ms, trouble.text, ret, err);
	if (!has_files)
		return take_unfinished(directory, now_ms, deadline_ms,
			"its files are not there, only backup_manifest is", ret, err);
	ret->condition = BACKUP_BASE_GOOD;
	ret->at_ms = ret->manifest.stopped_ms;
	return read_kind(directory, manifest_fd, deadline_ms, ret, err);
}

int
backup_base_read(int directory, int64_t now_ms, int64_t deadline_ms, struct backup_base *ret, struct err *err)
{
	int manifest_fd = backup_entries_open(directory, "backup_manifest", 0), status;

	if (manifest_fd < 0 && errno != ENOENT)
		return backup_entries_refuse("backup_manifest", err);
	*ret = (struct backup_base){.condition = BACKUP_BASE_NONE};
	if (manifest_fd < 0) {
		if (!has_data(directory, ret) && !ret->is_tar && !exists(directory, "backup_label")
			&& !exists(directory, "backup_manifest.tmp"))
			return 0;
		return take_unfinished(directory, now_ms, deadline_ms,
			"it has no backup_manifest: cut off, or taken with --no-manifest", ret, err);
	}
	status = read_backup(directory, manifest_fd, now_ms, deadline_ms, ret, err);
	close(manifest_fd);
	return status;
}

/* -- its WAL ------------------------------------------------------------------------------------ */

/* Whether there is WAL that cannot be looked into: compressed, or within base.tar. */
static bool
has_closed_wal(int directory, const struct backup_base *base)
{
	return base->is_tar
		&& (exists(directory, "pg_wal.tar.gz") || exists(directory, "pg_wal.tar.lz4")
			|| exists(directory, "pg_wal.tar.zst") || base->manifest.has_wal);
}

static void
judge_wal(const struct backup_wal *wal, bool has_archive, struct backup_base_wal *ret)
{
	uint64_t needed = backup_wal_needed(wal);

	backup_wal_names(wal, ret->first, ret->last);
	ret->gap[0] = '\0';
	if (wal->segment_bytes == 0 && !has_archive)
		snprintf(ret->gap, sizeof ret->gap,
			"it has no WAL of its own (-X none); if an archive has it, pass "
			"--has-archive");
	else if (wal->segment_bytes != 0 && wal->covered < needed)
		snprintf(ret->gap, sizeof ret->gap, "%llu of the %llu WAL files that it needs are missing",
			(unsigned long long)(needed - wal->covered), (unsigned long long)needed);
}

int
backup_base_read_wal(int directory, const struct backup_base *base, bool has_archive, int64_t deadline_ms,
	struct backup_base_wal *ret, struct err *err)
{
	struct backup_wal wal = {.manifest = &base->manifest};
	int fd = base->is_tar ? backup_entries_open(directory, "pg_wal.tar", 0)
			      : backup_entries_open(directory, "pg_wal", O_DIRECTORY);
	int status = 0;

	if (fd < 0 && has_closed_wal(directory, base)) {
		*ret = (struct backup_base_wal){.gap = ""};
		return 0;
	}
	if (fd >= 0 && base->is_tar)
		status = backup_wal_feed_tar(&wal, fd, deadline_ms, err);
	else if (fd >= 0)
		status = backup_wal_feed_directory(&wal, fd, deadline_ms, err);
	if (fd >= 0)
		close(fd);
	if (status == 0)
		judge_wal(&wal, has_archive, ret);
	return status;
}
