/*
 * history.h: the last hour of one node, in ten-second points of fixed memory. Pure: no clock, the
 * caller says when (CLOCK_MONOTONIC).
 *
 * A point keeps the worst of what was seen in it, so that a burst of half a second is still there
 * an hour later. A time in which nothing was added is a gap and stays one: nothing is carried on,
 * nothing is interpolated.
 */
#ifndef PGHA_AGENT_HISTORY_H
#define PGHA_AGENT_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/model/snapshot.h"

enum { HISTORY_POINTS = 360, HISTORY_POINT_MS = 10000 };

/* What the node was; the worse, the later. */
enum history_kind {
	HISTORY_STANDBY,
	HISTORY_PRIMARY,
	HISTORY_UNKNOWN, /* nothing was known: no answer in time, facts too old, no permission */
	HISTORY_DOWN,    /* it refused, or closed */
	HISTORY_KIND_COUNT
};

struct history_point {
	int64_t number;     /* which ten seconds of the clock these are */
	int64_t lag_bytes;  /* the largest in it; -1: none was known */
	int64_t lag_ms;     /* likewise */
	uint32_t kinds;     /* a bit for each kind that was seen; 0: nothing was added */
	bool is_lag_hidden; /* a standby's lag was not known at some time in it */
};

/* Begins zeroed, which is an hour of gaps. */
struct history {
	struct history_point points[HISTORY_POINTS];
};

_Static_assert(sizeof(struct history) <= 12 * 1024, "an hour has grown past its bound");

/*
 * Takes in what is the case at `now_ms`. The lag is a standby's own, or on a primary that of its
 * standby furthest behind; negative: not known, or none. What is older than the hour that is kept is
 * dropped; the clock does not go back, but if it did nothing would be overwritten.
 */
void history_add(
	struct history *history, int64_t now_ms, enum history_kind kind, int64_t lag_bytes, int64_t lag_ms);

/*
 * The same from facts: kind and lag as the snapshot has them. `is_known` is whether they are fresh
 * enough to be believed.
 */
void history_see(struct history *history, int64_t now_ms, const struct snapshot *snapshot, bool is_known);

/*
 * The points oldest first: 0 is an hour ago, HISTORY_POINTS - 1 the one that `now_ms` falls in. NULL: a
 * gap. The point `index` is (HISTORY_POINTS - 1 - index) * HISTORY_POINT_MS old.
 */
const struct history_point *history_at(const struct history *history, int64_t now_ms, size_t index);

/* The worst that was seen in a point. */
enum history_kind history_worst(const struct history_point *point);

#endif
