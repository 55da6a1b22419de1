/*
 * facet_archive.c: the archiver, and what waits for it.
 *
 * The command is not kept, since it may hold secrets; only whether there is one.
 */
#include "lib/collect/facets.h"

static const char *
archive_sql(int server_version)
{
	(void)server_version;
	/*
	 * pg_ls_archive_statusdir() reads the status of each file in the directory, those of archived WAL
	 * too, which is why this is not asked often. Who is no member of pg_monitor is not permitted to call
	 * it.
	 */
	return "SELECT pg_catalog.current_setting('archive_mode') AS mode,\n"
	       /* Shown as "(disabled)" while archive_mode is off. The library is of 15 and later. */
	       "       c.library <> '' OR c.command NOT IN ('', '(disabled)') AS is_command_set,\n"
	       /* A library is taken before a command, or (16 and later) refused beside one. */
	       "       c.library = '' AND c.command ~\n"
	       "                '^[[:space:]]*((/usr)?/bin/)?(true|:|exit 0|cd [.])[[:space:]]*$' AS "
	       "keeps_nothing,\n"
	       /* It ends itself, without a failure in the statistics, when the command is not found or was
		* killed, and when the library cannot be loaded; the server starts it again every 10 s. */
	       "       p.started IS NOT NULL AS is_running,\n"
	       "       (EXTRACT(epoch FROM n.at - p.started) * 1000)::int8 AS running_ms,\n"
	       "       (EXTRACT(epoch FROM pg_catalog.current_setting('archive_timeout')::interval)\n"
	       "                * 1000)::int8 AS timeout_ms,\n"
	       "       a.archived_count AS archived,\n"
	       "       a.failed_count AS failed,\n"
	       "       a.last_archived_wal AS last_archived,\n"
	       "       (EXTRACT(epoch FROM n.at - a.last_archived_time) * 1000)::int8 AS archived_age_ms,\n"
	       "       a.last_failed_wal AS last_failed,\n"
	       "       (EXTRACT(epoch FROM n.at - a.last_failed_time) * 1000)::int8 AS failed_age_ms,\n"
	       "       w.ready,\n"
	       /* The status file is made when its WAL is finished; its time comes in whole seconds. */
	       "       (EXTRACT(epoch FROM n.at - w.oldest) * 1000)::int8 AS ready_age_ms\n"
	       "FROM (SELECT pg_catalog.current_setting('archive_command') AS command,\n"
	       "             COALESCE(pg_catalog.current_setting('archive_library', true), '') AS library) "
	       "c,\n"
	       "     (SELECT pg_catalog.count(*) AS ready, pg_catalog.min(f.modification) AS oldest\n"
	       "      FROM pg_catalog.pg_ls_archive_statusdir() f\n"
	       "      WHERE f.name LIKE '%.ready') w,\n"
	       "     (SELECT pg_catalog.max(b.backend_start) AS started\n"
	       "      FROM pg_catalog.pg_stat_get_activity(NULL) b\n"
	       "      WHERE b.backend_type = 'archiver') p,\n"
	       "     pg_catalog.pg_stat_get_archiver() a,\n"
	       "     (SELECT pg_catalog.clock_timestamp() AS at) n";
}

const struct facet facet_archive = {.part = SNAPSHOT_ARCHIVE, .sql = archive_sql, .period_ms = 5000};
