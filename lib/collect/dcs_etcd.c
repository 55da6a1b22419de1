#include "lib/collect/dcs_etcd.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/dcs_base64.h"
#include "lib/collect/dcs_etcd_answer.h"
#include "lib/collect/dcs_etcd_status.h"
#include "lib/collect/document.h"

/* What is asked of every endpoint, in this order. */
enum { ASK_STATUS, ASK_MEMBERS, ASK_RANGE, ASK_MORE };

const char *
dcs_etcd_prefix(const char *version)
{
	if (text_starts(version, "3.0.") || text_starts(version, "3.1.") || text_starts(version, "3.2."))
		return "/v3alpha";
	return text_starts(version, "3.3.") ? "/v3beta" : "/v3";
}

/* -- what it is -------------------------------------------------------------------------------- */

bool
dcs_etcd_is_it(const struct web_answer *answer, struct snapshot_dcs_endpoint *row)
{
	struct json_t *object;
	const char *version = NULL;
	struct err trouble;

	if (answer->status != 200 || dcs_etcd_answer_object(answer, &object, &trouble) != 0)
		return false;
	if (document_text(object, "etcdserver", &version, &trouble) != 0)
		version = NULL;
	if (version != NULL)
		text_clean(row->version, sizeof row->version, version);
	document_release(object);
	return version != NULL;
}

static bool
is_v3(const struct web_answer *answer, struct snapshot_dcs_endpoint *row)
{
	return dcs_etcd_is_it(answer, row) && !text_starts(row->version, "2.");
}

/* -- what to ask ------------------------------------------------------------------------------- */

static void
set_question(struct dcs_dialect_question *question, const char *prefix, const char *path, const char *body)
{
	snprintf(question->path, sizeof question->path, "%s%s", prefix, path);
	snprintf(question->body, sizeof question->body, "%s", body);
}

static const char *
version_of(const struct dcs_dialect_plan *plan, const struct snapshot_dcs_endpoint *row)
{
	return row->version[0] != '\0' ? row->version : plan->version;
}

/* 3.4 and 3.5 tell their quota among 150 kB of metrics; 3.6 with the rest. */
static bool
has_quota_in_metrics(const char *version)
{
	return text_starts(version, "3.4.") || text_starts(version, "3.5.");
}

/* Before 3.4 the status had no word of alarms: /health has. It costs a write, so it is for these alone. */
static bool
has_alarms_in_health(const char *version)
{
	return strcmp(dcs_etcd_prefix(version), "/v3") != 0;
}

static size_t
ask(const struct dcs_dialect_plan *plan, const struct snapshot_dcs_endpoint *row,
	struct dcs_dialect_question questions[DCS_DIALECT_QUESTIONS])
{
	const char *version = version_of(plan, row), *prefix = dcs_etcd_prefix(version);
	char key[sizeof plan->key + 1], body[DCS_DIALECT_BODY_SIZE];
	struct text text;

	/* "health" is what etcdctl reads for the purpose; it need not be there. */
	snprintf(key, sizeof key, "%s%s", plan->key[0] == '\0' ? "" : "/",
		plan->key[0] == '\0' ? "health" : plan->key);
	text_init(&text, body, sizeof body);
	text_add(&text, "{\"key\":\"");
	dcs_base64_write(key, strlen(key), &text);
	text_add(&text, "\"}");
	set_question(&questions[ASK_STATUS], prefix, "/maintenance/status", "{}");
	set_question(&questions[ASK_MEMBERS], prefix, "/cluster/member/list", "{}");
	set_question(&questions[ASK_RANGE], prefix, "/kv/range", body);
	if (plan->wants_quota && has_quota_in_metrics(version))
		set_question(&questions[ASK_MORE], "", "/metrics", "");
	else if (has_alarms_in_health(version))
		set_question(&questions[ASK_MORE], "", "/health", "");
	else
		return ASK_MORE;
	return ASK_MORE + 1;
}

/* -- the read that needs a quorum -------------------------------------------------------------- */

static int
read_key(const struct json_t *range, struct dcs_dialect_lock *lock, struct err *err)
{
	char holder[sizeof lock->holder] = "", lease[sizeof lock->lease] = "";
	const char *value = NULL;
	struct json_t *list, *found;

	if (document_list(range, "kvs", &list, err) != 0)
		return -1;
	found = document_item(list, 0);
	if (found != NULL
		&& (document_text(found, "value", &value, err) != 0
			|| dcs_base64_read(value == NULL ? "" : value, holder, sizeof holder, err) != 0
			|| dcs_etcd_answer_id(found, "lease", lease, sizeof lease, err) != 0))
		return -1;
	lock->is_told = true;
	if (found == NULL)
		return 0;
	lock->is_there = true;
	lock->has_lease = lease[0] != '\0';
	text_clean(lock->holder, sizeof lock->holder, holder);
	text_clean(lock->lease, sizeof lock->lease, lease);
	return 0;
}

/* Whether a read was refused by the rights of the user, which are looked at after the quorum. */
static bool
is_about_rights(const struct dcs_etcd_answer_refusal *refusal)
{
	return refusal->code == DCS_ETCD_ANSWER_PERMISSION_DENIED
		|| (refusal->code == DCS_ETCD_ANSWER_INVALID_ARGUMENT
			&& strstr(refusal->words, "user name") != NULL);
}

/* What has the shape of an answer to a read: any object else would be one, without a key in it. */
static int
read_object(const struct web_answer *answer, struct json_t **ret, struct dcs_etcd_answer_refusal *refusal,
	struct err *err)
{
	char member[DCS_ETCD_ANSWER_ID_SIZE], cluster[DCS_ETCD_ANSWER_ID_SIZE];
	struct json_t *object;

	if (dcs_etcd_answer_good(answer, &object, refusal, err) != 0)
		return -1;
	if (dcs_etcd_answer_header(object, member, cluster, err) != 0) {
		document_release(object);
		return -1;
	}
	*ret = object;
	return 0;
}

/* Neither a quorum nor its loss is seen in what is not etcd's; a proxy's word for a silence is one. */
static bool
is_no_answer(const struct web_answer *answer, const struct err *fault)
{
	return fault->class == ERR_PROTOCOL && (answer->fault.class != ERR_NONE || answer->status < 500);
}

static int
read_range(const struct dcs_dialect_plan *plan, const struct web_answer *answer,
	struct snapshot_dcs_endpoint *row, struct dcs_dialect_lock *lock, struct err *err)
{
	struct dcs_etcd_answer_refusal refusal = {.code = 0};
	struct json_t *object = NULL;
	struct err fault = {.class = ERR_NONE};

	row->response_us = answer->elapsed_us;
	if (read_object(answer, &object, &refusal, &fault) == 0) {
		row->has_quorum = true;
		if (plan->key[0] == '\0' || read_key(object, lock, &fault) == 0)
			fault.class = ERR_NONE;
		document_release(object);
	} else if (is_no_answer(answer, &fault)) {
		*err = fault;
		return -1;
	} else if (is_about_rights(&refusal)) {
		row->has_quorum = true;
	} else {
		row->is_refused = refusal.code == DCS_ETCD_ANSWER_UNAUTHENTICATED;
		text_clean(row->fault, sizeof row->fault, fault.text);
	}
	if (fault.class != ERR_NONE && lock->fault.class == ERR_NONE)
		lock->fault = fault;
	return 0;
}

/* -- what only some versions need -------------------------------------------------------------- */

/* "etcd_server_quota_backend_bytes 2.147483648e+09", at the beginning of a line. */
static void
read_metrics(const struct web_answer *answer, struct snapshot_dcs_endpoint *row)
{
	static const char name[] = "\netcd_server_quota_backend_bytes ";
	const char *found;
	double value;

	if (answer->fault.class != ERR_NONE || answer->status != 200)
		return;
	found = strstr(answer->body, name);
	value = found == NULL ? 0 : strtod(found + strlen(name), NULL);
	if (value > 0 && value <= (double)SNAPSHOT_NUMBER_MAX)
		row->quota_bytes = (int64_t)value;
}

/* Here "health" is text: {"health":"false"}, with status 503 or 200. */
static void
read_health(const struct web_answer *answer, struct snapshot_dcs_endpoint *row)
{
	struct json_t *object;
	const char *health;
	struct err trouble;

	if (dcs_etcd_answer_object(answer, &object, &trouble) != 0)
		return;
	if (document_text(object, "health", &health, &trouble) == 0 && health != NULL
		&& strcmp(health, "true") != 0 && row->health[0] == '\0')
		text_clean(row->health, sizeof row->health,
			"its /health says no: an alarm, or it lost its leader");
	document_release(object);
}

static int
read_answers(const struct dcs_dialect_plan *plan, const struct web_answer *answers,
	struct snapshot_dcs_endpoint *row, struct snapshot_dcs *dcs, struct dcs_dialect_lock *lock,
	struct err *err)
{
	char version[sizeof row->version];
	struct json_t *status;
	int result;

	/* By this one the questions were chosen; the status may tell another. */
	text_clean(version, sizeof version, version_of(plan, row));
	if (dcs_etcd_answer_good(&answers[ASK_STATUS], &status, NULL, err) != 0)
		return -1;
	result = dcs_etcd_status_read(status, row, err);
	document_release(status);
	if (result != 0)
		return -1;
	dcs_etcd_status_read_members(&answers[ASK_MEMBERS], row, dcs);
	/* A learner serves no such read. */
	if (strcmp(row->role, "learner") != 0 && read_range(plan, &answers[ASK_RANGE], row, lock, err) != 0)
		return -1;
	if (plan->wants_quota && has_quota_in_metrics(version))
		read_metrics(&answers[ASK_MORE], row);
	else if (has_alarms_in_health(version))
		read_health(&answers[ASK_MORE], row);
	return 0;
}

/* -- the lease --------------------------------------------------------------------------------- */

static void
ask_lease(const struct dcs_dialect_plan *plan, const struct snapshot_dcs_endpoint *row,
	const struct dcs_dialect_lock *lock, struct dcs_dialect_question *question)
{
	char body[80];

	/* Without "/kv" only 3.4 and later know it. */
	snprintf(body, sizeof body, "{\"ID\":\"%s\"}", lock->lease);
	set_question(question, dcs_etcd_prefix(version_of(plan, row)), "/kv/lease/timetolive", body);
}

static int
read_lease(const struct web_answer *answer, struct dcs_dialect_lock *lock, struct err *err)
{
	int64_t left_s, granted_s;
	struct json_t *object;
	int status = -1;

	if (dcs_etcd_answer_good(answer, &object, NULL, err) != 0)
		return -1;
	/* -1: it has expired, and the key goes this moment. */
	if (dcs_etcd_answer_whole(object, "TTL", -1, &left_s, err) == 0
		&& dcs_etcd_answer_whole(object, "grantedTTL", 0, &granted_s, err) == 0) {
		if (left_s == 0 && granted_s == 0) {
			err_set(err, ERR_PROTOCOL, "it tells no time");
		} else if (left_s > INT32_MAX || granted_s > INT32_MAX) {
			err_set(err, ERR_PROTOCOL, "a lease of more than 68 years");
		} else {
			lock->ttl_ms = left_s < 0 ? 0 : left_s * 1000;
			lock->granted_ms = granted_s == 0 ? SNAPSHOT_NONE : granted_s * 1000;
			status = 0;
		}
	}
	document_release(object);
	return status;
}

const struct dcs_dialect dcs_etcd_dialect = {
	.name = "etcd",
	.probe = "/version",
	.is_it = is_v3,
	.ask = ask,
	.read = read_answers,
	.ask_lease = ask_lease,
	.read_lease = read_lease,
};
