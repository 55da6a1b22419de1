/*
 * facet_config.c: the settings that a failover depends on, by current_setting(): pg_settings makes every
 * setting of the server for each question.
 *
 * primary_conninfo, which may hold a password, never leaves the server: what is asked of it is answered
 * there. A role that may not read it, as a member of pg_monitor may, is refused the whole statement.
 */
#include "lib/collect/facets.h"

/*
 * One keyword and its value of a connection string, blanks around "=" and quotes as libpq takes them, so that
 * a password with "application_name=" in it is none. Strings are between dollars: what a backslash means in
 * others depends on standard_conforming_strings.
 */
#define PAIRS "^\\s*([^=\\s]+\\s*=\\s*('(\\\\.|[^'\\\\])*'|(\\\\.|[^\\s'\\\\])(\\\\.|[^\\s\\\\])*)\\s+)*"
#define HAS_VALUE "\\s*=\\s*('(\\\\.|[^'\\\\])|[^\\s'])"
#define NAMES_STANDBY                                                                                        \
	"$$" PAIRS "application_name" HAS_VALUE "|^postgres(ql)?://.*[?&]application_name=[^&]$$"
#define NAMES_DATABASE                                                                                       \
	"$$" PAIRS "dbname" HAS_VALUE "|^postgres(ql)?://[^/?]*/[^?]|^postgres(ql)?://.*[?&]dbname=[^&]$$"

/* What commits wait for is no enum to SQL: the words that mean "for no standby", in any case. */
#define IS_WEAK "$$^synchronous_commit=(off|local|false|no|0)$$"

/*
 * Where synchronous_commit is set for the role or the database of this session, nobody else's can be seen
 * past it; a role that only checks has good reason not to wait. Of a session over TCP tcp_keepalives_* are
 * the values in effect, also where the settings leave them to the system.
 */
#define CONFIG_SQL(failover)                                                                                 \
	"SELECT NULL AS file, NULL AS refused,\n"                                                            \
	"       pg_catalog.current_setting('wal_level') AS wal_level,\n"                                     \
	"       pg_catalog.current_setting('hot_standby') AS hot_standby,\n"                                 \
	"       pg_catalog.current_setting('wal_log_hints') AS wal_log_hints,\n"                             \
	"       pg_catalog.current_setting('data_checksums') AS data_checksums,\n"                           \
	"       pg_catalog.current_setting('full_page_writes') AS full_page_writes,\n"                       \
	"       pg_catalog.current_setting('fsync') AS fsync,\n"                                             \
	"       pg_catalog.current_setting('archive_mode') AS archive_mode,\n"                               \
	"       pg_catalog.current_setting('max_slot_wal_keep_size') AS max_slot_wal_keep_size,\n"           \
	"       pg_catalog.current_setting('wal_keep_size') AS wal_keep_size,\n"                             \
	"       pg_catalog.current_setting('synchronous_standby_names') AS synchronous_standby_names,\n"     \
	"       CASE WHEN NOT w.is_own\n"                                                                    \
	"            THEN pg_catalog.current_setting('synchronous_commit')\n"                                \
	"       END AS synchronous_commit,\n"                                                                \
	"       pg_catalog.current_setting('wal_receiver_timeout') AS wal_receiver_timeout,\n"               \
	"       pg_catalog.current_setting('wal_sender_timeout') AS wal_sender_timeout,\n"                   \
	"       pg_catalog.current_setting('hot_standby_feedback') AS hot_standby_feedback,\n"               \
	"       pg_catalog.current_setting('recovery_target_timeline') AS recovery_target_timeline,\n"       \
	"       pg_catalog.current_setting('primary_slot_name') AS primary_slot_name,\n"                     \
	"       pg_catalog.current_setting('sync_replication_slots', true) AS sync_replication_slots,\n"     \
	"       pg_catalog.left(pg_catalog.current_setting('synchronized_standby_slots', true), 255) AS "    \
	"synchronized_standby_slots,\n"                                                                      \
	"       pg_catalog.current_setting('cluster_name')::name AS cluster_name,\n"                         \
	"       c.conninfo <> '' AS has_primary_conninfo,\n"                                                 \
	"       c.conninfo ~ " NAMES_STANDBY " AS has_application_name,\n"                                   \
	"       c.conninfo ~ " NAMES_DATABASE " AS has_dbname,\n"                                            \
	"       pg_catalog.current_setting('tcp_keepalives_idle')::int8 AS tcp_keepalives_idle,\n"           \
	"       pg_catalog.current_setting('tcp_keepalives_interval')::int8 AS tcp_keepalives_interval,\n"   \
	"       pg_catalog.current_setting('tcp_keepalives_count')::int8 AS tcp_keepalives_count,\n"         \
	"       pg_catalog.current_setting('tcp_user_timeout')::int8 AS tcp_user_timeout,\n"                 \
	"       pg_catalog.current_setting('max_wal_senders')::int8 AS max_wal_senders,\n"                   \
	"       pg_catalog.current_setting('max_replication_slots')::int8 AS max_replication_slots,\n"       \
	"       pg_catalog.current_setting('max_connections')::int8 AS max_connections,\n"                   \
	"       pg_catalog.current_setting('max_worker_processes')::int8 AS max_worker_processes,\n"         \
	"       pg_catalog.current_setting('max_prepared_transactions')::int8 AS "                           \
	"max_prepared_transactions,\n"                                                                       \
	"       pg_catalog.current_setting('max_locks_per_transaction')::int8 AS "                           \
	"max_locks_per_transaction,\n"                                                                       \
	"       s.slots, s.logical_slots, s.failover_slots,\n"                                               \
	"       w.weak_commit_roles, w.weak_commit_role\n"                                                   \
	"FROM (SELECT pg_catalog.current_setting('primary_conninfo') AS conninfo) c,\n"                      \
	"     (SELECT pg_catalog.count(*) AS slots,\n"                                                       \
	"             pg_catalog.count(*) FILTER (WHERE slot_type = 'logical') AS logical_slots,\n"          \
	"             pg_catalog.count(*) FILTER (WHERE " failover ") AS failover_slots\n"                   \
	"      FROM pg_catalog.pg_get_replication_slots()) s,\n"                                             \
	"     (SELECT pg_catalog.count(*) FILTER (WHERE x.is_weak) AS weak_commit_roles,\n"                  \
	"             pg_catalog.min(x.subject) FILTER (WHERE x.is_weak) AS weak_commit_role,\n"             \
	"             COALESCE(pg_catalog.bool_or(x.is_own), false) AS is_own\n"                             \
	"      FROM (SELECT c.value ~* " IS_WEAK "\n"                                                        \
	"                   AND r.rolname IS DISTINCT FROM CURRENT_USER AS is_weak,\n"                       \
	"                   (d.datname IS NULL OR d.datname = pg_catalog.current_database())\n"              \
	"                   AND (r.rolname IS NULL OR r.rolname = CURRENT_USER) AS is_own,\n"                \
	"                   pg_catalog.concat_ws(' in ', 'role ' || r.rolname, 'database ' || d.datname,\n"  \
	"                       CASE WHEN r.rolname IS NULL AND d.datname IS NULL THEN 'every role' END)\n"  \
	"                   AS subject\n"                                                                    \
	"            FROM pg_catalog.pg_db_role_setting g\n"                                                 \
	"                 LEFT JOIN pg_catalog.pg_roles r ON r.oid = g.setrole\n"                            \
	"                 LEFT JOIN pg_catalog.pg_database d ON d.oid = g.setdatabase,\n"                    \
	"                 LATERAL pg_catalog.unnest(g.setconfig) AS c(value)\n"                              \
	"            WHERE c.value ~* $$^synchronous_commit=$$) x) w"

/* 17 brought slots that are kept on standbys. */
enum { VERSION_17 = 170000 };

static const char *
config_sql(int server_version)
{
	return server_version >= VERSION_17 ? CONFIG_SQL("failover") : CONFIG_SQL("false");
}

const struct facet facet_config = {.part = SNAPSHOT_CONFIG, .sql = config_sql, .period_ms = 10000};
