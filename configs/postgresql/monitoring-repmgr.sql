-- What the role of the checks needs for check_repmgr. Run it once on the primary, in repmgr's database, after
-- monitoring-role.sql:
--
--   psql -d repmgr -f monitoring-repmgr.sql

GRANT USAGE ON SCHEMA repmgr TO pgha;

-- With its column conninfo, which tells where the nodes are; a password in there can be read by this role, so keep
-- passwords in password files.
GRANT SELECT ON repmgr.nodes TO pgha;

-- repmgr lets everybody execute its functions, and whoever may use the schema could pause repmgrd.
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA repmgr FROM PUBLIC;
GRANT EXECUTE ON FUNCTION repmgr.get_local_node_id(), repmgr.repmgrd_is_running(), repmgr.repmgrd_is_paused(),
    repmgr.get_upstream_last_seen() TO pgha;
