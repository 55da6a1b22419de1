/*
 * check_pg_leader: is this node the leader, writable and undisputed?
 *
 * One connection and one query (a second where a primary is read-only). The role is always asked for in SQL:
 * the in_hot_standby that a server reports at connection start is stale behind PgBouncer, and no client can
 * tell that it talks to one. Where a manager of the cluster is named, it must agree.
 */
#include <string.h>

#include "lib/collect/auto_failover.h"
#include "lib/collect/facets.h"
#include "lib/collect/patroni.h"
#include "lib/collect/repmgr.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/role.h"
#include "lib/evaluate/witness.h"
#include "lib/evaluate/witness_patroni.h"
#include "lib/evaluate/witness_rival.h"
#include "lib/model/check.h"

struct leader_limits {
	struct policy policy;
	bool allow_read_only;
	bool standby_leader;
	enum state unreachable[WITNESS_MANAGERS];
	struct limit warning;
	struct limit critical;
};

static void
judge_read_only(
	const char *source, const struct leader_limits *limits, uint32_t timeline, struct verdict *verdict)
{
	if (role_is_own_setting(source)) {
		judge_reason(
			verdict, STATE_OK, "default_transaction_read_only is set for the role of this check");
		judge_hint(verdict,
			"the server's own setting cannot be seen past it; to have it checked: "
			"ALTER ROLE ... RESET default_transaction_read_only");
	} else if (limits->allow_read_only) {
		judge_reason(verdict, STATE_OK, "read-only, which is allowed");
	} else {
		judge_reason(verdict, STATE_CRITICAL,
			"primary on timeline %u, but read-only (default_transaction_read_only, set by: %s)",
			timeline, source);
		judge_hint(verdict, "reset default_transaction_read_only, or pass --allow-read-only");
	}
}

static void
judge_response(const struct snapshot *node, const struct leader_limits *limits, struct verdict *verdict)
{
	judge_metric(verdict, "response time", "response_seconds", (double)node->elapsed_us / 1e6,
		UNIT_SECONDS, &limits->warning, &limits->critical);
}

static void
judge_standby(const struct snapshot *node, const struct leader_limits *limits, struct verdict *verdict)
{
	if (!witness_patroni_judge_standby(node, limits->standby_leader, &limits->policy, verdict))
		return;
	judge_response(node, limits, verdict);
	if (node->patroni.timeline != SNAPSHOT_NONE)
		judge_figure(verdict, "timeline", (double)node->patroni.timeline, UNIT_NONE);
}

static void
evaluate(const struct snapshot *snapshots, size_t count, const void *limits_data, struct verdict *verdict)
{
	const struct leader_limits *limits = limits_data;
	const struct snapshot_role *role = &snapshots[0].role;
	const struct witness_limits witness_limits = {
		.policy = &limits->policy, .unreachable = limits->unreachable};
	uint32_t timeline;

	if (role->in_recovery) {
		judge_standby(&snapshots[0], limits, verdict);
		return;
	}
	timeline = role_timeline(role, &limits->policy, verdict);
	if (timeline == 0)
		return;
	judge_reason(verdict, STATE_OK, "primary on timeline %u", timeline);
	if (role->is_read_only)
		judge_read_only(snapshots[0].read_only.source, limits, timeline, verdict);
	witness_judge_primary(&snapshots[0], &witness_limits, verdict);
	witness_rival_judge_peers(snapshots, count, timeline, witness_right(&snapshots[0]), verdict);
	judge_response(&snapshots[0], limits, verdict);
	judge_figure(verdict, "timeline", (double)timeline, UNIT_NONE);
}

static const struct setting settings[] = {
	{.name = "warning",
		.letter = 'w',
		.type = SETTING_LIMIT,
		SETTING_AT(struct leader_limits, warning),
		.argument = "RANGE",
		.help = "WARNING when the response time is outside RANGE, such as 200ms",
		.accepted = 1U << UNIT_SECONDS,
		.plain = UNIT_SECONDS},
	{.name = "critical",
		.letter = 'c',
		.type = SETTING_LIMIT,
		SETTING_AT(struct leader_limits, critical),
		.argument = "RANGE",
		.help = "CRITICAL when the response time is outside RANGE, such as 1s",
		.accepted = 1U << UNIT_SECONDS,
		.plain = UNIT_SECONDS},
	{.name = "allow-read-only",
		.type = SETTING_FLAG,
		SETTING_AT(struct leader_limits, allow_read_only),
		.help = "accept a primary whose default_transaction_read_only is on"},
	{.name = "standby-leader",
		.type = SETTING_FLAG,
		SETTING_AT(struct leader_limits, standby_leader),
		.help = "accept the leader of a standby cluster too, which only Patroni knows (--patroni)",
		.needs = "patroni,replay"},
	{.name = "patroni-unreachable",
		.type = SETTING_STATE,
		SETTING_AT(struct leader_limits, unreachable[WITNESS_PATRONI]),
		.initial = "critical",
		.argument = "STATE",
		.help
		= "the state of a primary whose Patroni does not answer; ok or warning: PostgreSQL alone is "
		  "trusted",
		.needs = "patroni,replay"},
	{.name = "repmgr-unreachable",
		.type = SETTING_STATE,
		SETTING_AT(struct leader_limits, unreachable[WITNESS_REPMGR]),
		.initial = "critical",
		.argument = "STATE",
		.help = "likewise where repmgr's metadata cannot be read",
		.needs = "repmgr,replay"},
	{.name = "monitor-unreachable",
		.type = SETTING_STATE,
		SETTING_AT(struct leader_limits, unreachable[WITNESS_MONITOR]),
		.initial = "critical",
		.argument = "STATE",
		.help
		= "likewise where pg_auto_failover's monitor does not answer; it is one for all nodes, so "
		  "critical means that without it there is no leader",
		.needs = "monitor,replay"},
	{.name = "wrong-role",
		.type = SETTING_STATE,
		SETTING_AT(struct leader_limits, policy.wrong_role),
		.initial = "critical",
		.argument = "STATE",
		.help = "the state of a standby; whatever it is, keepalived and HAProxy hear no"},
};

static const struct facet *const facets[] = {&facet_role, &facet_read_only, NULL};
static const struct witness *const witnesses[] = {
	&patroni_witness, &repmgr_witness, &auto_failover_witness, NULL};

const struct check check_pg_leader = {
	.name = "pg_leader",
	.title = "PG LEADER",
	.summary = "is this node the leader, and writable?",
	.example = "check_pg_leader -H 10.0.0.11 -U pgha\n"
		   "check_pg_leader -H /run/postgresql -f keepalived -t 900ms\n"
		   "check_pg_leader -H 10.0.0.11 -U pgha --patroni http://10.0.0.11:8008\n",
	.facets = facets,
	.settings = settings,
	.setting_count = sizeof settings / sizeof settings[0],
	.limits_size = sizeof(struct leader_limits),
	.witnesses = witnesses,
	.evaluate = evaluate,
};
