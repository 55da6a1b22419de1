#include "lib/collect/repmgr_facet.h"

/*
 * Of more nodes than there is room for: the active primaries, the node itself, the active ones. The functions
 * are NULL where the library is not loaded; -1 is repmgr's word for not known. Only a standby or a witness
 * has an upstream: what repmgrd last saw before a promotion stays in shared memory. A name or location is cut
 * as a whole: 4 bytes is the longest character.
 */
static const char *
nodes_sql(int server_version)
{
	(void)server_version;
	return "SELECT COALESCE(r.total, 0) AS total,\n"
	       "       (SELECT e.extversion FROM pg_catalog.pg_extension e WHERE e.extname = 'repmgr') AS "
	       "version,\n"
	       "       NULL AS system_identifier,\n"
	       "       NULLIF(p.own_id, -1) AS own_id,\n"
	       "       false AS is_own_asked,\n"
	       "       p.own_id IS NOT NULL AS has_library,\n"
	       "       COALESCE(p.is_running, false) AS is_daemon_running,\n"
	       "       COALESCE(p.is_paused, false) AS is_daemon_paused,\n"
	       "       CASE WHEN p.seen_s >= 0\n"
	       "                 AND (pg_catalog.pg_is_in_recovery()\n"
	       "                      OR EXISTS (SELECT 1 FROM repmgr.nodes w\n"
	       "                                 WHERE w.node_id = p.own_id AND w.type = 'witness'))\n"
	       "            THEN p.seen_s\n"
	       "       END AS upstream_seen_s,\n"
	       "       r.node_id AS id,\n"
	       "       CASE WHEN pg_catalog.octet_length(r.node_name) > 63\n"
	       "            THEN pg_catalog.left(r.node_name, 15) ELSE r.node_name\n"
	       "       END AS name,\n"
	       "       r.type,\n"
	       "       r.active AS is_active,\n"
	       "       false AS is_own,\n"
	       "       r.upstream_node_id AS upstream_id,\n"
	       "       CASE WHEN pg_catalog.octet_length(r.location) > 31\n"
	       "            THEN pg_catalog.left(r.location, 7) ELSE r.location\n"
	       "       END AS location,\n"
	       "       r.priority,\n"
	       "       NULL AS place,\n"
	       "       NULL AS own_role,\n"
	       "       NULL AS own_timeline,\n"
	       "       NULL AS own_receiver,\n"
	       "       NULL AS own_upstream_id,\n"
	       "       NULL AS own_started_ms,\n"
	       "       NULL AS primary_id,\n"
	       "       NULL AS daemon,\n"
	       "       NULL AS fault,\n"
	       "       NULL AS fault_class\n"
	       "FROM (SELECT repmgr.get_local_node_id() AS own_id,\n"
	       "             repmgr.repmgrd_is_running() AS is_running,\n"
	       "             repmgr.repmgrd_is_paused() AS is_paused,\n"
	       "             repmgr.get_upstream_last_seen() AS seen_s) p LEFT JOIN\n"
	       "     (SELECT pg_catalog.count(*) OVER () AS total,\n"
	       "             n.node_id, n.node_name, n.type, n.active, n.upstream_node_id, n.location,\n"
	       "             n.priority\n"
	       "      FROM repmgr.nodes n\n"
	       "      ORDER BY n.type = 'primary' AND n.active DESC,\n"
	       "               n.node_id = repmgr.get_local_node_id() DESC NULLS LAST,\n"
	       "               n.active DESC,\n"
	       "               n.node_id\n"
	       "      LIMIT 16) r ON true"; /* SNAPSHOT_REPMGR_MAX */
}

const struct facet repmgr_facet_nodes = {.part = SNAPSHOT_REPMGR, .sql = nodes_sql};
