/*
 * facet_subscriptions.c: logical subscriptions, their apply workers and what their statistics count, from
 * the functions below the views. Everybody may see all of it, but of pg_subscription only the columns
 * named here and some more, never the connection string.
 *
 * Of the tables only those of the database connected to can be seen.
 */
#include "lib/collect/facets.h"

/* Statistics came with 15; parallel apply workers, which have a leader, with 16; conflicts with 18. */
#define BEFORE_15                                                                                            \
	"NULL::int8 AS apply_errors,\n"                                                                      \
	"              NULL::int8 AS sync_errors,\n"                                                         \
	"              NULL::int8 AS conflicts"
#define ERRORS_15                                                                                            \
	"e.apply_error_count AS apply_errors,\n"                                                             \
	"              e.sync_error_count AS sync_errors,\n"
#define SINCE_15 ERRORS_15 "              NULL::int8 AS conflicts"
#define SINCE_18                                                                                             \
	ERRORS_15                                                                                            \
	"              e.confl_insert_exists + e.confl_update_origin_differs + e.confl_update_exists\n"      \
	"                + e.confl_update_missing + e.confl_delete_origin_differs\n"                         \
	"                + e.confl_delete_missing + e.confl_multiple_unique_conflicts AS conflicts"
#define STATISTICS "           LEFT JOIN LATERAL pg_catalog.pg_stat_get_subscription_stats(u.oid) e ON true\n"
#define MAIN_WORKER "w.relid IS NULL"
#define LEADING_WORKER MAIN_WORKER " AND w.leader_pid IS NULL"

/*
 * Of more subscriptions than there is room for: those that are off or have no worker, those that have
 * heard nothing for longest. A relation that is ready has the state "r".
 *
 * wal_receiver_timeout is a GUC of milliseconds, shown with a unit that an interval understands too.
 * new_errors and new_conflicts are what came since another look, of which SQL knows nothing.
 */
#define SUBSCRIPTIONS_SQL(counters, statistics, worker)                                                      \
	"SELECT COALESCE(r.total, 0) AS total,\n"                                                            \
	"       (EXTRACT(epoch FROM pg_catalog.current_setting('wal_receiver_timeout')::interval)\n"         \
	"                * 1000)::int8 AS receiver_timeout_ms,\n"                                            \
	"       r.subname AS name,\n"                                                                        \
	"       d.datname AS database,\n"                                                                    \
	"       r.subenabled AS is_enabled,\n"                                                               \
	"       r.subslotname AS slot,\n"                                                                    \
	"       r.pid AS worker_pid,\n"                                                                      \
	"       CASE WHEN r.pid IS NOT NULL THEN (SELECT CASE WHEN a.backend_type IS NULL THEN '?'\n"        \
	"               ELSE a.wait_event_type || ':' || a.wait_event END\n"                                 \
	"               FROM pg_catalog.pg_stat_get_activity(r.pid) a) END AS worker_wait,\n"                \
	"       r.received_lsn,\n"                                                                           \
	"       r.latest_end_lsn,\n"                                                                         \
	"       r.message_age_ms,\n"                                                                         \
	"       CASE WHEN d.datname = pg_catalog.current_database() THEN t.tables END AS tables,\n"          \
	"       CASE WHEN d.datname = pg_catalog.current_database() THEN t.not_ready END AS "                \
	"tables_not_ready,\n"                                                                                \
	"       r.apply_errors,\n"                                                                           \
	"       r.sync_errors,\n"                                                                            \
	"       r.conflicts,\n"                                                                              \
	"       NULL::int8 AS new_errors,\n"                                                                 \
	"       NULL::int8 AS new_conflicts\n"                                                               \
	"FROM (SELECT 1) AS always LEFT JOIN\n"                                                              \
	"     (SELECT pg_catalog.count(*) OVER () AS total,\n"                                               \
	"              u.oid, u.subdbid, u.subname, u.subenabled, u.subslotname,\n"                          \
	"              w.pid, w.received_lsn, w.latest_end_lsn,\n"                                           \
	"              (EXTRACT(epoch FROM pg_catalog.clock_timestamp()\n"                                   \
	"                       - w.last_msg_receipt_time) * 1000)::int8 AS message_age_ms,\n"               \
	"              " counters "\n"                                                                       \
	"      FROM pg_catalog.pg_subscription u\n"                                                          \
	"           LEFT JOIN pg_catalog.pg_stat_get_subscription(NULL) w ON w.subid = u.oid AND " worker    \
	"\n" statistics "      ORDER BY u.subenabled AND w.pid IS NOT NULL,\n"                               \
	"               message_age_ms DESC NULLS FIRST,\n"                                                  \
	"               u.subname, u.subdbid\n"                                                              \
	"      LIMIT 16) r ON true\n" /* SNAPSHOT_SUBSCRIPTIONS_MAX */                                       \
	"     LEFT JOIN pg_catalog.pg_database d ON d.oid = r.subdbid\n"                                     \
	"     LEFT JOIN LATERAL\n"                                                                           \
	"     (SELECT pg_catalog.count(*) AS tables,\n"                                                      \
	"             pg_catalog.count(*) FILTER (WHERE l.srsubstate <> 'r') AS not_ready\n"                 \
	"      FROM pg_catalog.pg_subscription_rel l\n"                                                      \
	"      WHERE l.srsubid = r.oid) t ON true\n"                                                         \
	"ORDER BY r.subenabled AND r.pid IS NOT NULL, r.message_age_ms DESC NULLS FIRST"

/* As PQserverVersion() numbers them. */
enum { VERSION_15 = 150000, VERSION_16 = 160000, VERSION_18 = 180000 };

static const char *
subscriptions_sql(int server_version)
{
	if (server_version >= VERSION_18)
		return SUBSCRIPTIONS_SQL(SINCE_18, STATISTICS, LEADING_WORKER);
	if (server_version >= VERSION_16)
		return SUBSCRIPTIONS_SQL(SINCE_15, STATISTICS, LEADING_WORKER);
	if (server_version >= VERSION_15)
		return SUBSCRIPTIONS_SQL(SINCE_15, STATISTICS, MAIN_WORKER);
	return SUBSCRIPTIONS_SQL(BEFORE_15, "", MAIN_WORKER);
}

const struct facet facet_subscriptions = {
	.part = SNAPSHOT_SUBSCRIPTIONS, .sql = subscriptions_sql, .period_ms = 1000};
