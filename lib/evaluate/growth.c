#include "lib/evaluate/growth.h"

#include <string.h>

/* An error is told for so long at least, and for at most twice as long. */
enum { WINDOW_MS = 60000 };

static int64_t
row_count(const struct snapshot *snapshot)
{
	if (!snapshot_has(snapshot, SNAPSHOT_SUBSCRIPTIONS))
		return 0;
	return (int64_t)snapshot_row_count(snapshot, snapshot_list_of(SNAPSHOT_SUBSCRIPTIONS));
}

/* Both kinds of errors together; none where the server does not count them. */
static int64_t
errors_of(const struct snapshot_subscription *subscription)
{
	int64_t sum;

	/* None is below zero; what else is, or does not fit, no server said. */
	if (subscription->apply_errors < 0 || subscription->sync_errors < 0
		|| __builtin_add_overflow(subscription->apply_errors, subscription->sync_errors, &sum))
		return SNAPSHOT_NONE;
	return sum;
}

void
growth_take(struct growth_mark *mark, const struct snapshot *snapshot, int64_t at_ms)
{
	memset(mark, 0, sizeof *mark);
	mark->at_ms = snapshot_has(snapshot, SNAPSHOT_SUBSCRIPTIONS) ? at_ms : SNAPSHOT_NONE;
	mark->count = row_count(snapshot);
	for (int64_t i = 0; i < mark->count; i++) {
		const struct snapshot_subscription *row = &snapshot->subscriptions.rows[i];

		memcpy(mark->rows[i].name, row->name, sizeof row->name);
		memcpy(mark->rows[i].database, row->database, sizeof row->database);
		mark->rows[i].errors = errors_of(row);
		mark->rows[i].conflicts = row->conflicts;
	}
}

static int64_t
difference(int64_t now, int64_t before)
{
	if (now < 0 || before < 0)
		return SNAPSHOT_NONE;
	return now < before ? now : now - before;
}

static void
compare(const struct growth_mark *mark, struct snapshot_subscription *row)
{
	row->new_errors = SNAPSHOT_NONE;
	row->new_conflicts = SNAPSHOT_NONE;
	for (int64_t i = 0; i < mark->count; i++)
		if (strcmp(mark->rows[i].name, row->name) == 0
			&& strcmp(mark->rows[i].database, row->database) == 0) {
			row->new_errors = difference(errors_of(row), mark->rows[i].errors);
			row->new_conflicts = difference(row->conflicts, mark->rows[i].conflicts);
		}
}

void
growth_since(const struct growth_mark *mark, struct snapshot *snapshot)
{
	int64_t count = row_count(snapshot);

	for (int64_t i = 0; i < count; i++)
		compare(mark, &snapshot->subscriptions.rows[i]);
}

void
growth_init(struct growth *growth)
{
	memset(growth, 0, sizeof *growth);
	growth->older.at_ms = SNAPSHOT_NONE;
	growth->newer.at_ms = SNAPSHOT_NONE;
}

void
growth_follow(struct growth *growth, struct snapshot *snapshot, int64_t now_ms)
{
	if (!snapshot_has(snapshot, SNAPSHOT_SUBSCRIPTIONS))
		return;
	if (growth->newer.at_ms == SNAPSHOT_NONE)
		growth_take(&growth->newer, snapshot, now_ms);
	if (growth->older.at_ms == SNAPSHOT_NONE)
		growth->older = growth->newer;
	growth_since(&growth->older, snapshot);
	if (now_ms - growth->newer.at_ms >= WINDOW_MS) {
		growth->older = growth->newer;
		growth_take(&growth->newer, snapshot, now_ms);
	}
}
