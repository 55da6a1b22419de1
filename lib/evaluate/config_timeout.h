/* config_timeout.h: the rules about how soon a silence is noticed; see config_rules.h. Pure. */
#ifndef PGHA_EVALUATE_CONFIG_TIMEOUT_H
#define PGHA_EVALUATE_CONFIG_TIMEOUT_H

#include "lib/evaluate/config_rules.h"

/* As a standby, that of the primary; as a primary, that of a standby: within 5 minutes. */
enum config_rules_result
config_timeout_receiver(const struct config_rules_facts *facts, struct config_rules_finding *finding);
enum config_rules_result
config_timeout_sender(const struct config_rules_facts *facts, struct config_rules_finding *finding);

/*
 * That of a client, idle or not, likewise: only told. A session over a UNIX socket does not see the values,
 * where they are not judged.
 */
enum config_rules_result
config_timeout_keepalives(const struct config_rules_facts *facts, struct config_rules_finding *finding);
enum config_rules_result
config_timeout_user(const struct config_rules_facts *facts, struct config_rules_finding *finding);

#endif
