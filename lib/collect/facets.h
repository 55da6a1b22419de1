/* facets.h: the facets there are, each in the file of its name. */
#ifndef PGHA_COLLECT_FACETS_H
#define PGHA_COLLECT_FACETS_H

#include "lib/model/facet.h"

extern const struct facet facet_archive;       /* the archiver, and what waits for it */
extern const struct facet facet_config;        /* the settings that a failover depends on */
extern const struct facet facet_connections;   /* sessions, and how many there may be */
extern const struct facet facet_identity;      /* which cluster it belongs to, since when it runs */
extern const struct facet facet_read_only;     /* who made a primary read-only */
extern const struct facet facet_role;          /* recovery, read-only, timeline */
extern const struct facet facet_senders;       /* the standbys that are connected to it */
extern const struct facet facet_slots;         /* replication slots */
extern const struct facet facet_standby;       /* replay and the WAL receiver */
extern const struct facet facet_subscriptions; /* logical subscriptions and their workers */
extern const struct facet facet_sync;          /* what commits wait for */

#endif
