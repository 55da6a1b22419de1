/*
 * facet_role.c: what every question begins with, at the cost of a few function calls.
 *
 * pg_settings is slow (it lists every setting), so where default_transaction_read_only comes
 * from is looked up only when it matters: when it is on, or when the role of this session has
 * its own, which hides the server's.
 */
#include "lib/collect/facets.h"

static const char *
role_sql(int server_version)
{
	(void)server_version;
	return "SELECT pg_catalog.pg_is_in_recovery() AS in_recovery,\n"
	       "       pg_catalog.current_setting('default_transaction_read_only')::bool AS is_read_only,\n"
	       "       CASE WHEN pg_catalog.current_setting('default_transaction_read_only')::bool\n"
	       "              OR EXISTS (SELECT FROM pg_catalog.pg_db_role_setting s\n"
	       "                         WHERE s.setrole = pg_catalog.to_regrole(\n"
	       "                                   pg_catalog.quote_ident(session_user))::oid\n"
	       "                           AND s.setconfig::text LIKE '%default_transaction_read_only%')\n"
	       "            THEN (SELECT g.source FROM pg_catalog.pg_settings g\n"
	       "                  WHERE g.name = 'default_transaction_read_only')\n"
	       "       END AS read_only_source,\n"
	       /* The name of a WAL file begins with the timeline in hexadecimal. pg_control knows it
		* only after the checkpoint that follows a promotion. */
	       "       CASE WHEN NOT pg_catalog.pg_is_in_recovery()\n"
	       "            THEN ('x' || pg_catalog.substr(pg_catalog.pg_walfile_name(\n"
	       "                             pg_catalog.pg_current_wal_lsn()), 1, 8))::bit(32)::int8\n"
	       "       END AS timeline,\n"
	       "       CASE WHEN NOT pg_catalog.pg_is_in_recovery()\n"
	       "            THEN pg_catalog.pg_current_wal_lsn()\n"
	       "       END AS wal_lsn";
}

const struct facet facet_role = {.part = SNAPSHOT_ROLE, .sql = role_sql};
