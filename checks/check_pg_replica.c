/*
 * check_pg_replica: is this node a replica fit for reads, within the lag limits?
 *
 * Decided on the standby alone: its WAL receiver knows how far the sender was by its last
 * message. A standby of a standby is a replica like any other. Where Patroni is named, it tells how far the
 * leader itself is, and whether the node was taken out.
 */
#include <math.h>

#include "lib/collect/facets.h"
#include "lib/collect/patroni.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/lag.h"
#include "lib/evaluate/replay.h"
#include "lib/evaluate/role.h"
#include "lib/evaluate/weight.h"
#include "lib/evaluate/witness.h"
#include "lib/evaluate/witness_replica.h"
#include "lib/evaluate/witness_rival.h"
#include "lib/model/check.h"
#include "lib/model/lsn.h"

struct replica_limits {
	struct policy policy;
	struct limit warning;
	struct limit critical;
	bool allow_archive_recovery;
	bool accept_primary;
	bool ignore_noloadbalance;
	enum state patroni_unreachable;
	enum state unconfirmed_primary;
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

/*
 * Of a primary old data are read for ever once another one leads, so it must meet the conditions of
 * check_pg_leader: whoever manages it agrees, and no peer is a primary on a newer timeline.
 */
static void
judge_primary(const struct snapshot *snapshots, size_t count, const struct replica_limits *limits,
	struct verdict *verdict)
{
	enum state state = limits->unconfirmed_primary;
	const enum state unreachable[WITNESS_MANAGERS] = {
		[WITNESS_PATRONI] = state, [WITNESS_REPMGR] = state, [WITNESS_MONITOR] = state};
	const struct witness_limits witness = {
		.policy = &limits->policy, .unreachable = unreachable, .option = "unconfirmed-primary"};
	uint32_t timeline;

	if (!limits->accept_primary) {
		judge_wrong_role(verdict, &limits->policy, "primary, not a replica");
		return;
	}
	timeline = role_timeline(&snapshots[0].role, &limits->policy, verdict);
	if (timeline == 0)
		return;
	judge_reason(verdict, STATE_OK, "primary on timeline %u, accepted for reads", timeline);
	witness_judge_primary(&snapshots[0], &witness, verdict);
	witness_rival_judge_peers(snapshots, count, timeline, witness_right(&snapshots[0]), verdict);
	judge_replayed(snapshots[0].role.wal_lsn, limits->replayed, verdict);
	verdict->weight_percent = 100;
}

/* The lag, as the best informed of those who were asked knows it. */
struct lag {
	bool is_by_leader;
	struct replay_distance distance; /* .bytes -1: not known */
	double seconds;                  /* NAN: not known */
};

static struct lag
lag_of(const struct snapshot *node, const struct replica_limits *limits)
{
	const struct snapshot_standby *standby = &node->standby;
	bool is_archive = limits->allow_archive_recovery && lag_source(standby) == LAG_NO_RECEIVER;
	int64_t ms = is_archive ? lag_archive_ms(standby) : lag_ms(standby);
	struct lag lag = {.distance = {.whom = "the leader",
				  .bytes = witness_replica_behind_bytes(node),
				  .is_sender = witness_replica_is_sender_leader(node)}};

	lag.is_by_leader = lag.distance.bytes >= 0;
	if (!lag.is_by_leader)
		lag.distance.bytes = lag_bytes(standby);
	lag.seconds = lag.is_by_leader ? replay_seconds_behind(standby, &lag.distance)
		: ms < 0               ? NAN
				       : (double)ms / 1000.0;
	return lag;
}

/* By the lag in bytes and in time, whichever gives less. */
static int
weight_of(const struct lag *lag, const struct replica_limits *limits)
{
	int64_t bytes = lag->distance.bytes;
	int by_bytes = weight_from_lag(
		bytes < 0 ? NAN : (double)bytes, &limits->critical.of[UNIT_BYTES], (int)limits->weight_min);
	int by_time = weight_from_lag(
		lag->seconds, &limits->critical.of[UNIT_SECONDS], (int)limits->weight_min);

	return by_bytes < by_time ? by_bytes : by_time;
}

static void
judge_lag(const struct snapshot *node, const struct replica_limits *limits,
	const struct replay_limits *replay_limits, struct verdict *verdict)
{
	struct lag lag = lag_of(node, limits);

	if (lag.is_by_leader)
		replay_judge_behind(&node->standby, &lag.distance, replay_limits, verdict);
	else
		replay_judge_lag(&node->standby, replay_limits, verdict);
	verdict->weight_percent = weight_of(&lag, limits);
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
	const enum state unreachable[WITNESS_MANAGERS] = {[WITNESS_PATRONI] = limits->patroni_unreachable};
	const struct witness_replica_limits replica_limits = {
		.witness = {.policy = &limits->policy, .unreachable = unreachable},
		.accepts_leader = limits->accept_primary,
		.ignores_noloadbalance = limits->ignore_noloadbalance};
	bool is_seen;

	if (!snapshots[0].role.in_recovery) {
		judge_primary(snapshots, count, limits, verdict);
		return;
	}
	is_seen = replay_judge_source(standby, &replay_limits, verdict);
	witness_replica_judge(&snapshots[0], &replica_limits, verdict);
	if (!is_seen)
		return;
	replay_judge_progress(standby, &replay_limits, verdict);
	judge_replayed(standby->replay_lsn, limits->replayed, verdict);
	judge_lag(&snapshots[0], limits, &replay_limits, verdict);
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
	{.name = "ignore-noloadbalance",
		.type = SETTING_FLAG,
		SETTING_AT(struct replica_limits, ignore_noloadbalance),
		.help = "accept a replica that Patroni's tag noloadbalance takes out (with --patroni)",
		.needs = "patroni,replay"},
	{.name = "patroni-unreachable",
		.type = SETTING_STATE,
		SETTING_AT(struct replica_limits, patroni_unreachable),
		.initial = "warning",
		.argument = "STATE",
		.help
		= "the state of a standby whose Patroni does not answer: a warning, which is a yes, goes on "
		  "with PostgreSQL's own word",
		.needs = "patroni,replay"},
	{.name = "unconfirmed-primary",
		.type = SETTING_STATE,
		SETTING_AT(struct replica_limits, unconfirmed_primary),
		.initial = "critical",
		.argument = "STATE",
		.help
		= "the state of an accepted primary whose manager does not answer; in the agent, critical "
		  "means what [check leader] says of a leader then",
		.needs = "patroni,replay"},
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
static const struct witness *const witnesses[] = {&patroni_witness, NULL};

const struct check check_pg_replica = {
	.name = "pg_replica",
	.title = "PG REPLICA",
	.summary = "is this node a replica fit for reads, within the lag limits?",
	.example = "check_pg_replica -H 10.0.0.12 -U pgha -w 16MB -c 64MB -c 30s\n"
		   "check_pg_replica -H 10.0.0.12 -U pgha -f haproxy -c 64MB\n"
		   "check_pg_replica -H 10.0.0.12 -c 64MB --patroni http://10.0.0.12:8008\n",
	.facets = facets,
	.settings = settings,
	.setting_count = sizeof settings / sizeof settings[0],
	.limits_size = sizeof(struct replica_limits),
	.is_about_replay = true,
	.witnesses = witnesses,
	.evaluate = evaluate,
};
