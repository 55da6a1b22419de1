/*
 * facet_slots.c: replication slots, from the function below pg_replication_slots, whose view joins every
 * database. Everybody may see all of it; pg_monitor adds nothing here.
 *
 * The settings come in every row, and in a row of their own where there is no slot: a standby without slots
 * is the one whose sync_replication_slots may be off.
 */
#include "lib/collect/facets.h"

/* What each major has to tell: 16 and 17 added columns. */
#define BEFORE_16 "false AS is_conflicting"
#define SINCE_16 "COALESCE(s.conflicting, false) AS is_conflicting"
#define BEFORE_17                                                                                            \
	"NULL::timestamptz AS inactive_since,\n"                                                             \
	"              NULL::text AS invalidation,\n"                                                        \
	"              false AS is_failover,\n"                                                              \
	"              false AS is_synced"
#define SINCE_17                                                                                             \
	"s.inactive_since,\n"                                                                                \
	"              s.invalidation_reason AS invalidation,\n"                                             \
	"              s.failover AS is_failover,\n"                                                         \
	"              s.synced AS is_synced"

/*
 * Of more slots than there is room for: the lost ones, those about to be lost, those that retain most. One
 * that nobody uses comes to the front by itself, as what it retains grows.
 *
 * The position is read first (it is an error to ask a standby for one to write at), so that a slot may be
 * ahead of it by what was written since. Differences of positions are numeric in SQL; those of one server fit
 * 63 bits. On 16 conflicting says of a logical slot that it is lost, for whatever reason; from 17 on the
 * reason is named. Of a slot that was never used safe_wal_size is reckoned from position 0, and means
 * nothing.
 */
#define SLOTS_SQL(conflicting, newest)                                                                       \
	"SELECT COALESCE(r.total, 0) AS total,\n"                                                            \
	"       COALESCE(pg_catalog.current_setting('sync_replication_slots', true), 'off') AS syncs,\n"     \
	"       pg_catalog.current_setting('hot_standby_feedback') AS gives_feedback,\n"                     \
	"       pg_catalog.current_setting('primary_slot_name') AS primary_slot,\n"                          \
	"       pg_catalog.left(pg_catalog.current_setting('synchronized_standby_slots', true), 255) AS "    \
	"standby_slots,\n"                                                                                   \
	"       r.slot_name AS name,\n"                                                                      \
	"       r.slot_type AS type,\n"                                                                      \
	"       CASE WHEN r.datoid IS NOT NULL\n"                                                            \
	"            THEN (SELECT d.datname FROM pg_catalog.pg_database d WHERE d.oid = r.datoid)\n"         \
	"       END AS database,\n"                                                                          \
	"       r.temporary AS is_temporary,\n"                                                              \
	"       r.active AS is_active,\n"                                                                    \
	"       r.active_pid,\n"                                                                             \
	"       r.restart_lsn,\n"                                                                            \
	"       r.confirmed_flush_lsn AS confirmed_lsn,\n"                                                   \
	"       CASE WHEN r.restart_lsn IS NOT NULL\n"                                                       \
	"            THEN GREATEST(pg_catalog.pg_wal_lsn_diff(p.lsn, r.restart_lsn), 0)::int8\n"             \
	"       END AS retained_bytes,\n"                                                                    \
	"       CASE WHEN r.confirmed_flush_lsn IS NOT NULL\n"                                               \
	"            THEN GREATEST(pg_catalog.pg_wal_lsn_diff(p.lsn, r.confirmed_flush_lsn), 0)::int8\n"     \
	"       END AS confirmed_behind_bytes,\n"                                                            \
	"       r.wal_status,\n"                                                                             \
	"       CASE WHEN r.restart_lsn IS NOT NULL THEN r.safe_wal_size END AS safe_bytes,\n"               \
	"       CASE WHEN NOT r.active\n"                                                                    \
	"            THEN (EXTRACT(epoch FROM pg_catalog.clock_timestamp() - r.inactive_since) * "           \
	"1000)::int8\n"                                                                                      \
	"       END AS inactive_ms,\n"                                                                       \
	"       r.is_conflicting,\n"                                                                         \
	"       r.invalidation,\n"                                                                           \
	"       r.is_failover,\n"                                                                            \
	"       r.is_synced,\n"                                                                              \
	"       GREATEST(pg_catalog.age(r.xmin), pg_catalog.age(r.catalog_xmin)) AS xmin_age\n"              \
	"FROM (SELECT CASE WHEN pg_catalog.pg_is_in_recovery()\n"                                            \
	"                  THEN GREATEST(pg_catalog.pg_last_wal_receive_lsn(),\n"                            \
	"                                pg_catalog.pg_last_wal_replay_lsn())\n"                             \
	"                  ELSE pg_catalog.pg_current_wal_lsn()\n"                                           \
	"             END AS lsn) p LEFT JOIN\n"                                                             \
	"     (SELECT pg_catalog.count(*) OVER () AS total,\n"                                               \
	"              s.slot_name, s.slot_type, s.datoid, s.temporary, s.active, s.active_pid,\n"           \
	"              s.restart_lsn, s.confirmed_flush_lsn, s.wal_status, s.safe_wal_size,\n"               \
	"              s.xmin, s.catalog_xmin,\n"                                                            \
	"              " conflicting ",\n"                                                                   \
	"              " newest "\n"                                                                         \
	"      FROM pg_catalog.pg_get_replication_slots() s\n"                                               \
	"      ORDER BY s.wal_status = 'lost' DESC NULLS LAST,\n"                                            \
	"               is_conflicting DESC,\n"                                                              \
	"               s.wal_status = 'unreserved' DESC NULLS LAST,\n"                                      \
	"               s.restart_lsn,\n"                                                                    \
	"               s.slot_name\n"                                                                       \
	"      LIMIT 64) r ON true" /* SNAPSHOT_SLOTS_MAX */

/* As PQserverVersion() numbers them. */
enum { VERSION_16 = 160000, VERSION_17 = 170000 };

static const char *
slots_sql(int server_version)
{
	if (server_version >= VERSION_17)
		return SLOTS_SQL(SINCE_16, SINCE_17);
	if (server_version >= VERSION_16)
		return SLOTS_SQL(SINCE_16, BEFORE_17);
	return SLOTS_SQL(BEFORE_16, BEFORE_17);
}

const struct facet facet_slots = {.part = SNAPSHOT_SLOTS, .sql = slots_sql, .period_ms = 1000};
