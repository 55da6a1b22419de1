#include "lib/collect/backup_pgbackrest.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/backup_pgbackrest_stanza.h"
#include "lib/collect/document.h"

enum { REPOSITORIES_MAX = 256 };

/* Which database in which repository. */
struct place {
	int64_t database;
	int64_t repository;
};

/* Releases before 2.32 knew one repository, and did not name it. */
static int
read_place(const json_t *object, struct place *ret, struct err *err)
{
	json_t *database;

	if (document_object(object, "database", &database, err) != 0
		|| document_number(database, "id", &ret->database, err) != 0
		|| document_number(database, "repo-key", &ret->repository, err) != 0)
		return -1;
	if (ret->repository == SNAPSHOT_NONE)
		ret->repository = 1;
	return 0;
}

/* Whether it is of the database that the repository has now: the one with the highest id. */
static int
is_current(
	const struct backup_pgbackrest_stanza *stanza, const struct place *place, bool *ret, struct err *err)
{
	const json_t *database;
	size_t i;

	*ret = true;
	json_array_foreach(stanza->databases, i, database)
	{
		int64_t id, repository;

		if (document_number(database, "id", &id, err) != 0
			|| document_number(database, "repo-key", &repository, err) != 0)
			return err_context(err, "database %zu", i + 1);
		if ((repository == SNAPSHOT_NONE ? 1 : repository) == place->repository
			&& id > place->database)
			*ret = false;
	}
	return 0;
}

struct backup {
	struct place place;
	const char *label, *kind, *wal_start, *wal_stop;
	int64_t stopped_ms;
	bool has_errors; /* of page checksums */
	bool is_current;
	char missing[64]; /* a backup that it builds on and that is not there; empty: none */
};

static void
write_key(int64_t repository, const char *label, char *to, size_t size)
{
	snprintf(to, size, "%lld/%s", (long long)repository, label);
}

/* All labels that there are, for find_missing(), as "REPOSITORY/LABEL". */
static int
list_labels(const struct backup_pgbackrest_stanza *stanza, json_t *labels, struct err *err)
{
	const json_t *object;
	const char *label;
	struct place place;
	char key[160];
	size_t i;

	json_array_foreach(stanza->backups, i, object)
	{
		if (read_place(object, &place, err) != 0 || document_text(object, "label", &label, err) != 0)
			return err_context(err, "backup %zu", i + 1);
		write_key(place.repository, label == NULL ? "" : label, key, sizeof key);
		json_object_set_new(labels, key, json_true());
	}
	return 0;
}

/* "reference" names every backup that a diff or incr has files in: all must be in its repository. */
static int
find_missing(const json_t *labels, const json_t *object, struct backup *ret, struct err *err)
{
	const json_t *reference;
	json_t *references;
	char key[160];
	size_t i;

	ret->missing[0] = '\0';
	if (strcmp(ret->kind, "full") == 0)
		return 0;
	if (document_list(object, "reference", &references, err) != 0)
		return -1;
	if (json_array_size(references) == 0)
		text_clean(ret->missing, sizeof ret->missing, "a backup that is not told");
	json_array_foreach(references, i, reference)
	{
		if (!json_is_string(reference))
			return err_set(err, ERR_PROTOCOL, "\"reference\" is not a list of texts");
		write_key(ret->place.repository, json_string_value(reference), key, sizeof key);
		if (json_object_get(labels, key) == NULL)
			text_clean(ret->missing, sizeof ret->missing, json_string_value(reference));
	}
	return 0;
}

static int
read_backup(const struct backup_pgbackrest_stanza *stanza, const json_t *labels, const json_t *object,
	struct backup *ret, struct err *err)
{
	json_t *times, *archive;
	int64_t stop;

	if (!json_is_object(object))
		return err_set(err, ERR_PROTOCOL, "not an object");
	if (read_place(object, &ret->place, err) != 0
		|| is_current(stanza, &ret->place, &ret->is_current, err) != 0
		|| document_text(object, "label", &ret->label, err) != 0
		|| document_text(object, "type", &ret->kind, err) != 0
		|| document_truth(object, "error", &ret->has_errors, err) != 0
		|| document_object(object, "timestamp", &times, err) != 0
		|| document_number(times, "stop", &stop, err) != 0
		|| document_object(object, "archive", &archive, err) != 0
		|| document_text(archive, "start", &ret->wal_start, err) != 0
		|| document_text(archive, "stop", &ret->wal_stop, err) != 0)
		return -1;
	if (ret->label == NULL || ret->kind == NULL)
		return err_set(err, ERR_PROTOCOL, "it has no \"label\" or no \"type\"");
	if (document_instant(stop, "stop", &ret->stopped_ms, err) != 0)
		return -1;
	return find_missing(labels, object, ret, err);
}

/* What is archived of the database that a backup is of; NULL: nothing is known. */
static int
find_archive(const struct backup_pgbackrest_stanza *stanza, const struct place *place, const json_t **ret,
	struct err *err)
{
	const json_t *archive;
	struct place other;
	size_t i;

	*ret = NULL;
	json_array_foreach(stanza->archives, i, archive)
	{
		if (read_place(archive, &other, err) != 0)
			return err_context(err, "archive %zu", i + 1);
		if (other.database == place->database && other.repository == place->repository)
			*ret = archive;
	}
	return 0;
}

/*
 * File names of WAL sort as the WAL does, timelines included: that is how pgBackRest finds the first and the
 * last.
 */
static void
find_gap(const struct backup *backup, const char *min, const char *max, struct snapshot_backup *ret)
{
	const char *start = backup->wal_start, *stop = backup->wal_stop;
	char raw[sizeof ret->wal_gap];
	struct text text;

	if (start == NULL || stop == NULL) /* taken of a stopped server */
		return;
	text_init(&text, raw, sizeof raw);
	if (min == NULL || max == NULL)
		text_add(&text, "it needs WAL from %.24s to %.24s, and none is archived", start, stop);
	else if (strcmp(start, min) < 0)
		text_add(&text, "it needs WAL from %.24s on, and the archive begins with %.24s", start, min);
	else if (strcmp(stop, max) > 0)
		text_add(&text, "it needs WAL up to %.24s, and the archive ends with %.24s", stop, max);
	text_clean(ret->wal_gap, sizeof ret->wal_gap, raw);
}

/* A text that may not be there. */
static void
take_text(char *to, size_t size, const char *from)
{
	text_clean(to, size, from == NULL ? "" : from);
}

static int
take_newest(const struct backup_pgbackrest_stanza *stanza, const struct backup *newest,
	struct snapshot_backup *ret, struct err *err)
{
	const json_t *archive;
	const char *min, *max;

	if (find_archive(stanza, &newest->place, &archive, err) != 0
		|| document_text(archive, "min", &min, err) != 0
		|| document_text(archive, "max", &max, err) != 0)
		return -1;
	take_text(ret->label, sizeof ret->label, newest->label);
	take_text(ret->kind, sizeof ret->kind, newest->kind);
	take_text(ret->wal_start, sizeof ret->wal_start, newest->wal_start);
	take_text(ret->wal_stop, sizeof ret->wal_stop, newest->wal_stop);
	take_text(ret->archive_min, sizeof ret->archive_min, min);
	take_text(ret->archive_max, sizeof ret->archive_max, max);
	ret->stopped_ms = newest->stopped_ms;
	find_gap(newest, min, max, ret);
	return 0;
}

/*
 * Why the newest backup that is no good one is not. Damaged pages are no matter of the backup: they are in
 * the database, and the good backups from before will expire.
 */
static void
take_bad(const struct backup *bad, struct snapshot_backup *ret)
{
	char raw[2 * sizeof ret->complaint];

	if (bad->label == NULL || (ret->stopped_ms != SNAPSHOT_NONE && bad->stopped_ms < ret->stopped_ms))
		return;
	if (bad->has_errors) {
		snprintf(raw, sizeof raw, "%.40s has pages with wrong checksums: the database is damaged%s%s",
			bad->label, ret->complaint[0] == '\0' ? "" : "; ", ret->complaint);
		text_clean(ret->complaint, sizeof ret->complaint, raw);
		return;
	}
	take_text(ret->failed_label, sizeof ret->failed_label, bad->label);
	snprintf(raw, sizeof raw, "it builds on %s, which is not there", bad->missing);
	take_text(ret->failure, sizeof ret->failure,
		bad->is_current ? raw : "of the database before the last stanza-upgrade");
}

/* The newest good backup of each repository. */
struct newest {
	int64_t repository;
	int64_t stopped_ms;
};

struct newest_list {
	size_t count;
	struct newest of[REPOSITORIES_MAX];
};

static int
take_repository(struct newest_list *list, const struct backup *backup, struct err *err)
{
	size_t i = 0;

	while (i < list->count && list->of[i].repository != backup->place.repository)
		i++;
	if (i == REPOSITORIES_MAX)
		return err_set(err, ERR_PROTOCOL, "there are more than %d repositories", REPOSITORIES_MAX);
	if (i == list->count)
		list->of[list->count++] = (struct newest){.repository = backup->place.repository};
	if (backup->stopped_ms > list->of[i].stopped_ms)
		list->of[i].stopped_ms = backup->stopped_ms;
	return 0;
}

/* A backup goes to one repository, the first unless another is named: the others are easily forgotten. */
static void
take_lagging(const struct newest_list *list, struct snapshot_backup *ret)
{
	const struct newest *oldest = &list->of[0];

	for (size_t i = 1; i < list->count; i++)
		if (list->of[i].stopped_ms < oldest->stopped_ms)
			oldest = &list->of[i];
	if (list->count < 2)
		return;
	snprintf(ret->lagging, sizeof ret->lagging, "repo%lld", (long long)oldest->repository);
	ret->lagging_stopped_ms = oldest->stopped_ms;
}

static int
take_good(const struct backup *backup, struct backup *newest, struct newest_list *list,
	struct snapshot_backup *ret, struct err *err)
{
	ret->count++;
	if (newest->label == NULL || backup->stopped_ms >= newest->stopped_ms)
		*newest = *backup;
	if (strcmp(backup->kind, "full") == 0 && backup->stopped_ms > ret->full_stopped_ms)
		ret->full_stopped_ms = backup->stopped_ms;
	return take_repository(list, backup, err);
}

static int
read_backups(const struct backup_pgbackrest_stanza *stanza, const json_t *labels, struct snapshot_backup *ret,
	struct err *err)
{
	struct backup backup, newest = {.label = NULL}, bad = {.label = NULL};
	struct newest_list list = {.count = 0};
	const json_t *object;
	size_t i;

	json_array_foreach(stanza->backups, i, object)
	{
		if (read_backup(stanza, labels, object, &backup, err) != 0)
			return err_context(err, "backup %zu", i + 1);
		if (stanza->repository != 0 && backup.place.repository != stanza->repository)
			continue;
		if (!backup.has_errors && backup.is_current && backup.missing[0] == '\0') {
			if (take_good(&backup, &newest, &list, ret, err) != 0)
				return -1;
		} else if (bad.label == NULL || backup.stopped_ms >= bad.stopped_ms) {
			bad = backup;
		}
	}
	take_lagging(&list, ret);
	if (newest.label != NULL && take_newest(stanza, &newest, ret, err) != 0)
		return -1;
	take_bad(&bad, ret);
	return 0;
}

int
backup_pgbackrest_read(const struct json_t *stanzas, const char *wanted, int64_t repository,
	struct snapshot_backup *ret, struct err *err)
{
	struct backup_pgbackrest_stanza stanza = {.repository = repository};
	const json_t *object;
	json_t *labels;
	const char *name;
	int status;

	if (backup_pgbackrest_stanza_find(stanzas, wanted, &object, err) != 0)
		return -1;
	if (object == NULL) { /* a repository that is there and empty, or whose file system is not mounted */
		text_clean(ret->name, sizeof ret->name, wanted);
		text_clean(ret->complaint, sizeof ret->complaint, "the repository has no stanza");
		return 0;
	}
	name = json_string_value(json_object_get(object, "name"));
	text_clean(ret->name, sizeof ret->name, name);
	if (backup_pgbackrest_stanza_open(object, &stanza, err) != 0)
		return err_context(err, "stanza \"%s\"", name);
	ret->is_running = stanza.is_running;
	if (backup_pgbackrest_stanza_judge(&stanza, ret, err) != 0)
		return -1;
	labels = json_object();
	status = list_labels(&stanza, labels, err);
	if (status == 0)
		status = read_backups(&stanza, labels, ret, err);
	json_decref(labels);
	return status == 0 ? 0 : err_context(err, "stanza \"%s\"", name);
}
