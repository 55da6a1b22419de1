#include "lib/evaluate/formation_state.h"

#include <stddef.h>
#include <string.h>

/* In the order of the extension's type. */
static const struct {
	const char *name;
	bool may_write, is_standby, may_be_down, is_maintenance;
} states[] = {
	{.name = "init", .may_be_down = true},
	{.name = "single", .may_write = true},
	{.name = "wait_primary", .may_write = true},
	{.name = "primary", .may_write = true},
	{.name = "draining", .may_be_down = true},
	{.name = "demote_timeout", .may_be_down = true},
	{.name = "demoted", .may_be_down = true},
	{.name = "catchingup", .is_standby = true},
	{.name = "secondary", .is_standby = true},
	{.name = "prepare_promotion", .is_standby = true},
	{.name = "stop_replication"}, /* it is promoted in this state */
	{.name = "wait_standby", .may_be_down = true},
	{.name = "maintenance", .may_be_down = true, .is_maintenance = true},
	{.name = "join_primary", .may_write = true},
	{.name = "apply_settings", .may_write = true},
	{.name = "prepare_maintenance", .may_be_down = true, .is_maintenance = true},
	{.name = "wait_maintenance", .is_standby = true, .is_maintenance = true},
	{.name = "report_lsn", .is_standby = true},
	{.name = "fast_forward", .is_standby = true},
	{.name = "join_secondary", .is_standby = true},
	{.name = "dropped", .may_be_down = true},
};

static size_t
find(const char *state)
{
	size_t i = 0;

	while (i < sizeof states / sizeof states[0] && strcmp(states[i].name, state) != 0)
		i++;
	return i;
}

#define STATE_HAS(state, what) (find(state) < sizeof states / sizeof states[0] && states[find(state)].what)

bool
formation_state_is_known(const char *state)
{
	return find(state) < sizeof states / sizeof states[0];
}

bool
formation_state_may_write(const char *state)
{
	return STATE_HAS(state, may_write);
}

bool
formation_state_is_standby(const char *state)
{
	return STATE_HAS(state, is_standby);
}

bool
formation_state_may_be_down(const char *state)
{
	return STATE_HAS(state, may_be_down);
}

bool
formation_state_is_maintenance(const char *state)
{
	return STATE_HAS(state, is_maintenance);
}
