/*
 * facet_sync.c: what commits wait for, and the sessions that wait. Who gives the word they wait for is among
 * the senders.
 */
#include "lib/collect/facets.h"

static const char *
sync_sql(int server_version)
{
	(void)server_version;
	return "SELECT pg_catalog.current_setting('synchronous_standby_names') AS names,\n"
	       "       pg_catalog.current_setting('synchronous_commit') AS commit,\n"
	       /*
		* Who set it for this session. Only where that changes the answer is it worth asking for every
		* setting there is; else what is kept for a role or a database tells (for all roles alike,
		* with both of them zero, it is the server's own).
		*/
	       "       CASE WHEN pg_catalog.current_setting('synchronous_commit') IN ('off', 'local')\n"
	       "            THEN (SELECT g.source IN ('database', 'user', 'database user', 'client',\n"
	       "                                      'session')\n"
	       "                  FROM pg_catalog.pg_show_all_settings() g\n"
	       "                  WHERE g.name = 'synchronous_commit')\n"
	       "            ELSE EXISTS (SELECT\n"
	       "                         FROM pg_catalog.pg_db_role_setting d,\n"
	       "                              pg_catalog.unnest(d.setconfig) c\n"
	       "                         WHERE d.setdatabase IN (0, a.datid)\n"
	       "                               AND d.setrole IN (0, a.usesysid)\n"
	       "                               AND (d.setdatabase <> 0 OR d.setrole <> 0)\n"
	       "                               AND c LIKE 'synchronous_commit=%')\n"
	       "       END AS is_commit_own,\n"
	       "       a.waiting,\n"
	       "       a.waiting_ms,\n"
	       "       a.hidden\n"
	       "FROM (SELECT pg_catalog.max(s.datid) FILTER (WHERE s.pid = pg_catalog.pg_backend_pid())\n"
	       "                      AS datid,\n"
	       "             pg_catalog.max(s.usesysid) FILTER (WHERE s.pid = pg_catalog.pg_backend_pid())\n"
	       "                      AS usesysid,\n"
	       "             pg_catalog.count(*) FILTER (WHERE s.wait_event = 'SyncRep') AS waiting,\n"
	       /* Nothing tells when the wait began: not before the statement did that commits, nor, in a
		* procedure, before the transaction did. */
	       "             (EXTRACT(epoch FROM pg_catalog.clock_timestamp()\n"
	       "                      - pg_catalog.min(GREATEST(s.query_start, s.xact_start))\n"
	       "                               FILTER (WHERE s.wait_event = 'SyncRep')) * 1000)::int8\n"
	       "                      AS waiting_ms,\n"
	       /* Without a database it is no session: the server's own processes do not commit. */
	       "             pg_catalog.count(*) FILTER (WHERE s.state IS NULL AND s.datid <> 0\n"
	       "                                               AND s.query = '<insufficient privilege>')\n"
	       "                      AS hidden\n"
	       "      FROM pg_catalog.pg_stat_get_activity(NULL) s) a";
}

const struct facet facet_sync = {.part = SNAPSHOT_SYNC, .sql = sync_sql};
