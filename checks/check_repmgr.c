/*
 * check_repmgr: do repmgr's metadata and the nodes agree, and does repmgrd run?
 *
 * The metadata are a copy that may be old, so each node is asked its role itself. repmgr has no lock: that no
 * two nodes say that they are the primary is all that there is to know.
 */
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/repmgr.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/repmgr_roles.h"
#include "lib/model/check.h"

struct repmgr_limits {
	struct policy policy;
	struct limit warning;
	struct limit critical;
	struct repmgr_source source;
	int64_t min_standbys;
	enum state on_absent;
	enum state on_paused;
};

/* In the agent only a connection string of its own says where to look. */
static bool
has_source(const void *limits_data)
{
	const struct repmgr_limits *limits = limits_data;

	return limits->source.conninfo[0] != '\0';
}

static bool
collect(const void *limits_data, const struct check_look *look, struct snapshot *snapshot)
{
	const struct repmgr_limits *limits = limits_data;

	repmgr_collect(&limits->source, look, snapshot);
	return true;
}

/* -- repmgrd ------------------------------------------------------------------------------------- */

static const char *
own_name(const struct snapshot *snapshot)
{
	const struct snapshot_repmgr_node *own = repmgr_roles_own(snapshot);

	return own == NULL ? "the node that was asked" : own->name;
}

static void
judge_daemon(const struct snapshot *snapshot, const struct repmgr_limits *limits, struct verdict *verdict)
{
	const struct snapshot_repmgr *repmgr = &snapshot->repmgr;

	if (!repmgr->has_library) {
		judge_reason(verdict, limits->on_absent,
			"repmgrd cannot run on %s: repmgr is not in its shared_preload_libraries",
			own_name(snapshot));
	} else if (!repmgr->is_daemon_running) {
		judge_reason(verdict, limits->on_absent,
			"repmgrd does not run on %s: nobody there starts a failover", own_name(snapshot));
		judge_hint(verdict, "start repmgrd there, as the user of PostgreSQL: repmgr daemon start");
	} else if (repmgr->is_daemon_paused) {
		judge_reason(verdict, limits->on_paused, "repmgrd is paused on %s: there is no failover",
			own_name(snapshot));
		judge_hint(verdict, "repmgr service unpause, when the maintenance is over");
	} else {
		judge_reason(verdict, STATE_OK, "repmgrd runs on %s", own_name(snapshot));
	}
}

/* Each of them has a check of its own; one that cannot vote is worth a word here. */
static void
judge_others(const struct snapshot *snapshot, const char *daemon, enum state state, struct verdict *verdict)
{
	size_t count = snapshot_row_count(snapshot, snapshot_list_of(SNAPSHOT_REPMGR));
	char storage[200];
	struct text names;

	text_init(&names, storage, sizeof storage);
	for (size_t i = 0; i < count; i++) {
		const struct snapshot_repmgr_node *node = &snapshot->repmgr.rows[i];

		if (node->is_active && !node->is_own && strcmp(node->daemon, daemon) == 0)
			text_add(&names, "%s%s", names.length > 0 ? ", " : "", node->name);
	}
	if (names.length > 0)
		judge_reason(verdict, state == STATE_OK ? STATE_OK : STATE_WARNING, "repmgrd is %s on %s",
			daemon, names.bytes);
}

/* A repmgrd that stands still is a running process like any other: only this tells. */
static void
judge_upstream(const struct snapshot *snapshot, const struct repmgr_limits *limits, struct verdict *verdict)
{
	const struct snapshot_repmgr *repmgr = &snapshot->repmgr;

	if (!repmgr->is_daemon_running || repmgr->upstream_seen_s == SNAPSHOT_NONE)
		return;
	judge_metric(verdict, "time since repmgrd last saw its upstream", "upstream_seen_seconds",
		(double)repmgr->upstream_seen_s, UNIT_SECONDS, &limits->warning, &limits->critical);
	if (range_alerts(&limits->warning.of[UNIT_SECONDS], (double)repmgr->upstream_seen_s)
		|| range_alerts(&limits->critical.of[UNIT_SECONDS], (double)repmgr->upstream_seen_s))
		judge_hint(verdict,
			"repmgrd stands still, or cannot reach the upstream: see its log, and repmgr service "
			"status");
}

static void
evaluate(const struct snapshot *snapshots, size_t count, const void *limits_data, struct verdict *verdict)
{
	const struct repmgr_limits *limits = limits_data;
	const struct repmgr_roles_limits roles = {
		.policy = &limits->policy, .min_standbys = limits->min_standbys};

	(void)count;
	repmgr_roles_judge(&snapshots[0], &roles, verdict);
	if (snapshots[0].repmgr.total > 0 && repmgr_roles_own(&snapshots[0]) == NULL) {
		judge_reason(verdict, STATE_WARNING, "it is not known which node was asked");
		judge_hint(verdict, "name it with --node, or ask it by the address in its conninfo");
	}
	judge_daemon(&snapshots[0], limits, verdict);
	judge_others(&snapshots[0], "absent", limits->on_absent, verdict);
	judge_others(&snapshots[0], "paused", limits->on_paused, verdict);
	judge_upstream(&snapshots[0], limits, verdict);
}

static const struct setting settings[] = {
	{.name = "conninfo",
		.type = SETTING_TEXT,
		SETTING_AT(struct repmgr_limits, source.conninfo),
		.argument = "CONNINFO",
		.help = "repmgr's database on the node, instead of -H, -p, -U and -d; in the agent, the "
			"only way",
		.is_secret = true,
		.is_source = true},
	{.name = "node",
		.type = SETTING_TEXT,
		SETTING_AT(struct repmgr_limits, source.node),
		.argument = "NODE",
		.help = "repmgr's name or number of the node that is asked, where repmgrd has not said so",
		.is_source = true},
	{.name = "trust-metadata",
		.type = SETTING_FLAG,
		SETTING_AT(struct repmgr_limits, source.trusts_metadata),
		.help = "do not ask the other nodes themselves: a split brain is then not seen",
		.is_source = true},
	{.name = "warning",
		.letter = 'w',
		.type = SETTING_LIMIT,
		SETTING_AT(struct repmgr_limits, warning),
		.initial = "30s",
		.argument = "RANGE",
		.help = "WARNING when it is longer since repmgrd last saw its upstream",
		.accepted = 1U << UNIT_SECONDS,
		.plain = UNIT_SECONDS},
	{.name = "critical",
		.letter = 'c',
		.type = SETTING_LIMIT,
		SETTING_AT(struct repmgr_limits, critical),
		.argument = "RANGE",
		.help = "CRITICAL likewise",
		.accepted = 1U << UNIT_SECONDS,
		.plain = UNIT_SECONDS},
	{.name = "min-standbys",
		.type = SETTING_INTEGER,
		SETTING_AT(struct repmgr_limits, min_standbys),
		.initial = "1",
		.argument = "NUMBER",
		.min = 0,
		.max = 1000,
		.help = "CRITICAL when fewer standbys are active, answer and replicate"},
	{.name = "repmgrd-absent",
		.type = SETTING_STATE,
		SETTING_AT(struct repmgr_limits, on_absent),
		.initial = "critical",
		.argument = "STATE",
		.help = "the state when repmgrd does not run on the node; ok where failover is by hand"},
	{.name = "repmgrd-paused",
		.type = SETTING_STATE,
		SETTING_AT(struct repmgr_limits, on_paused),
		.initial = "warning",
		.argument = "STATE",
		.help = "the state when it is paused"},
	{.name = "wrong-role",
		.type = SETTING_STATE,
		SETTING_AT(struct repmgr_limits, policy.wrong_role),
		.initial = "unknown",
		.argument = "STATE",
		.help = "accepted, as by every check; no node has the wrong role for this one"},
};

static const struct facet *const facets[] = {&repmgr_facet, NULL};

const struct check check_repmgr = {
	.name = "repmgr",
	.title = "REPMGR",
	.summary = "do repmgr's metadata and the nodes agree, and does repmgrd run?",
	.example = "check_repmgr -H 10.0.0.12 -U pgha -d repmgr\n"
		   "check_repmgr -H 10.0.0.12 -U pgha -d repmgr --min-standbys 2 -c 2min\n"
		   "check_repmgr -H 10.0.0.12 -U pgha -d repmgr --repmgrd-absent ok\n",
	.facets = facets,
	.settings = settings,
	.setting_count = sizeof settings / sizeof settings[0],
	.limits_size = sizeof(struct repmgr_limits),
	.has_section = true,
	.interval_ms = 1000,
	.timeout_ms = 1000,
	.has_source = has_source,
	.collect = collect,
	.evaluate = evaluate,
};
