/*
 * facet_connections.c: sessions, and how many there may be, from one scan of the function below
 * pg_stat_activity: the view joins every role and database to it.
 */
#include "lib/collect/facets.h"

static const char *
connections_sql(int server_version)
{
	(void)server_version;
	/*
	 * Only client backends take what max_connections gives, and only they count against a CONNECTION
	 * LIMIT: WAL senders and workers have places of their own. This session is one of them. Of a session
	 * that this role may not see, the backend type is NULL; those in a database may be a client's.
	 */
	return "WITH session AS MATERIALIZED (\n"
	       "       SELECT a.pid, a.datid, a.usesysid, a.state, a.wait_event_type,\n"
	       "              a.xact_start, a.query_start, a.state_change, a.backend_xid, a.backend_xmin,\n"
	       "              a.backend_type, a.backend_type = 'client backend' AS is_client\n"
	       "       FROM pg_catalog.pg_stat_get_activity(NULL) a\n"
	       "), now AS MATERIALIZED (\n"
	       "       SELECT pg_catalog.clock_timestamp() AS at\n"
	       "), seen AS (\n"
	       "       SELECT pg_catalog.count(*) FILTER (WHERE s.is_client) AS used,\n"
	       "              pg_catalog.count(*) FILTER (WHERE s.backend_type IS NULL AND s.datid IS NOT "
	       "NULL)\n"
	       "              AS hidden,\n"
	       /* Also "idle in transaction (aborted)". */
	       "              pg_catalog.count(*) FILTER (WHERE s.is_client\n"
	       "                AND s.state LIKE 'idle in transaction%') AS idle_in_transaction,\n"
	       "              pg_catalog.min(s.state_change) FILTER (WHERE s.is_client\n"
	       "                AND s.state LIKE 'idle in transaction%') AS idle_since,\n"
	       "              pg_catalog.min(s.xact_start) FILTER (WHERE s.is_client\n"
	       "                AND s.pid <> pg_catalog.pg_backend_pid()) AS transaction_since,\n"
	       /* What keeps vacuum from removing rows; its own workers do not. */
	       "              pg_catalog.max(GREATEST(pg_catalog.age(s.backend_xid),\n"
	       "                pg_catalog.age(s.backend_xmin))) FILTER (\n"
	       "                WHERE s.backend_type <> 'autovacuum worker'\n"
	       "                AND s.pid <> pg_catalog.pg_backend_pid()) AS snapshot_age,\n"
	       "              pg_catalog.count(*) FILTER (WHERE s.is_client\n"
	       "                AND s.wait_event_type = 'Lock') AS waiting,\n"
	       "              pg_catalog.min(s.query_start) FILTER (WHERE s.is_client\n"
	       "                AND s.wait_event_type = 'Lock') AS waiting_since\n"
	       "       FROM session s\n"
	       "), part AS (\n"
	       "       SELECT 'database' AS kind, d.datname AS name, c.sessions,\n"
	       /* -1 is no limit, and -2 marks a database whose removal was broken off. */
	       "              GREATEST(d.datconnlimit, -1) AS connlimit\n"
	       "       FROM (SELECT s.datid, pg_catalog.count(*) AS sessions\n"
	       "             FROM session s WHERE s.is_client GROUP BY s.datid) c\n"
	       "            JOIN pg_catalog.pg_database d ON d.oid = c.datid\n"
	       "       UNION ALL\n"
	       "       SELECT 'role', r.rolname, c.sessions,\n"
	       /* A superuser is not held to it. */
	       "              CASE WHEN r.rolsuper THEN -1 ELSE r.rolconnlimit END\n"
	       "       FROM (SELECT s.usesysid, pg_catalog.count(*) AS sessions\n"
	       "             FROM session s WHERE s.is_client GROUP BY s.usesysid) c\n"
	       "            JOIN pg_catalog.pg_roles r ON r.oid = c.usesysid\n"
	       "), ranked AS (\n"
	       "       SELECT p.*,\n"
	       "              pg_catalog.row_number() OVER (PARTITION BY p.kind ORDER BY\n"
	       "                CASE WHEN p.connlimit > 0 THEN p.sessions::float8 / p.connlimit END\n"
	       "                DESC NULLS LAST, p.sessions DESC, p.name) AS by_share,\n"
	       "              pg_catalog.row_number() OVER (PARTITION BY p.kind ORDER BY\n"
	       "                p.sessions DESC, p.name) AS by_count\n"
	       "       FROM part p\n"
	       ")\n"
	       "SELECT pg_catalog.count(*) OVER () AS total,\n"
	       "       s.used,\n"
	       "       pg_catalog.current_setting('max_connections')::int8 AS max,\n"
	       "       pg_catalog.current_setting('superuser_reserved_connections')::int8 AS "
	       "superuser_reserved,\n"
	       /* 16 and later. */
	       "       COALESCE(pg_catalog.current_setting('reserved_connections', true), '0')::int8 AS "
	       "role_reserved,\n"
	       "       s.hidden,\n"
	       "       s.idle_in_transaction,\n"
	       /* Nobody is no time at all. */
	       "       COALESCE((EXTRACT(epoch FROM n.at - s.idle_since) * 1000)::int8, 0) AS "
	       "idle_in_transaction_ms,\n"
	       "       COALESCE((EXTRACT(epoch FROM n.at - s.transaction_since) * 1000)::int8, 0) AS "
	       "transaction_ms,\n"
	       "       COALESCE(s.snapshot_age, 0) AS snapshot_age,\n"
	       "       s.waiting,\n"
	       "       COALESCE((EXTRACT(epoch FROM n.at - s.waiting_since) * 1000)::int8, 0) AS "
	       "waiting_ms,\n"
	       "       r.kind,\n"
	       "       r.name,\n"
	       "       r.sessions,\n"
	       "       r.connlimit AS \"limit\"\n"
	       "FROM ranked r, seen s, now n\n"
	       /* The fullest and the largest of each kind in turn, in whatever order the kinds are needed. */
	       "ORDER BY LEAST(r.by_share, r.by_count), r.by_share, r.kind\n"
	       "LIMIT 24"; /* SNAPSHOT_CONNECTIONS_MAX */
}

const struct facet facet_connections = {
	.part = SNAPSHOT_CONNECTIONS, .sql = connections_sql, .period_ms = 1000};
