/*
 * source.h: what the sources of checks that ask no PostgreSQL server have in common: which target they ask, and
 * the frame of the snapshot that they fill.
 */
#ifndef PGHA_COLLECT_SOURCE_H
#define PGHA_COLLECT_SOURCE_H

#include <stdint.h>

#include "lib/model/check.h"
#include "lib/model/snapshot.h"
#include "lib/model/target.h"

/*
 * The target to connect to: by `conninfo` if it is not empty, else what the command line names. `ret` asks as
 * `application`, for as long as there is time.
 */
void source_target(
	const char *conninfo, const struct check_look *look, const char *application, struct target *ret);

/* Begins a snapshot: empty, of `target` (for people, never a secret). Returns when, for source_end(). */
int64_t source_begin(struct snapshot *snapshot, const char *target);

/* Ends it: when it was taken, and how long that took. */
void source_end(struct snapshot *snapshot, int64_t begun_us);

/* Fills the whole of `seen` from a source, which is asked about `node`. */
typedef void source_collector(const void *source, const struct check_look *look, const struct snapshot *node,
	struct snapshot *seen);

/*
 * What a witness does: asks its source apart, and puts its part, or why it was not had, into `snapshot`, which
 * holds what the server said (and may be `node` itself).
 */
void source_collect_beside(source_collector *collect, const void *source, const struct snapshot *node,
	int64_t deadline_ms, enum snapshot_part part, struct snapshot *snapshot);

#endif
