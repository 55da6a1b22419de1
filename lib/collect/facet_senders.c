/*
 * facet_senders.c: who receives WAL from a server, from the functions below pg_stat_replication: the view
 * joins every role and database to it, at five times the cost.
 */
#include "lib/collect/facets.h"

static const char *
senders_sql(int server_version)
{
	(void)server_version;
	/*
	 * The server's own position is read once and after those of the senders, so that no difference comes
	 * out negative: OFFSET 0 keeps the planner from moving it. A session is looked up for each sender,
	 * because reading all of them costs more where there are hundreds. Without pg_read_all_stats a sender
	 * has only pid, application and datid.
	 */
	return "SELECT pg_catalog.count(*) OVER () AS total,\n"
	       /* A GUC of milliseconds, shown with a unit that an interval understands too. */
	       "       (EXTRACT(epoch FROM pg_catalog.current_setting('wal_sender_timeout')::interval)\n"
	       "                * 1000)::int8 AS sender_timeout_ms,\n"
	       "       s.pid,\n"
	       "       s.place,\n"
	       "       a.application_name AS application,\n"
	       "       pg_catalog.host(a.client_addr) AS address,\n"
	       /* Only one that decodes is connected to a database. */
	       "       a.datid IS NOT NULL AS is_logical,\n"
	       "       s.state,\n"
	       "       s.sync_state,\n"
	       "       s.sync_priority,\n"
	       "       s.flush_lsn,\n"
	       "       s.replay_lsn,\n"
	       /* numeric in SQL; a difference of two positions of one server fits 63 bits. */
	       "       (s.own_lsn - s.sent_lsn)::int8 AS sent_behind_bytes,\n"
	       "       (s.own_lsn - s.write_lsn)::int8 AS write_behind_bytes,\n"
	       "       (s.own_lsn - s.flush_lsn)::int8 AS flush_behind_bytes,\n"
	       "       (s.own_lsn - s.replay_lsn)::int8 AS behind_bytes,\n"
	       "       (EXTRACT(epoch FROM s.write_lag) * 1000)::int8 AS write_lag_ms,\n"
	       "       (EXTRACT(epoch FROM s.flush_lag) * 1000)::int8 AS flush_lag_ms,\n"
	       "       (EXTRACT(epoch FROM s.replay_lag) * 1000)::int8 AS replay_lag_ms,\n"
	       /* It left the receiver at that time, by the receiver's clock. */
	       "       (EXTRACT(epoch FROM pg_catalog.clock_timestamp() - s.reply_time) * 1000)::int8\n"
	       "                AS reply_age_ms\n"
	       "FROM (SELECT w.*,\n"
	       "             w.ordinality AS place,\n"
	       /* A standby has what it received, or restored from an archive and replayed. */
	       "             (SELECT CASE WHEN pg_catalog.pg_is_in_recovery()\n"
	       "                          THEN GREATEST(pg_catalog.pg_last_wal_receive_lsn(),\n"
	       "                                        pg_catalog.pg_last_wal_replay_lsn())\n"
	       "                          ELSE pg_catalog.pg_current_wal_lsn()\n"
	       "                     END) AS own_lsn\n"
	       "      FROM pg_catalog.pg_stat_get_wal_senders() WITH ORDINALITY w\n"
	       "      OFFSET 0) s\n"
	       "     LEFT JOIN LATERAL pg_catalog.pg_stat_get_activity(s.pid) a ON true\n"
	       /* First those that this role may not see, then those that commits may wait for. */
	       "ORDER BY s.state IS NOT NULL,\n"
	       "         s.sync_priority > 0 DESC,\n"
	       "         COALESCE(s.replay_lsn, s.flush_lsn, s.write_lsn, s.sent_lsn),\n"
	       "         s.pid\n"
	       "LIMIT 32"; /* SNAPSHOT_SENDERS_MAX */
}

const struct facet facet_senders = {.part = SNAPSHOT_SENDERS, .sql = senders_sql};
