/*
 * fleet.h: several servers at once, each in a thread of its own, under one deadline: one that is silent costs
 * the others nothing.
 */
#ifndef PGHA_COLLECT_FLEET_H
#define PGHA_COLLECT_FLEET_H

#include <stddef.h>
#include <stdint.h>

#include "lib/model/facet.h"
#include "lib/model/snapshot.h"
#include "lib/model/target.h"

/* One server, and what was seen of it. */
struct fleet_node {
	struct target target;
	struct snapshot snapshot;
};

/*
 * collect_once() on each of `count` nodes, all at once. Every snapshot is filled. The nodes are large: allocate
 * them.
 */
void fleet_ask(struct fleet_node *nodes, size_t count, const struct facet *const *facets, int64_t deadline_ms);

/*
 * A target at `host` and `port` that is reached as `like` is, whose -H, -p and, if it names a place, conninfo
 * would lead elsewhere: user, password file, TLS and the rest stay. `dbname` NULL: that of `like`. -1 with class
 * usage when it does not fit.
 */
int fleet_target(const struct target *like, const char *host, int64_t port, const char *dbname,
	struct target *ret, struct err *err) __attribute__((warn_unused_result));

#endif
