/*
 * health.h: the questions of Patroni's REST API that are no check of their own: is the server up, is it
 * ready for more than that, does it lead a standby cluster; and what a path asks beside its check. The checks
 * are checks like any other, and all of it is pure.
 *
 * What Patroni itself says counts where it is asked, which is where its part of the snapshot is there, or has
 * a fault.
 */
#ifndef PGHA_AGENT_HEALTH_H
#define PGHA_AGENT_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/agent/route.h"
#include "lib/evaluate/witness.h"
#include "lib/model/check.h"

/* How far a standby may be behind to be ready: Patroni's maximum_lag_on_failover. */
enum { HEALTH_READY_BYTES = 1048576 };

/* What the checks below take. */
struct health_limits {
	struct policy policy;
	int64_t ready_bytes;
	bool is_by_write; /* mode=write: what is received counts, not what is replayed */
	enum state unreachable[WITNESS_MANAGERS]; /* of a primary, when its manager could not be asked */
};

extern const struct check health_up; /* whatever its role */
/* A primary (to the managers that are asked, too), or a standby that streams and follows closely. */
extern const struct check health_ready;
/* Which cluster follows which, only a manager knows: without one, never. */
extern const struct check health_standby_leader;

/* Whether Patroni says, and the server agrees, that this node leads a standby cluster. */
bool health_leads_standbys(const struct snapshot *node);

/*
 * Adds whether the standby in snapshots[0] is to its primary what is wanted, and ends the verdict. The
 * primary tells it if it is among the peers (snapshots[1] on), else this node's Patroni.
 */
void health_judge_sync(
	const struct snapshot *snapshots, size_t count, enum route_sync wanted, struct verdict *verdict);

/*
 * Adds a no unless Patroni says that the node has all of these tags, "name=value" with commas between; and
 * ends the verdict.
 */
void health_judge_tags(const struct snapshot *node, const char *wanted, struct verdict *verdict);

#endif
