/*
 * dcs_etcd2.h: etcd by its API v2: etcd 2, and 3.x to 3.5 where it is switched on (--enable-v2), for a
 * Patroni with the section "etcd". It shares the members with the API v3, not the keys. Pure.
 *
 * /v2/stats/self goes on to name a leader after the quorum is lost: only the read with quorum=true counts.
 */
#ifndef PGHA_COLLECT_DCS_ETCD2_H
#define PGHA_COLLECT_DCS_ETCD2_H

#include "lib/collect/dcs_dialect.h"

extern const struct dcs_dialect dcs_etcd2_dialect;

#endif
