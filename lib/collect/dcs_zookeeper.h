/*
 * dcs_zookeeper.h: ZooKeeper by the commands of its admin server (HTTP, port 8080; off from 3.10 on unless
 * admin.enableServer is set). Pure. See facts 8.7.
 *
 * A server serves only while it leads or follows, so whether it does tells of the quorum: after a loss it
 * goes on for up to tickTime * syncLimit. What clients store cannot be read there: no leader key.
 */
#ifndef PGHA_COLLECT_DCS_ZOOKEEPER_H
#define PGHA_COLLECT_DCS_ZOOKEEPER_H

#include "lib/collect/dcs_dialect.h"

extern const struct dcs_dialect dcs_zookeeper_dialect;

#endif
