/*
 * dcs_etcd_status.h: what an endpoint of etcd says of itself and of the members, API v3. Pure.
 */
#ifndef PGHA_COLLECT_DCS_ETCD_STATUS_H
#define PGHA_COLLECT_DCS_ETCD_STATUS_H

#include "lib/base/err.h"
#include "lib/collect/web.h"
#include "lib/model/snapshot.h"

struct json_t;

/*
 * Reads the answer to /maintenance/status into the row: who it is, whom it takes for the leader, its size,
 * log and alarms. -1 with class protocol: another shape. Zeroes are left out, but a version is always there.
 */
int dcs_etcd_status_read(const struct json_t *status, struct snapshot_dcs_endpoint *row, struct err *err)
	__attribute__((warn_unused_result));

/*
 * Reads the answer to /cluster/member/list: how the row's member is called, and how many vote. Nothing where
 * it is no answer: who does not tell its members tells all the rest as well.
 */
void dcs_etcd_status_read_members(
	const struct web_answer *answer, struct snapshot_dcs_endpoint *row, struct snapshot_dcs *dcs);

#endif
