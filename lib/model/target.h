/* target.h: where a node is. An empty member is left to libpq's own rules (PGHOST, services, ...). */
#ifndef PGHA_MODEL_TARGET_H
#define PGHA_MODEL_TARGET_H

#include <stdbool.h>
#include <stdint.h>

struct target {
	char host[1024]; /* names, addresses or socket directories, comma-separated as in libpq */
	char port[256];
	char user[128];
	char dbname[4096];       /* a name, a conninfo string or a URI; may hold a password: never shown */
	char database[64];       /* overrides the name of the database in dbname */
	const char *application; /* application_name when nothing else sets it */
	int64_t timeout_ms;      /* for the server's side: statement_timeout */
	/*
	 * A pooler's own commands are asked there (PgBouncer's admin console, pgpool-II's SHOW): one simple
	 * query at a time, nothing set for the session, whatever version it says it is.
	 */
	bool is_console;
	/* It is known to lead through a pooler, which need not be tried to take settings at the start of a
	 * session. */
	bool is_pooled;
};

#endif
