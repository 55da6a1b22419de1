/*
 * pg_target.h: what libpq makes of a target, without connecting: its rules applied (connection string,
 * service, environment, defaults), and what cannot be meant refused.
 */
#ifndef PGHA_COLLECT_PG_TARGET_H
#define PGHA_COLLECT_PG_TARGET_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/collect/place.h"
#include "lib/model/target.h"

struct pg_target {
	struct place_list places;
	char options[1024]; /* for the server's side, of the session */
	bool is_direct;     /* sslnegotiation=direct (17 and later): TLS comes first */
	bool is_demanding;  /* the client insists on something that a server may not do */
	bool has_dbname;    /* somebody named a database: option, environment or service */
};

/*
 * -1 with class usage (or down, for want of memory). A connection string's text is never repeated: it may
 * hold a password. Reads the service file if the target names a service.
 */
int pg_target_read(const struct target *target, struct pg_target *ret, struct err *err)
	__attribute__((warn_unused_result));

/* Fills `err` from libpq's message about a target that it refuses before it connects. Returns -1. */
int pg_target_refuse(const struct target *target, const char *message, struct err *err);

#endif
