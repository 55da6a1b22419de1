/*
 * config_rules.h: is a server configured to survive a failover? A table of rules, each a small function.
 * Pure.
 *
 * A rule that a node's role, version or place has nothing to say to, or whose facts are not there, is not
 * judged: it is neither kept nor broken. A proposed file (config.file) is held against what holds in either
 * role.
 */
#ifndef PGHA_EVALUATE_CONFIG_RULES_H
#define PGHA_EVALUATE_CONFIG_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/model/snapshot.h"
#include "lib/model/state.h"

/* What a rule looks at. */
struct config_rules_facts {
	/* With the part config; of a server also role, senders and standby. */
	const struct snapshot *node;
	/* Of a standby: its primary, with the parts config and senders; NULL: not known. */
	const struct snapshot *primary;
};

enum config_rules_result { CONFIG_RULES_KEPT, CONFIG_RULES_BROKEN, CONFIG_RULES_NOT_JUDGED };

/* What is wrong, and what to do about it; both are filled where a rule is broken. */
struct config_rules_finding {
	enum state state; /* OK: only to be told */
	char reason[288]; /* "off: a crash of the machine loses commits" */
	char remedy[160]; /* "write fsync = on, then reload" */
};

struct config_rules_rule {
	const char *name; /* the setting's where there is one */
	enum state state; /* of a finding, where the rule does not say another */
	const char *remedy;
	enum config_rules_result (*judge)(
		const struct config_rules_facts *facts, struct config_rules_finding *finding);
};

/* At most so many rules are there. */
enum { CONFIG_RULES_MAX = 40 };

extern const struct config_rules_rule config_rules[];
extern const size_t config_rules_count;

/* Holds a node against a rule. */
enum config_rules_result config_rules_judge(const struct config_rules_rule *rule,
	const struct config_rules_facts *facts, struct config_rules_finding *finding);

/* For the rules themselves: what is wrong, or another remedy than the rule's. Returns CONFIG_RULES_BROKEN. */
enum config_rules_result config_rules_say(struct config_rules_finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
enum config_rules_result config_rules_remedy(struct config_rules_finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Whether a proposed file is judged, a running primary, or a running standby: one of the three. */
bool config_rules_is_file(const struct config_rules_facts *facts);
bool config_rules_is_primary(const struct config_rules_facts *facts);
bool config_rules_is_standby(const struct config_rules_facts *facts);

#endif
