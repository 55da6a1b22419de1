/*
 * lag.h: how far a standby is behind, decided on the standby alone. Pure.
 *
 * Wrong in neither direction: an idle primary makes no lag, and a receiver that is gone, or
 * has not heard from its sender for too long, makes the lag unknown, never zero.
 */
#ifndef PGHA_EVALUATE_LAG_H
#define PGHA_EVALUATE_LAG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/snapshot.h"

/* Whether what the standby knows of its sender is fresh. */
enum lag_source {
	LAG_STREAMING,     /* a receiver streams and has heard from the sender in time */
	LAG_NO_RECEIVER,   /* none runs: archive recovery, or the sender is away */
	LAG_NOT_STREAMING, /* one runs, but does not stream (yet) */
	LAG_STARTING, /* one has just connected, and calls itself streaming before it has heard anything */
	LAG_AHEAD,    /* one streams from a sender whose WAL ends before what is replayed here */
	LAG_STALE,    /* one streams, and may be silent for so long, but then nobody knows */
	LAG_SILENT,   /* one streams, but nothing came for longer than the sender may be silent */
	LAG_HIDDEN    /* one runs, but this role may not see its state */
};

enum lag_source lag_source(const struct snapshot_standby *standby);

/*
 * Bytes from what was replayed to the newest position known: the sender's end of WAL by its
 * last message, what was written, what was flushed. -1: unknown.
 */
int64_t lag_bytes(const struct snapshot_standby *standby);

/*
 * Milliseconds since the commit of the last transaction replayed; zero when all that is known
 * of is replayed. -1: unknown.
 */
int64_t lag_ms(const struct snapshot_standby *standby);

/*
 * The same for a standby that restores from an archive, where nobody tells it how far the primary
 * is: at most so far behind, since an idle primary looks the same. -1: nothing replayed yet.
 */
int64_t lag_archive_ms(const struct snapshot_standby *standby);

#endif
