/*
 * pg_connect.h: makes a connection: the hosts of a target, and their addresses, in turn within one deadline.
 */
#ifndef PGHA_COLLECT_PG_CONNECT_H
#define PGHA_COLLECT_PG_CONNECT_H

#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/model/target.h"

struct pg;

/*
 * Gives `pg`, whose timeout_ms and is_console are set, its connection, and notes whether that took the
 * settings of the session. `place` and faults as of pg_open(); what has answered is not looked at.
 */
int pg_connect(struct pg *pg, const struct target *target, int64_t deadline_ms, struct text *place,
	struct err *err) __attribute__((warn_unused_result));

#endif
