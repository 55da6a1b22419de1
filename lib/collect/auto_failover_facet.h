/*
 * auto_failover_facet.h: the nodes as pg_auto_failover's monitor sees them, in SQL: the part
 * SNAPSHOT_AUTO_FAILOVER but for what the nodes say themselves. Apart from auto_failover_facet, which has no
 * statement, lest it be asked of a server that is no monitor.
 */
#ifndef PGHA_COLLECT_AUTO_FAILOVER_FACET_H
#define PGHA_COLLECT_AUTO_FAILOVER_FACET_H

#include "lib/model/facet.h"

extern const struct facet auto_failover_facet_monitor;

#endif
