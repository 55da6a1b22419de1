/*
 * check_pg_replica: is this node a replica fit for reads, within the lag limits?
 *
 * Decided on the standby alone: its WAL receiver knows how far the sender was by its last
 * message. A standby of a standby is a replica like any other.
 */
#include <math.h>

#include "lib/collect/facets.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/lag.h"
#include "lib/evaluate/replay.h"
#include "lib/evaluate/role.h"
#include "lib/evaluate/weight.h"
#include "lib/model/check.h"
#include "lib/model/lsn.h"

struct replica_limits {
	struct policy policy;
	struct limit warning;
	struct limit critical;
	bool allow_archive_recovery;
	bool accept_primary;
	uint64_t replayed;
	int64_t weight_min;
};

/* Whether it has replayed the position that a reader asks for. */
static void
judge_replayed(uint64_t position, uint64_t wanted, struct verdict *verdict)
{
	char have[LSN_TEXT_SIZE], want[LSN_TEXT_SIZE];

	if (wanted == LSN_NONE)
		return;
	if (position >= wanted)
		judge_reason(verdict, STATE_OK, "has replayed %s", lsn_format(wanted, want));
	else
		judge_reason(verdict, STATE_CRITICAL, "has not replayed %s, is at %s",
			lsn_format(wanted, want), lsn_format(position, have));
}

static void
judge_primary(const struct snapshot_role *role, const struct replica_limits *limits, struct verdict *verdict)
{
	uint32_t timeline;

	if (!limits->accept_primary) {
		judge_wrong_role(verdict, &limits->policy, "primary, not a replica");
		return;
	}
	timeline = role_timeline(role, &limits->policy, verdict);
	if (timeline == 0)
		return;
	judge_reason(verdict, STATE_OK, "primary on timeline %u, accepted for reads", timeline);
	judge_replayed(role->wal_lsn, limits->replayed, verdict);
	verdict->weight_percent = 100;
}

/* By the lag in bytes and in time, whichever gives less. */
static int
weight_of(const struct snapshot_standby *standby, const struct replica_limits *limits)
{
	bool is_archive = limits->allow_archive_recovery && lag_source(standby) == LAG_NO_RECEIVER;
	int64_t bytes = lag_bytes(standby), ms = is_archive ? lag_archive_ms(standby) : lag_ms(standby);
	int by_bytes = weight_from_lag(
		bytes < 0 ? NAN : (double)bytes, &limits->critical.of[UNIT_BYTES], (int)limits->weight_min);
	int by_time = weight_from_lag(ms < 0 ? NAN : (double)ms / 1000.0, &limits->critical.of[UNIT_SECONDS],
		(int)limits->weight_min);

	return by_bytes < by_time ? by_bytes : by_time;
}

static void
evaluate(const struct snapshot *snapshots, size_t count, const void *limits_data, struct verdict *verdict)
{
	const struct replica_limits *limits = limits_data;
	const struct snapshot_standby *standby = &snapshots[0].standby;
	const struct replay_limits replay_limits = {.policy = &limits->policy,
		.warning = &limits->warning,
		.critical = &limits->critical,
		.allow_archive_recovery = limits->allow_archive_recovery};

	(void)count;
	if (!snapshots[0].role.in_recovery) {
		judge_primary(&snapshots[0].role, limits, verdict);
		return;
	}
	if (!replay_judge_source(standby, &replay_limits, verdict))
		return;
	replay_judge_progress(standby, &replay_limits, verdict);
	judge_replayed(standby->replay_lsn, limits->replayed, verdict);
	replay_judge_lag(standby, &replay_limits, verdict);
	verdict->weight_percent = weight_of(standby, limits);
}

#define LAG_UNITS (1U << UNIT_BYTES | 1U << UNIT_SECONDS)

static const struct setting settings[] = {
	{.name = "warning",
		.letter = 'w',
		.type = SETTING_LIMIT,
		SETTING_AT(struct replica_limits, warning),
		.argument = "RANGE",
		.help = "WARNING when the replay lag is outside RANGE; bytes (16MB) or time (30s)",
		.accepted = LAG_UNITS,
		.plain = UNIT_BYTES},
	{.name = "critical",
		.letter = 'c',
		.type = SETTING_LIMIT,
		SETTING_AT(struct replica_limits, critical),
		.argument = "RANGE",
		.help = "CRITICAL likewise; give either option twice to limit both",
		.accepted = LAG_UNITS,
		.plain = UNIT_BYTES},
	{.name = "allow-archive-recovery",
		.type = SETTING_FLAG,
		SETTING_AT(struct replica_limits, allow_archive_recovery),
		.help = "accept a standby that does not stream, but restores WAL from an archive"},
	{.name = "accept-primary",
		.type = SETTING_FLAG,
		SETTING_AT(struct replica_limits, accept_primary),
		.help = "accept the primary too, for read pools that include it"},
	{.name = "replayed",
		.type = SETTING_LSN,
		SETTING_AT(struct replica_limits, replayed),
		.argument = "LSN",
		.help = "yes only if this WAL position is replayed here (to read one's own writes)"},
	{.name = "weight-min",
		.type = SETTING_INTEGER,
		SETTING_AT(struct replica_limits, weight_min),
		.initial = "1",
		.argument = "PERCENT",
		.min = 0,
		.max = 100,
		.help = "HAProxy's weight at the critical lag; it falls to this from 100 at no lag"},
	{.name = "wrong-role",
		.type = SETTING_STATE,
		SETTING_AT(struct replica_limits, policy.wrong_role),
		.initial = "critical",
		.argument = "STATE",
		.help = "the state of a primary; whatever it is, keepalived and HAProxy hear no"},
};

static const struct facet *const facets[] = {&facet_role, &facet_standby, NULL};

const struct check check_pg_replica = {
	.name = "pg_replica",
	.title = "PG REPLICA",
	.summary = "is this node a replica fit for reads, within the lag limits?",
	.example = "check_pg_replica -H 10.0.0.12 -U pgha -w 16MB -c 64MB -c 30s\n"
		   "check_pg_replica -H 10.0.0.12 -U pgha -f haproxy -c 64MB\n",
	.facets = facets,
	.settings = settings,
	.setting_count = sizeof settings / sizeof settings[0],
	.limits_size = sizeof(struct replica_limits),
	.is_about_replay = true,
	.evaluate = evaluate,
};
