#include "lib/evaluate/sender.h"

#include <math.h>
#include <string.h>

#include "lib/base/text.h"

/*
 * How long beyond its due time a receiver's word may be late. After half of wal_sender_timeout the sender
 * asks for one, so up to then silence is normal.
 */
enum { SILENCE_MARGIN_MS = 5000 };

/*
 * With a longer timeout, or none, a standby speaks all the same: every 10 s by wal_receiver_status_interval,
 * and where that is off, after half of its own wal_receiver_timeout of a minute.
 */
enum { SILENCE_NORMAL_MS = 30000 + SILENCE_MARGIN_MS };

bool
sender_is_standby(const struct snapshot_sender *sender)
{
	return !sender->is_logical && strcmp(sender->state, "backup") != 0;
}

bool
sender_is_streaming(const struct snapshot_sender *sender)
{
	return strcmp(sender->state, "streaming") == 0;
}

int64_t
sender_bytes(const struct snapshot_sender *sender, enum sender_step step)
{
	const int64_t bytes[] = {[SENDER_SENT] = sender->sent_behind_bytes,
		[SENDER_WRITTEN] = sender->write_behind_bytes,
		[SENDER_FLUSHED] = sender->flush_behind_bytes,
		[SENDER_REPLAYED] = sender->behind_bytes};

	if (bytes[step] == SNAPSHOT_NONE)
		return -1;
	return bytes[step] > 0 ? bytes[step] : 0;
}

double
sender_seconds(const struct snapshot_sender *sender, enum sender_step step)
{
	const int64_t ms[] = {[SENDER_SENT] = SNAPSHOT_NONE,
		[SENDER_WRITTEN] = sender->write_lag_ms,
		[SENDER_FLUSHED] = sender->flush_lag_ms,
		[SENDER_REPLAYED] = sender->replay_lag_ms};

	/* The server shows its last sample for a while after there is nothing left to do. */
	if (sender_bytes(sender, step) == 0)
		return 0;
	return ms[step] == SNAPSHOT_NONE ? NAN : (double)ms[step] / 1000.0;
}

enum sender_step
sender_last_step(const struct snapshot_sender *sender)
{
	static const enum sender_step told[] = {SENDER_REPLAYED, SENDER_FLUSHED, SENDER_WRITTEN};

	for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
		if (sender_bytes(sender, told[i]) >= 0)
			return told[i];
	return SENDER_STEP_COUNT;
}

int64_t
sender_lag(const struct snapshot_sender *sender)
{
	enum sender_step step = sender_last_step(sender);

	return step == SENDER_STEP_COUNT ? -1 : sender_bytes(sender, step);
}

enum sender_word
sender_word(const struct snapshot_sender *sender, int64_t timeout_ms)
{
	int64_t age_ms = sender->reply_age_ms;

	if (age_ms <= SILENCE_MARGIN_MS) /* or none */
		return SENDER_HEARD;
	if (timeout_ms > 0 && age_ms - SILENCE_MARGIN_MS > timeout_ms)
		return SENDER_CLOCK;
	if (timeout_ms > 0 && age_ms - SILENCE_MARGIN_MS > timeout_ms / 2)
		return SENDER_SILENT;
	return age_ms > SILENCE_NORMAL_MS ? SENDER_STALE : SENDER_HEARD;
}

/* How many standbys bear the name of one, itself included, at any address or at its own. */
static int
count_alike(const struct snapshot *snapshot, const struct snapshot_sender *one, bool at_its_address)
{
	size_t rows = snapshot_row_count(snapshot, snapshot_list_of(SNAPSHOT_SENDERS));
	int count = 0;

	for (size_t i = 0; i < rows; i++) {
		const struct snapshot_sender *other = &snapshot->senders.rows[i];

		count += sender_is_standby(other) && strcmp(other->application, one->application) == 0
			&& (!at_its_address || strcmp(other->address, one->address) == 0);
	}
	return count;
}

const char *
sender_name(const struct snapshot *snapshot, const struct snapshot_sender *sender, char to[SENDER_NAME_SIZE])
{
	bool has_name = sender->application[0] != '\0';
	char more_storage[sizeof sender->address + 2];
	struct text more, name;

	text_init(&more, more_storage, sizeof more_storage);
	text_init(&name, to, SENDER_NAME_SIZE);
	if (!has_name || count_alike(snapshot, sender, false) > 1) {
		if (sender->address[0] != '\0' && count_alike(snapshot, sender, true) == 1)
			text_add(&more, "@%s", sender->address);
		else
			text_add(&more, "[%lld]", (long long)sender->pid);
	}
	text_add(&name, "%.*s%s", (int)(SENDER_NAME_SIZE - 1 - more.length),
		has_name ? sender->application : "unnamed", more.bytes);
	return to;
}
