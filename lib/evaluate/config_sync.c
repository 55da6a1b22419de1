#include "lib/evaluate/config_sync.h"

#include <string.h>
#include <strings.h>

#include "lib/base/text.h"
#include "lib/evaluate/sync_names.h"

/* Room for "the first 2 of (n2, n3)" within a finding. */
enum { DESCRIPTION_SIZE = 96 };

/* Whether commits are to wait for anyone, and whom; what the server would refuse is another rule's. */
static bool
is_on(const struct snapshot_config *config, struct sync_names *ret)
{
	struct err ignored;

	return sync_names_parse(config->synchronous_standby_names, ret, &ignored) == 0
		&& ret->method != SYNC_NAMES_OFF;
}

static void
describe(const struct sync_names *names, char to[DESCRIPTION_SIZE])
{
	struct text text;

	text_init(&text, to, DESCRIPTION_SIZE);
	sync_names_describe(names, &text);
}

/*
 * How many standbys that are named are connected: also those that still catch up, which is a matter of time.
 * A name that does not count is that of the standby that is to be the primary.
 */
static int
count_present(const struct snapshot_senders *senders, const struct sync_names *names, const char *without)
{
	int count = 0;

	for (int64_t i = 0; i < senders->total && i < SNAPSHOT_SENDERS_MAX; i++) {
		const struct snapshot_sender *sender = &senders->rows[i];

		if (strcmp(sender->state, "backup") == 0
			|| sync_names_priority(names, sender->application) == 0)
			continue;
		if (without != NULL && strcmp(sender->application, without) == 0)
			without = NULL; /* once: another standby may have its name */
		else
			count++;
	}
	return count;
}

enum config_rules_result
config_sync_names(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	struct sync_names names;
	struct err err;

	if (sync_names_parse(facts->node->config.synchronous_standby_names, &names, &err) == 0)
		return CONFIG_RULES_KEPT;
	if (err.hint[0] != '\0')
		config_rules_remedy(finding, "%s", err.hint);
	return config_rules_say(finding, "the server refuses \"%.*s\": %s", 60,
		facts->node->config.synchronous_standby_names, err.text);
}

/* More than could ever be there, unless several standbys bear one name. */
static bool
is_impossible(const struct sync_names *names)
{
	return names->required > names->name_count && !names->has_star;
}

enum config_rules_result
config_sync_candidates(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	const struct snapshot_senders *senders = &facts->node->senders;
	char description[DESCRIPTION_SIZE];
	struct sync_names names;
	int present;

	if (!is_on(&facts->node->config, &names) || config_rules_is_standby(facts))
		return CONFIG_RULES_NOT_JUDGED;
	describe(&names, description);
	if (config_rules_is_file(facts)) {
		if (!is_impossible(&names))
			return CONFIG_RULES_NOT_JUDGED;
		return config_rules_say(finding,
			"commits wait for ever: needs %s, which names fewer than it needs", description);
	}
	present = count_present(senders, &names, NULL);
	if (present >= names.required)
		return CONFIG_RULES_KEPT;
	return config_rules_say(finding, "commits block: needs %s, %d connected", description, present);
}

enum config_rules_result
config_sync_spare(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	char description[DESCRIPTION_SIZE];
	struct sync_names names;
	int present;

	if (!is_on(&facts->node->config, &names) || config_rules_is_standby(facts))
		return CONFIG_RULES_NOT_JUDGED;
	present = config_rules_is_file(facts) ? names.name_count
					      : count_present(&facts->node->senders, &names, NULL);
	if (config_rules_is_file(facts) && names.has_star)
		return CONFIG_RULES_NOT_JUDGED;
	if (present < names.required) /* worse, and config_sync_candidates()'s */
		return CONFIG_RULES_NOT_JUDGED;
	if (present > names.required)
		return CONFIG_RULES_KEPT;
	describe(&names, description);
	return config_rules_say(finding, "needs %s, %d %s: commits block when one of them is gone",
		description, present, config_rules_is_file(facts) ? "named" : "connected");
}

/* How many could be there, by the names alone: all but this standby's own. */
static int
count_others(const struct sync_names *names, const char *own)
{
	int count = 0;

	for (int i = 0; i < names->name_count; i++)
		if (strcasecmp(sync_names_at(names, i), own) != 0)
			count++;
	return count;
}

enum config_rules_result
config_sync_after_failover(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	const struct snapshot *node = facts->node, *primary = facts->primary;
	char description[DESCRIPTION_SIZE];
	struct sync_names names, theirs;
	int present;

	if (!config_rules_is_standby(facts))
		return CONFIG_RULES_NOT_JUDGED;
	if (!is_on(&node->config, &names)) {
		if (primary == NULL)
			return CONFIG_RULES_NOT_JUDGED;
		if (node->config.synchronous_standby_names[0] != '\0' || !is_on(&primary->config, &theirs))
			return CONFIG_RULES_KEPT;
		return config_rules_say(finding,
			"synchronous_standby_names is empty here, and not on the primary: after a failover "
			"to this node commits wait for no standby");
	}
	describe(&names, description);
	if (primary == NULL && (names.has_star || node->standby.application[0] == '\0'))
		return CONFIG_RULES_NOT_JUDGED;
	present = primary == NULL ? count_others(&names, node->standby.application)
				  : count_present(&primary->senders, &names, node->standby.application);
	if (present >= names.required)
		return CONFIG_RULES_KEPT;
	if (primary != NULL && primary->senders.total > SNAPSHOT_SENDERS_MAX)
		return CONFIG_RULES_NOT_JUDGED; /* it may be one of those that are only counted */
	return config_rules_say(finding,
		"after a failover to this node commits block: needs %s, %d %s besides itself", description,
		present, primary == NULL ? "named" : "connected to the primary");
}

/* -- synchronous_commit ------------------------------------------------------------------------ */

enum config_rules_result
config_sync_commit(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	const char *commit = facts->node->config.synchronous_commit;
	bool is_off = strcmp(commit, "off") == 0;
	struct sync_names names;

	if (commit[0] == '\0') /* set for the role of this check, which says nothing of others */
		return CONFIG_RULES_NOT_JUDGED;
	if (is_on(&facts->node->config, &names)) {
		if (is_off || strcmp(commit, "local") == 0)
			return config_rules_say(finding,
				"%s: commits do not wait for the standbys that are named, and a failover "
				"loses some",
				commit);
		if (strcmp(commit, "remote_write") != 0)
			return CONFIG_RULES_KEPT;
		finding->state = STATE_OK;
		return config_rules_say(finding,
			"%s: a commit is lost when the standby's machine goes down with the primary", commit);
	}
	if (!is_off)
		return CONFIG_RULES_KEPT;
	finding->state = STATE_OK;
	return config_rules_say(finding, "%s: a crash loses the last commits", commit);
}

enum config_rules_result
config_sync_weak_roles(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	const struct snapshot_config *config = &facts->node->config;
	struct sync_names names;

	if (config->weak_commit_roles == SNAPSHOT_NONE || !is_on(config, &names))
		return CONFIG_RULES_NOT_JUDGED;
	if (config->weak_commit_roles <= 0)
		return CONFIG_RULES_KEPT;
	if (config->weak_commit_roles > 1)
		return config_rules_say(finding,
			"%s and %lld more have a synchronous_commit of their own that waits for no standby",
			config->weak_commit_role, (long long)config->weak_commit_roles - 1);
	return config_rules_say(finding, "%s has a synchronous_commit of its own that waits for no standby",
		config->weak_commit_role);
}
