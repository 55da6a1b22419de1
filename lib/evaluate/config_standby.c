#include "lib/evaluate/config_standby.h"

#include <string.h>

#include "lib/base/text.h"

enum config_rules_result
config_standby_timeline(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	const char *timeline = facts->node->config.recovery_target_timeline;

	if (strcmp(timeline, "latest") == 0)
		return CONFIG_RULES_KEPT;
	if (config_rules_is_standby(facts))
		finding->state = STATE_CRITICAL;
	return config_rules_say(
		finding, "\"%s\": as a standby it does not follow another that is promoted", timeline);
}

enum config_rules_result
config_standby_conninfo(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	if (!config_rules_is_standby(facts))
		return CONFIG_RULES_NOT_JUDGED;
	if (facts->node->config.has_primary_conninfo)
		return CONFIG_RULES_KEPT;
	return config_rules_say(finding,
		"empty: this standby only restores from an archive, and a failover to it loses what is not "
		"archived yet");
}

/* The name that a standby has when nobody gave it one. */
static const char no_name[] = "walreceiver";

enum config_rules_result
config_standby_application_name(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	const struct snapshot_config *config = &facts->node->config;
	const char *known = facts->node->standby.application;

	if (!config->has_primary_conninfo)
		return CONFIG_RULES_NOT_JUDGED;
	/* What the receiver is called now counts for more: a service or the environment may name it, too. */
	if (config_rules_is_standby(facts) && known[0] != '\0' && strcmp(known, no_name) != 0)
		return CONFIG_RULES_KEPT;
	if (config->has_application_name || config->cluster_name[0] != '\0')
		return CONFIG_RULES_KEPT;
	return config_rules_say(finding,
		"none: this standby is called \"%s\" like any other, and synchronous_standby_names cannot "
		"tell them apart",
		no_name);
}

/* -- settings lower than the primary's --------------------------------------------------------- */

/* Those that the server compares at the start of recovery, and whenever the primary changes them. */
static const struct {
	const char *name;
	size_t offset;
} compared[] = {
	{"max_connections", offsetof(struct snapshot_config, max_connections)},
	{"max_locks_per_transaction", offsetof(struct snapshot_config, max_locks_per_transaction)},
	{"max_prepared_transactions", offsetof(struct snapshot_config, max_prepared_transactions)},
	{"max_wal_senders", offsetof(struct snapshot_config, max_wal_senders)},
	{"max_worker_processes", offsetof(struct snapshot_config, max_worker_processes)},
};

static int64_t
value_at(const struct snapshot_config *config, size_t offset)
{
	int64_t value;

	memcpy(&value, (const char *)config + offset, sizeof value);
	return value;
}

enum config_rules_result
config_standby_lower(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	char storage[224];
	struct text lower;

	if (!config_rules_is_standby(facts) || facts->primary == NULL)
		return CONFIG_RULES_NOT_JUDGED;
	text_init(&lower, storage, sizeof storage);
	for (size_t i = 0; i < sizeof compared / sizeof compared[0]; i++) {
		int64_t here = value_at(&facts->node->config, compared[i].offset);
		int64_t there = value_at(&facts->primary->config, compared[i].offset);

		if (here < there)
			text_add(&lower, "%s%s %lld < %lld", lower.length > 0 ? ", " : "", compared[i].name,
				(long long)here, (long long)there);
	}
	if (lower.length == 0)
		return CONFIG_RULES_KEPT;
	return config_rules_say(finding, "%s: replay pauses, or the server refuses to start", storage);
}

/* -- logical slots ----------------------------------------------------------------------------- */

enum { VERSION_17 = 170000 };

enum config_rules_result
config_standby_logical_slots(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	const struct snapshot_config *config = &facts->node->config;
	long long lost = (long long)(config->logical_slots - config->failover_slots);

	if (!config_rules_is_primary(facts) || config->logical_slots == SNAPSHOT_NONE)
		return CONFIG_RULES_NOT_JUDGED;
	if (lost <= 0)
		return CONFIG_RULES_KEPT;
	if (facts->node->server_version < VERSION_17)
		config_rules_remedy(finding, "PostgreSQL 17 and later can keep them");
	return config_rules_say(
		finding, "%lld of %lld would not survive a failover", lost, (long long)config->logical_slots);
}

/* What the worker that copies slots insists on, and does not have. */
static void
list_missing(const struct config_rules_facts *facts, struct text *missing)
{
	const struct snapshot_config *config = &facts->node->config;
	const char *const items[] = {
		strcmp(config->hot_standby_feedback, "on") == 0 ? NULL : "hot_standby_feedback = on",
		config->primary_slot_name[0] != '\0' ? NULL : "primary_slot_name",
		!config->has_primary_conninfo || config->has_dbname ? NULL : "dbname in primary_conninfo",
		strcmp(config->wal_level, "logical") == 0 ? NULL : "wal_level = logical",
	};

	for (size_t i = 0; i < sizeof items / sizeof items[0]; i++)
		if (items[i] != NULL)
			text_add(missing, "%s%s", missing->length > 0 ? ", " : "", items[i]);
}

enum config_rules_result
config_standby_sync_slots(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	const struct snapshot_config *config = &facts->node->config;
	const struct snapshot *primary = facts->primary;
	bool is_on = strcmp(config->sync_replication_slots, "on") == 0;
	char storage[128];
	struct text missing;

	if (config->sync_replication_slots[0] == '\0' || config_rules_is_primary(facts))
		return CONFIG_RULES_NOT_JUDGED;
	if (!is_on && (primary == NULL || primary->config.failover_slots == SNAPSHOT_NONE))
		return CONFIG_RULES_NOT_JUDGED;
	if (!is_on && primary->config.failover_slots <= 0)
		return CONFIG_RULES_KEPT;
	text_init(&missing, storage, sizeof storage);
	list_missing(facts, &missing);
	if (is_on && missing.length == 0)
		return CONFIG_RULES_KEPT;
	config_rules_remedy(finding, "write %s%s%s", is_on ? "" : "sync_replication_slots = on",
		is_on || missing.length == 0 ? "" : ", ", storage);
	if (is_on)
		return config_rules_say(
			finding, "on, but no slot is copied from the primary: it needs %s", storage);
	return config_rules_say(finding,
		"off: %lld failover slots of the primary would not survive a failover to this node",
		(long long)primary->config.failover_slots);
}

enum config_rules_result
config_standby_synchronized_slots(
	const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	const struct snapshot_config *config = &facts->node->config;

	if (!config_rules_is_primary(facts) || config->failover_slots == SNAPSHOT_NONE
		|| config->failover_slots <= 0)
		return CONFIG_RULES_NOT_JUDGED;
	if (config->synchronized_standby_slots[0] != '\0')
		return CONFIG_RULES_KEPT;
	return config_rules_say(finding,
		"empty: a subscriber of the %lld failover slots may have what no standby has, and then a "
		"failover to that standby leaves it ahead",
		(long long)config->failover_slots);
}
