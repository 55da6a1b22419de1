/*
 * dcs_health.h: what the members of a cluster manager's store say of themselves. Pure.
 */
#ifndef PGHA_EVALUATE_DCS_HEALTH_H
#define PGHA_EVALUATE_DCS_HEALTH_H

#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/* Adds the alarms, each once though every member tells it, who is not well by its own word, and, as details,
 * which endpoint is which member. */
void dcs_health_judge(const struct snapshot_dcs *dcs, struct verdict *verdict);

#endif
