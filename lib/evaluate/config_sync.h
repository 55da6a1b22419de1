/* config_sync.h: the rules about synchronous replication; see config_rules.h. Pure. */
#ifndef PGHA_EVALUATE_CONFIG_SYNC_H
#define PGHA_EVALUATE_CONFIG_SYNC_H

#include "lib/evaluate/config_rules.h"

/* The server accepts synchronous_standby_names. */
enum config_rules_result
config_sync_names(const struct config_rules_facts *facts, struct config_rules_finding *finding);

/* As many standbys are connected as commits wait for; in a file: as many are named. */
enum config_rules_result
config_sync_candidates(const struct config_rules_facts *facts, struct config_rules_finding *finding);

/* One more than that, so that one may go. */
enum config_rules_result
config_sync_spare(const struct config_rules_facts *facts, struct config_rules_finding *finding);

/* With this standby as the primary, commits would wait for standbys that are there. */
enum config_rules_result
config_sync_after_failover(const struct config_rules_facts *facts, struct config_rules_finding *finding);

/* Commits wait for those that are named; by themselves and for every role. */
enum config_rules_result
config_sync_commit(const struct config_rules_facts *facts, struct config_rules_finding *finding);
enum config_rules_result
config_sync_weak_roles(const struct config_rules_facts *facts, struct config_rules_finding *finding);

#endif
