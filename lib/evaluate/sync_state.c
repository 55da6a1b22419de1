#include "lib/evaluate/sync_state.h"

#include <string.h>

#include "lib/evaluate/role.h"
#include "lib/model/lsn.h"

static bool
is_primary_of(const struct snapshot *node, const struct snapshot *peer)
{
	return snapshot_has(peer, SNAPSHOT_ROLE) && !peer->role.in_recovery
		&& snapshot_has(peer, SNAPSHOT_SENDERS) && role_is_same_cluster(node, peer);
}

/* The state of the only sender of that name; names need not be unique, and "walreceiver" seldom is. */
static const char *
find(const struct snapshot_senders *senders, const char *application)
{
	const char *found = NULL;

	for (int64_t i = 0; i < senders->total && i < SNAPSHOT_SENDERS_MAX; i++)
		if (strcmp(senders->rows[i].application, application) == 0) {
			if (found != NULL)
				return NULL;
			found = senders->rows[i].sync_state;
		}
	return found;
}

/* The primary of the cluster; of several, the one that was promoted last. */
static const struct snapshot *
find_primary(const struct snapshot *snapshots, size_t count)
{
	const struct snapshot *newest = NULL;

	for (size_t i = 1; i < count; i++)
		if (is_primary_of(&snapshots[0], &snapshots[i])
			&& (newest == NULL
				|| lsn_timeline(snapshots[i].role.wal_file)
					> lsn_timeline(newest->role.wal_file)))
			newest = &snapshots[i];
	return newest;
}

const char *
sync_state_of(const struct snapshot *snapshots, size_t count)
{
	const struct snapshot *primary = find_primary(snapshots, count);
	const char *state = NULL;

	if (primary != NULL && snapshot_has(&snapshots[0], SNAPSHOT_STANDBY)
		&& snapshots[0].standby.application[0] != '\0')
		state = find(&primary->senders, snapshots[0].standby.application);
	return state == NULL || state[0] == '\0' ? NULL : state;
}
