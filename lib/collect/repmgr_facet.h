/*
 * repmgr_facet.h: repmgr's metadata as a node holds them, in SQL: the part SNAPSHOT_REPMGR but for what the
 * nodes say themselves. Apart from repmgr_facet, which has no statement, lest it be asked of a server that
 * has no repmgr.
 */
#ifndef PGHA_COLLECT_REPMGR_FACET_H
#define PGHA_COLLECT_REPMGR_FACET_H

#include "lib/model/facet.h"

extern const struct facet repmgr_facet_nodes;

#endif
