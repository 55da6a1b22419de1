#include "lib/evaluate/sync_state.h"

#include <string.h>

#include "lib/evaluate/role.h"

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

const char *
sync_state_of(const struct snapshot *snapshots, size_t count)
{
	const struct snapshot *primary = role_primary(snapshots, count);
	const char *state = NULL;

	if (primary != NULL && snapshot_has(primary, SNAPSHOT_SENDERS)
		&& snapshot_has(&snapshots[0], SNAPSHOT_STANDBY)
		&& snapshots[0].standby.application[0] != '\0')
		state = find(&primary->senders, snapshots[0].standby.application);
	return state == NULL || state[0] == '\0' ? NULL : state;
}
