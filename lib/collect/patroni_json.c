#include "lib/collect/patroni_json.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/document.h"
#include "lib/collect/patroni_instant.h"
#include "lib/collect/patroni_tags.h"
#include "lib/model/lsn.h"

/* -- a member's own word --------------------------------------------------------------------------- */

int
patroni_json_text(const json_t *object, const char *name, char *to, size_t size, struct err *err)
{
	const char *value;

	if (document_text(object, name, &value, err) != 0)
		return -1;
	text_clean(to, size, value == NULL ? "" : value);
	return 0;
}

/* A position, as the number of its byte; none where it is null or not there. */
static int
read_lsn(const json_t *object, const char *name, uint64_t *lsn, struct err *err)
{
	int64_t number;

	if (document_number(object, name, &number, err) != 0)
		return -1;
	if (number != SNAPSHOT_NONE && number < 0)
		return err_set(err, ERR_PROTOCOL, "\"%s\" is below zero", name);
	if (number != SNAPSHOT_NONE)
		*lsn = (uint64_t)number;
	return 0;
}

int
patroni_json_positive(const json_t *object, const char *name, int64_t *ret, struct err *err)
{
	if (document_number(object, name, ret, err) != 0)
		return -1;
	if (*ret <= 0)
		*ret = SNAPSHOT_NONE;
	return 0;
}

static int
read_flags(const json_t *object, struct snapshot_patroni *patroni, struct err *err)
{
	if (document_truth(object, "pause", &patroni->is_paused, err) != 0
		|| document_truth(object, "cluster_unlocked", &patroni->is_unlocked, err) != 0
		|| document_truth(object, "failsafe_mode_is_active", &patroni->is_failsafe, err) != 0
		|| document_truth(object, "pending_restart", &patroni->has_pending_restart, err) != 0
		|| document_truth(object, "watchdog_failed", &patroni->has_failed_watchdog, err) != 0
		|| document_truth(object, "sync_standby", &patroni->is_sync_standby, err) != 0
		|| document_truth(object, "quorum_standby", &patroni->is_quorum_standby, err) != 0)
		return -1;
	patroni->is_sync_standby |= patroni->is_quorum_standby;
	return 0;
}

/* The leader of a standby cluster sends on what it got, whatever of that it has replayed. */
static int
read_position(const json_t *object, struct snapshot_patroni *patroni, struct err *err)
{
	uint64_t received = LSN_NONE;
	json_t *xlog;

	if (document_object(object, "xlog", &xlog, err) != 0
		|| read_lsn(xlog, "replayed_location", &patroni->lsn, err) != 0
		|| read_lsn(xlog, "location", &patroni->lsn, err) != 0
		|| read_lsn(xlog, "received_location", &received, err) != 0
		|| document_truth(xlog, "paused", &patroni->is_replay_paused, err) != 0)
		return -1;
	if (strcmp(patroni->role, "standby_leader") == 0)
		patroni->lsn = lsn_newer(patroni->lsn, received);
	return 0;
}

static int
read_figures(const json_t *object, struct snapshot_patroni *patroni, struct err *err)
{
	const char *started;
	int64_t seen;

	if (read_position(object, patroni, err) != 0
		|| document_text(object, "postmaster_start_time", &started, err) != 0
		|| patroni_json_positive(object, "timeline", &patroni->timeline, err) != 0
		|| patroni_json_positive(object, "dcs_last_seen", &seen, err) != 0)
		return -1;
	patroni->started_ms = started == NULL ? SNAPSHOT_NONE : patroni_instant_parse(started);
	return seen == SNAPSHOT_NONE ? 0
				     : document_instant(seen, "dcs_last_seen", &patroni->dcs_seen_ms, err);
}

static int
read_names(const json_t *object, struct snapshot_patroni *patroni, struct err *err)
{
	json_t *about;

	if (document_object(object, "patroni", &about, err) != 0
		|| patroni_json_text(about, "name", patroni->name, sizeof patroni->name, err) != 0
		|| patroni_json_text(about, "scope", patroni->scope, sizeof patroni->scope, err) != 0
		|| patroni_json_text(about, "version", patroni->version, sizeof patroni->version, err) != 0
		|| patroni_json_text(object, "role", patroni->role, sizeof patroni->role, err) != 0
		|| patroni_json_text(object, "state", patroni->state, sizeof patroni->state, err) != 0
		|| patroni_json_text(object, "replication_state", patroni->replication_state,
			   sizeof patroni->replication_state, err)
			!= 0
		|| patroni_json_text(object, "database_system_identifier", patroni->system_identifier,
			   sizeof patroni->system_identifier, err)
			!= 0)
		return -1;
	if (patroni->role[0] == '\0' || patroni->state[0] == '\0') {
		err_set(err, ERR_PROTOCOL, "it has no \"role\" and \"state\"");
		return err_hint(err, "is this the URL of Patroni's REST API?");
	}
	/* Every Patroni tells its scope; our own agent, which answers the same paths, may have heard of one.
	 */
	if (patroni->scope[0] == '\0' || json_object_get(object, "pgha") != NULL) {
		err_set(err, ERR_PROTOCOL, "it is not Patroni's own word: it %s",
			patroni->scope[0] == '\0' ? "names no scope" : "comes from pgha-agent");
		return err_hint(
			err, "the URL must lead to Patroni's REST API itself (port 8008), not to an agent's");
	}
	if (strcmp(patroni->role, "master") == 0) /* before 4.0 */
		text_clean(patroni->role, sizeof patroni->role, "primary");
	return 0;
}

static int
read_member(json_t *object, struct snapshot_patroni *patroni, struct err *err)
{
	json_t *tags;

	if (!json_is_object(object))
		return err_set(err, ERR_PROTOCOL, "it is not an object");
	if (read_names(object, patroni, err) != 0 || read_flags(object, patroni, err) != 0
		|| read_figures(object, patroni, err) != 0
		|| document_object(object, "tags", &tags, err) != 0)
		return -1;
	patroni_tags_list(tags, patroni->tags, sizeof patroni->tags);
	patroni->has_noloadbalance = patroni_tags_is_truthy(json_object_get(tags, "noloadbalance"));
	patroni->has_nofailover = patroni_tags_is_never_promoted(tags);
	return 0;
}

int
patroni_json_member(const char *bytes, size_t length, struct snapshot_patroni *ret, struct err *err)
{
	struct snapshot_patroni patroni = {.timeline = SNAPSHOT_NONE,
		.started_ms = SNAPSHOT_NONE,
		.dcs_seen_ms = SNAPSHOT_NONE,
		.leader_timeline = SNAPSHOT_NONE};
	json_t *document;
	int status;

	if (document_parse(bytes, length, &document, err) != 0)
		return -1;
	status = read_member(document, &patroni, err);
	document_release(document);
	if (status == 0)
		*ret = patroni;
	return status;
}

/* -- who streams from whom --------------------------------------------------------------------------- */

/*
 * How many bytes of an application_name stand for a byte of the name that it was given. PostgreSQL leaves
 * ASCII as it is, and makes of any other byte "?", from 16 on its number: "\xc3". 0: none do.
 */
static size_t
bytes_for(const char *application, unsigned char byte)
{
	char number[8];

	snprintf(number, sizeof number, "\\x%02x", byte);
	if (text_starts(application, number))
		return strlen(number);
	return *application == (char)byte || (*application == '?' && byte >= 0x80);
}

/* Whether PostgreSQL may have made that application_name, of which it keeps 63 bytes, of the row's name. */
static bool
is_made_of(const char *application, const char *name)
{
	enum { KEPT = 63, ELLIPSIS = 3 };
	size_t length = strlen(name), at = 0;
	bool is_cut = length > KEPT - ELLIPSIS && strcmp(name + length - ELLIPSIS, "...") == 0,
	     is_full = strlen(application) == KEPT;

	if (is_cut)
		length -= ELLIPSIS;
	for (size_t i = 0; i < length; i++) {
		size_t used = bytes_for(application + at, (unsigned char)name[i]);

		if (used == 0) /* the number of a byte that was cut off */
			return is_full && at + strlen("\\xc3") > KEPT
				&& (at == KEPT || application[at] == '\\');
		at += used;
	}
	return is_cut ? is_full : application[at] == '\0';
}

static bool
has_member(const struct snapshot_patroni_cluster *cluster, const char *name)
{
	for (int64_t i = 0; i < cluster->total && i < SNAPSHOT_PATRONI_CLUSTER_MAX; i++)
		if (strcmp(cluster->rows[i].name, name) == 0)
			return true;
	return false;
}

static void
mark_sender(const json_t *sender, struct snapshot_patroni_cluster *cluster)
{
	const char *application = json_string_value(json_object_get(sender, "application_name")),
		   *state = json_string_value(json_object_get(sender, "state"));
	char name[sizeof cluster->rows[0].name];
	bool is_exact;

	if (application == NULL || state == NULL)
		return;
	text_clean(name, sizeof name, application);
	is_exact = has_member(cluster, name);
	for (int64_t i = 0; i < cluster->total && i < SNAPSHOT_PATRONI_CLUSTER_MAX; i++) {
		struct snapshot_patroni_member *row = &cluster->rows[i];

		/* One that is being copied anew has another connection of its name, which is no streaming. */
		if ((is_exact ? strcmp(row->name, name) == 0 : is_made_of(name, row->name))
			&& strcmp(row->sender_state, "streaming") != 0)
			text_clean(row->sender_state, sizeof row->sender_state, state);
	}
}

int
patroni_json_senders(
	const char *bytes, size_t length, struct snapshot_patroni_cluster *cluster, struct err *err)
{
	json_t *document, *senders;
	int status;

	if (document_parse(bytes, length, &document, err) != 0)
		return -1;
	status = document_list(document, "replication", &senders, err);
	for (size_t i = 0; status == 0 && i < document_count(senders); i++)
		mark_sender(document_item(senders, i), cluster);
	document_release(document);
	return status;
}
