/*
 * patroni_view.h: the view of the cluster that Patroni's REST API gives at /cluster and /config, read; of
 * versions 1.6 to 4.1, as their cluster_as_json() writes it. Pure. As patroni_json.h otherwise.
 */
#ifndef PGHA_COLLECT_PATRONI_VIEW_H
#define PGHA_COLLECT_PATRONI_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/model/snapshot.h"

/* A cluster of which nothing is known. */
void patroni_view_init(struct snapshot_patroni_cluster *cluster);

/* A member of which nothing is known. */
void patroni_view_init_member(struct snapshot_patroni_member *row);

/*
 * The members by /cluster, and what else it tells. Of more than there is room for the leader is kept. What
 * /config and the members themselves tell is left as patroni_view_init() has it.
 */
int patroni_view_read(const char *bytes, size_t length, struct snapshot_patroni_cluster *ret, struct err *err)
	__attribute__((warn_unused_result));

/* Adds what /config tells: modes, times, and the hash, which is the same for every order of members. */
int patroni_view_config(const char *bytes, size_t length, struct snapshot_patroni_cluster *cluster,
	struct err *err) __attribute__((warn_unused_result));

/*
 * The length of a URL without the "/patroni" that api_url ends in, and without "/": paths are put behind
 * that. 0 where it is none of HTTP or HTTPS, or has no host.
 */
size_t patroni_view_url_length(const char *url);

/* Whether the view calls it the leader: also of a standby cluster, or while it is being promoted. */
bool patroni_view_is_leader(const struct snapshot_patroni_member *row);

#endif
