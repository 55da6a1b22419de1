/*
 * sync_primary.h: what is to be said of a primary's synchronous replication: whether commits can be made, how
 * many standbys may go before they cannot, and whether they are made. Pure.
 *
 * That enough standbys stream is not all there is to it: one that is frozen, or that replays nothing while
 * commits wait for that, streams and still holds them up. So the sessions that wait are judged as well.
 */
#ifndef PGHA_EVALUATE_SYNC_PRIMARY_H
#define PGHA_EVALUATE_SYNC_PRIMARY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/check.h"
#include "lib/model/range.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

struct sync_primary_limits {
	const struct policy *policy;
	const struct limit *warning; /* of the margin; plain numbers */
	const struct limit *critical;
	int64_t max_wait_ms; /* how long a commit may wait while enough standbys stream */
	bool allow_async;    /* accept that commits wait for no standby */
};

/* Judges a primary whose parts sync and senders were obtained. */
void sync_primary_judge(
	const struct snapshot *primary, const struct sync_primary_limits *limits, struct verdict *verdict);

#endif
