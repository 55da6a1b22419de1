/*
 * repmgr_conninfo.h: where a connection string of repmgr's metadata leads, and nothing else of it: it may
 * hold a password. Pure.
 */
#ifndef PGHA_COLLECT_REPMGR_CONNINFO_H
#define PGHA_COLLECT_REPMGR_CONNINFO_H

#include "lib/base/err.h"
#include "lib/collect/place.h"

/*
 * The one place that a connection string names, of keywords or as a URI, as libpq reads it: a host, a
 * hostaddr or both, and a port (5432 where none is given: an environment is that of whoever connects). -1
 * with class setup when it is broken, names no host or several: repmgr needs one that leads there from every
 * node. The string itself is never repeated.
 */
int repmgr_conninfo_place(const char *conninfo, struct place *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
