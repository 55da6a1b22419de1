/*
 * standbys.h: what is to be said of the standbys of a server, by its WAL senders: who streams, how far each
 * is behind, who is silent or absent. Pure.
 *
 * Senders that decode for subscribers, and those of base backups, are no standbys. A receiver that only
 * stores WAL (pg_receivewal) is judged by what it has flushed or written, but not counted as a standby.
 */
#ifndef PGHA_EVALUATE_STANDBYS_H
#define PGHA_EVALUATE_STANDBYS_H

#include <stdint.h>

#include "lib/model/check.h"
#include "lib/model/range.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/* What the standbys are held against; the limits are in bytes and in time. */
struct standbys_limits {
	const struct policy *policy;
	const struct limit *warning;
	const struct limit *critical;
	const char
		*names;   /* a list of patterns, see names.h: only these are judged and counted; empty: all */
	const char *except;  /* likewise: not these; empty: no exception */
	int64_t required; /* standbys that must stream */
};

/*
 * Judges each standby in the part SNAPSHOT_SENDERS, which must be there. Figures are told of the eight
 * furthest behind.
 */
void standbys_judge(
	const struct snapshot *snapshot, const struct standbys_limits *limits, struct verdict *verdict);

#endif
