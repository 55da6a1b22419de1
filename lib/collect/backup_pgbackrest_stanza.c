#include "lib/collect/backup_pgbackrest_stanza.h"

#include <jansson.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/document.h"

/* "code" of a status. */
enum { STATUS_OK = 0, STATUS_NO_STANZA = 1, STATUS_NO_BACKUPS = 2, STATUS_OTHER = 99 };

/* A stanza has a database for each upgrade, in each of the repositories. */
enum { DATABASES_MAX = 1024 };

static int
name_all(const json_t *stanzas, const char *wanted, struct err *err)
{
	char storage[128];
	struct text text;
	const json_t *stanza;
	size_t i;

	text_init(&text, storage, sizeof storage);
	json_array_foreach(stanzas, i, stanza)
	{
		const char *name = json_string_value(json_object_get(stanza, "name"));

		text_add(&text, "%s%s", i > 0 ? ", " : "", name == NULL ? "?" : name);
	}
	if (wanted[0] != '\0')
		return err_set(err, ERR_SETUP, "there is no stanza \"%s\", there is %s", wanted, storage);
	err_set(err, ERR_USAGE, "there is more than one stanza: %s", storage);
	return err_hint(err, "say with --stanza which one is meant");
}

int
backup_pgbackrest_stanza_find(const json_t *stanzas, const char *wanted, const json_t **ret, struct err *err)
{
	const json_t *stanza;
	size_t i;

	*ret = NULL;
	json_array_foreach(stanzas, i, stanza)
	{
		const char *name;

		if (!json_is_object(stanza))
			return err_set(err, ERR_PROTOCOL, "stanza %zu is not an object", i + 1);
		if (document_text(stanza, "name", &name, err) != 0)
			return err_context(err, "stanza %zu", i + 1);
		if (name == NULL)
			return err_set(err, ERR_PROTOCOL, "stanza %zu has no \"name\"", i + 1);
		if (strcmp(name, wanted) == 0 || (*ret == NULL && strcmp(name, "[invalid]") == 0)
			|| wanted[0] == '\0')
			*ret = stanza;
	}
	return i > (wanted[0] == '\0') && (*ret == NULL || wanted[0] == '\0') ? name_all(stanzas, wanted, err)
									      : 0;
}

static int
read_status(const json_t *object, int64_t *ret_code, const char **ret_message, struct err *err)
{
	json_t *status;

	if (document_object(object, "status", &status, err) != 0
		|| document_number(status, "code", ret_code, err) != 0
		|| document_text(status, "message", ret_message, err) != 0)
		return -1;
	if (*ret_code == SNAPSHOT_NONE)
		return err_set(err, ERR_PROTOCOL, "it has no \"status\" with a \"code\"");
	if (*ret_message == NULL)
		*ret_message = "no message";
	return 0;
}

/* "status" holds "lock", that holds "backup", that holds "held": true on the host that takes the backup. */
static int
read_lock(const json_t *stanza, bool *ret, struct err *err)
{
	json_t *lock, *backup;

	if (document_object(json_object_get(stanza, "status"), "lock", &lock, err) != 0
		|| document_object(lock, "backup", &backup, err) != 0)
		return -1;
	return document_truth(backup, "held", ret, err);
}

int
backup_pgbackrest_stanza_open(const json_t *object, struct backup_pgbackrest_stanza *ret, struct err *err)
{
	if (read_status(object, &ret->status, &ret->message, err) != 0
		|| read_lock(object, &ret->is_running, err) != 0
		|| document_list(object, "db", &ret->databases, err) != 0
		|| document_list(object, "archive", &ret->archives, err) != 0
		|| document_list(object, "backup", &ret->backups, err) != 0
		|| document_list(object, "repo", &ret->repositories, err) != 0)
		return -1;
	if (json_array_size(ret->databases) > DATABASES_MAX || json_array_size(ret->archives) > DATABASES_MAX)
		return err_set(err, ERR_PROTOCOL, "it has more than %d databases", DATABASES_MAX);
	return 0;
}

/* No backup could be seen in any repository: nothing is known, which is not the same as that there is none.
 */
static int
refuse_unseen(const char *message, struct err *err)
{
	if (text_starts(message, "[HostConnectError]"))
		return err_set(err, ERR_DOWN, "pgBackRest cannot reach its repository: %s", message);
	err_set(err, ERR_SETUP, "pgBackRest cannot read its repository: %s", message);
	return err_hint(
		err, "run it as the user that pgBackRest runs as, such as postgres (sudo: --command)");
}

int
backup_pgbackrest_stanza_judge(
	const struct backup_pgbackrest_stanza *stanza, struct snapshot_backup *ret, struct err *err)
{
	const char *message, *last = stanza->message;
	char storage[512];
	struct text text;
	const json_t *repository;
	size_t i, unseen = 0, count = 0;
	int64_t code, key;

	text_init(&text, storage, sizeof storage);
	json_array_foreach(stanza->repositories, i, repository)
	{
		if (read_status(repository, &code, &message, err) != 0
			|| document_number(repository, "key", &key, err) != 0)
			return err_context(err, "repository %zu", i + 1);
		if (stanza->repository != 0 && key != stanza->repository)
			continue;
		count++;
		if (code == STATUS_OTHER) {
			last = message;
			unseen++;
		}
		if (code != STATUS_OK)
			text_add(&text, "%srepo%lld: %s", text.length > 0 ? ", " : "", (long long)key,
				message);
	}
	if (stanza->repository != 0 && count == 0 && i > 0)
		return err_set(err, ERR_SETUP, "there is no repository %lld", (long long)stanza->repository);
	if (unseen == count && (unseen > 0 || stanza->status == STATUS_OTHER))
		return refuse_unseen(last, err);
	/* A single repository without backups is told by their count; and another one is not asked for. */
	if (stanza->status == STATUS_OK || stanza->status == STATUS_NO_BACKUPS
		|| (text.length == 0 && stanza->repository != 0 && count > 0))
		return 0;
	if (text.length == 0 || i == 1)
		text_clean(ret->complaint, sizeof ret->complaint, stanza->message);
	else
		text_clean(ret->complaint, sizeof ret->complaint, storage);
	return 0;
}
