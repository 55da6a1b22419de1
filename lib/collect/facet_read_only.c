/*
 * facet_read_only.c: who made a primary read-only: its configuration, or a setting of the role that
 * this check happens to use, which says nothing about the server. Asked only when it is read-only,
 * because pg_settings lists every setting. What this cannot see: a server that is read-only, asked
 * by a role whose own setting is off.
 */
#include "lib/collect/facets.h"

static const char *
read_only_sql(int server_version)
{
	(void)server_version;
	return "SELECT s.source\n"
	       "FROM pg_catalog.pg_settings s\n"
	       "WHERE s.name = 'default_transaction_read_only'";
}

static bool
is_read_only_primary(const struct snapshot *snapshot)
{
	return snapshot_has(snapshot, SNAPSHOT_ROLE) && !snapshot->role.in_recovery
		&& snapshot->role.is_read_only;
}

const struct facet facet_read_only = {
	.part = SNAPSHOT_READ_ONLY, .sql = read_only_sql, .is_due = is_read_only_primary};
