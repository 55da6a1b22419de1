#include "lib/collect/backup_barman.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/parse.h"
#include "lib/base/text.h"
#include "lib/collect/document.h"

/* -- the server -------------------------------------------------------------------------------- */

/* Messages, not servers: "_ERROR", "_INFO", ... */
static bool
is_message(const char *key)
{
	return key[0] == '_';
}

static int
name_all(json_t *document, const char *wanted, struct err *err)
{
	char storage[128];
	struct text text;
	const char *key;
	json_t *value;

	text_init(&text, storage, sizeof storage);
	json_object_foreach(document, key, value)
	{
		if (!is_message(key))
			text_add(&text, "%s%s", text.length > 0 ? ", " : "", key);
	}
	if (wanted[0] != '\0')
		return err_set(err, ERR_SETUP, "there is no server \"%s\", there is %s", wanted, storage);
	err_set(err, ERR_USAGE, "there is more than one server: %s", storage);
	return err_hint(err, "say with --server which one is meant");
}

/* The first of the messages that Barman gives instead of an answer. */
static const char *
error_message(const json_t *document)
{
	const char *message = json_string_value(json_array_get(json_object_get(document, "_ERROR"), 0));

	if (message == NULL)
		message = json_string_value(json_array_get(json_object_get(document, "_EXCEPTION"), 0));
	return message;
}

static int
find_server(json_t *document, const char *wanted, const char **ret_name, json_t **ret, struct err *err)
{
	size_t count = 0;
	const char *key;
	json_t *value;

	*ret = NULL;
	*ret_name = "";
	json_object_foreach(document, key, value)
	{
		if (is_message(key))
			continue;
		count++;
		if (wanted[0] == '\0' || strcmp(key, wanted) == 0) {
			*ret_name = key;
			*ret = value;
		}
	}
	if (*ret != NULL && (wanted[0] != '\0' || count == 1))
		return 0;
	if (count > 0)
		return name_all(document, wanted, err);
	if (error_message(document) == NULL)
		return err_set(err, ERR_PROTOCOL, "it has no server");
	err_set(err, ERR_SETUP, "Barman says: %s", error_message(document));
	return err_hint(err, "barman list-servers shows which there are");
}

/* -- backups ----------------------------------------------------------------------------------- */

struct backup {
	const char *id, *status, *kind;
	int64_t stopped_ms;
};

/* Barman writes instants as text: "1795268275". */
static int
read_instant(const json_t *object, const char *name, int64_t *ret_ms, struct err *err)
{
	const char *text;
	int64_t seconds;

	if (document_text(object, name, &text, err) != 0)
		return -1;
	if (text == NULL || parse_integer(text, 0, INT64_MAX, &seconds, err) != 0)
		return err_set(err, ERR_PROTOCOL, "\"%s\" is not seconds since 1970", name);
	return document_instant(seconds, name, ret_ms, err);
}

/* `times` holds "end_time_timestamp", which only a backup that was copied has. */
static int
read_backup(const json_t *object, const json_t *times, struct backup *ret, struct err *err)
{
	const char *type;

	if (!json_is_object(object))
		return err_set(err, ERR_PROTOCOL, "not an object");
	if (document_text(object, "backup_id", &ret->id, err) != 0
		|| document_text(object, "status", &ret->status, err) != 0
		|| document_text(object, "backup_type", &type, err) != 0)
		return -1;
	if (ret->id == NULL || ret->status == NULL)
		return err_set(err, ERR_PROTOCOL, "it has no \"backup_id\" or no \"status\"");
	/* Only 3.11 and later tell the type; a snapshot of the disk and a copy by rsync are whole as well. */
	ret->kind = type != NULL && strcmp(type, "incremental") == 0 ? "incr" : "full";
	ret->stopped_ms = SNAPSHOT_NONE;
	if (strcmp(ret->status, "DONE") != 0)
		return 0;
	return read_instant(times, "end_time_timestamp", &ret->stopped_ms, err);
}

/* Ids are the time at which the backup began: a later one is greater. */
static void
take_newer(char *to, size_t size, const struct backup *backup)
{
	if (strcmp(backup->id, to) > 0)
		text_clean(to, size, backup->id);
}

static void
take_backup(const struct backup *backup, struct snapshot_backup *ret)
{
	if (strcmp(backup->status, "FAILED") == 0) {
		take_newer(ret->failed_label, sizeof ret->failed_label, backup);
	} else if (strcmp(backup->status, "DONE") != 0) {
		char raw[sizeof ret->unfinished];

		if (strcmp(backup->id, ret->unfinished) > 0) {
			snprintf(raw, sizeof raw, "%.80s (%.30s)", backup->id, backup->status);
			text_clean(ret->unfinished, sizeof ret->unfinished, raw);
		}
	} else {
		ret->count++;
		if (backup->stopped_ms > ret->stopped_ms) {
			ret->stopped_ms = backup->stopped_ms;
			text_clean(ret->label, sizeof ret->label, backup->id);
			text_clean(ret->kind, sizeof ret->kind, backup->kind);
		}
		if (strcmp(backup->kind, "full") == 0 && backup->stopped_ms > ret->full_stopped_ms)
			ret->full_stopped_ms = backup->stopped_ms;
	}
}

static int
read_list(const json_t *list, struct snapshot_backup *ret, struct err *err)
{
	struct backup backup;
	const json_t *object;
	size_t i;

	json_array_foreach(list, i, object)
	{
		if (read_backup(object, object, &backup, err) != 0)
			return err_context(err, "backup %zu", i + 1);
		take_backup(&backup, ret);
	}
	return 0;
}

/* -- one backup, shown ------------------------------------------------------------------------- */

/* Barman goes through the WAL files between before it calls a backup DONE; what may be lost since is the end.
 */
static int
read_wal(const json_t *object, const json_t *base, struct snapshot_backup *ret, struct err *err)
{
	const char *begin, *end, *last;
	char raw[sizeof ret->wal_gap];
	json_t *wal;

	if (document_object(object, "wal_information", &wal, err) != 0
		|| document_text(base, "begin_wal", &begin, err) != 0
		|| document_text(base, "end_wal", &end, err) != 0
		|| document_text(wal, "last_available", &last, err) != 0)
		return -1;
	if (begin == NULL || end == NULL)
		return err_set(err, ERR_PROTOCOL, "it has no \"begin_wal\" or no \"end_wal\"");
	raw[0] = '\0';
	if (last == NULL)
		snprintf(raw, sizeof raw, "it needs WAL from %.24s to %.24s, and none is archived", begin,
			end);
	else if (strcmp(end, last) > 0)
		snprintf(raw, sizeof raw, "it needs WAL up to %.24s, and the archive ends with %.24s", end,
			last);
	text_clean(ret->wal_gap, sizeof ret->wal_gap, raw);
	text_clean(ret->wal_start, sizeof ret->wal_start, begin);
	text_clean(ret->wal_stop, sizeof ret->wal_stop, end);
	text_clean(ret->archive_max, sizeof ret->archive_max, last == NULL ? "" : last);
	return 0;
}

static int
read_shown(const json_t *object, struct snapshot_backup *ret, struct err *err)
{
	struct backup backup;
	const char *error;
	json_t *base;

	if (document_object(object, "base_backup_information", &base, err) != 0
		|| document_text(object, "error", &error, err) != 0
		|| read_backup(object, base, &backup, err) != 0)
		return -1;
	if (ret->label[0] == '\0' && ret->failed_label[0] == '\0' && ret->unfinished[0] == '\0')
		take_backup(&backup, ret);
	if (strcmp(backup.id, ret->failed_label) == 0)
		text_clean(ret->failure, sizeof ret->failure, error == NULL ? "" : error);
	return strcmp(backup.id, ret->label) == 0 ? read_wal(object, base, ret, err) : 0;
}

/* -- check ------------------------------------------------------------------------------------- */

static int
read_check(json_t *object, struct snapshot_backup *ret, struct err *err)
{
	const char *name, *status, *hint;
	char storage[512];
	struct text text;
	json_t *result;

	text_init(&text, storage, sizeof storage);
	json_object_foreach(object, name, result)
	{
		if (!json_is_object(result))
			return err_set(err, ERR_PROTOCOL, "\"%s\" is not an object", name);
		if (document_text(result, "status", &status, err) != 0
			|| document_text(result, "hint", &hint, err) != 0)
			return err_context(err, "\"%s\"", name);
		if (status == NULL)
			return err_set(err, ERR_PROTOCOL, "\"%s\" has no \"status\"", name);
		/* The list of backups tells more of those that failed, and which of them is news. */
		if (strcmp(status, "FAILED") != 0 || strcmp(name, "failed_backups") == 0)
			continue;
		text_add(&text, "%s%s failed", text.length > 0 ? ", " : "", name);
		if (hint != NULL && hint[0] != '\0')
			text_add(&text, " (%s)", hint);
	}
	text_clean(ret->complaint, sizeof ret->complaint, storage);
	return 0;
}

int
backup_barman_read(struct json_t *document, const char *wanted, struct snapshot_backup *ret, struct err *err)
{
	const char *name;
	json_t *server;
	int status;

	if (find_server(document, wanted, &name, &server, err) != 0)
		return -1;
	text_clean(ret->name, sizeof ret->name, name);
	if (json_is_array(server))
		status = read_list(server, ret, err);
	else if (!json_is_object(server))
		status = err_set(err, ERR_PROTOCOL, "neither a list of backups, a backup nor a check");
	else if (json_object_get(server, "backup_id") != NULL)
		status = read_shown(server, ret, err);
	else
		status = read_check(server, ret, err);
	return status == 0 ? 0 : err_context(err, "server \"%s\"", name);
}

/* An incremental backup builds on a full one, and Barman does not tell on which. */
static void
forget_without_full(struct snapshot_backup *backup)
{
	if (strcmp(backup->kind, "incr") != 0 || backup->full_stopped_ms != SNAPSHOT_NONE)
		return;
	if (strcmp(backup->failed_label, backup->label) < 0) {
		text_clean(backup->failed_label, sizeof backup->failed_label, backup->label);
		text_clean(backup->failure, sizeof backup->failure,
			"it is incremental, and there is no full backup");
	}
	backup->count = 0;
	backup->stopped_ms = SNAPSHOT_NONE;
	backup->label[0] = backup->kind[0] = backup->wal_gap[0] = '\0';
}

void
backup_barman_settle(struct snapshot_backup *backup)
{
	forget_without_full(backup);
	if (strcmp(backup->failed_label, backup->label) < 0) {
		backup->failed_label[0] = '\0';
		backup->failure[0] = '\0';
	} else if (backup->failed_label[0] != '\0' && backup->failure[0] == '\0') {
		text_clean(backup->failure, sizeof backup->failure, "Barman does not say why");
	}
	if (strcmp(backup->unfinished, backup->label) < 0)
		backup->unfinished[0] = '\0';
	backup->is_running = backup->unfinished[0] != '\0';
}
