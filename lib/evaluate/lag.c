#include "lib/evaluate/lag.h"

#include <string.h>

#include "lib/model/lsn.h"

/*
 * How long beyond its due time a sender's message may be late. On an idle primary the
 * receiver asks for one after half of wal_receiver_timeout, so up to then silence is normal.
 */
enum { SILENCE_MARGIN_MS = 5000 };

/*
 * What is normal with the default wal_receiver_timeout of a minute. A longer one, or none, permits
 * longer silence; but a sender that has said nothing for so long may have died or moved on.
 */
enum { SILENCE_NORMAL_MS = 30000 + SILENCE_MARGIN_MS };

/*
 * Right after it connects, a receiver streams but has had no message yet, and what it knows is
 * from before, however long ago that was. A sender that has WAL to send does so at once; one
 * that sent nothing for this long after the start (which counts as a receipt) has none.
 */
enum { FIRST_MESSAGE_MS = 1000 };

static bool
has_heard(const struct snapshot_standby *standby)
{
	return standby->has_heard || standby->receipt_age_ms >= FIRST_MESSAGE_MS;
}

enum lag_source
lag_source(const struct snapshot_standby *standby)
{
	if (standby->receiver_pid == SNAPSHOT_NONE)
		return LAG_NO_RECEIVER;
	if (standby->receiver_status[0] == '\0')
		return LAG_HIDDEN;
	if (strcmp(standby->receiver_status, "streaming") != 0)
		return LAG_NOT_STREAMING;
	if (standby->receiver_timeout_ms > 0
		&& standby->receipt_age_ms > standby->receiver_timeout_ms / 2 + SILENCE_MARGIN_MS)
		return LAG_SILENT;
	if (standby->receipt_age_ms > SILENCE_NORMAL_MS)
		return LAG_STALE;
	if (!has_heard(standby))
		return LAG_STARTING;
	/*
	 * Every message tells where the sender's WAL ends, so nothing beyond it can have come from this
	 * sender: its history and ours have parted. Such a receiver comes and goes, streaming for a moment
	 * each time.
	 */
	if (standby->has_heard && standby->latest_end_lsn != LSN_NONE
		&& standby->replay_lsn > standby->latest_end_lsn)
		return LAG_AHEAD;
	return LAG_STREAMING;
}

static uint64_t
newest_known(const struct snapshot_standby *standby)
{
	uint64_t received = lsn_newer(standby->receive_lsn, standby->written_lsn);

	return lsn_newer(received, standby->latest_end_lsn);
}

static bool
is_known(const struct snapshot_standby *standby)
{
	return lag_source(standby) == LAG_STREAMING && standby->replay_lsn != LSN_NONE;
}

int64_t
lag_bytes(const struct snapshot_standby *standby)
{
	return is_known(standby) ? lsn_distance(newest_known(standby), standby->replay_lsn) : -1;
}

int64_t
lag_ms(const struct snapshot_standby *standby)
{
	if (!is_known(standby))
		return -1;
	return lag_bytes(standby) == 0 ? 0 : lag_archive_ms(standby);
}

int64_t
lag_archive_ms(const struct snapshot_standby *standby)
{
	if (standby->replay_age_ms == SNAPSHOT_NONE)
		return -1;
	/* By the primary's clock, which may run ahead of this node's. */
	return standby->replay_age_ms > 0 ? standby->replay_age_ms : 0;
}
