#include "lib/evaluate/replay.h"

#include <math.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/lag.h"
#include "lib/model/lsn.h"

/*
 * A WAL file's worth is on its way to a standby that keeps up: a switch of WAL files moves the position by as
 * much at once. From a sender in between, which may itself be cut off from whom the position is told by, no
 * more is certain than one message, MAX_SEND_SIZE in PostgreSQL's walsender.c.
 */
enum { ON_ITS_WAY_BYTES = 16 << 20, MESSAGE_BYTES = 128 << 10 };

/* A receiver whose state this role may not see: neither a yes nor a no can be known. */
static void
judge_hidden(const struct replay_limits *limits, struct verdict *verdict)
{
	struct err fault;

	err_set(&fault, ERR_SETUP, "not permitted to see the WAL receiver");
	err_hint(&fault, "grant the role of this check membership of pg_monitor");
	judge_fault(verdict, limits->policy, &fault);
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

bool
replay_judge_source(
	const struct snapshot_standby *standby, const struct replay_limits *limits, struct verdict *verdict)
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
	const struct snapshot_standby *standby, const struct replay_limits *limits, struct verdict *verdict)
{
	const struct range *critical = &limits->critical->of[UNIT_SECONDS];
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

static void
judge_pause(const struct snapshot_standby *standby, struct verdict *verdict)
{
	if (strcmp(standby->replay_pause, "not paused") == 0)
		return;
	judge_reason(verdict, STATE_CRITICAL,
		strcmp(standby->replay_pause, "paused") == 0 ? "replay is paused"
							     : "a pause of replay is requested");
	judge_hint(verdict, "SELECT pg_wal_replay_resume() lets it go on");
}

void
replay_judge_progress(
	const struct snapshot_standby *standby, const struct replay_limits *limits, struct verdict *verdict)
{
	judge_pause(standby, verdict);
	judge_delay(standby, limits, verdict);
}

/* A limit that nothing can be held against is not kept. */
static void
judge_unknown(const char *what, enum unit unit, const struct replay_limits *limits, struct verdict *verdict)
{
	if (limits->warning->of[unit].is_set || limits->critical->of[unit].is_set)
		judge_reason(verdict, STATE_UNKNOWN, "%s is not known", what);
}

void
replay_judge_figures(
	double bytes, double seconds, const struct replay_limits *limits, struct verdict *verdict)
{
	enum state before = verdict->state;

	judge_metric(verdict, "replay lag", "replay_lag_bytes", bytes, UNIT_BYTES, limits->warning,
		limits->critical);
	judge_metric(verdict, "time since the last replayed commit", "replay_lag_seconds", seconds,
		UNIT_SECONDS, limits->warning, limits->critical);
	if (verdict->state != before)
		judge_hint(verdict,
			"is a query there holding up replay (max_standby_streaming_delay), or are its disk "
			"or the network slow?");
}

void
replay_judge_lag(
	const struct snapshot_standby *standby, const struct replay_limits *limits, struct verdict *verdict)
{
	bool is_archive = limits->allow_archive_recovery && lag_source(standby) == LAG_NO_RECEIVER;
	int64_t bytes = lag_bytes(standby), ms = is_archive ? lag_archive_ms(standby) : lag_ms(standby);
	int reasons_before = verdict->reason_count;
	double byte_lag = bytes < 0 ? NAN : (double)bytes;
	double time_lag = ms < 0 ? NAN : (double)ms / 1000.0;

	if (bytes < 0)
		judge_unknown("the lag in bytes", UNIT_BYTES, limits, verdict);
	/* Nothing is replayed yet of what waits on purpose: what it waits for is within the limits, see
	 * above. */
	if (ms < 0 && !(standby->apply_delay_ms > 0 && standby->replay_age_ms == SNAPSHOT_NONE))
		judge_unknown("the lag in time", UNIT_SECONDS, limits, verdict);
	replay_judge_figures(byte_lag, time_lag, limits, verdict);
	if (bytes >= 0 && verdict->reason_count == reasons_before) {
		char storage[64];
		struct text text;

		text_init(&text, storage, sizeof storage);
		range_write_quantity(byte_lag, UNIT_BYTES, &text);
		judge_reason(verdict, STATE_OK, "%s behind", storage);
	}
}

/*
 * WAL that the primary wrote after the standby was asked would make an idle hour a lag of an hour: where no
 * more is missing than may be on its way, the standby's own word counts.
 */
double
replay_seconds_behind(const struct snapshot_standby *standby, const struct replay_distance *distance)
{
	int64_t on_its_way_bytes = distance->is_sender ? ON_ITS_WAY_BYTES : MESSAGE_BYTES;
	int64_t ms = lag_archive_ms(standby);

	if (distance->bytes == 0)
		return 0;
	if (distance->bytes <= on_its_way_bytes && lag_ms(standby) >= 0)
		ms = lag_ms(standby);
	return ms < 0 ? NAN : (double)ms / 1000.0;
}

void
replay_judge_behind(const struct snapshot_standby *standby, const struct replay_distance *distance,
	const struct replay_limits *limits, struct verdict *verdict)
{
	double seconds = replay_seconds_behind(standby, distance);
	char storage[64];
	struct text text;

	if (isnan(seconds))
		judge_unknown("the lag in time", UNIT_SECONDS, limits, verdict);
	replay_judge_figures((double)distance->bytes, seconds, limits, verdict);
	text_init(&text, storage, sizeof storage);
	range_write_quantity((double)distance->bytes, UNIT_BYTES, &text);
	judge_reason(verdict, STATE_OK, "%s behind %s", storage, distance->whom);
}
