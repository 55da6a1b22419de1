#include "lib/agent/history.h"

#include "lib/evaluate/lag.h"

/* Zeroed memory has no kinds, so that a point of it is a gap whatever its number. */
static struct history_point *
point_for(struct history *history, int64_t now_ms)
{
	int64_t number = now_ms / HISTORY_POINT_MS;
	struct history_point *point = &history->points[number % HISTORY_POINTS];

	if (point->kinds != 0 && point->number > number)
		return NULL;
	if (point->kinds == 0 || point->number != number)
		*point = (struct history_point){.number = number, .lag_bytes = -1, .lag_ms = -1};
	return point;
}

void
history_add(
	struct history *history, int64_t now_ms, enum history_kind kind, int64_t lag_bytes, int64_t lag_ms)
{
	struct history_point *point = now_ms < 0 ? NULL : point_for(history, now_ms);

	if (point == NULL)
		return;
	point->kinds |= UINT32_C(1) << kind;
	if (lag_bytes > point->lag_bytes)
		point->lag_bytes = lag_bytes;
	if (lag_ms > point->lag_ms)
		point->lag_ms = lag_ms;
	if (kind == HISTORY_STANDBY && lag_bytes < 0)
		point->is_lag_hidden = true;
}

/* What the primary knows of those who follow it. */
static void
add_primary(struct history *history, int64_t now_ms, const struct snapshot *snapshot)
{
	const struct snapshot_list *list = snapshot_list_of(SNAPSHOT_SENDERS);
	size_t count = snapshot_has(snapshot, SNAPSHOT_SENDERS) ? snapshot_row_count(snapshot, list) : 0;
	int64_t lag_bytes_max = -1, lag_ms_max = -1;

	for (size_t i = 0; i < count; i++) {
		const struct snapshot_sender *sender = &snapshot->senders.rows[i];

		if (sender->behind_bytes > lag_bytes_max)
			lag_bytes_max = sender->behind_bytes;
		if (sender->replay_lag_ms > lag_ms_max)
			lag_ms_max = sender->replay_lag_ms;
	}
	history_add(history, now_ms, HISTORY_PRIMARY, lag_bytes_max, lag_ms_max);
}

void
history_see(struct history *history, int64_t now_ms, const struct snapshot *snapshot, bool is_known)
{
	if (!is_known)
		history_add(history, now_ms, HISTORY_UNKNOWN, -1, -1);
	else if (!snapshot_has(snapshot, SNAPSHOT_ROLE))
		history_add(history, now_ms,
			snapshot->faults[SNAPSHOT_ROLE].class == ERR_DOWN ? HISTORY_DOWN : HISTORY_UNKNOWN,
			-1, -1);
	else if (!snapshot->role.in_recovery)
		add_primary(history, now_ms, snapshot);
	else if (!snapshot_has(snapshot, SNAPSHOT_STANDBY))
		history_add(history, now_ms, HISTORY_STANDBY, -1, -1);
	else
		history_add(history, now_ms, HISTORY_STANDBY, lag_bytes(&snapshot->standby),
			lag_ms(&snapshot->standby));
}

const struct history_point *
history_at(const struct history *history, int64_t now_ms, size_t index)
{
	int64_t number = now_ms / HISTORY_POINT_MS - (HISTORY_POINTS - 1) + (int64_t)index;
	const struct history_point *point;

	if (number < 0 || index >= HISTORY_POINTS)
		return NULL;
	point = &history->points[number % HISTORY_POINTS];
	return point->kinds != 0 && point->number == number ? point : NULL;
}

enum history_kind
history_worst(const struct history_point *point)
{
	int kind = HISTORY_KIND_COUNT - 1;

	while (kind > 0 && (point->kinds & UINT32_C(1) << kind) == 0)
		kind--;
	return (enum history_kind)kind;
}
