#include "lib/agent/patroni.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/agent/health.h"
#include "lib/evaluate/lag.h"
#include "lib/evaluate/witness_patroni.h"
#include "lib/model/lsn.h"

/* Patroni's word for what the server does. */
static const char *
state_of(const struct snapshot *snapshot)
{
	if (snapshot_has(snapshot, SNAPSHOT_ROLE))
		return "running";
	return snapshot->faults[SNAPSHOT_ROLE].class == ERR_DOWN ? "stopped" : "unknown";
}

static void
set_lsn(json_t *object, const char *name, uint64_t lsn)
{
	if (lsn != LSN_NONE)
		json_object_set_new(object, name, json_integer((json_int_t)lsn));
}

/* As Patroni writes times, "2026-05-02 03:59:59.123000+00:00". */
static void
set_time(json_t *object, const char *name, int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	char date[32], whole[64];
	struct tm when;

	if (ms == SNAPSHOT_NONE || gmtime_r(&seconds, &when) == NULL)
		return;
	strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &when);
	snprintf(whole, sizeof whole, "%s.%03d000+00:00", date, (int)(ms % 1000));
	json_object_set_new(object, name, json_string(whole));
}

static json_t *
location_object(const struct snapshot *snapshot)
{
	const struct snapshot_standby *standby = &snapshot->standby;
	json_t *object = json_object();

	if (!snapshot->role.in_recovery) {
		set_lsn(object, "location", snapshot->role.wal_lsn);
	} else if (snapshot_has(snapshot, SNAPSHOT_STANDBY)) {
		set_lsn(object, "received_location", lsn_newer(standby->receive_lsn, standby->written_lsn));
		set_lsn(object, "replayed_location", standby->replay_lsn);
		json_object_set_new(
			object, "paused", json_boolean(strcmp(standby->replay_pause, "paused") == 0));
	}
	return object;
}

static json_t *
replication_array(const struct snapshot_senders *senders)
{
	json_t *array = json_array();

	for (int64_t i = 0; i < senders->total && i < SNAPSHOT_SENDERS_MAX; i++)
		json_array_append_new(array,
			json_pack("{ss ss ss ss}", "application_name", senders->rows[i].application,
				"client_addr", senders->rows[i].address, "state", senders->rows[i].state,
				"sync_state", senders->rows[i].sync_state));
	return array;
}

static const char *
replication_state(const struct snapshot_standby *standby)
{
	enum lag_source source = lag_source(standby);

	return source == LAG_NO_RECEIVER || source == LAG_NOT_STREAMING || source == LAG_STARTING
			|| source == LAG_AHEAD
		? "in archive recovery"
		: "streaming";
}

static void
set_role(json_t *object, const struct snapshot *snapshot)
{
	bool in_recovery = snapshot->role.in_recovery;
	int64_t timeline = SNAPSHOT_NONE;

	/* A part that was not obtained may hold what an earlier look saw. */
	if (!in_recovery)
		timeline = lsn_timeline(snapshot->role.wal_file);
	else if (snapshot_has(snapshot, SNAPSHOT_STANDBY))
		timeline = snapshot->standby.received_timeline;
	json_object_set_new(object, "role",
		json_string(!in_recovery                          ? "primary"
				: health_leads_standbys(snapshot) ? "standby_leader"
								  : "replica"));
	json_object_set_new(object, "xlog", location_object(snapshot));
	if (timeline > 0)
		json_object_set_new(object, "timeline", json_integer(timeline));
	if (in_recovery && snapshot_has(snapshot, SNAPSHOT_STANDBY))
		json_object_set_new(
			object, "replication_state", json_string(replication_state(&snapshot->standby)));
}

/* -- what only Patroni knows ------------------------------------------------------------------- */

/* "name=value" with commas between. Patroni's own tags are true or false; of others the type is lost. */
static json_t *
tags_object(const char *tags)
{
	json_t *object = json_object();

	while (*tags != '\0') {
		size_t whole = strcspn(tags, ","), name = strcspn(tags, "=,");
		const char *value = tags + name + (tags[name] == '=');
		size_t length = whole - (size_t)(value - tags);
		char key[256];

		snprintf(key, sizeof key, "%.*s", (int)name, tags);
		if (length == 4 && memcmp(value, "true", 4) == 0)
			json_object_set_new(object, key, json_true());
		else if (length == 5 && memcmp(value, "false", 5) == 0)
			json_object_set_new(object, key, json_false());
		else
			json_object_set_new(object, key, json_stringn(value, length));
		tags += whole + (tags[whole] == ',');
	}
	return object;
}

/* Patroni writes such a member when it is true, and else nothing. */
static void
set_true(json_t *object, const char *name, bool is_true)
{
	if (is_true)
		json_object_set_new(object, name, json_true());
}

static void
set_patroni(json_t *object, const struct snapshot_patroni *patroni)
{
	json_object_set_new(json_object_get(object, "patroni"), "scope", json_string(patroni->scope));
	if (patroni->tags[0] != '\0')
		json_object_set_new(object, "tags", tags_object(patroni->tags));
	if (patroni->dcs_seen_ms != SNAPSHOT_NONE)
		json_object_set_new(object, "dcs_last_seen", json_integer(patroni->dcs_seen_ms / 1000));
	/* Who receives nothing does not tell its timeline; Patroni looks in the control file. */
	if (json_object_get(object, "timeline") == NULL && json_object_get(object, "role") != NULL
		&& patroni->timeline != SNAPSHOT_NONE)
		json_object_set_new(object, "timeline", json_integer(patroni->timeline));
	set_true(object, "sync_standby", patroni->is_sync_standby && !patroni->is_quorum_standby);
	set_true(object, "quorum_standby", patroni->is_quorum_standby);
	set_true(object, "pause", patroni->is_paused);
	set_true(object, "cluster_unlocked", patroni->is_unlocked);
	set_true(object, "failsafe_mode_is_active", patroni->is_failsafe);
	set_true(object, "pending_restart", patroni->has_pending_restart);
	set_true(object, "watchdog_failed", patroni->has_failed_watchdog);
}

/* Else what is left out would read as false. */
static void
set_fault(json_t *object, const char *text)
{
	json_object_set_new(json_object_get(object, "patroni"), "fault", json_string(text));
}

/* When nothing is known at all, the state tells. */
static void
set_word_of_patroni(json_t *object, const struct snapshot *snapshot)
{
	const struct err *fault = &snapshot->faults[SNAPSHOT_PATRONI];

	if (snapshot_has(snapshot, SNAPSHOT_PATRONI) && witness_patroni_is_stranger(snapshot))
		set_fault(object, "Patroni speaks of another server");
	else if (snapshot_has(snapshot, SNAPSHOT_PATRONI))
		set_patroni(object, &snapshot->patroni);
	else if (fault->class != ERR_NONE && snapshot_has(snapshot, SNAPSHOT_ROLE))
		set_fault(object, fault->text);
}

/* -- the whole --------------------------------------------------------------------------------- */

static json_t *
answer_object(const struct verdict *verdict, bool is_yes)
{
	json_t *object = json_pack("{ss ss ss}", "state", state_name(verdict->state), "answer",
		is_yes ? "yes" : "no", "summary", verdict->summary);

	if (verdict->hint[0] != '\0')
		json_object_set_new(object, "hint", json_string(verdict->hint));
	return object;
}

void
patroni_write(const struct snapshot *snapshot, const char *name, const char *version,
	const struct verdict *verdict, bool is_yes, struct text *text)
{
	json_t *object = json_pack(
		"{ss s{ss ss}}", "state", state_of(snapshot), "patroni", "version", version, "name", name);
	char *written;

	if (snapshot->server_version != SNAPSHOT_NONE)
		json_object_set_new(object, "server_version", json_integer(snapshot->server_version));
	if (snapshot_has(snapshot, SNAPSHOT_ROLE))
		set_role(object, snapshot);
	if (snapshot_has(snapshot, SNAPSHOT_IDENTITY)) {
		json_object_set_new(object, "database_system_identifier",
			json_string(snapshot->identity.system_identifier));
		set_time(object, "postmaster_start_time", snapshot->identity.started_ms);
	}
	if (snapshot_has(snapshot, SNAPSHOT_SENDERS) && snapshot->senders.total > 0)
		json_object_set_new(object, "replication", replication_array(&snapshot->senders));
	set_word_of_patroni(object, snapshot);
	if (verdict != NULL)
		json_object_set_new(object, "pgha", answer_object(verdict, is_yes));
	written = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(15));
	/* Only for want of memory is there nothing to write. */
	text_add(text, "%s\n", written == NULL ? "{\"state\":\"unknown\"}" : written);
	free(written);
	json_decref(object);
}
