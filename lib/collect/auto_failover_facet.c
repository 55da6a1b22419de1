#include "lib/collect/auto_failover_facet.h"

/* How long ago, by the monitor's own clock; GREATEST() passes a NULL over. */
#define AGE_MS(column)                                                                                       \
	"CASE WHEN n." column " IS NOT NULL\n"                                                               \
	"                  THEN GREATEST((EXTRACT(epoch FROM pg_catalog.clock_timestamp() - n." column ")\n" \
	"                                 * 1000)::int8, 0)\n"                                               \
	"             END"

/*
 * Of more nodes than there is room for: those that may take writes, then those whose state changes, then
 * those in trouble. reportedtli came with 1.6, and the extension's version is not the server's: as JSON a
 * column that is not there is NULL. A name or host is cut as a whole: 4 bytes is the longest character.
 */
static const char *
monitor_sql(int server_version)
{
	(void)server_version;
	return "SELECT COALESCE(r.total, 0) AS total,\n"
	       "       (SELECT e.extversion FROM pg_catalog.pg_extension e\n"
	       "        WHERE e.extname = 'pgautofailover') AS version,\n"
	       "       r.nodeid AS id,\n"
	       "       r.groupid AS \"group\",\n"
	       "       CASE WHEN pg_catalog.octet_length(r.formationid) > 63\n"
	       "            THEN pg_catalog.left(r.formationid, 15) ELSE r.formationid\n"
	       "       END AS formation,\n"
	       "       CASE WHEN pg_catalog.octet_length(r.nodename) > 63\n"
	       "            THEN pg_catalog.left(r.nodename, 15) ELSE r.nodename\n"
	       "       END AS name,\n"
	       "       CASE WHEN pg_catalog.octet_length(r.nodehost) > 63\n"
	       "            THEN pg_catalog.left(r.nodehost, 15) ELSE r.nodehost\n"
	       "       END AS host,\n"
	       "       r.nodeport AS port,\n"
	       "       r.reportedstate AS reported_state,\n"
	       "       r.goalstate AS goal_state,\n"
	       "       r.health,\n"
	       "       r.health_age_ms,\n"
	       "       COALESCE(r.reportedpgisrunning, false) AS is_running,\n"
	       "       false AS is_own,\n"
	       "       false AS is_detached,\n"
	       "       r.timeline,\n"
	       "       NULLIF(r.reportedlsn, '0/0') AS lsn,\n"
	       "       r.report_age_ms,\n"
	       "       r.change_age_ms,\n"
	       "       r.replicationquorum AS is_in_quorum,\n"
	       "       r.candidatepriority AS priority,\n"
	       "       r.number_sync_standbys AS sync_standbys,\n"
	       "       NULLIF(r.sysidentifier, 0) AS system_identifier,\n"
	       "       NULL AS own_role,\n"
	       "       NULL AS own_timeline,\n"
	       "       NULL AS fault,\n"
	       "       NULL AS fault_class\n"
	       "FROM (SELECT 1) one LEFT JOIN\n"
	       "     (SELECT pg_catalog.count(*) OVER () AS total,\n"
	       "             n.nodeid, n.groupid, n.formationid, n.nodename, n.nodehost, n.nodeport,\n"
	       "             n.reportedstate, n.goalstate, n.health, n.reportedpgisrunning,\n"
	       "             n.reportedlsn, n.replicationquorum, n.candidatepriority, n.sysidentifier,\n"
	       "             f.number_sync_standbys,\n"
	       "             (pg_catalog.to_jsonb(n) ->> 'reportedtli')::int8 AS timeline,\n"
	       "             " AGE_MS(
		       "healthchecktime") " AS health_age_ms,\n"
					  "             " AGE_MS(
						  "reporttime") " AS report_age_ms,\n"
								"             " AGE_MS(
									"statechangetime") " AS "
											   "change_age_ms\n"
											   "      FROM "
											   "pgautofailover."
											   "node n JOIN "
											   "pgautofailover."
											   "formation f "
											   "USING "
											   "(formationid)\n"
											   "      ORDER BY "
											   "n.goalstate IN "
											   "('single', "
											   "'primary', "
											   "'wait_primary', "
											   "'join_primary',\n"
											   "                 "
											   "              "
											   "'apply_settings')"
											   " DESC,\n"
											   "               "
											   "n.goalstate <> "
											   "n.reportedstate "
											   "DESC,\n"
											   "               "
											   "n.health <> 1 "
											   "DESC,\n"
											   "               "
											   "n.nodeid\n"
											   "      LIMIT 16) "
											   "r ON true"; /* SNAPSHOT_AUTO_FAILOVER_MAX
													 */
}

const struct facet auto_failover_facet_monitor = {.part = SNAPSHOT_AUTO_FAILOVER, .sql = monitor_sql};
