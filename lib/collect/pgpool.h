/*
 * pgpool.h: the part SNAPSHOT_PGPOOL of a snapshot: what a pgpool-II says of its backends (SHOW commands,
 * over an ordinary session), what each backend says of itself, and what PCP says of the watchdog.
 */
#ifndef PGHA_COLLECT_PGPOOL_H
#define PGHA_COLLECT_PGPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/check.h"
#include "lib/model/facet.h"
#include "lib/model/snapshot.h"

/* The facet of a check that reads this part; it has no statement. */
extern const struct facet pgpool_facet;

/* What is to be looked at. Texts are empty where nothing was said, never NULL. */
struct pgpool_source {
	const char *conninfo; /* of pgpool; empty: where the command line leads */
	bool asks_backends;
	const char *pcp_user; /* empty: the watchdog is not asked; the password is in .pcppass */
	const char *pcp_host; /* empty: where pgpool answered */
	int64_t pcp_port;
	const char *pcp_command; /* pcp_watchdog_info, or its path */
};

/*
 * Fills the whole snapshot before the deadline of `look`. The part is there when pgpool told of its backends;
 * what a backend or PCP did not answer is a fault within it. Its own fault is down, timeout, full, setup,
 * protocol (this is no pgpool-II, or one that answers in another shape) or usage (the connection string).
 */
void
pgpool_collect(const struct pgpool_source *source, const struct check_look *look, struct snapshot *snapshot);

#endif
