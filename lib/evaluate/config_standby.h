/* config_standby.h: the rules about a standby and its primary; see config_rules.h. Pure. */
#ifndef PGHA_EVALUATE_CONFIG_STANDBY_H
#define PGHA_EVALUATE_CONFIG_STANDBY_H

#include "lib/evaluate/config_rules.h"

/* It follows whoever is promoted. */
enum config_rules_result
config_standby_timeline(const struct config_rules_facts *facts, struct config_rules_finding *finding);

/* It knows whom to stream from. */
enum config_rules_result
config_standby_conninfo(const struct config_rules_facts *facts, struct config_rules_finding *finding);

/* It has a name of its own. */
enum config_rules_result
config_standby_application_name(const struct config_rules_facts *facts, struct config_rules_finding *finding);

/* It has room for all that the primary may do: what its server insists on. */
enum config_rules_result
config_standby_lower(const struct config_rules_facts *facts, struct config_rules_finding *finding);

/* Logical slots survive a failover: those that cannot, those that are not copied, and who gets ahead. */
enum config_rules_result
config_standby_logical_slots(const struct config_rules_facts *facts, struct config_rules_finding *finding);
enum config_rules_result
config_standby_sync_slots(const struct config_rules_facts *facts, struct config_rules_finding *finding);
enum config_rules_result config_standby_synchronized_slots(
	const struct config_rules_facts *facts, struct config_rules_finding *finding);

#endif
