/*
 * facet_standby.c: how a standby gets on, from the functions below the views, in one statement.
 */
#include "lib/collect/facets.h"

static const char *
standby_sql(int server_version)
{
	(void)server_version;
	/*
	 * The replayed position is read first, in the outer side of a join that can be done in no other
	 * order: what is read after it can only be newer, so that the difference never comes out negative.
	 * (A function in FROM is read before the list of columns is.) Ages use clock_timestamp(), not the
	 * statement's start. Without a receiver the function returns one row of NULLs; without
	 * pg_read_all_stats only the pid.
	 */
	return "SELECT p.replay_lsn,\n"
	       "       pg_catalog.pg_last_wal_receive_lsn() AS receive_lsn,\n"
	       /* It is an error to ask this of a primary. */
	       "       CASE WHEN pg_catalog.pg_is_in_recovery()\n"
	       "            THEN pg_catalog.pg_get_wal_replay_pause_state()\n"
	       "       END AS replay_pause,\n"
	       "       (EXTRACT(epoch FROM pg_catalog.clock_timestamp()\n"
	       "                - pg_catalog.pg_last_xact_replay_timestamp()) * 1000)::int8 AS "
	       "replay_age_ms,\n"
	       "       r.pid AS receiver_pid,\n"
	       "       r.status AS receiver_status,\n"
	       "       r.written_lsn,\n"
	       "       r.latest_end_lsn,\n"
	       "       r.received_tli AS received_timeline,\n"
	       /* Both are set to one instant when it connects, and latest_end_lsn keeps an older value. */
	       "       COALESCE(r.last_msg_send_time <> r.last_msg_receipt_time, false) AS has_heard,\n"
	       "       (EXTRACT(epoch FROM pg_catalog.clock_timestamp()\n"
	       "                - r.last_msg_receipt_time) * 1000)::int8 AS receipt_age_ms,\n"
	       /* A GUC of milliseconds, shown with a unit that an interval understands too. */
	       "       (EXTRACT(epoch FROM pg_catalog.current_setting('wal_receiver_timeout')::interval)\n"
	       "                * 1000)::int8 AS receiver_timeout_ms,\n"
	       "       (EXTRACT(epoch FROM "
	       "pg_catalog.current_setting('recovery_min_apply_delay')::interval)\n"
	       "                * 1000)::int8 AS apply_delay_ms,\n"
	       "       r.sender_host,\n"
	       "       r.sender_port,\n"
	       /* Values are not quoted in it: one ends where the next keyword begins, of which there always
		* is one. name cuts it as the sender did. */
	       "       COALESCE(pg_catalog.substring(r.conninfo, ' application_name=(.*?) [a-z_]+='),\n"
	       "                pg_catalog.substring(r.conninfo, ' fallback_application_name=(.*?) "
	       "[a-z_]+=')\n"
	       "       )::name AS application\n"
	       "FROM (SELECT pg_catalog.pg_last_wal_replay_lsn() AS replay_lsn OFFSET 0) p\n"
	       "     LEFT JOIN pg_catalog.pg_stat_get_wal_receiver() r ON true";
}

const struct facet facet_standby = {.part = SNAPSHOT_STANDBY, .sql = standby_sql};
