/*
 * check_pg_replica: is this node a replica fit for reads, within the lag limits?
 *
 * Decided on the standby alone: its WAL receiver knows how far the sender was by its last
 * message. A standby of a standby is a replica like any other.
 */
#include <math.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/facets.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/lag.h"
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

/* A receiver whose state this role may not see: neither a yes nor a no can be known. */
static void
judge_hidden(const struct replica_limits *limits, struct verdict *verdict)
{
	struct err fault;

	err_set(&fault, ERR_SETUP, "not permitted to see the WAL receiver");
	err_hint(&fault, "grant the role of this check membership of pg_monitor");
	judge_fault(verdict, &limits->policy, &fault);
}

/* It holds what its sender does not: after a failover, what the old primary had not sent to the new one. */
static void
judge_ahead(const struct snapshot_standby *standby, struct verdict *verdict)
{
	char replayed[LSN_TEXT_SIZE], end[LSN_TEXT_SIZE];

	judge_reason(verdict, STATE_CRITICAL,
		"ahead of its sender %s: has replayed %s, and WAL ends at %s there", standby->sender_host,
		lsn_format(standby->replay_lsn, replayed), lsn_format(standby->latest_end_lsn, end));
	judge_hint(verdict,
		"it has rows that its primary does not have, and cannot follow it: use pg_rewind, or clone "
		"it anew");
}

/* Whether WAL comes in. False when nothing more can be said. */
static bool
judge_source(
	const struct snapshot_standby *standby, const struct replica_limits *limits, struct verdict *verdict)
{
	switch (lag_source(standby)) {
	case LAG_STREAMING:
		judge_reason(verdict, STATE_OK, "streaming from %s:%lld", standby->sender_host,
			standby->sender_port == SNAPSHOT_NONE ? 0 : (long long)standby->sender_port);
		return true;
	case LAG_STALE:
		judge_reason(verdict, STATE_OK, "streaming from %s, which has been silent for %lld s",
			standby->sender_host, (long long)(standby->receipt_age_ms / 1000));
		judge_hint(verdict,
			"set wal_receiver_timeout to a minute or less, to know when the sender is gone");
		return true;
	case LAG_HIDDEN:
		judge_hidden(limits, verdict);
		return false;
	case LAG_SILENT:
		judge_reason(verdict, STATE_CRITICAL, "nothing heard from %s for %lld s, lag unknown",
			standby->sender_host, (long long)(standby->receipt_age_ms / 1000));
		judge_hint(verdict, "is the sender frozen, or the network between cut?");
		break;
	case LAG_NOT_STREAMING:
		judge_reason(verdict, limits->allow_archive_recovery ? STATE_OK : STATE_CRITICAL,
			"not streaming: the WAL receiver is %s, lag unknown", standby->receiver_status);
		break;
	case LAG_STARTING:
		judge_reason(verdict, limits->allow_archive_recovery ? STATE_OK : STATE_CRITICAL,
			"not streaming yet: the WAL receiver has just connected, lag unknown");
		break;
	case LAG_AHEAD:
		judge_ahead(standby, verdict);
		break;
	case LAG_NO_RECEIVER:
		if (limits->allow_archive_recovery) {
			judge_reason(verdict, STATE_OK, "in archive recovery");
		} else {
			judge_reason(verdict, STATE_CRITICAL, "not streaming: no WAL receiver, lag unknown");
			judge_hint(verdict,
				"see the standby's log for why it cannot reach its primary "
				"(primary_conninfo), or pass --allow-archive-recovery");
		}
		break;
	}
	return true;
}

/*
 * A standby that waits on purpose holds back commits only, so that its lag in bytes may look small.
 * A critical limit in time that has room for the delay says that it is meant.
 */
static void
judge_delay(
	const struct snapshot_standby *standby, const struct replica_limits *limits, struct verdict *verdict)
{
	const struct range *critical = &limits->critical.of[UNIT_SECONDS];
	double delay = (double)standby->apply_delay_ms / 1000.0;
	char storage[64];
	struct text text;

	if (standby->apply_delay_ms <= 0 || (critical->is_set && !range_alerts(critical, delay)))
		return;
	text_init(&text, storage, sizeof storage);
	range_write_quantity(delay, UNIT_SECONDS, &text);
	judge_reason(verdict, STATE_CRITICAL, "replay is delayed by %s on purpose (recovery_min_apply_delay)",
		storage);
	judge_hint(verdict, "to accept it, give a critical limit in time above the delay");
}

/* A limit that nothing can be held against is not kept. */
static void
judge_unknown(const char *what, enum unit unit, const struct replica_limits *limits, struct verdict *verdict)
{
	if (limits->warning.of[unit].is_set || limits->critical.of[unit].is_set)
		judge_reason(verdict, STATE_UNKNOWN, "%s is not known", what);
}

static void
judge_lag(
	const struct snapshot_standby *standby, const struct replica_limits *limits, struct verdict *verdict)
{
	bool is_archive = limits->allow_archive_recovery && lag_source(standby) == LAG_NO_RECEIVER;
	int64_t bytes = lag_bytes(standby), ms = is_archive ? lag_archive_ms(standby) : lag_ms(standby);
	int reasons_before = verdict->reason_count;
	double byte_lag = bytes < 0 ? NAN : (double)bytes;
	double time_lag = ms < 0 ? NAN : (double)ms / 1000.0;
	int by_bytes = weight_from_lag(byte_lag, &limits->critical.of[UNIT_BYTES], (int)limits->weight_min);
	int by_time = weight_from_lag(time_lag, &limits->critical.of[UNIT_SECONDS], (int)limits->weight_min);

	if (bytes < 0)
		judge_unknown("the lag in bytes", UNIT_BYTES, limits, verdict);
	if (ms < 0)
		judge_unknown("the lag in time", UNIT_SECONDS, limits, verdict);
	judge_metric(verdict, "replay lag", "replay_lag_bytes", byte_lag, UNIT_BYTES, &limits->warning,
		&limits->critical);
	judge_metric(verdict, "time since the last replayed commit", "replay_lag_seconds", time_lag,
		UNIT_SECONDS, &limits->warning, &limits->critical);
	if (bytes >= 0 && verdict->reason_count == reasons_before) {
		char storage[64];
		struct text text;

		text_init(&text, storage, sizeof storage);
		range_write_quantity(byte_lag, UNIT_BYTES, &text);
		judge_reason(verdict, STATE_OK, "%s behind", storage);
	}
	verdict->weight_percent = by_bytes < by_time ? by_bytes : by_time;
}

static void
evaluate(const struct snapshot *snapshots, size_t count, const void *limits_data, struct verdict *verdict)
{
	const struct replica_limits *limits = limits_data;
	const struct snapshot_standby *standby = &snapshots[0].standby;

	(void)count;
	if (!snapshots[0].role.in_recovery) {
		judge_primary(&snapshots[0].role, limits, verdict);
		return;
	}
	if (!judge_source(standby, limits, verdict))
		return;
	if (strcmp(standby->replay_pause, "not paused") != 0) {
		judge_reason(verdict, STATE_CRITICAL,
			strcmp(standby->replay_pause, "paused") == 0 ? "replay is paused"
								     : "a pause of replay is requested");
		judge_hint(verdict, "SELECT pg_wal_replay_resume() lets it go on");
	}
	judge_delay(standby, limits, verdict);
	judge_replayed(standby->replay_lsn, limits->replayed, verdict);
	judge_lag(standby, limits, verdict);
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
	.evaluate = evaluate,
};
