-- The role that the checks connect as, with the least it needs. Run it once on the primary:
--
--   psql -d postgres -f monitoring-role.sql
--
-- Standbys get it by replication. check_pg_leader works with a role that has no rights at all;
-- check_pg_replica needs pg_read_all_stats (a part of pg_monitor) to see the WAL receiver.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'pgha') THEN
        CREATE ROLE pgha LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
    END IF;
END
$$;

-- Figures of the server, no user data.
GRANT pg_monitor TO pgha;

-- Whether the server is read-only is judged by its own setting, which one of the role would hide.
ALTER ROLE pgha RESET default_transaction_read_only;

-- Enough for the agents of three hosts, for poolers that go through and for one-shots; a check that hangs about
-- must not fill the server.
ALTER ROLE pgha CONNECTION LIMIT 20;

-- PostgreSQL 16 and later: with reserved_connections = 3 in postgresql.conf, this lets the checks in
-- when applications have taken every other slot ("too many clients").
DO $$
BEGIN
    IF pg_catalog.current_setting('server_version_num')::int >= 160000 THEN
        EXECUTE 'GRANT pg_use_reserved_connections TO pgha';
    END IF;
END
$$;

-- Then give it a password with \password pgha in psql (it is not sent in clear), put
--     *:*:*:pgha:PASSWORD
-- into a password file of mode 0600 that belongs to the user who runs the checks, and let it in
-- in pg_hba.conf, before any wider line (Debian's own for sockets is "local all all peer"):
--     local  postgres  pgha               scram-sha-256
--     host   postgres  pgha  10.0.0.0/24  scram-sha-256
