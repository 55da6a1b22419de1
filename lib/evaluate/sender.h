/*
 * sender.h: what one WAL sender tells of its receiver: whether that is a standby, how far it is behind, when
 * it was last heard, how people call it. Pure.
 */
#ifndef PGHA_EVALUATE_SENDER_H
#define PGHA_EVALUATE_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/* What a receiver does with WAL, in the order in which it does it. */
enum sender_step { SENDER_SENT, SENDER_WRITTEN, SENDER_FLUSHED, SENDER_REPLAYED, SENDER_STEP_COUNT };

/* Neither one that decodes for a subscriber nor a base backup's. One that only stores WAL is taken for a
 * standby. */
bool sender_is_standby(const struct snapshot_sender *sender);

bool sender_is_streaming(const struct snapshot_sender *sender);

/* From the server's own position to what has got so far; never negative. -1: not known. */
int64_t sender_bytes(const struct snapshot_sender *sender, enum sender_step step);

/*
 * The same in time, by the server's own clock. NAN: not known. A hint only: while replay stands still, so
 * does this (seen on 18: 4 ms with 1.28 MB not replayed), and of what never replays it grows without bound.
 */
double sender_seconds(const struct snapshot_sender *sender, enum sender_step step);

/*
 * The last step that it tells of, by which it is judged: a standby replays; pg_receivewal does not, and
 * flushes only when a file is full. SENDER_STEP_COUNT: it has told nothing yet, having just connected.
 */
enum sender_step sender_last_step(const struct snapshot_sender *sender);

/* Bytes from the server's own position to that step. -1: not known. */
int64_t sender_lag(const struct snapshot_sender *sender);

/* How fresh a receiver's last word is. */
enum sender_word {
	SENDER_HEARD,  /* as recent as it should be, or it has said nothing yet */
	SENDER_STALE,  /* it may be silent for so long, but then nobody knows */
	SENDER_SILENT, /* nothing came for longer than a receiver that lives is silent */
	SENDER_CLOCK   /* so old that the server would have ended the sender: its clock is another */
};

/*
 * `timeout_ms` is wal_sender_timeout. The word carries the time at which it left, by the receiver's clock
 * (pg_stat_replication.reply_time): a difference of the clocks adds to its age.
 */
enum sender_word sender_word(const struct snapshot_sender *sender, int64_t timeout_ms);

/* As long as the subject of a figure. */
enum { SENDER_NAME_SIZE = sizeof(((struct verdict_metric *)0)->subject) };

/*
 * How messages and figures call one of the snapshot's standbys: n2; where others have that name
 * ("walreceiver" often is one) n2@10.0.0.12, or at one address n2[4711] by the pid of its sender. The name is
 * cut, not what tells it from the others. Returns `to`.
 */
const char *
sender_name(const struct snapshot *snapshot, const struct snapshot_sender *sender, char to[SENDER_NAME_SIZE]);

#endif
