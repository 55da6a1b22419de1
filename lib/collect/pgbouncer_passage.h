/*
 * pgbouncer_passage.h: a query through the pooler, to see where a database leads.
 */
#ifndef PGHA_COLLECT_PGBOUNCER_PASSAGE_H
#define PGHA_COLLECT_PGBOUNCER_PASSAGE_H

#include <stdint.h>

#include "lib/base/err.h"
#include "lib/model/snapshot.h"
#include "lib/model/target.h"

/*
 * Connects to `database` of the pooler `at`, asks what role the server has and where it is, and fills what
 * begins with expected_, and is_shutting_down. PgBouncer keeps a login waiting while it has no server for it,
 * and a query while it is paused: until `deadline_ms` of clock_now_ms().
 */
void pgbouncer_passage_look(
	const char *database, const struct target *at, int64_t deadline_ms, struct snapshot_pgbouncer *seen);

/* Where it was not looked, and why. */
void pgbouncer_passage_fail(const char *database, const struct err *fault, struct snapshot_pgbouncer *seen);

#endif
