/*
 * pgpool_roles.h: whether there is exactly one primary, by pgpool-II and by the backends themselves, and
 * whether they mean the same. Pure.
 */
#ifndef PGHA_EVALUATE_PGPOOL_ROLES_H
#define PGHA_EVALUATE_PGPOOL_ROLES_H

#include <stdbool.h>

#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/*
 * Whether pgpool runs in streaming replication mode. In the others each backend is written to by itself, and
 * is no standby: which has which role is then not judged.
 */
bool pgpool_roles_are_told(const struct snapshot_pgpool *pgpool);

/* Adds what is wrong with the roles. */
void pgpool_roles_judge(const struct snapshot_pgpool *pgpool, struct verdict *verdict);

#endif
