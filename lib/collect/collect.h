/*
 * collect.h: from a target to a snapshot, under one deadline. What cannot be seen becomes a fault
 * in the snapshot, never a failure of the caller.
 */
#ifndef PGHA_COLLECT_COLLECT_H
#define PGHA_COLLECT_COLLECT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/facet.h"
#include "lib/model/snapshot.h"
#include "lib/model/target.h"

struct pg;

/* What was seen by facets with a period, and when (clock_now_ms()). */
struct collect_memory {
	struct snapshot snapshot;
	int64_t seen_ms[SNAPSHOT_PART_COUNT];
};

/* A connection that is kept from one probe to the next; starts with the target set and the rest zero. */
struct collect_session {
	const struct target *target;
	struct pg *pg;                 /* NULL: not connected */
	char place[160];               /* where that is, for people */
	struct collect_memory *memory; /* NULL: each part is asked at every probe */
};

/*
 * Asks `facets` (ends in NULL, at most SNAPSHOT_PART_COUNT), connecting first where the session is not,
 * all before `deadline_ms` of clock_now_ms(). Fills the whole snapshot. A kept connection that turns out
 * to be closed is opened anew, once, before anything is said: an administrator who ends it, or a pooler,
 * says nothing about the server. A connection that is of no more use is closed.
 */
void collect_probe(struct collect_session *session, const struct facet *const *facets, int64_t deadline_ms,
	struct snapshot *snapshot);

/* The socket to wait on between probes, or -1; and whether what came in there ends the connection. */
int collect_socket(const struct collect_session *session);
bool collect_is_lost(struct collect_session *session);

/* Ends the connection, if there is one. */
void collect_close(struct collect_session *session);

/* collect_probe() on a connection of its own. */
void collect_once(const struct target *target, const struct facet *const *facets, int64_t deadline_ms,
	struct snapshot *snapshot);

#endif
