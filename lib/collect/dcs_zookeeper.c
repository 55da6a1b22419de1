#include "lib/collect/dcs_zookeeper.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/document.h"

/* What is asked of every endpoint, in this order. */
enum { ASK_LEADER, ASK_MONITOR, ASK_COUNT };

/* A command's answer as an object, whatever its status. `ret` is to be released. */
static int
read_command(const struct web_answer *answer, const char *command, struct json_t **ret, struct err *err)
{
	struct json_t *document = NULL;
	const char *found;

	if (answer->fault.class != ERR_NONE) {
		*err = answer->fault;
		return -1;
	}
	if (document_parse(answer->body, answer->length, &document, err) != 0 || document_is_list(document)
		|| document_text(document, "command", &found, err) != 0 || found == NULL
		|| strcmp(found, command) != 0) {
		if (document != NULL)
			document_release(document);
		err_set(err, ERR_PROTOCOL,
			"it answers with HTTP status %d, not as ZooKeeper's admin server does",
			answer->status);
		return err_hint(err, "its port is admin.serverPort, 8080 by default, not clientPort");
	}
	*ret = document;
	return 0;
}

static bool
is_it(const struct web_answer *answer, struct snapshot_dcs_endpoint *row)
{
	struct json_t *object;
	struct err trouble;

	(void)row;
	if (read_command(answer, "leader", &object, &trouble) != 0)
		return false;
	document_release(object);
	return true;
}

static size_t
ask(const struct dcs_dialect_plan *plan, const struct snapshot_dcs_endpoint *row,
	struct dcs_dialect_question questions[DCS_DIALECT_QUESTIONS])
{
	(void)plan;
	(void)row;
	snprintf(questions[ASK_LEADER].path, sizeof questions->path, "/commands/leader");
	snprintf(questions[ASK_MONITOR].path, sizeof questions->path, "/commands/monitor");
	return ASK_COUNT;
}

/* {"is_leader": true, "leader_id": 3, "error": null}, or an error: it serves nobody. */
static int
take_leader(const struct json_t *object, struct snapshot_dcs_endpoint *row, struct err *err)
{
	const char *error;
	int64_t leader;
	bool is_leader;

	if (document_text(object, "error", &error, err) != 0
		|| document_number(object, "leader_id", &leader, err) != 0
		|| document_truth(object, "is_leader", &is_leader, err) != 0)
		return -1;
	if (error != NULL) {
		text_clean(row->fault, sizeof row->fault, error);
		return 0;
	}
	if (leader == SNAPSHOT_NONE)
		return err_set(err, ERR_PROTOCOL, "it has no \"leader_id\"");
	row->has_quorum = true;
	snprintf(row->leader, sizeof row->leader, "%lld", (long long)leader);
	text_clean(row->role, sizeof row->role, is_leader ? "leader" : "follower");
	if (is_leader)
		text_clean(row->id, sizeof row->id, row->leader);
	return 0;
}

/* "3.8.0-BUILD, built on ..." */
static void
take_version(const char *version, struct snapshot_dcs_endpoint *row)
{
	char number[sizeof row->version];

	snprintf(number, sizeof number, "%.*s", (int)strcspn(version, "-, "), version);
	text_clean(row->version, sizeof row->version, number);
}

/* A figure above its bound would be no figure. */
static int64_t
bounded(int64_t number)
{
	return number > SNAPSHOT_NUMBER_MAX || number < 0 ? SNAPSHOT_NONE : number;
}

/* The leader knows who follows; followers that do not vote are among them. */
static int
take_members(const struct json_t *object, struct snapshot_dcs *dcs, struct err *err)
{
	int64_t members, followers, observers;

	if (document_number(object, "quorum_size", &members, err) != 0
		|| document_number(object, "synced_followers", &followers, err) != 0
		|| document_number(object, "synced_non_voting_followers", &observers, err) != 0)
		return -1;
	if (bounded(members) != SNAPSHOT_NONE && members > 0)
		dcs->members = members;
	if (bounded(observers) == SNAPSHOT_NONE)
		observers = 0;
	if (bounded(followers) != SNAPSHOT_NONE)
		dcs->members_alive = followers > observers ? followers - observers + 1 : 1;
	return 0;
}

static int
take_monitor(const struct json_t *object, struct snapshot_dcs_endpoint *row, struct snapshot_dcs *dcs,
	struct err *err)
{
	const char *version, *state;
	int64_t size_bytes;

	if (document_text(object, "version", &version, err) != 0
		|| document_text(object, "server_state", &state, err) != 0
		|| document_number(object, "approximate_data_size", &size_bytes, err) != 0
		|| take_members(object, dcs, err) != 0)
		return -1;
	if (version != NULL)
		take_version(version, row);
	row->size_bytes = bounded(size_bytes);
	if (state == NULL)
		return 0;
	text_clean(row->role, sizeof row->role, state);
	if (strcmp(state, "standalone") == 0) {
		/* It has no leader, needs none, and says that as an error. */
		row->has_quorum = true;
		row->fault[0] = '\0';
		dcs->members = dcs->members_alive = 1;
	} else if (strcmp(state, "read-only") == 0) {
		row->has_quorum = false;
		text_clean(row->fault, sizeof row->fault, "it is cut off, and serves reads alone");
	}
	return 0;
}

static int
read_answers(const struct dcs_dialect_plan *plan, const struct web_answer *answers,
	struct snapshot_dcs_endpoint *row, struct snapshot_dcs *dcs, struct dcs_dialect_lock *lock,
	struct err *err)
{
	struct json_t *object;
	struct err trouble;
	int status;

	if (read_command(&answers[ASK_LEADER], "leader", &object, err) != 0)
		return -1;
	status = take_leader(object, row, err);
	document_release(object);
	if (status != 0)
		return -1;
	row->response_us = answers[ASK_LEADER].elapsed_us;
	/* Out of the quorum this one ends in an internal error (3.8). */
	if (read_command(&answers[ASK_MONITOR], "monitor", &object, &trouble) == 0) {
		status = take_monitor(object, row, dcs, err);
		document_release(object);
	}
	if (plan->key[0] != '\0' && lock->fault.class == ERR_NONE) {
		err_set(&lock->fault, ERR_SETUP, "ZooKeeper's admin server does not show what clients store");
		err_hint(&lock->fault, "ask Patroni instead (check_patroni), and leave out --scope");
	}
	return status;
}

const struct dcs_dialect dcs_zookeeper_dialect = {
	.name = "zookeeper",
	.probe = "/commands/leader",
	.is_it = is_it,
	.ask = ask,
	.read = read_answers,
};
