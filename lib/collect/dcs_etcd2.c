#include "lib/collect/dcs_etcd2.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/dcs_etcd.h"
#include "lib/collect/dcs_path.h"
#include "lib/collect/document.h"

/* What is asked of every endpoint, in this order. */
enum { ASK_SELF, ASK_MEMBERS, ASK_KEY, ASK_COUNT };

/* Among the errors of the API. */
enum { KEY_NOT_FOUND = 100, UNAUTHORIZED = 110, STATUS_UNAUTHORIZED = 401, STATUS_NOT_FOUND = 404 };

static bool
is_v2_only(const struct web_answer *answer, struct snapshot_dcs_endpoint *row)
{
	return dcs_etcd_is_it(answer, row) && text_starts(row->version, "2.");
}

static size_t
ask(const struct dcs_dialect_plan *plan, const struct snapshot_dcs_endpoint *row,
	struct dcs_dialect_question questions[DCS_DIALECT_QUESTIONS])
{
	struct text text;

	(void)row;
	snprintf(questions[ASK_SELF].path, sizeof questions->path, "/v2/stats/self");
	snprintf(questions[ASK_MEMBERS].path, sizeof questions->path, "/v2/members");
	text_init(&text, questions[ASK_KEY].path, sizeof questions->path);
	text_add(&text, "/v2/keys/");
	dcs_path_write(plan->key, &text);
	text_add(&text, "?quorum=true");
	return ASK_COUNT;
}

/* The answer as an object. `ret` is to be released. */
static int
read_object(const struct web_answer *answer, struct json_t **ret, struct err *err)
{
	struct json_t *document = NULL;

	if (answer->fault.class != ERR_NONE) {
		*err = answer->fault;
		return -1;
	}
	if (document_parse(answer->body, answer->length, &document, err) != 0 || document_is_list(document)) {
		if (document != NULL)
			document_release(document);
		err_set(err, ERR_PROTOCOL, "it answers with HTTP status %d, not as etcd's API v2 does",
			answer->status);
		return err_hint(err, "etcd 3.4 and 3.5 serve it with --enable-v2 alone, 3.6 no more");
	}
	*ret = document;
	return 0;
}

static void
take_text(const char *value, char *to, size_t size)
{
	text_clean(to, size, value == NULL ? "" : value);
}

static int
read_self(const struct web_answer *answer, struct snapshot_dcs_endpoint *row, struct err *err)
{
	const char *name = NULL, *id = NULL, *state = NULL, *leader = NULL;
	struct json_t *object, *info;
	int status;

	if (read_object(answer, &object, err) != 0)
		return -1;
	status = document_text(object, "name", &name, err) != 0 || document_text(object, "id", &id, err) != 0
			|| document_text(object, "state", &state, err) != 0
			|| document_object(object, "leaderInfo", &info, err) != 0
			|| (info != NULL && document_text(info, "leader", &leader, err) != 0)
		? -1
		: 0;
	if (status == 0 && id == NULL)
		status = err_set(err, ERR_PROTOCOL, "it has no \"id\"");
	if (status == 0) {
		take_text(name, row->name, sizeof row->name);
		take_text(id, row->id, sizeof row->id);
		take_text(leader, row->leader, sizeof row->leader);
		take_text(state == NULL                             ? ""
				: strcmp(state, "StateLeader") == 0 ? "leader"
								    : "follower",
			row->role, sizeof row->role);
	}
	document_release(object);
	return status;
}

static void
read_members(const struct web_answer *answer, struct snapshot_dcs *dcs)
{
	struct json_t *object, *list;
	struct err trouble;

	if (answer->status != 200 || read_object(answer, &object, &trouble) != 0)
		return;
	if (document_list(object, "members", &list, &trouble) == 0 && document_count(list) > 0)
		dcs->members = (int64_t)document_count(list);
	document_release(object);
}

static int
read_node(const struct json_t *object, struct dcs_dialect_lock *lock, struct err *err)
{
	const char *value = NULL;
	int64_t ttl_s = SNAPSHOT_NONE;
	struct json_t *node;

	if (document_object(object, "node", &node, err) != 0)
		return -1;
	if (node == NULL || document_text(node, "value", &value, err) != 0 || value == NULL)
		return err_set(err, ERR_PROTOCOL, "the leader key has no \"value\"");
	if (document_number(node, "ttl", &ttl_s, err) != 0)
		return -1;
	if (ttl_s != SNAPSHOT_NONE && (ttl_s < 0 || ttl_s > INT32_MAX))
		return err_set(err, ERR_PROTOCOL, "\"ttl\" is not a number of seconds");
	lock->is_there = true;
	take_text(value, lock->holder, sizeof lock->holder);
	lock->has_lease = ttl_s != SNAPSHOT_NONE;
	lock->ttl_ms = ttl_s == SNAPSHOT_NONE ? SNAPSHOT_NONE : ttl_s * 1000;
	return 0;
}

/* What the API says instead of a key: {"errorCode":100,"message":"Key not found","cause":"/x","index":7}. */
static int
read_trouble(const struct json_t *object, int http_status, struct snapshot_dcs_endpoint *row, struct err *err)
{
	const char *message = NULL, *cause = NULL;
	int64_t code = SNAPSHOT_NONE;

	if (document_number(object, "errorCode", &code, err) != 0
		|| document_text(object, "message", &message, err) != 0
		|| document_text(object, "cause", &cause, err) != 0)
		return -1;
	if (code == KEY_NOT_FOUND && http_status == STATUS_NOT_FOUND) {
		row->has_quorum = true;
		return 0;
	}
	row->is_refused = code == UNAUTHORIZED || http_status == STATUS_UNAUTHORIZED;
	return err_set(err, row->is_refused ? ERR_SETUP : ERR_DOWN, "%s%s%s",
		message == NULL ? "no" : message, cause == NULL ? "" : ": ", cause == NULL ? "" : cause);
}

static int
read_key(const struct dcs_dialect_plan *plan, const struct web_answer *answer,
	struct snapshot_dcs_endpoint *row, struct dcs_dialect_lock *lock, struct err *err)
{
	struct json_t *object;
	int status = 0;

	if (read_object(answer, &object, err) != 0)
		return -1;
	if (answer->status != 200) {
		status = read_trouble(object, answer->status, row, err);
	} else {
		row->has_quorum = true;
		if (plan->key[0] != '\0')
			status = read_node(object, lock, err);
	}
	if (status == 0 && plan->key[0] != '\0')
		lock->is_told = true;
	document_release(object);
	return status;
}

static int
read_answers(const struct dcs_dialect_plan *plan, const struct web_answer *answers,
	struct snapshot_dcs_endpoint *row, struct snapshot_dcs *dcs, struct dcs_dialect_lock *lock,
	struct err *err)
{
	struct err fault;

	if (read_self(&answers[ASK_SELF], row, err) != 0)
		return -1;
	read_members(&answers[ASK_MEMBERS], dcs);
	row->response_us = answers[ASK_KEY].elapsed_us;
	if (read_key(plan, &answers[ASK_KEY], row, lock, &fault) != 0) {
		text_clean(row->fault, sizeof row->fault, fault.text);
		if (lock->fault.class == ERR_NONE)
			lock->fault = fault;
	}
	/* What it goes on to say of a leader is of before. */
	if (!row->has_quorum && !row->is_refused)
		row->leader[0] = row->role[0] = '\0';
	return 0;
}

const struct dcs_dialect dcs_etcd2_dialect = {
	.name = "etcd2",
	.probe = "/version",
	.is_it = is_v2_only,
	.ask = ask,
	.read = read_answers,
};
