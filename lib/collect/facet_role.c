/*
 * facet_role.c: what every question begins with, at no more than twice the cost of SELECT 1 on an
 * open connection ("make bench" holds it to that): planning anything of pg_settings would cost more.
 */
#include "lib/collect/facets.h"

static const char *
role_sql(int server_version)
{
	(void)server_version;
	return "SELECT pg_catalog.pg_is_in_recovery() AS in_recovery,\n"
	       "       pg_catalog.current_setting('default_transaction_read_only') AS is_read_only,\n"
	       /* Its name begins with the timeline, which pg_control knows only after the checkpoint
		* that follows a promotion. These functions are errors in recovery. */
	       "       CASE WHEN NOT pg_catalog.pg_is_in_recovery()\n"
	       "            THEN pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn())\n"
	       "       END AS wal_file,\n"
	       "       CASE WHEN NOT pg_catalog.pg_is_in_recovery()\n"
	       "            THEN pg_catalog.pg_current_wal_lsn()\n"
	       "       END AS wal_lsn";
}

const struct facet facet_role = {.part = SNAPSHOT_ROLE, .sql = role_sql};
