/*
 * pg_session.h: what a connection holds while it stands. For the files behind pg.h.
 */
#ifndef PGHA_COLLECT_PG_SESSION_H
#define PGHA_COLLECT_PG_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/collect/flow.h"
#include "lib/collect/prepared.h"

struct pg {
	struct pg_conn *conn; /* libpq's PGconn */
	struct flow flow;
	struct prepared prepared;
	int64_t timeout_ms;         /* of a statement, as the server counts it */
	bool is_console;            /* see struct target */
	bool settings_in_statement; /* a pooler refused them at the start of the connection */
};

#endif
