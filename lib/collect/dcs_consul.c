#include "lib/collect/dcs_consul.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/parse.h"
#include "lib/base/text.h"
#include "lib/collect/dcs_base64.h"
#include "lib/collect/dcs_path.h"
#include "lib/collect/document.h"

/* What is asked of every endpoint, in this order. */
enum { ASK_LEADER, ASK_KEY, ASK_SELF, ASK_PEERS, ASK_HEALTH, ASK_COUNT };

enum { STATUS_OK = 200, STATUS_FORBIDDEN = 403, STATUS_NOT_FOUND = 404, STATUS_NOT_HEALTHY = 429 };

/* Neither an object nor a list: "10.0.0.1:8300", with the quotes. */
static int
read_bare_text(const struct web_answer *answer, char *to, size_t size, struct err *err)
{
	json_error_t error;
	json_t *value;

	if (answer->fault.class != ERR_NONE) {
		*err = answer->fault;
		return -1;
	}
	value = json_loadb(answer->body, answer->length, JSON_DECODE_ANY, &error);
	if (answer->status != STATUS_OK || !json_is_string(value)) {
		json_decref(value);
		return err_set(err, ERR_PROTOCOL, "it answers with HTTP status %d, not as Consul does",
			answer->status);
	}
	text_clean(to, size, json_string_value(value));
	json_decref(value);
	return 0;
}

static bool
is_it(const struct web_answer *answer, struct snapshot_dcs_endpoint *row)
{
	char leader[sizeof row->leader];
	struct err trouble;

	return read_bare_text(answer, leader, sizeof leader, &trouble) == 0;
}

static size_t
ask(const struct dcs_dialect_plan *plan, const struct snapshot_dcs_endpoint *row,
	struct dcs_dialect_question questions[DCS_DIALECT_QUESTIONS])
{
	struct text text;

	(void)row;
	snprintf(questions[ASK_LEADER].path, sizeof questions->path, "/v1/status/leader");
	text_init(&text, questions[ASK_KEY].path, sizeof questions->path);
	text_add(&text, "/v1/kv/");
	dcs_path_write(plan->key[0] == '\0' ? "service/" : plan->key, &text);
	text_add(&text, "?consistent");
	snprintf(questions[ASK_SELF].path, sizeof questions->path, "/v1/agent/self");
	snprintf(questions[ASK_PEERS].path, sizeof questions->path, "/v1/status/peers");
	snprintf(questions[ASK_HEALTH].path, sizeof questions->path, "/v1/operator/autopilot/health");
	return ASK_COUNT;
}

/* An answer with that status, whose type is right; NULL if not. To be released. */
static struct json_t *
read_document(const struct web_answer *answer, bool is_list)
{
	struct json_t *document;
	struct err trouble;

	if (answer->fault.class != ERR_NONE
		|| document_parse(answer->body, answer->length, &document, &trouble) != 0)
		return NULL;
	if (document_is_list(document) != is_list) {
		document_release(document);
		return NULL;
	}
	return document;
}

/* -- what an agent says of itself -------------------------------------------------------------- */

/* The text at a path of objects, or "". */
static const char *
text_at(const struct json_t *object, const char *outer, const char *inner, const char *name)
{
	const json_t *at = json_object_get(object, outer);
	const char *found;

	if (inner != NULL)
		at = json_object_get(at, inner);
	found = json_string_value(json_object_get(at, name));
	return found == NULL ? "" : found;
}

/* Figures of raft are text here. */
static int64_t
number_at(const struct json_t *object, const char *name)
{
	struct err trouble;
	int64_t number;

	if (parse_integer(text_at(object, "Stats", "raft", name), 0, SNAPSHOT_NUMBER_MAX, &number, &trouble)
		!= 0)
		return SNAPSHOT_NONE;
	return number;
}

static void
take_self(const struct json_t *self, struct snapshot_dcs_endpoint *row)
{
	const char *state = text_at(self, "Stats", "raft", "state");
	bool is_client = json_is_false(json_object_get(json_object_get(self, "Config"), "Server"));

	text_clean(row->name, sizeof row->name, text_at(self, "Config", NULL, "NodeName"));
	/* An id would be cut: it is a UUID. Names of nodes are unique. */
	text_clean(row->cluster, sizeof row->cluster, text_at(self, "Config", NULL, "Datacenter"));
	text_clean(row->version, sizeof row->version, text_at(self, "Config", NULL, "Version"));
	text_clean(row->role, sizeof row->role,
		is_client                                ? "client"
			: strcmp(state, "Leader") == 0   ? "leader"
			: strcmp(state, "Follower") == 0 ? "follower"
							 : "");
	row->raft_index = number_at(self, "last_log_index");
	row->raft_term = number_at(self, "term");
}

static void
read_self(const struct web_answer *answer, struct snapshot_dcs_endpoint *row)
{
	struct json_t *self = answer->status == STATUS_OK ? read_document(answer, false) : NULL;

	if (self == NULL)
		return;
	take_self(self, row);
	document_release(self);
}

/* -- the servers ------------------------------------------------------------------------------- */

static void
read_peers(const struct web_answer *answer, struct snapshot_dcs *dcs)
{
	struct json_t *peers = answer->status == STATUS_OK ? read_document(answer, true) : NULL;

	if (peers == NULL)
		return;
	if (document_count(peers) > 0 && dcs->members == SNAPSHOT_NONE)
		dcs->members = (int64_t)document_count(peers);
	document_release(peers);
}

/* Of those that vote, how many there are and how many are well. Status 429: not all of them are. */
static void
read_health(const struct web_answer *answer, struct snapshot_dcs *dcs)
{
	struct json_t *health = answer->status == STATUS_OK || answer->status == STATUS_NOT_HEALTHY
		? read_document(answer, false)
		: NULL;
	int64_t voters = 0, alive = 0;
	struct json_t *servers;
	struct err trouble;

	if (health == NULL)
		return;
	if (document_list(health, "Servers", &servers, &trouble) != 0)
		servers = NULL;
	for (size_t i = 0; i < document_count(servers); i++) {
		const json_t *server = document_item(servers, i);

		if (!json_is_true(json_object_get(server, "Voter")))
			continue;
		voters++;
		if (json_is_true(json_object_get(server, "Healthy")))
			alive++;
	}
	if (voters > 0) {
		dcs->members = voters;
		dcs->members_alive = alive;
	}
	document_release(health);
}

/* -- the key ----------------------------------------------------------------------------------- */

static int
read_entry(const struct json_t *entries, struct dcs_dialect_lock *lock, struct err *err)
{
	struct json_t *entry = document_item(entries, 0);
	const char *value, *session;

	if (!json_is_object(entry) || document_text(entry, "Value", &value, err) != 0
		|| document_text(entry, "Session", &session, err) != 0
		|| (session != NULL && strlen(session) >= sizeof lock->lease)
		|| dcs_base64_read(value == NULL ? "" : value, lock->holder, sizeof lock->holder, err) != 0)
		return err_set(err, ERR_PROTOCOL, "the leader key is not as Consul writes one");
	lock->is_there = true;
	/* Whether that session lives is asked next. */
	text_clean(lock->lease, sizeof lock->lease, session == NULL ? "" : session);
	return 0;
}

/* Errors are plain text: "No cluster leader", "Permission denied: ...". */
static int
explain_refusal(const struct web_answer *answer, struct snapshot_dcs_endpoint *row, struct err *err)
{
	char words[120];

	text_clean(words, sizeof words, answer->body);
	row->is_refused = answer->status == STATUS_FORBIDDEN;
	err_set(err, row->is_refused ? ERR_SETUP : ERR_DOWN, "HTTP status %d: %s", answer->status,
		words[0] == '\0' ? "it does not say why" : words);
	if (row->is_refused)
		err_hint(err, "give a token with key:read and session:read (--token-file)");
	return -1;
}

static int
read_key(const struct dcs_dialect_plan *plan, const struct web_answer *answer,
	struct snapshot_dcs_endpoint *row, struct dcs_dialect_lock *lock, struct err *err)
{
	struct json_t *entries;
	int status = 0;

	if (answer->fault.class != ERR_NONE) {
		*err = answer->fault;
		return -1;
	}
	/* A key that is not there has no body, other things that are not there have. */
	if (answer->status != STATUS_OK && (answer->status != STATUS_NOT_FOUND || answer->length > 0))
		return explain_refusal(answer, row, err);
	if (answer->status == STATUS_OK) {
		entries = read_document(answer, true);
		if (entries == NULL)
			return err_set(err, ERR_PROTOCOL, "the answer for a key is not a list");
		if (plan->key[0] != '\0')
			status = read_entry(entries, lock, err);
		document_release(entries);
	}
	row->has_quorum = true;
	if (status == 0 && plan->key[0] != '\0')
		lock->is_told = true;
	return status;
}

static int
read_answers(const struct dcs_dialect_plan *plan, const struct web_answer *answers,
	struct snapshot_dcs_endpoint *row, struct snapshot_dcs *dcs, struct dcs_dialect_lock *lock,
	struct err *err)
{
	struct err fault;

	if (read_bare_text(&answers[ASK_LEADER], row->leader, sizeof row->leader, err) != 0)
		return -1;
	row->response_us = answers[ASK_KEY].elapsed_us;
	if (read_key(plan, &answers[ASK_KEY], row, lock, &fault) != 0) {
		text_clean(row->fault, sizeof row->fault, fault.text);
		if (lock->fault.class == ERR_NONE)
			lock->fault = fault;
	}
	read_self(&answers[ASK_SELF], row);
	read_peers(&answers[ASK_PEERS], dcs);
	read_health(&answers[ASK_HEALTH], dcs);
	return 0;
}

/* -- the session ------------------------------------------------------------------------------- */

static void
ask_lease(const struct dcs_dialect_plan *plan, const struct snapshot_dcs_endpoint *row,
	const struct dcs_dialect_lock *lock, struct dcs_dialect_question *question)
{
	struct text text;

	(void)plan;
	(void)row;
	text_init(&text, question->path, sizeof question->path);
	text_add(&text, "/v1/session/info/");
	dcs_path_write(lock->lease, &text);
	question->body[0] = '\0';
}

/* [{"ID": ..., "TTL": "15s", ...}], or [] for one that is no more. What is left of its TTL is not told. */
static int
read_lease(const struct web_answer *answer, struct dcs_dialect_lock *lock, struct err *err)
{
	struct json_t *sessions = answer->status == STATUS_OK ? read_document(answer, true) : NULL;
	const json_t *session = json_array_get(sessions, 0);
	const char *ttl, *id = json_string_value(json_object_get(session, "ID"));
	struct err trouble;

	if (sessions == NULL) {
		if (answer->fault.class != ERR_NONE)
			*err = answer->fault;
		else
			err_set(err, answer->status == STATUS_FORBIDDEN ? ERR_SETUP : ERR_PROTOCOL,
				"its session is not told: HTTP status %d", answer->status);
		return -1;
	}
	if (session != NULL && (id == NULL || strcmp(id, lock->lease) != 0)) {
		document_release(sessions);
		return err_set(err, ERR_PROTOCOL, "its session is not the one that was asked for");
	}
	ttl = json_string_value(json_object_get(session, "TTL"));
	lock->has_lease = session != NULL;
	if (ttl == NULL || parse_duration_ms(ttl, &lock->granted_ms, &trouble) != 0)
		lock->granted_ms = SNAPSHOT_NONE;
	document_release(sessions);
	return 0;
}

const struct dcs_dialect dcs_consul_dialect = {
	.name = "consul",
	.probe = "/v1/status/leader",
	.is_it = is_it,
	.ask = ask,
	.read = read_answers,
	.ask_lease = ask_lease,
	.read_lease = read_lease,
};
