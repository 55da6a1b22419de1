#include "lib/evaluate/patroni_members.h"

#include <math.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/patroni_member.h"

/* Patroni's own default. */
enum { TTL_DEFAULT_MS = 30000 };

/* A member's name and some words. */
enum { WHAT_SIZE = sizeof(((struct snapshot_patroni_member *)0)->name) + 64 };

static void
judge_lag(const struct snapshot_patroni_member *member, bool is_healthy,
	const struct patroni_members_limits *limits, struct verdict *verdict)
{
	bool is_known = member->lag_bytes != SNAPSHOT_NONE;
	char what[WHAT_SIZE];
	struct text text;

	text_init(&text, what, sizeof what);
	text_add(&text, "replay lag of %s", member->name);
	judge_metric_of(verdict, member->name, what, "replay_lag_bytes",
		is_known ? (double)member->lag_bytes : NAN, UNIT_BYTES, limits->warning, limits->critical);
	if (is_known
		&& (range_alerts(&limits->warning->of[UNIT_BYTES], (double)member->lag_bytes)
			|| range_alerts(&limits->critical->of[UNIT_BYTES], (double)member->lag_bytes)))
		judge_hint(verdict,
			"is replay paused on %s, held up by a long query there, or is the network or its "
			"disk too slow?",
			member->name);
	if (!is_known && is_healthy)
		judge_reason(verdict, STATE_WARNING, "the lag of %s is unknown", member->name);
}

/* When it last reached the store, by its own clock and ours. */
static void
judge_store_age(const struct snapshot_patroni_cluster *cluster, const struct snapshot_patroni_member *member,
	const struct patroni_members_limits *limits, struct verdict *verdict)
{
	int64_t limit_ms = limits->max_dcs_age_ms > 0 ? limits->max_dcs_age_ms
		: cluster->ttl_ms != SNAPSHOT_NONE    ? cluster->ttl_ms
						      : TTL_DEFAULT_MS;
	double age = ((double)cluster->seen_ms - (double)member->dcs_seen_ms) / 1000.0;
	struct limit limit = {.of = {{.is_set = false}}};
	char what[WHAT_SIZE];
	struct text text;

	if (member->dcs_seen_ms == SNAPSHOT_NONE || cluster->seen_ms == SNAPSHOT_NONE)
		return;
	limit.of[UNIT_SECONDS] = (struct range){.is_set = true, .start = 0, .end = (double)limit_ms / 1000.0};
	text_init(&text, what, sizeof what);
	text_add(&text, "time since %s reached the store", member->name);
	judge_metric_of(verdict, member->name, what, "dcs_age_seconds", age < 0 ? 0 : age, UNIT_SECONDS,
		limits->max_dcs_age_ms > 0 ? NULL : &limit, limits->max_dcs_age_ms > 0 ? &limit : NULL);
	if (age * 1000.0 > (double)limit_ms)
		judge_hint(verdict, "see check_dcs, and the log of Patroni on %s; is its clock right?",
			member->name);
}

/* A newer timeline than the leader's is that of another primary. */
static enum state
state_for(const struct snapshot_patroni_member *member, const struct snapshot_patroni_member *ahead)
{
	bool is_ahead = ahead != NULL && ahead->timeline != SNAPSHOT_NONE && member->timeline != SNAPSHOT_NONE
		&& member->timeline > ahead->timeline;

	return is_ahead ? STATE_CRITICAL : STATE_WARNING;
}

static bool
judge_replica(const struct snapshot_patroni_cluster *cluster, const struct snapshot_patroni_member *member,
	const struct snapshot_patroni_member *ahead, const struct patroni_members_limits *limits,
	struct patroni_members *count, struct verdict *verdict)
{
	char storage[288];
	struct text why;

	text_init(&why, storage, sizeof storage);
	if (patroni_member_replicates(cluster, member, ahead, limits->allow_archive, &why))
		return true;
	judge_reason(verdict, state_for(member, ahead), "%s", storage);
	if (count->trouble[0] == '\0')
		text_clean(count->trouble, sizeof count->trouble, storage);
	if (patroni_member_is_silent(member))
		judge_hint(verdict, "does Patroni run on %s, and can its api_url %s be reached from here?",
			member->name, member->api_url);
	else if (!member->is_unheard)
		judge_hint(verdict,
			"see the logs of Patroni and PostgreSQL on %s; if it cannot follow any more, "
			"\"patronictl reinit %s %s\" copies it anew",
			member->name, text_shell_word(cluster->scope, "CLUSTER"),
			text_shell_word(member->name, "MEMBER"));
	return false;
}

static void
judge_unlisted(const struct snapshot_patroni_member *member, struct verdict *verdict)
{
	if (member->is_unheard) {
		judge_reason(verdict, STATE_WARNING, "the Patroni at %s belongs to another cluster: %s",
			member->api_url, member->fault);
		judge_hint(verdict,
			"all URLs (--url) are to be of one cluster, and each cluster has a check of its own");
		return;
	}
	judge_reason(verdict, STATE_WARNING, "the Patroni at %s is no member by the cluster's store",
		member->api_url);
	judge_hint(verdict, "it has lost touch with the store, or belongs to another cluster");
}

static void
tell_rest(const struct snapshot_patroni_member *member, struct verdict *verdict)
{
	if (member->has_failed_watchdog) {
		judge_reason(verdict, STATE_WARNING, "the watchdog of %s has failed", member->name);
		judge_hint(verdict, "see the log of Patroni on %s: may it open the watchdog's device?",
			member->name);
	}
	judge_detail(verdict, "%s: %s, %s%s%s%s%s%s", member->name, member->role,
		member->state[0] == '\0' ? "no state told" : member->state,
		member->has_noloadbalance ? ", noloadbalance" : "",
		member->has_nofailover ? ", nofailover" : "", member->version[0] == '\0' ? "" : ", Patroni ",
		member->version, member->is_asked ? "" : ", not by its own word");
}

/* Its own word could not be had where the store says that it is, which is no silence of its Patroni. */
static void
judge_unheard(const struct snapshot_patroni_member *member, bool is_leader, struct verdict *verdict)
{
	if (member->is_asked)
		judge_reason(verdict, STATE_WARNING, "%s could not be asked where the store says: %s",
			member->name, member->fault);
	else if (is_leader) /* of a replica it is why it does not count */
		judge_reason(verdict, STATE_WARNING, "%s could not be asked itself: %s", member->name,
			member->fault);
	judge_hint(verdict,
		"see restapi.connect_address in the patroni.yml of %s, which its fellows need as well; where "
		"members cannot be asked from here, --view-only believes the store",
		member->name);
}

/* Who is on the timeline that all must be on: the leader, or, where its own is not told, the newest. */
static const struct snapshot_patroni_member *
find_ahead(const struct snapshot_patroni_cluster *cluster, const struct patroni_leader *leader)
{
	const struct snapshot_patroni_member *ahead = leader->member;

	if (ahead != NULL && ahead->timeline != SNAPSHOT_NONE)
		return ahead;
	for (int64_t i = 0; i < patroni_member_count(cluster); i++) {
		const struct snapshot_patroni_member *member = &cluster->rows[i];

		if (patroni_member_is_listed(member) && member->timeline != SNAPSHOT_NONE
			&& (ahead == NULL || ahead->timeline == SNAPSHOT_NONE
				|| member->timeline > ahead->timeline))
			ahead = member;
	}
	return ahead;
}

static void
judge_member(const struct snapshot_patroni_cluster *cluster, const struct snapshot_patroni_member *member,
	const struct patroni_leader *leader, const struct patroni_members_limits *limits,
	struct patroni_members *count, struct verdict *verdict)
{
	bool is_leader = member == leader->member, is_healthy;

	tell_rest(member, verdict);
	judge_store_age(cluster, member, limits, verdict);
	if (!patroni_member_is_listed(member)) {
		judge_unlisted(member, verdict);
		return;
	}
	count->listed++;
	/* One more that holds the lock is no replica, whatever else it is. */
	if (is_leader || member->has_lock) {
		if (member->is_unheard)
			judge_unheard(member, is_leader, verdict);
		count->healthy += is_leader && leader->is_healthy;
		return;
	}
	is_healthy = judge_replica(cluster, member, find_ahead(cluster, leader), limits, count, verdict);
	count->healthy += is_healthy;
	if (member->is_unheard)
		judge_unheard(member, is_leader, verdict);
	judge_lag(member, is_healthy, limits, verdict);
	count->replicas++;
	count->healthy_replicas += is_healthy;
	count->candidates += is_healthy && !member->has_nofailover;
	count->healthy_sync += is_healthy
		&& (strcmp(member->role, "sync_standby") == 0 || strcmp(member->role, "quorum_standby") == 0);
}

struct patroni_members
patroni_members_judge(const struct snapshot_patroni_cluster *cluster, const struct patroni_leader *leader,
	const struct patroni_members_limits *limits, struct verdict *verdict)
{
	struct patroni_members count = {.listed = 0};

	for (int64_t i = 0; i < patroni_member_count(cluster); i++)
		judge_member(cluster, &cluster->rows[i], leader, limits, &count, verdict);
	if (cluster->total > SNAPSHOT_PATRONI_CLUSTER_MAX) {
		judge_reason(verdict, STATE_WARNING, "there are %lld members, of which %d were looked at",
			(long long)cluster->total, SNAPSHOT_PATRONI_CLUSTER_MAX);
		judge_hint(verdict, "no more are held; the leader is always among them");
	}
	return count;
}
