/*
 * facet_role.c: what every question begins with, at no more than twice the cost of SELECT 1.
 *
 * Where default_transaction_read_only comes from is in pg_settings, a view over all settings that
 * costs more to plan than everything else here. It matters only when the setting is on, so the
 * query on it is a text, which query_to_xml() plans and runs only then. What this cannot see: a
 * server that is read-only, asked by a role whose own setting is off.
 */
#include "lib/collect/facets.h"

static const char *
role_sql(int server_version)
{
	(void)server_version;
	return "SELECT pg_catalog.pg_is_in_recovery() AS in_recovery,\n"
	       "       pg_catalog.current_setting('default_transaction_read_only')::bool AS is_read_only,\n"
	       "       CASE WHEN pg_catalog.current_setting('default_transaction_read_only')::bool\n"
	       "            THEN pg_catalog.substring(pg_catalog.query_to_xml(\n"
	       "                     'SELECT source FROM pg_catalog.pg_settings\n"
	       "                      WHERE name = ''default_transaction_read_only''', false, true, '')::text,\n"
	       "                     '<source>(.*)</source>')\n"
	       "       END AS read_only_source,\n"
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
