#include "lib/agent/route.h"

#include <stddef.h>
#include <string.h>

static const struct route routes[] = {
	{.name = "", .kind = ROUTE_CHECK, .base = "leader", .is_for_primary = true, .has_no_tags = true},
	{.name = "async", .kind = ROUTE_CHECK, .base = "replica", .sync = ROUTE_ASYNC},
	{.name = "asynchronous", .kind = ROUTE_CHECK, .base = "replica", .sync = ROUTE_ASYNC},
	{.name = "health", .kind = ROUTE_HEALTH},
	{.name = "leader",
		.kind = ROUTE_CHECK,
		.base = "leader",
		.accepts_standby_leader = true,
		.has_no_tags = true},
	{.name = "liveness", .kind = ROUTE_LIVENESS},
	{.name = "master",
		.kind = ROUTE_CHECK,
		.base = "leader",
		.is_for_primary = true,
		.has_no_tags = true},
	{.name = "primary",
		.kind = ROUTE_CHECK,
		.base = "leader",
		.is_for_primary = true,
		.has_no_tags = true},
	{.name = "quorum", .kind = ROUTE_CHECK, .base = "replica", .sync = ROUTE_QUORUM},
	{.name = "read-only", .kind = ROUTE_CHECK, .base = "replica", .accepts_primary = true},
	{.name = "read-only-quorum",
		.kind = ROUTE_CHECK,
		.base = "replica",
		.sync = ROUTE_QUORUM,
		.accepts_primary = true},
	{.name = "read-only-sync",
		.kind = ROUTE_CHECK,
		.base = "replica",
		.sync = ROUTE_SYNC,
		.accepts_primary = true},
	{.name = "read-only-synchronous",
		.kind = ROUTE_CHECK,
		.base = "replica",
		.sync = ROUTE_SYNC,
		.accepts_primary = true},
	{.name = "read-write",
		.kind = ROUTE_CHECK,
		.base = "leader",
		.is_for_primary = true,
		.has_no_tags = true},
	{.name = "readiness", .kind = ROUTE_READINESS},
	{.name = "replica", .kind = ROUTE_CHECK, .base = "replica"},
	{.name = "standby-leader", .kind = ROUTE_STANDBY_LEADER, .has_no_tags = true},
	{.name = "standby_leader", .kind = ROUTE_STANDBY_LEADER, .has_no_tags = true},
	{.name = "sync", .kind = ROUTE_CHECK, .base = "replica", .sync = ROUTE_SYNC},
	{.name = "synchronous", .kind = ROUTE_CHECK, .base = "replica", .sync = ROUTE_SYNC},
};

const struct route *
route_find(const char *name)
{
	for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
		if (strcmp(routes[i].name, name) == 0)
			return &routes[i];
	return NULL;
}
