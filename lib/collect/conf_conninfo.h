/* conf_conninfo.h: what a connection string in a configuration file names, without libpq. Pure. */
#ifndef PGHA_COLLECT_CONF_CONNINFO_H
#define PGHA_COLLECT_CONF_CONNINFO_H

#include <stdbool.h>

/*
 * Whether a connection string, of keywords or as a URI, gives a keyword a value: blanks around "=", quotes
 * and backslashes as libpq takes them. An empty value is none, and of what is broken nothing counts. In a URI
 * the database may also be its path, and the port behind the host. facet_config.c asks the same of the
 * server's own primary_conninfo.
 */
bool conf_conninfo_has(const char *conninfo, const char *keyword);

#endif
