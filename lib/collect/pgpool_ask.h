/* pgpool_ask.h: asks a pgpool-II for its backends, with SHOW commands over an ordinary session. */
#ifndef PGHA_COLLECT_PGPOOL_ASK_H
#define PGHA_COLLECT_PGPOOL_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/model/snapshot.h"
#include "lib/model/target.h"

/*
 * Fills what pgpool says: settings and backends. `target` is a console, `place` an empty text that gets where
 * it is, and *ret_is_here whether that is this host, where "localhost" is the same to both. -1 with a class
 * as pg_open() has it, or protocol when it does not answer as pgpool-II does.
 *
 * At each failover, and when a backend is attached, pgpool ends its processes and every session with them:
 * what it closed is asked again, twice at most, as long as there is time.
 */
int pgpool_ask(const struct target *target, int64_t deadline_ms, struct text *place, bool *ret_is_here,
	struct snapshot_pgpool *pgpool, struct err *err) __attribute__((warn_unused_result));

#endif
