/*
 * dcs_store.h: what is found of a cluster manager's store itself: its members, quorum, leader, alarms. Pure.
 */
#ifndef PGHA_EVALUATE_DCS_STORE_H
#define PGHA_EVALUATE_DCS_STORE_H

#include <stdbool.h>

#include "lib/model/check.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/*
 * How an endpoint, one of the rows of `dcs`, is called: the name of the member, or host and port where that
 * is not told, or is the name of one before it (two endpoints may lead to one member).
 */
const char *dcs_store_label(const struct snapshot_dcs *dcs, const struct snapshot_dcs_endpoint *row);

/*
 * Judges whether there is a quorum, who is away or cut off, whether all see one leader of one cluster, and
 * what they say of themselves; and says how many members were not asked. Members that do not vote (learners,
 * observers, Consul's clients) are not counted where it is told how many more may fail.
 */
void dcs_store_judge(const struct snapshot_dcs *dcs, const struct policy *policy, struct verdict *verdict);

#endif
