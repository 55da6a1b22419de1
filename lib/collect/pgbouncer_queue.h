/*
 * pgbouncer_queue.h: whether one more client of the pooler would be served, by what its console has told.
 * Pure.
 */
#ifndef PGHA_COLLECT_PGBOUNCER_QUEUE_H
#define PGHA_COLLECT_PGBOUNCER_QUEUE_H

#include <stdint.h>

#include "lib/base/err.h"
#include "lib/collect/pgbouncer_rows.h"
#include "lib/model/snapshot.h"

/*
 * Whether the console has told already that nobody gets through to the expected database in `left_ms`: -1,
 * and `err` (class timeout) says why. PgBouncer does not notice that a client who waits has left, so one more
 * would stay in its queue for query_wait_timeout, take a place of max_client_conn, and be counted among those
 * who wait: it must not be tried at every look.
 */
int pgbouncer_queue_verify(const struct pgbouncer_rows *rows, const struct snapshot_pgbouncer *seen,
	int64_t left_ms, struct err *err) __attribute__((warn_unused_result));

#endif
