/*
 * growth.h: what has come since an earlier look, of counters that only grow: the errors of subscriptions.
 * Pure.
 */
#ifndef PGHA_EVALUATE_GROWTH_H
#define PGHA_EVALUATE_GROWTH_H

#include <stdint.h>

#include "lib/model/snapshot.h"

/* The counters of one look. */
struct growth_mark {
	int64_t at_ms; /* of whatever clock; none: there was no look */
	int64_t count;
	struct growth_row {
		char name[SNAPSHOT_NAME_SIZE];
		char database[SNAPSHOT_NAME_SIZE];
		int64_t errors;
		int64_t conflicts;
	} rows[SNAPSHOT_SUBSCRIPTIONS_MAX];
};

/* The last minute or two, for one who looks all the time. */
struct growth {
	struct growth_mark older;
	struct growth_mark newer;
};

/* Notes the counters of a snapshot; none if it has no subscriptions part. */
void growth_take(struct growth_mark *mark, const struct snapshot *snapshot, int64_t at_ms);

/*
 * Sets new_errors and new_conflicts of every subscription to what has come since `mark`. A counter that is
 * lower was reset meanwhile: all of it is new. What was not there then stays none: nothing is known of it.
 */
void growth_since(const struct growth_mark *mark, struct snapshot *snapshot);

/* No looks yet. */
void growth_init(struct growth *growth);

/* growth_since() the look of one to two minutes ago, or the first, and takes this one in. */
void growth_follow(struct growth *growth, struct snapshot *snapshot, int64_t now_ms);

#endif
