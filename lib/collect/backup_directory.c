#include "lib/collect/backup_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/collect/backup_base.h"
#include "lib/collect/backup_entries.h"
#include "lib/model/lsn.h"

/* Hourly ones of more than two months. */
enum { BACKUPS_MAX = 2000 };

struct found {
	char entry[256];    /* its name in the directory */
	bool is_restorable; /* good, and what it builds on is there */
	struct backup_base base;
};

struct search {
	int64_t deadline_ms;
	int64_t now_ms;
	struct found *all; /* what is no backup is not among them */
	size_t count, size;
};

/* -- finding ------------------------------------------------------------------------------------ */

static int
keep(struct search *search, const struct found *found, struct err *err)
{
	if (found->base.condition == BACKUP_BASE_NONE)
		return 0;
	if (search->count == BACKUPS_MAX)
		return err_set(err, ERR_PROTOCOL, "there are more than %d backups", BACKUPS_MAX);
	if (search->count == search->size) {
		size_t size = search->size == 0 ? 16 : 2 * search->size;
		struct found *all = realloc(search->all, size * sizeof *all);

		if (all == NULL)
			return err_set(err, ERR_SETUP, "out of memory");
		search->all = all;
		search->size = size;
	}
	search->all[search->count++] = *found;
	return 0;
}

/* A link is not followed: "latest" would count twice. */
static int
visit(int directory, const char *name, void *context, struct err *err)
{
	struct search *search = context;
	struct found found = {.is_restorable = false};
	int fd, status;

	/* Of the root of a file system nobody may read that but root. */
	if (name[0] == '.' || strcmp(name, "lost+found") == 0)
		return 0;
	fd = backup_entries_open(directory, name, O_DIRECTORY | O_NOFOLLOW);
	if (fd < 0 && (errno == ENOTDIR || errno == ENOENT || errno == ELOOP))
		return 0;
	if (fd < 0)
		return backup_entries_refuse(name, err);
	status = backup_base_read(fd, search->now_ms, search->deadline_ms, &found.base, err);
	close(fd);
	if (status != 0)
		return err_context(err, "%s", name);
	snprintf(found.entry, sizeof found.entry, "%s", name);
	return keep(search, &found, err);
}

/* -- what builds on what ------------------------------------------------------------------------ */

static uint64_t
start_lsn(const struct found *found)
{
	const struct backup_manifest_range *first = backup_manifest_first(&found->base.manifest);

	return first == NULL ? 0 : first->start_lsn;
}

static int
by_start(const void *a, const void *b)
{
	uint64_t start_a = start_lsn(a), start_b = start_lsn(b);

	return start_a < start_b ? -1 : start_a > start_b;
}

/* Of a compressed backup it is not known on which it builds: on any before it. */
static bool
is_built_on(const struct found *found, const struct found *other)
{
	const struct backup_manifest_range *first = backup_manifest_first(&other->base.manifest);

	if (!other->is_restorable || first == NULL)
		return false;
	return found->base.from_lsn == LSN_NONE
		|| (found->base.from_lsn == first->start_lsn && found->base.from_timeline == first->timeline);
}

/* A backup begins after the one that it builds on, so that one way through them in that order is enough. */
static void
follow_chains(struct search *search)
{
	if (search->count == 0)
		return;
	qsort(search->all, search->count, sizeof search->all[0], by_start);
	for (size_t i = 0; i < search->count; i++) {
		struct found *found = &search->all[i];

		if (found->base.condition != BACKUP_BASE_GOOD)
			continue;
		found->is_restorable = found->base.is_full;
		for (size_t j = 0; j < i && !found->is_restorable; j++)
			found->is_restorable = is_built_on(found, &search->all[j]);
		if (found->is_restorable)
			continue;
		found->base.condition = BACKUP_BASE_FAILED;
		text_clean(found->base.why, sizeof found->base.why,
			"it is incremental, and the backup that it builds on is not there");
	}
}

/* -- judging ------------------------------------------------------------------------------------ */

/* Two may be of the same second, which is all that manifests tell; where they end in the WAL tells more. */
static bool
is_newer(const struct backup_base *a, const struct backup_base *b)
{
	const struct backup_manifest_range *last_a = backup_manifest_last(&a->manifest);
	const struct backup_manifest_range *last_b = backup_manifest_last(&b->manifest);

	if (a->at_ms != b->at_ms || last_a == NULL || last_b == NULL)
		return a->at_ms > b->at_ms;
	return last_a->end_lsn > last_b->end_lsn;
}

/* The newest of a condition; NULL: there is none. */
static const struct found *
newest(const struct search *search, enum backup_base_condition condition)
{
	const struct found *newest = NULL;

	for (size_t i = 0; i < search->count; i++) {
		const struct found *found = &search->all[i];

		if (found->base.condition == condition
			&& (newest == NULL || is_newer(&found->base, &newest->base)))
			newest = found;
	}
	return newest;
}

static void
take_good(const struct search *search, const struct found *good, struct snapshot_backup *ret)
{
	for (size_t i = 0; i < search->count; i++) {
		const struct backup_base *base = &search->all[i].base;

		ret->count += base->condition == BACKUP_BASE_GOOD;
		if (base->condition == BACKUP_BASE_GOOD && base->is_full
			&& base->at_ms > ret->full_stopped_ms)
			ret->full_stopped_ms = base->at_ms;
	}
	ret->stopped_ms = good->base.at_ms;
	text_clean(ret->label, sizeof ret->label, good->entry);
	text_clean(ret->kind, sizeof ret->kind, good->base.is_full ? "full" : "incr");
}

static void
take(const struct search *search, struct snapshot_backup *ret)
{
	const struct found *good = newest(search, BACKUP_BASE_GOOD);
	const struct found *failed = newest(search, BACKUP_BASE_FAILED);
	const struct found *unfinished = newest(search, BACKUP_BASE_UNFINISHED);

	if (good != NULL)
		take_good(search, good, ret);
	if (failed != NULL && (good == NULL || !is_newer(&good->base, &failed->base))) {
		text_clean(ret->failed_label, sizeof ret->failed_label, failed->entry);
		text_clean(ret->failure, sizeof ret->failure, failed->base.why);
	}
	ret->is_running = unfinished != NULL;
	if (unfinished != NULL)
		text_clean(ret->unfinished, sizeof ret->unfinished, unfinished->entry);
}

static int
read_wal(const struct search *search, int fd, bool has_archive, struct snapshot_backup *ret, struct err *err)
{
	const struct found *good = newest(search, BACKUP_BASE_GOOD);
	struct backup_base_wal wal;

	if (backup_base_read_wal(fd, &good->base, has_archive, search->deadline_ms, &wal, err) != 0)
		return -1;
	text_clean(ret->wal_start, sizeof ret->wal_start, wal.first);
	text_clean(ret->wal_stop, sizeof ret->wal_stop, wal.last);
	text_clean(ret->wal_gap, sizeof ret->wal_gap, wal.gap);
	return 0;
}

/* The last part of a path: a backup that is named itself has that label. */
static void
write_label(const char *path, char *to, size_t size)
{
	size_t end = strlen(path), start;

	while (end > 1 && path[end - 1] == '/')
		end--;
	for (start = end; start > 0 && path[start - 1] != '/';)
		start--;
	snprintf(to, size, "%.*s", (int)(end - start), path + start);
}

/* The directory itself, if it is a backup; else those in it. */
static int
find(struct search *search, int fd, const char *path, bool *ret_is_itself, struct err *err)
{
	struct found itself = {.is_restorable = false};

	write_label(path, itself.entry, sizeof itself.entry);
	if (backup_base_read(fd, search->now_ms, search->deadline_ms, &itself.base, err) != 0)
		return -1;
	*ret_is_itself = itself.base.condition != BACKUP_BASE_NONE;
	if (*ret_is_itself)
		return keep(search, &itself, err);
	return backup_entries_each(fd, search->deadline_ms, visit, search, err);
}

static int
look(struct search *search, int fd, const char *path, bool has_archive, struct snapshot_backup *ret,
	struct err *err)
{
	bool is_itself;
	int newest_fd = fd, status;

	if (find(search, fd, path, &is_itself, err) != 0)
		return -1;
	follow_chains(search);
	take(search, ret);
	if (newest(search, BACKUP_BASE_GOOD) == NULL)
		return 0;
	if (!is_itself)
		newest_fd = backup_entries_open(fd, newest(search, BACKUP_BASE_GOOD)->entry, O_DIRECTORY);
	if (newest_fd < 0)
		return backup_entries_refuse(newest(search, BACKUP_BASE_GOOD)->entry, err);
	status = read_wal(search, newest_fd, has_archive, ret, err);
	if (newest_fd != fd)
		close(newest_fd);
	return status;
}

int
backup_directory_read(
	const char *path, bool has_archive, int64_t deadline_ms, struct snapshot_backup *ret, struct err *err)
{
	struct search search = {.deadline_ms = deadline_ms, .now_ms = clock_wall_ms()};
	int fd = backup_entries_open(AT_FDCWD, path, O_DIRECTORY), status;

	if (fd < 0)
		return backup_entries_refuse(path, err);
	text_clean(ret->name, sizeof ret->name, path);
	status = look(&search, fd, path, has_archive, ret, err);
	free(search.all);
	close(fd);
	return status == 0 ? 0 : err_context(err, "%s", path);
}
