/*
 * health.h: the questions of Patroni's REST API that are no check of their own: is the server up, is it
 * ready for more than that. They are checks like any other, and pure.
 */
#ifndef PGHA_AGENT_HEALTH_H
#define PGHA_AGENT_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/check.h"

/* How far a standby may be behind to be ready: Patroni's maximum_lag_on_failover. */
enum { HEALTH_READY_BYTES = 1048576 };

/* What the checks below take. */
struct health_limits {
	struct policy policy;
	int64_t ready_bytes;
	bool is_by_write; /* mode=write: what is received counts, not what is replayed */
};

extern const struct check health_up;    /* whatever its role */
extern const struct check health_ready; /* a primary, or a standby that streams and follows closely */
extern const struct check
	health_standby_leader; /* never: which cluster follows which, only a manager knows */

#endif
