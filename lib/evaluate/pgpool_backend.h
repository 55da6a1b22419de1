/* pgpool_backend.h: one backend of a pgpool-II: what to call it, and what its words mean. Pure. */
#ifndef PGHA_EVALUATE_PGPOOL_BACKEND_H
#define PGHA_EVALUATE_PGPOOL_BACKEND_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/model/check.h"
#include "lib/model/snapshot.h"
#include "lib/model/state.h"

enum { PGPOOL_BACKEND_NAME_SIZE = 128 };

/* "backend 1 (n2:5432)", as PCP's commands number them; returns `to`. */
const char *
pgpool_backend_name(const struct snapshot_pgpool_backend *backend, char to[PGPOOL_BACKEND_NAME_SIZE]);

/* "n2:5432", for figures; likewise. */
const char *
pgpool_backend_place(const struct snapshot_pgpool_backend *backend, char to[PGPOOL_BACKEND_NAME_SIZE]);

/* Whether pgpool sends sessions to it: "up", and "waiting", which it is until the first of them. */
bool pgpool_backend_is_up(const struct snapshot_pgpool_backend *backend);

/* Whether it is one at all: a number that the configuration leaves out is "unused". */
bool pgpool_backend_is_configured(const struct snapshot_pgpool_backend *backend);

/* Whether pgpool takes it for the primary; in other modes than streaming replication none is one. */
bool pgpool_backend_is_primary(const struct snapshot_pgpool_backend *backend);

/*
 * What it is in truth, "primary" or "standby": as it says itself, or if it was not asked, as pgpool sees it
 * when it looks. Empty: not known.
 */
const char *pgpool_backend_true_role(const struct snapshot_pgpool_backend *backend);

/* Whether PostgreSQL is known to run there, whatever pgpool's status for it is. */
bool pgpool_backend_is_running(const struct snapshot_pgpool_backend *backend);

/* The state that the policy has for a fault, by the name of its class; UNKNOWN for a name that is none. */
enum state pgpool_backend_fault_state(const struct policy *policy, const char *fault_class);

/* How many rows are held. */
size_t pgpool_backend_count(const struct snapshot_pgpool *pgpool);

#endif
