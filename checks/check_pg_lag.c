/*
 * check_pg_lag: how far behind is each standby (asked on the primary), or this node (asked on a standby)?
 *
 * In bytes first: the server's own times of a standby stand still while its replay does. What this cannot see
 * is a standby that has never connected and is not named.
 */
#include "lib/collect/facets.h"
#include "lib/evaluate/behind_primary.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/lag.h"
#include "lib/evaluate/replay.h"
#include "lib/evaluate/standbys.h"
#include "lib/model/check.h"

struct lag_limits {
	struct policy policy;
	struct limit warning;
	struct limit critical;
	char standbys[1024];
	char except[1024];
	int64_t min_standbys;
	bool cascade;
	bool allow_archive_recovery;
};

static void
judge_standbys(const struct snapshot *snapshot, const struct lag_limits *limits, struct verdict *verdict)
{
	const struct standbys_limits standbys_limits = {.policy = &limits->policy,
		.warning = &limits->warning,
		.critical = &limits->critical,
		.names = limits->standbys,
		.except = limits->except,
		.required = limits->min_standbys};

	standbys_judge(snapshot, &standbys_limits, verdict);
}

/* -- this node's own lag ----------------------------------------------------------------------- */

/* A default limit in bytes is not kept for what restores from an archive: nobody tells it how far its primary
 * is. */
static struct limit
without_default_bytes(const struct limit *limit)
{
	struct limit kept = *limit;

	if (kept.is_initial)
		kept.of[UNIT_BYTES].is_set = false;
	return kept;
}

static void
judge_own(const struct snapshot *snapshots, size_t count, const struct lag_limits *limits,
	struct verdict *verdict)
{
	const struct snapshot_standby *standby = &snapshots[0].standby;
	bool is_archive = limits->allow_archive_recovery && lag_source(standby) == LAG_NO_RECEIVER;
	struct limit warning = is_archive ? without_default_bytes(&limits->warning) : limits->warning;
	struct limit critical = is_archive ? without_default_bytes(&limits->critical) : limits->critical;
	struct replay_limits replay_limits = {.policy = &limits->policy,
		.warning = &limits->warning,
		.critical = &limits->critical,
		.allow_archive_recovery = limits->allow_archive_recovery};

	if (!replay_judge_source(standby, &replay_limits, verdict))
		return;
	replay_judge_progress(standby, &replay_limits, verdict);
	if (behind_primary_judge(snapshots, count, &replay_limits, verdict))
		return;
	replay_limits.warning = &warning;
	replay_limits.critical = &critical;
	replay_judge_lag(standby, &replay_limits, verdict);
}

static void
evaluate(const struct snapshot *snapshots, size_t count, const void *limits_data, struct verdict *verdict)
{
	const struct lag_limits *limits = limits_data;

	if (!snapshots[0].role.in_recovery) {
		judge_standbys(&snapshots[0], limits, verdict);
		return;
	}
	/* Its own lag would be the answer to another question. */
	if (limits->standbys[0] != '\0' && !limits->cascade) {
		judge_wrong_role(
			verdict, &limits->policy, "standby, and the standbys named are the primary's");
		judge_hint(
			verdict, "ask the primary; or pass --cascade for those that stream from this node");
		return;
	}
	judge_own(snapshots, count, limits, verdict);
	if (limits->cascade)
		judge_standbys(&snapshots[0], limits, verdict);
}

#define LAG_UNITS (1U << UNIT_BYTES | 1U << UNIT_SECONDS)

static const struct setting settings[] = {
	{.name = "warning",
		.letter = 'w',
		.type = SETTING_LIMIT,
		SETTING_AT(struct lag_limits, warning),
		.initial = "512MB",
		.argument = "RANGE",
		.help = "WARNING when a standby's replay lag is outside RANGE; bytes (16MB) or time (30s)",
		.accepted = LAG_UNITS,
		.plain = UNIT_BYTES},
	{.name = "critical",
		.letter = 'c',
		.type = SETTING_LIMIT,
		SETTING_AT(struct lag_limits, critical),
		.initial = "1GB",
		.argument = "RANGE",
		.help = "CRITICAL likewise; give either option twice to limit both. Limit bytes always: a "
			"primary's times of its standbys stand still while replay does",
		.accepted = LAG_UNITS,
		.plain = UNIT_BYTES},
	{.name = "standby",
		.type = SETTING_LIST,
		SETTING_AT(struct lag_limits, standbys),
		.argument = "NAME",
		.help
		= "judge these standbys only, by application_name; \"*\" stands for any characters; one "
		  "that is not connected is CRITICAL"},
	{.name = "except",
		.type = SETTING_LIST,
		SETTING_AT(struct lag_limits, except),
		.argument = "NAME",
		.help = "leave these standbys out, such as one that is delayed on purpose"},
	{.name = "min-standbys",
		.type = SETTING_INTEGER,
		SETTING_AT(struct lag_limits, min_standbys),
		.initial = "1",
		.argument = "N",
		.min = 0,
		.max = 1000,
		.help = "CRITICAL when fewer of them stream; pg_receivewal and the like do not count, nor do "
			"logical subscribers"},
	{.name = "cascade",
		.type = SETTING_FLAG,
		SETTING_AT(struct lag_limits, cascade),
		.help = "on a standby, judge those that stream from it as well, as on a primary"},
	{.name = "allow-archive-recovery",
		.type = SETTING_FLAG,
		SETTING_AT(struct lag_limits, allow_archive_recovery),
		.help = "accept a standby that does not stream, but restores WAL from an archive"},
	{.name = "wrong-role",
		.type = SETTING_STATE,
		SETTING_AT(struct lag_limits, policy.wrong_role),
		.initial = "unknown",
		.argument = "STATE",
		.help = "the state of a standby that is asked for the primary's (--standby)"},
};

static const struct facet *const facets[] = {
	&facet_role, &facet_standby, &facet_senders, &facet_identity, NULL};

const struct check check_pg_lag = {
	.name = "pg_lag",
	.title = "PG LAG",
	.summary = "how far behind are the standbys, or this one?",
	.example = "check_pg_lag -H 10.0.0.11 -U pgha --min-standbys 2\n"
		   "check_pg_lag -H 10.0.0.11 -U pgha --standby n2,dc2-* -w 64MB -c 256MB -c 5min\n"
		   "check_pg_lag -H 10.0.0.12 -U pgha --primary host=10.0.0.11\n",
	.facets = facets,
	.settings = settings,
	.setting_count = sizeof settings / sizeof settings[0],
	.limits_size = sizeof(struct lag_limits),
	.second = CHECK_PRIMARY,
	.is_about_replay = true,
	.evaluate = evaluate,
};
