#include "lib/collect/dcs_etcd_status.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/dcs_etcd_answer.h"
#include "lib/collect/document.h"

/* -- the status -------------------------------------------------------------------------------- */

/* Among the errors of a status: "memberID:123 alarm:NOSPACE ". */
static bool
take_alarm(const char *error, struct text *alarms)
{
	const char *member = strstr(error, "memberID:"), *alarm = strstr(error, "alarm:");

	if (member == NULL || alarm == NULL)
		return false;
	member += strlen("memberID:");
	alarm += strlen("alarm:");
	text_add(alarms, "%s%.*s of %.*s", alarms->length > 0 ? ", " : "",
		(int)strspn(alarm, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), alarm, (int)strspn(member, "0123456789"),
		member);
	return true;
}

static int
read_errors(const struct json_t *status, struct snapshot_dcs_endpoint *row, struct err *err)
{
	char alarms[sizeof row->alarm], health[sizeof row->health];
	struct text alarm_text, health_text;
	struct json_t *list;

	text_init(&alarm_text, alarms, sizeof alarms);
	text_init(&health_text, health, sizeof health);
	if (document_list(status, "errors", &list, err) != 0)
		return -1;
	for (size_t i = 0; i < document_count(list); i++) {
		const char *error = json_string_value(document_item(list, i));

		if (error == NULL)
			return err_set(err, ERR_PROTOCOL, "\"errors\" has what is not text");
		/* That there is no leader is seen by itself. */
		if (!take_alarm(error, &alarm_text) && strstr(error, "no leader") == NULL)
			text_add(&health_text, "%s%s", health_text.length > 0 ? ", " : "", error);
	}
	text_clean(row->alarm, sizeof row->alarm, alarms);
	text_clean(row->health, sizeof row->health, health);
	return 0;
}

static const char *
role_of(const struct snapshot_dcs_endpoint *row, bool is_learner)
{
	if (is_learner)
		return "learner";
	if (row->leader[0] == '\0')
		return "";
	return strcmp(row->leader, row->id) == 0 ? "leader" : "follower";
}

int
dcs_etcd_status_read(const struct json_t *status, struct snapshot_dcs_endpoint *row, struct err *err)
{
	const char *version;
	bool is_learner;

	if (dcs_etcd_answer_header(status, row->id, row->cluster, err) != 0
		|| document_text(status, "version", &version, err) != 0
		|| document_truth(status, "isLearner", &is_learner, err) != 0
		|| dcs_etcd_answer_id(status, "leader", row->leader, sizeof row->leader, err) != 0
		|| dcs_etcd_answer_whole(status, "dbSize", 0, &row->size_bytes, err) != 0
		|| dcs_etcd_answer_whole(status, "raftIndex", 0, &row->raft_index, err) != 0
		|| dcs_etcd_answer_whole(status, "raftTerm", 0, &row->raft_term, err) != 0
		|| dcs_etcd_answer_whole(status, "dbSizeQuota", 0, &row->quota_bytes, err) != 0
		|| read_errors(status, row, err) != 0)
		return -1;
	if (row->quota_bytes == 0) /* before 3.6 it is not told; without a quota it is below zero */
		row->quota_bytes = SNAPSHOT_NONE;
	if (version == NULL)
		return err_set(err, ERR_PROTOCOL, "it has no \"version\"");
	text_clean(row->version, sizeof row->version, version);
	text_clean(row->role, sizeof row->role, role_of(row, is_learner));
	return 0;
}

/* -- the members ------------------------------------------------------------------------------- */

/* Those that vote, and the names of the one that was asked and of the leader; "": they are not among them. */
struct members {
	int64_t count;
	const char *own_name;
	const char *leader_name;
};

static int
read_member(const struct json_t *member, const struct snapshot_dcs_endpoint *row, struct members *ret,
	struct err *err)
{
	char id[sizeof row->id];
	const char *name;
	bool is_learner;

	if (!json_is_object(member))
		return err_set(err, ERR_PROTOCOL, "a member is not an object");
	if (dcs_etcd_answer_id(member, "ID", id, sizeof id, err) != 0
		|| document_text(member, "name", &name, err) != 0
		|| document_truth(member, "isLearner", &is_learner, err) != 0)
		return -1;
	if (!is_learner)
		ret->count++;
	if (name != NULL && id[0] != '\0' && strcmp(id, row->id) == 0)
		ret->own_name = name;
	if (name != NULL && id[0] != '\0' && strcmp(id, row->leader) == 0)
		ret->leader_name = name;
	return 0;
}

void
dcs_etcd_status_read_members(
	const struct web_answer *answer, struct snapshot_dcs_endpoint *row, struct snapshot_dcs *dcs)
{
	struct members members = {.own_name = "", .leader_name = ""};
	struct json_t *object, *list = NULL;
	struct err trouble;
	int status;

	if (dcs_etcd_answer_good(answer, &object, NULL, &trouble) != 0)
		return;
	status = document_list(object, "members", &list, &trouble);
	for (size_t i = 0; status == 0 && i < document_count(list); i++)
		status = read_member(document_item(list, i), row, &members, &trouble);
	if (status == 0) {
		text_clean(row->name, sizeof row->name, members.own_name);
		if (members.leader_name[0] != '\0') {
			text_clean(dcs->leader_id, sizeof dcs->leader_id, row->leader);
			text_clean(dcs->leader_name, sizeof dcs->leader_name, members.leader_name);
		}
		if (members.count > 0)
			dcs->members = members.count;
	}
	document_release(object);
}
