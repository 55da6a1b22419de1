/*
 * pgpool_pcp.h: what `pcp_watchdog_info --verbose` writes, read into a snapshot. Pure.
 *
 * Lines "NAME : VALUE", of the watchdog as a whole and then of each pgpool-II, of which the first is the one
 * that was asked. 4.1 and earlier say Master where later ones say Leader.
 */
#ifndef PGHA_COLLECT_PGPOOL_PCP_H
#define PGHA_COLLECT_PGPOOL_PCP_H

#include "lib/base/err.h"
#include "lib/model/snapshot.h"

/* -1 with class protocol when it is not what that program writes. */
int pgpool_pcp_read(const char *text, struct snapshot_pgpool *pgpool, struct err *err)
	__attribute__((warn_unused_result));

/*
 * Why the program wrote nothing of use, from the first line that it wrote to standard error ("ERROR:  PCP:
 * ..."): down when it could not connect, else setup.
 */
void pgpool_pcp_explain(const char *complaint, struct err *err);

#endif
