#include "lib/collect/auto_failover_nodes.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/collect/place.h"
#include "lib/model/lsn.h"

static size_t
row_count(const struct snapshot_auto_failover *monitor)
{
	return monitor->total < 0                             ? 0
		: monitor->total > SNAPSHOT_AUTO_FAILOVER_MAX ? SNAPSHOT_AUTO_FAILOVER_MAX
							      : (size_t)monitor->total;
}

/* Whether "10.0.0.11:5432" or "[fd00::1]:5432" is where the row's node is. */
static bool
is_place_of(const struct snapshot_auto_failover_node *row, const char *node)
{
	struct place place = {.hostaddr = ""};
	char storage[sizeof row->host + 32];
	struct text text;

	if (text_copy(place.host, sizeof place.host, row->host) != 0)
		return false;
	text_init(&text, place.port, sizeof place.port);
	text_add(&text, "%lld", (long long)row->port);
	text_init(&text, storage, sizeof storage);
	place_write(&place, &text);
	return strcmp(storage, node) == 0;
}

size_t
auto_failover_nodes_find(const struct snapshot_auto_failover *monitor, const char *node)
{
	size_t found = AUTO_FAILOVER_NODES_NONE;

	for (size_t i = 0; i < row_count(monitor); i++) {
		if (is_place_of(&monitor->rows[i], node))
			return i;
		if (strcmp(monitor->rows[i].name, node) != 0)
			continue;
		if (found != AUTO_FAILOVER_NODES_NONE)
			return AUTO_FAILOVER_NODES_NONE;
		found = i;
	}
	return found;
}

size_t
auto_failover_nodes_find_id(const struct snapshot_auto_failover *monitor, int64_t id)
{
	for (size_t i = 0; i < row_count(monitor); i++)
		if (id != SNAPSHOT_NONE && monitor->rows[i].id == id)
			return i;
	return AUTO_FAILOVER_NODES_NONE;
}

void
auto_failover_nodes_fail(struct snapshot_auto_failover_node *row, const struct err *fault)
{
	text_clean(row->fault, sizeof row->fault, fault == NULL ? "" : fault->text);
	text_clean(
		row->fault_class, sizeof row->fault_class, fault == NULL ? "" : err_class_name(fault->class));
}

void
auto_failover_nodes_answer(struct snapshot_auto_failover_node *row, const struct snapshot *said)
{
	struct err err;

	if (!snapshot_has(said, SNAPSHOT_ROLE)) {
		auto_failover_nodes_fail(row, &said->faults[SNAPSHOT_ROLE]);
		return;
	}
	if (snapshot_has(said, SNAPSHOT_IDENTITY) && row->system_identifier[0] != '\0'
		&& strcmp(row->system_identifier, said->identity.system_identifier) != 0) {
		err_set(&err, ERR_SETUP, "a server of another cluster answers there");
		auto_failover_nodes_fail(row, &err);
		return;
	}
	text_clean(row->own_role, sizeof row->own_role, said->role.in_recovery ? "standby" : "primary");
	row->is_detached = said->role.in_recovery && snapshot_has(said, SNAPSHOT_STANDBY)
		&& said->standby.receiver_pid == SNAPSHOT_NONE;
	if (!said->role.in_recovery && lsn_timeline(said->role.wal_file) != 0)
		row->own_timeline = lsn_timeline(said->role.wal_file);
}
