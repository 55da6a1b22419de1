/*
 * check_pg_auto_failover: do the monitor and the nodes agree on one primary?
 *
 * The monitor is asked, and each node its role itself: the monitor knows what keepers report, and whether
 * somebody accepts connections there.
 */
#include "lib/collect/auto_failover.h"
#include "lib/evaluate/formation.h"
#include "lib/evaluate/judge.h"
#include "lib/model/check.h"

struct auto_failover_limits {
	struct policy policy;
	struct limit warning;
	struct limit critical;
	struct auto_failover_source source;
	char formation[64];
	int64_t max_transition_ms;
	int64_t max_health_age_ms;
	int64_t min_secondaries;
};

/* In the agent only a connection string of its own says where to look. */
static bool
has_source(const void *limits_data)
{
	const struct auto_failover_limits *limits = limits_data;

	return limits->source.conninfo[0] != '\0';
}

static bool
collect(const void *limits_data, const struct check_look *look, struct snapshot *snapshot)
{
	const struct auto_failover_limits *limits = limits_data;

	auto_failover_collect(&limits->source, look, snapshot);
	return true;
}

/*
 * The monitor's own background worker checks a node every five seconds, also one that is down. Where it does
 * not, every health is from before, and nothing starts a failover.
 */
static void
judge_monitor(
	const struct snapshot *snapshot, const struct auto_failover_limits *limits, struct verdict *verdict)
{
	size_t count = snapshot_row_count(snapshot, snapshot_list_of(SNAPSHOT_AUTO_FAILOVER));
	int64_t newest_ms = SNAPSHOT_NONE;

	for (size_t i = 0; i < count; i++) {
		int64_t age_ms = snapshot->auto_failover.rows[i].health_age_ms;

		if (age_ms != SNAPSHOT_NONE && (newest_ms == SNAPSHOT_NONE || age_ms < newest_ms))
			newest_ms = age_ms;
	}
	if (count == 0 || (newest_ms != SNAPSHOT_NONE && newest_ms <= limits->max_health_age_ms))
		return;
	if (newest_ms == SNAPSHOT_NONE)
		judge_reason(verdict, STATE_UNKNOWN,
			"cannot tell whether the monitor would start a failover: it does not say when it "
			"checked a node's health");
	else
		judge_reason(verdict, STATE_CRITICAL,
			"the monitor has checked no node's health for %lld s: it starts no failover",
			(long long)(newest_ms / 1000));
	judge_hint(verdict,
		"see the monitor's log: pgautofailover in shared_preload_libraries, "
		"pgautofailover.enable_health_checks");
}

static void
evaluate(const struct snapshot *snapshots, size_t count, const void *limits_data, struct verdict *verdict)
{
	const struct auto_failover_limits *limits = limits_data;
	const struct formation_limits formation = {.policy = &limits->policy,
		.warning = &limits->warning,
		.critical = &limits->critical,
		.max_transition_ms = limits->max_transition_ms,
		.min_secondaries = limits->min_secondaries,
		.formation = limits->formation};
	const struct snapshot_auto_failover_node *own = formation_own(&snapshots[0]);

	(void)count;
	formation_judge(&snapshots[0], &formation, verdict);
	judge_monitor(&snapshots[0], limits, verdict);
	if (own != NULL)
		judge_detail(verdict, "%s is to be %s, and reports %s", own->name, own->goal_state,
			own->reported_state);
}

static const struct setting settings[] = {
	{.name = "conninfo",
		.type = SETTING_TEXT,
		SETTING_AT(struct auto_failover_limits, source.conninfo),
		.argument = "CONNINFO",
		.help = "the monitor's database, instead of -H, -p, -U and -d; in the agent, the only way",
		.is_secret = true,
		.is_source = true},
	{.name = "node",
		.type = SETTING_TEXT,
		SETTING_AT(struct auto_failover_limits, source.node),
		.argument = "NODE",
		.help = "the node that this is about, by name or HOST:PORT; for the agent, whose it is",
		.is_source = true},
	{.name = "node-conninfo",
		.type = SETTING_TEXT,
		SETTING_AT(struct auto_failover_limits, source.nodes_conninfo),
		.argument = "CONNINFO",
		.help = "user, database and TLS to ask the nodes with, where they are not the monitor's",
		.is_secret = true,
		.is_source = true,
		.vain_with = "trust-monitor"},
	{.name = "trust-monitor",
		.type = SETTING_FLAG,
		SETTING_AT(struct auto_failover_limits, source.trusts_monitor),
		.help = "do not ask the nodes themselves: a split brain is then not seen",
		.is_source = true},
	{.name = "formation",
		.type = SETTING_TEXT,
		SETTING_AT(struct auto_failover_limits, formation),
		.argument = "NAME",
		.help = "judge this formation alone"},
	{.name = "warning",
		.letter = 'w',
		.type = SETTING_LIMIT,
		SETTING_AT(struct auto_failover_limits, warning),
		.initial = "30s",
		.argument = "RANGE",
		.help = "WARNING when it is longer since a keeper last reported to the monitor",
		.accepted = 1U << UNIT_SECONDS,
		.plain = UNIT_SECONDS},
	{.name = "critical",
		.letter = 'c',
		.type = SETTING_LIMIT,
		SETTING_AT(struct auto_failover_limits, critical),
		.argument = "RANGE",
		.help = "CRITICAL likewise",
		.accepted = 1U << UNIT_SECONDS,
		.plain = UNIT_SECONDS},
	{.name = "max-transition",
		.type = SETTING_DURATION,
		SETTING_AT(struct auto_failover_limits, max_transition_ms),
		.initial = "60s",
		.argument = "DURATION",
		.help = "a node that has not reached its assigned state by then is stuck: WARNING, or "
			"CRITICAL for one that is to be the primary"},
	{.name = "max-health-age",
		.type = SETTING_DURATION,
		SETTING_AT(struct auto_failover_limits, max_health_age_ms),
		.initial = "60s",
		.argument = "DURATION",
		.help = "CRITICAL when the monitor has checked no node's health for longer"},
	{.name = "min-secondaries",
		.type = SETTING_INTEGER,
		SETTING_AT(struct auto_failover_limits, min_secondaries),
		.initial = "1",
		.argument = "NUMBER",
		.min = 0,
		.max = 1000,
		.help = "CRITICAL when a group has fewer secondaries that are caught up and healthy"},
	{.name = "wrong-role",
		.type = SETTING_STATE,
		SETTING_AT(struct auto_failover_limits, policy.wrong_role),
		.initial = "unknown",
		.argument = "STATE",
		.help = "accepted, as by every check; no node has the wrong role for this one"},
};

static const struct facet *const facets[] = {&auto_failover_facet, NULL};

const struct check check_pg_auto_failover = {
	.name = "pg_auto_failover",
	.title = "PG AUTO FAILOVER",
	.summary = "do the monitor and the nodes agree on one primary?",
	.example = "check_pg_auto_failover -H 10.0.0.10 -U pgha -d pg_auto_failover\n"
		   "check_pg_auto_failover -H 10.0.0.10 -d pg_auto_failover --min-secondaries 2\n"
		   "check_pg_auto_failover -H 10.0.0.10 -d pg_auto_failover --trust-monitor\n",
	.facets = facets,
	.settings = settings,
	.setting_count = sizeof settings / sizeof settings[0],
	.limits_size = sizeof(struct auto_failover_limits),
	.has_section = true,
	.interval_ms = 1000,
	.timeout_ms = 1000,
	.has_source = has_source,
	.collect = collect,
	.evaluate = evaluate,
};
