#include "lib/evaluate/role.h"

#include <string.h>

#include "lib/evaluate/judge.h"
#include "lib/model/lsn.h"

uint32_t
role_timeline(const struct snapshot_role *role, const struct policy *policy, struct verdict *verdict)
{
	uint32_t timeline = lsn_timeline(role->wal_file);

	if (timeline == 0) {
		struct err fault;

		err_set(&fault, ERR_PROTOCOL, "a primary without a timeline: its WAL file is \"%s\"",
			role->wal_file);
		judge_fault(verdict, policy, &fault);
	}
	return timeline;
}

bool
role_is_own_setting(const char *source)
{
	static const char *const own[] = {"user", "database user", "client", "session"};

	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		if (strcmp(source, own[i]) == 0)
			return true;
	return false;
}

bool
role_is_same_cluster(const struct snapshot *a, const struct snapshot *b)
{
	return snapshot_has(a, SNAPSHOT_IDENTITY) && snapshot_has(b, SNAPSHOT_IDENTITY)
		&& strcmp(a->identity.system_identifier, b->identity.system_identifier) == 0;
}

bool
role_is_same_server(const struct snapshot *a, const struct snapshot *b)
{
	return role_is_same_cluster(a, b) && a->identity.started_ms == b->identity.started_ms;
}

const struct snapshot *
role_primary(const struct snapshot *snapshots, size_t count)
{
	const struct snapshot *newest = NULL;

	for (size_t i = 1; i < count; i++)
		if (snapshot_has(&snapshots[i], SNAPSHOT_ROLE) && !snapshots[i].role.in_recovery
			&& role_is_same_cluster(&snapshots[0], &snapshots[i])
			&& (newest == NULL
				|| lsn_timeline(snapshots[i].role.wal_file)
					> lsn_timeline(newest->role.wal_file)))
			newest = &snapshots[i];
	return newest;
}
