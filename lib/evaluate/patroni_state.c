#include "lib/evaluate/patroni_state.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/patroni_member.h"

/* A pause is dated by who first saw it. */
static void
judge_pause(const struct snapshot *snapshot, int64_t max_pause_ms, struct verdict *verdict)
{
	const struct snapshot_patroni_cluster *cluster = &snapshot->patroni_cluster;
	double age = cluster->paused_since_ms == SNAPSHOT_NONE
		? 0
		: ((double)snapshot->taken_ms - (double)cluster->paused_since_ms) / 1000.0;
	bool is_long = max_pause_ms > 0 && age * 1000.0 > (double)max_pause_ms;
	char storage[64];
	struct text text;

	judge_figure(verdict, "pause_seconds", cluster->is_paused && age > 0 ? age : 0, UNIT_SECONDS);
	if (!cluster->is_paused)
		return;
	text_init(&text, storage, sizeof storage);
	if (age >= 1) {
		text_add(&text, " for at least ");
		range_write_quantity(age, UNIT_SECONDS, &text);
	}
	judge_reason(verdict, is_long ? STATE_CRITICAL : STATE_WARNING,
		"the cluster is paused%s, nobody takes over when the leader fails", storage);
	judge_hint(verdict, "\"patronictl resume\" when the maintenance is over");
}

/* Names the members that have something in common; "" when none has. */
static const char *
name_those(const struct snapshot_patroni_cluster *cluster,
	bool (*has_it)(const struct snapshot_patroni_member *member), char to[256])
{
	struct text text;

	text_init(&text, to, 256);
	for (int64_t i = 0; i < patroni_member_count(cluster); i++)
		if (has_it(&cluster->rows[i]))
			text_add(&text, "%s%s", text.length > 0 ? ", " : "", cluster->rows[i].name);
	return to;
}

static bool
waits_for_restart(const struct snapshot_patroni_member *member)
{
	return member->has_pending_restart;
}

static bool
has_paused_replay(const struct snapshot_patroni_member *member)
{
	return member->is_replay_paused;
}

static bool
is_in_failsafe(const struct snapshot_patroni_member *member)
{
	return member->is_failsafe;
}

static void
judge_restarts(const struct snapshot_patroni_cluster *cluster, struct verdict *verdict)
{
	char names[256];

	if (name_those(cluster, waits_for_restart, names)[0] == '\0')
		return;
	judge_reason(verdict, STATE_WARNING, "a restart is pending on %s", names);
	judge_hint(verdict, "settings were changed that need it: \"patronictl restart %s --pending\"",
		text_shell_word(cluster->scope, "CLUSTER"));
}

static void
judge_replay(const struct snapshot_patroni_cluster *cluster, struct verdict *verdict)
{
	char names[256];

	if (name_those(cluster, has_paused_replay, names)[0] == '\0')
		return;
	judge_reason(verdict, STATE_WARNING, "replay is paused on %s", names);
	judge_hint(verdict, "there: SELECT pg_wal_replay_resume(); what it receives meanwhile is kept");
}

/* Who follows remembers it for a ttl after it has ended: it is the leader's to say, if that can be asked. */
static void
judge_failsafe(const struct snapshot_patroni_cluster *cluster, const struct patroni_leader *leader,
	struct verdict *verdict)
{
	char names[256];

	if (name_those(cluster, is_in_failsafe, names)[0] == '\0'
		|| (leader->member != NULL && leader->member->is_asked && !leader->member->is_failsafe))
		return;
	judge_reason(verdict, STATE_WARNING, "failsafe mode is active on %s: the store is away", names);
	judge_hint(verdict, "the leader stays for as long as it reaches every member; see check_dcs");
}

/* Without a leader this is why. */
static void
judge_view(const struct snapshot_patroni_cluster *cluster, const struct patroni_leader *leader,
	struct verdict *verdict)
{
	if (cluster->view_fault[0] != '\0') {
		judge_reason(verdict, leader->member == NULL ? STATE_CRITICAL : STATE_WARNING,
			"the cluster's store cannot be read: %s", cluster->view_fault);
		judge_hint(verdict, "Patroni answers, and cannot read its store: see check_dcs");
	}
	if (cluster->urls_failed != SNAPSHOT_NONE && cluster->urls_failed > 0) {
		judge_reason(verdict, STATE_WARNING, "%lld of the URLs %s not answer: %s",
			(long long)cluster->urls_failed, cluster->urls_failed == 1 ? "does" : "do",
			cluster->url_fault);
		judge_hint(verdict,
			"does Patroni run there, and is that the URL of its REST API, without a path?");
	}
}

/* The first URL's own silence, where it has not been told yet. */
static void
judge_own(const struct snapshot *snapshot, struct verdict *verdict)
{
	const struct snapshot_patroni_cluster *cluster = &snapshot->patroni_cluster;
	const struct err *fault = &snapshot->faults[SNAPSHOT_PATRONI];
	char text[SNAPSHOT_FAULT_SIZE];

	if (fault->class == ERR_NONE)
		return;
	text_clean(text, sizeof text, fault->text); /* cut as theirs are */
	for (int64_t i = 0; i < patroni_member_count(cluster); i++)
		if (strcmp(cluster->rows[i].fault, text) == 0)
			return;
	if (strcmp(cluster->url_fault, text) == 0)
		return;
	judge_reason(verdict, STATE_WARNING, "%s", fault->text);
	judge_hint(verdict, "%s", fault->hint[0] == '\0' ? "does Patroni run there?" : fault->hint);
}

void
patroni_state_judge(const struct snapshot *snapshot, const struct patroni_leader *leader,
	int64_t max_pause_ms, struct verdict *verdict)
{
	const struct snapshot_patroni_cluster *cluster = &snapshot->patroni_cluster;

	judge_view(cluster, leader, verdict);
	judge_failsafe(cluster, leader, verdict);
	judge_own(snapshot, verdict);
	judge_pause(snapshot, max_pause_ms, verdict);
	judge_restarts(cluster, verdict);
	judge_replay(cluster, verdict);
}
