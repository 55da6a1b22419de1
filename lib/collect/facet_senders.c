/*
 * facet_senders.c: who receives WAL from a server, from the functions below pg_stat_replication: the view
 * joins every role and database to it, at five times the cost.
 */
#include "lib/collect/facets.h"

static const char *
senders_sql(int server_version)
{
	(void)server_version;
	/* Those furthest behind come first; one whose state this role may not see, before all. */
	return "SELECT pg_catalog.count(*) OVER () AS total,\n"
	       "       s.pid,\n"
	       "       a.application_name AS application,\n"
	       "       pg_catalog.host(a.client_addr) AS address,\n"
	       "       s.state,\n"
	       "       s.sync_state,\n"
	       "       s.replay_lsn,\n"
	       /* numeric in SQL; a difference of two positions of one server fits 63 bits. */
	       "       pg_catalog.pg_wal_lsn_diff(\n"
	       "                CASE WHEN pg_catalog.pg_is_in_recovery()\n"
	       "                     THEN pg_catalog.pg_last_wal_replay_lsn()\n"
	       "                     ELSE pg_catalog.pg_current_wal_lsn()\n"
	       "                END, s.replay_lsn)::int8 AS behind_bytes,\n"
	       "       (EXTRACT(epoch FROM s.replay_lag) * 1000)::int8 AS replay_lag_ms\n"
	       "FROM pg_catalog.pg_stat_get_wal_senders() s\n"
	       "     LEFT JOIN LATERAL pg_catalog.pg_stat_get_activity(s.pid) a ON true\n"
	       "ORDER BY s.replay_lsn NULLS FIRST, s.pid\n"
	       "LIMIT 8"; /* SNAPSHOT_SENDERS_MAX */
}

const struct facet facet_senders = {.part = SNAPSHOT_SENDERS, .sql = senders_sql};
