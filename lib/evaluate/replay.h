/*
 * replay.h: what is to be said of a standby's own replication: whether WAL comes in, whether it is
 * replayed, how far it is behind. Shared by the checks that ask a standby. Pure.
 */
#ifndef PGHA_EVALUATE_REPLAY_H
#define PGHA_EVALUATE_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/check.h"
#include "lib/model/range.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/* What a standby is held against; the limits are in bytes and in time. */
struct replay_limits {
	const struct policy *policy;
	const struct limit *warning;
	const struct limit *critical;
	bool allow_archive_recovery; /* accept one that does not stream */
};

/* Whether WAL comes in. False when nothing more can be said. */
bool replay_judge_source(
	const struct snapshot_standby *standby, const struct replay_limits *limits, struct verdict *verdict);

/* Whether what came in is replayed: not paused, and not delayed on purpose beyond the critical limit in time.
 */
void replay_judge_progress(
	const struct snapshot_standby *standby, const struct replay_limits *limits, struct verdict *verdict);

/* A lag, however it was found, against the limits, as the figures below; NAN: not known. */
void replay_judge_figures(
	double bytes, double seconds, const struct replay_limits *limits, struct verdict *verdict);

/*
 * The lag against the limits, as the figures replay_lag_bytes and replay_lag_seconds. Where nothing alerts it
 * says how far behind the standby is.
 */
void replay_judge_lag(
	const struct snapshot_standby *standby, const struct replay_limits *limits, struct verdict *verdict);

/* How far a standby is behind somebody who told its own position. */
struct replay_distance {
	const char *whom; /* "the primary" */
	int64_t bytes;
	bool is_sender; /* known to be who the standby streams from, with nobody between */
};

/*
 * Seconds behind for a standby that is known to be so far behind, as the commit that was replayed last is
 * old. Zero only where what is missing may have been on its way. NAN: not known.
 */
double replay_seconds_behind(const struct snapshot_standby *standby, const struct replay_distance *distance);

/* As replay_judge_lag() where somebody else's position tells how far behind the standby is. */
void replay_judge_behind(const struct snapshot_standby *standby, const struct replay_distance *distance,
	const struct replay_limits *limits, struct verdict *verdict);

#endif
