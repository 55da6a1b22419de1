/*
 * check_patroni: has the Patroni cluster one leader, and members to take over?
 *
 * Patroni is asked, and no PostgreSQL server: what Patroni believes is the question. Whether a node is what
 * Patroni calls it, check_pg_leader --patroni and check_pg_replica --patroni tell.
 */
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/patroni.h"
#include "lib/collect/patroni_cluster.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/patroni_leader.h"
#include "lib/evaluate/patroni_member.h"
#include "lib/evaluate/patroni_members.h"
#include "lib/evaluate/patroni_state.h"
#include "lib/model/check.h"

struct patroni_limits {
	struct policy policy;
	struct patroni_source source;
	struct limit warning;
	struct limit critical;
	int64_t min_members;
	int64_t min_replicas;
	int64_t min_sync;
	int64_t max_pause_ms;   /* 0: none */
	int64_t max_dcs_age_ms; /* 0: none */
	char config_hash[32];
	bool allow_archive_recovery;
};

static bool
has_source(const void *limits_data)
{
	const struct patroni_limits *limits = limits_data;

	return limits->source.url[0] != '\0';
}

static bool
collect(const void *limits_data, const struct check_look *look, struct snapshot *snapshot)
{
	const struct patroni_limits *limits = limits_data;

	patroni_collect(&limits->source, look, snapshot);
	return true;
}

/* -- how many ------------------------------------------------------------------------------------ */

/* Whether there may be more than are known: who they are is in the store, and all who were asked are well. */
static bool
may_be_more(const struct snapshot_patroni_cluster *cluster, const struct patroni_members *members)
{
	return cluster->view_fault[0] != '\0' && members->trouble[0] == '\0' && cluster->urls_failed <= 0;
}

static void
judge_least(const char *what, int64_t count, int64_t least, const char *option,
	const struct snapshot_patroni_cluster *cluster, const struct patroni_members *members,
	struct verdict *verdict)
{
	int64_t unseen = cluster->total - patroni_member_count(cluster);

	if (count >= least)
		return;
	if (unseen > 0 && count + unseen >= least) {
		judge_reason(verdict, STATE_UNKNOWN,
			"%lld healthy %s%s known, at least %lld must be there (%s), and %lld member%s not "
			"looked "
			"at",
			(long long)count, what, count == 1 ? " is" : "s are", (long long)least, option,
			(long long)unseen, unseen == 1 ? " was" : "s were");
		return;
	}
	if (may_be_more(cluster, members)) {
		judge_reason(verdict, STATE_UNKNOWN,
			"%lld healthy %s%s known, at least %lld must be there (%s), and the store cannot be "
			"read",
			(long long)count, what, count == 1 ? " is" : "s are", (long long)least, option);
		judge_hint(verdict,
			"give the URLs of all members (--url), each is then asked itself; for the "
			"store see check_dcs");
		return;
	}
	judge_reason(verdict, STATE_CRITICAL, "%lld healthy %s%s, at least %lld must be there (%s)%s%s",
		(long long)count, what, count == 1 ? "" : "s", (long long)least, option,
		members->trouble[0] == '\0' ? "" : ": ", members->trouble);
	if (members->trouble[0] == '\0') /* else what to do about that has been said */
		judge_hint(verdict,
			"-v lists the members; those whose Patroni is gone for longer than the ttl are not "
			"listed any more");
}

static void
judge_counts(const struct patroni_members *count, const struct snapshot_patroni_cluster *cluster,
	const struct patroni_limits *limits, struct verdict *verdict)
{
	judge_least("member", count->healthy, limits->min_members, "--min-members", cluster, count, verdict);
	judge_least("replica", count->healthy_replicas, limits->min_replicas, "--min-replicas", cluster,
		count, verdict);
	judge_least("synchronous standby", count->healthy_sync, limits->min_sync, "--min-sync", cluster,
		count, verdict);
	if (cluster->is_synchronous && count->healthy_sync == 0 && limits->min_sync == 0) {
		judge_reason(verdict, STATE_WARNING,
			"synchronous mode is on, and no healthy standby is synchronous");
		judge_hint(verdict, "commits wait for nobody, or (synchronous_mode_strict) for ever");
	}
	if (count->healthy_replicas > 0 && count->candidates == 0) {
		judge_reason(
			verdict, STATE_WARNING, "no healthy replica may be promoted, by the tag nofailover");
		judge_hint(verdict, "when the leader fails nobody takes over: see the tags in patroni.yml");
	}
	judge_figure(verdict, "members", (double)count->listed, UNIT_NONE);
	judge_figure(verdict, "healthy_members", (double)count->healthy, UNIT_NONE);
	judge_figure(verdict, "healthy_replicas", (double)count->healthy_replicas, UNIT_NONE);
	judge_figure(verdict, "synchronous_standbys", (double)count->healthy_sync, UNIT_NONE);
}

/* "leader n1 on timeline 5, 2 of 2 replicas are healthy, 1 of them synchronous". */
static void
judge_whole(const struct patroni_members *count, const struct patroni_leader *leader,
	const struct snapshot_patroni_cluster *cluster, struct verdict *verdict)
{
	char storage[128];
	struct text text;

	if (leader->member == NULL)
		return;
	text_init(&text, storage, sizeof storage);
	if (leader->member->timeline != SNAPSHOT_NONE)
		text_add(&text, " on timeline %lld", (long long)leader->member->timeline);
	if (count->replicas == 0)
		text_add(&text, ", no replicas");
	else
		text_add(&text, ", %lld of %lld replica%s %s healthy", (long long)count->healthy_replicas,
			(long long)count->replicas, count->replicas == 1 ? "" : "s",
			count->replicas == 1 ? "is" : "are");
	if (count->healthy_sync > 0)
		text_add(&text, ", %lld of them synchronous", (long long)count->healthy_sync);
	judge_reason(verdict, STATE_OK, "%sleader %s%s",
		cluster->is_standby_cluster ? "a standby cluster's " : "", leader->member->name, storage);
}

/* -- what was agreed upon ------------------------------------------------------------------------ */

static void
judge_config(const struct snapshot_patroni_cluster *cluster, const struct patroni_limits *limits,
	struct verdict *verdict)
{
	if (cluster->config_hash[0] != '\0')
		judge_detail(verdict, "the configuration's hash is %s", cluster->config_hash);
	if (limits->config_hash[0] == '\0' || strcmp(limits->config_hash, cluster->config_hash) == 0)
		return;
	if (cluster->config_hash[0] == '\0') {
		judge_reason(verdict, STATE_UNKNOWN, "the configuration could not be read (--config-hash)");
		return;
	}
	judge_reason(verdict, STATE_WARNING, "the configuration was changed: its hash is %s, not %s",
		cluster->config_hash, limits->config_hash);
	judge_hint(verdict,
		"see \"patronictl show-config\"; if it is as it shall be, give the new hash to "
		"--config-hash");
}

static void
judge_switchover(const struct snapshot_patroni_cluster *cluster, struct verdict *verdict)
{
	if (cluster->switchover[0] != '\0')
		judge_reason(verdict, STATE_OK, "a switchover is scheduled %s", cluster->switchover);
}

static void
evaluate(const struct snapshot *snapshots, size_t count, const void *limits_data, struct verdict *verdict)
{
	const struct patroni_limits *limits = limits_data;
	const struct snapshot_patroni_cluster *cluster = &snapshots[0].patroni_cluster;
	struct patroni_members_limits member_limits = {.warning = &limits->warning,
		.critical = &limits->critical,
		.allow_archive = limits->allow_archive_recovery,
		.max_dcs_age_ms = limits->max_dcs_age_ms};
	struct patroni_leader leader = patroni_leader_judge(cluster, verdict);
	struct patroni_members members;

	(void)count;
	members = patroni_members_judge(cluster, &leader, &member_limits, verdict);
	judge_counts(&members, cluster, limits, verdict);
	patroni_state_judge(&snapshots[0], &leader, limits->max_pause_ms, verdict);
	judge_config(cluster, limits, verdict);
	judge_whole(&members, &leader, cluster, verdict);
	judge_switchover(cluster, verdict);
}

static const struct setting settings[] = {
	PATRONI_SOURCE_SETTINGS(struct patroni_limits, source),
	{.name = "warning",
		.letter = 'w',
		.type = SETTING_LIMIT,
		SETTING_AT(struct patroni_limits, warning),
		.initial = "512MB",
		.argument = "RANGE",
		.help = "WARNING when the replay lag of a member is outside RANGE",
		.accepted = 1U << UNIT_BYTES,
		.plain = UNIT_BYTES},
	{.name = "critical",
		.letter = 'c',
		.type = SETTING_LIMIT,
		SETTING_AT(struct patroni_limits, critical),
		.initial = "1GB",
		.argument = "RANGE",
		.help = "CRITICAL likewise",
		.accepted = 1U << UNIT_BYTES,
		.plain = UNIT_BYTES},
	{.name = "min-members",
		.type = SETTING_INTEGER,
		SETTING_AT(struct patroni_limits, min_members),
		.initial = "1",
		.argument = "NUMBER",
		.max = 1000,
		.help = "CRITICAL when fewer members are healthy, the leader among them"},
	{.name = "min-replicas",
		.type = SETTING_INTEGER,
		SETTING_AT(struct patroni_limits, min_replicas),
		.initial = "1",
		.argument = "NUMBER",
		.max = 1000,
		.help = "CRITICAL when fewer replicas are healthy; 0 for a cluster of one"},
	{.name = "min-sync",
		.type = SETTING_INTEGER,
		SETTING_AT(struct patroni_limits, min_sync),
		.initial = "0",
		.argument = "NUMBER",
		.max = 1000,
		.help = "CRITICAL when fewer of them are synchronous; with 0 that none is remains a WARNING "
			"in synchronous_mode"},
	{.name = "allow-archive-recovery",
		.type = SETTING_FLAG,
		SETTING_AT(struct patroni_limits, allow_archive_recovery),
		.help = "accept a replica that does not stream, but restores WAL from an archive"},
	{.name = "max-pause",
		.type = SETTING_DURATION,
		SETTING_AT(struct patroni_limits, max_pause_ms),
		.argument = "DURATION",
		.help = "CRITICAL when the cluster has been paused for longer, since that was first seen: a "
			"one-shot needs --state for this",
		.needs = "state,replay"},
	{.name = "max-dcs-age",
		.type = SETTING_DURATION,
		SETTING_AT(struct patroni_limits, max_dcs_age_ms),
		.argument = "DURATION",
		.help = "CRITICAL when a member has not reached the cluster's store for longer; by default "
			"WARNING after the cluster's ttl"},
	{.name = "config-hash",
		.type = SETTING_TEXT,
		SETTING_AT(struct patroni_limits, config_hash),
		.argument = "HASH",
		.help = "WARNING when the dynamic configuration has another hash (-v shows it)"},
	{.name = "wrong-role",
		.type = SETTING_STATE,
		SETTING_AT(struct patroni_limits, policy.wrong_role),
		.initial = "unknown",
		.argument = "STATE",
		.help = "accepted, as by every check; no node has the wrong role for this one"},
};

static const struct facet *const facets[] = {&patroni_cluster_facet, NULL};

const struct check check_patroni = {
	.name = "patroni",
	.title = "PATRONI",
	.summary = "has the Patroni cluster one leader, and members to take over?",
	.example = "check_patroni --url http://10.0.0.11:8008,http://10.0.0.12:8008\n"
		   "check_patroni --url https://db1:8008 --ca-file /etc/ssl/patroni.pem\n"
		   "check_patroni --url http://10.0.0.11:8008 --min-members 3 -w 16MB\n",
	.facets = facets,
	.settings = settings,
	.setting_count = sizeof settings / sizeof settings[0],
	.limits_size = sizeof(struct patroni_limits),
	.has_memory = true,
	.has_section = true,
	.interval_ms = 500,
	.timeout_ms = 1000,
	.has_source = has_source,
	.collect = collect,
	.is_over_http = true,
	.evaluate = evaluate,
};
