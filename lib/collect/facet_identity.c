/*
 * facet_identity.c: which cluster a server belongs to, and since when it runs. Seldom asked, since neither
 * changes while a connection stands, and pg_control is a file that is read anew each time.
 */
#include "lib/collect/facets.h"

static const char *
identity_sql(int server_version)
{
	(void)server_version;
	return "SELECT c.system_identifier::text AS system_identifier,\n"
	       "       (EXTRACT(epoch FROM pg_catalog.pg_postmaster_start_time()) * 1000)::int8 AS "
	       "started_ms\n"
	       "FROM pg_catalog.pg_control_system() c";
}

const struct facet facet_identity = {.part = SNAPSHOT_IDENTITY, .sql = identity_sql, .period_ms = 5000};
