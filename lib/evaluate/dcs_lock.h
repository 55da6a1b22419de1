/*
 * dcs_lock.h: what is found of the leader lock of a Patroni cluster, as its store tells. Pure.
 */
#ifndef PGHA_EVALUATE_DCS_LOCK_H
#define PGHA_EVALUATE_DCS_LOCK_H

#include <stdint.h>

#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/* Does nothing where no lock was looked for. `min_ttl_ms`: less left of it is a WARNING. */
void dcs_lock_judge(const struct snapshot_dcs *dcs, int64_t min_ttl_ms, struct verdict *verdict);

#endif
