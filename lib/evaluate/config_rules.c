#include "lib/evaluate/config_rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/evaluate/config_standby.h"
#include "lib/evaluate/config_sync.h"
#include "lib/evaluate/config_timeout.h"

bool
config_rules_is_file(const struct config_rules_facts *facts)
{
	return facts->node->config.file[0] != '\0';
}

bool
config_rules_is_primary(const struct config_rules_facts *facts)
{
	return !config_rules_is_file(facts) && !facts->node->role.in_recovery;
}

bool
config_rules_is_standby(const struct config_rules_facts *facts)
{
	return !config_rules_is_file(facts) && facts->node->role.in_recovery;
}

enum config_rules_result
config_rules_say(struct config_rules_finding *finding, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(finding->reason, sizeof finding->reason, format, arguments);
	va_end(arguments);
	return CONFIG_RULES_BROKEN;
}

enum config_rules_result
config_rules_remedy(struct config_rules_finding *finding, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(finding->remedy, sizeof finding->remedy, format, arguments);
	va_end(arguments);
	return CONFIG_RULES_BROKEN;
}

static bool
is_on(const char *value)
{
	return strcmp(value, "on") == 0;
}

/* -- WAL and who may have it ------------------------------------------------------------------- */

/* A proposed file: the server itself would refuse it. */
static enum config_rules_result
judge_file(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	const struct snapshot_config *config = &facts->node->config;

	if (!config_rules_is_file(facts))
		return CONFIG_RULES_NOT_JUDGED;
	if (config->refused[0] == '\0')
		return CONFIG_RULES_KEPT;
	return config_rules_say(finding, "the server would refuse it: %s", config->refused);
}

static enum config_rules_result
judge_wal_level(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	const struct snapshot_config *config = &facts->node->config;
	bool is_logical = strcmp(config->wal_level, "logical") == 0;

	if (strcmp(config->wal_level, "minimal") == 0) {
		if (config->max_wal_senders > 0) /* a running one cannot have it so */
			return config_rules_say(finding,
				"minimal: the server refuses to start with it while max_wal_senders is %lld",
				(long long)config->max_wal_senders);
		return config_rules_say(finding, "minimal: no standby can follow this server");
	}
	if (!is_logical && facts->primary != NULL
		&& strcmp(facts->primary->config.wal_level, "logical") == 0) {
		finding->state = STATE_WARNING;
		config_rules_remedy(finding, "write wal_level = logical, then restart");
		return config_rules_say(finding,
			"%s, and logical on the primary: logical replication ends with a failover to this "
			"node",
			config->wal_level);
	}
	return CONFIG_RULES_KEPT;
}

/* How many WAL senders are in use; of a file none are known of. */
static int64_t
senders_in_use(const struct config_rules_facts *facts)
{
	return config_rules_is_file(facts) ? 0 : facts->node->senders.total;
}

/* A standby that was lost comes back by pg_basebackup, which takes two senders: the files, and their WAL. */
enum { SENDERS_OF_BASEBACKUP = 2 };

static enum config_rules_result
judge_max_wal_senders(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	int64_t max = facts->node->config.max_wal_senders, used = senders_in_use(facts);

	if (max - used >= SENDERS_OF_BASEBACKUP)
		return CONFIG_RULES_KEPT;
	config_rules_remedy(finding, "write max_wal_senders = %lld, then restart",
		(long long)(used + 5 > 10 ? used + 5 : 10));
	if (max == 0)
		return config_rules_say(finding, "0: no standby can connect");
	if (max <= used)
		return config_rules_say(
			finding, "all %lld are in use: no other standby can connect", (long long)max);
	finding->state = STATE_WARNING;
	return config_rules_say(finding,
		"%lld of %lld are in use: pg_basebackup, which takes two, cannot bring a standby back",
		(long long)used, (long long)max);
}

static enum config_rules_result
judge_max_replication_slots(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	const struct snapshot_config *config = &facts->node->config;
	int64_t used = config->slots == SNAPSHOT_NONE ? 0 : config->slots;

	if (config->max_replication_slots > used)
		return CONFIG_RULES_KEPT;
	config_rules_remedy(finding, "write max_replication_slots = %lld, then restart",
		(long long)(used + 5 > 10 ? used + 5 : 10));
	if (used == 0)
		return config_rules_say(
			finding, "0: no slot can keep the WAL that a standby which is away will need");
	return config_rules_say(
		finding, "all %lld are in use: none is left for another standby", (long long)used);
}

static enum config_rules_result
judge_max_slot_wal_keep_size(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	const struct snapshot_config *config = &facts->node->config;

	if (strcmp(config->max_slot_wal_keep_size, "-1") != 0 || config->slots == 0)
		return CONFIG_RULES_KEPT;
	if (config->slots == SNAPSHOT_NONE) {
		finding->state = STATE_OK;
		return config_rules_say(finding,
			"-1: a slot that nobody uses keeps WAL until the disk is full, and the server stops");
	}
	return config_rules_say(finding,
		"-1: any of the %lld slots keeps WAL while nobody uses it, until the disk is full and the "
		"server stops",
		(long long)config->slots);
}

/* Physical standbys, as far as the rows tell. */
static bool
has_standby(const struct snapshot_senders *senders)
{
	for (int64_t i = 0; i < senders->total && i < SNAPSHOT_SENDERS_MAX; i++)
		if (!senders->rows[i].is_logical && strcmp(senders->rows[i].state, "backup") != 0)
			return true;
	return false;
}

static enum config_rules_result
judge_wal_keep_size(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	const struct snapshot_config *config = &facts->node->config;

	if (!config_rules_is_primary(facts) || !has_standby(&facts->node->senders))
		return CONFIG_RULES_NOT_JUDGED;
	if (strcmp(config->wal_keep_size, "0") != 0 || config->slots != 0)
		return CONFIG_RULES_KEPT;
	if (strcmp(config->archive_mode, "off") != 0)
		finding->state = STATE_OK; /* it may be restored from there */
	return config_rules_say(finding,
		"0, and there is no slot: a standby that is away for a while finds the WAL that it needs "
		"gone");
}

static enum config_rules_result
judge_archive_mode(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	if (strcmp(facts->node->config.archive_mode, "off") != 0)
		return CONFIG_RULES_KEPT;
	return config_rules_say(finding,
		"off: no backup can be rolled forward, and no standby that fell behind restores from an "
		"archive");
}

/* -- what a crash or a failover needs ---------------------------------------------------------- */

static enum config_rules_result
judge_hot_standby(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	if (is_on(facts->node->config.hot_standby))
		return CONFIG_RULES_KEPT;
	return config_rules_say(finding,
		"off: as a standby this server takes no connections, so that nobody can read from it or "
		"check it");
}

static enum config_rules_result
judge_wal_log_hints(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	const struct snapshot_config *config = &facts->node->config;

	if (is_on(config->wal_log_hints) || is_on(config->data_checksums))
		return CONFIG_RULES_KEPT;
	if (config->data_checksums[0] == '\0') { /* a file does not tell */
		finding->state = STATE_OK;
		return config_rules_say(finding,
			"off: pg_rewind cannot bring this server back after a failover, unless it has data "
			"checksums");
	}
	return config_rules_say(finding,
		"off, and no data checksums: pg_rewind cannot bring this server back after a failover");
}

static enum config_rules_result
judge_full_page_writes(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	if (is_on(facts->node->config.full_page_writes))
		return CONFIG_RULES_KEPT;
	return config_rules_say(
		finding, "off: a crash may tear pages beyond repair, and pg_rewind refuses to work");
}

static enum config_rules_result
judge_fsync(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	if (is_on(facts->node->config.fsync))
		return CONFIG_RULES_KEPT;
	return config_rules_say(finding, "off: a crash of the machine loses commits, or all of the data");
}

/* -- the table --------------------------------------------------------------------------------- */

const struct config_rules_rule config_rules[] = {
	{"file", STATE_CRITICAL, "try a file with: postgres -C wal_level -c config_file=FILE -D DIRECTORY",
		judge_file},
	{"synchronous_standby_names", STATE_CRITICAL,
		"write it like 'FIRST 1 (n2, n3)' or 'ANY 1 (n2, n3)', then reload", config_sync_names},
	{"sync_candidates", STATE_CRITICAL,
		"start the standbys, or name in synchronous_standby_names those that are there, then reload",
		config_sync_candidates},
	{"sync_spare", STATE_WARNING, "add a standby to synchronous_standby_names", config_sync_spare},
	{"sync_after_failover", STATE_WARNING,
		"name the standbys that this node will have in its own synchronous_standby_names, then "
		"reload",
		config_sync_after_failover},
	{"synchronous_commit", STATE_CRITICAL, "write synchronous_commit = on, then reload",
		config_sync_commit},
	{"weak_commit_roles", STATE_WARNING,
		"unless it is meant: ALTER ROLE NAME RESET synchronous_commit, or ALTER DATABASE likewise",
		config_sync_weak_roles},
	{"fsync", STATE_CRITICAL, "write fsync = on, then reload", judge_fsync},
	{"wal_level", STATE_CRITICAL, "write wal_level = replica, then restart", judge_wal_level},
	{"max_wal_senders", STATE_CRITICAL, "", judge_max_wal_senders},
	{"lower_than_primary", STATE_CRITICAL, "write at least the primary's values, then restart",
		config_standby_lower},
	{"recovery_target_timeline", STATE_WARNING, "write recovery_target_timeline = 'latest', then restart",
		config_standby_timeline},
	{"primary_conninfo", STATE_WARNING,
		"write primary_conninfo = 'host=PRIMARY user=REPLICATOR application_name=NAME', then reload",
		config_standby_conninfo},
	{"application_name", STATE_WARNING,
		"write application_name=NAME into primary_conninfo, then reload; or cluster_name = 'NAME'",
		config_standby_application_name},
	{"max_replication_slots", STATE_WARNING, "", judge_max_replication_slots},
	{"max_slot_wal_keep_size", STATE_WARNING,
		"write max_slot_wal_keep_size = 10GB, or what the disk can spare, then reload",
		judge_max_slot_wal_keep_size},
	{"wal_keep_size", STATE_WARNING,
		"make a slot for each standby (primary_slot_name), or write wal_keep_size = 1GB, then reload",
		judge_wal_keep_size},
	{"wal_log_hints", STATE_WARNING,
		"write wal_log_hints = on, then restart; or pg_checksums --enable while it is stopped",
		judge_wal_log_hints},
	{"full_page_writes", STATE_WARNING, "write full_page_writes = on, then reload",
		judge_full_page_writes},
	{"hot_standby", STATE_WARNING, "write hot_standby = on, then restart", judge_hot_standby},
	{"archive_mode", STATE_WARNING, "write archive_mode = on and an archive_command, then restart",
		judge_archive_mode},
	{"wal_receiver_timeout", STATE_WARNING, "write wal_receiver_timeout = 1min, then reload",
		config_timeout_receiver},
	{"wal_sender_timeout", STATE_WARNING, "write wal_sender_timeout = 1min, then reload",
		config_timeout_sender},
	{"sync_replication_slots", STATE_WARNING, "", config_standby_sync_slots},
	{"synchronized_standby_slots", STATE_WARNING,
		"write synchronized_standby_slots = 'SLOT', the slots of the standbys, then reload",
		config_standby_synchronized_slots},
	{"logical_slots", STATE_OK, "ALTER SUBSCRIPTION NAME SET (failover = true), while it is disabled",
		config_standby_logical_slots},
	{"tcp_keepalives", STATE_OK,
		"write tcp_keepalives_idle = 60, tcp_keepalives_interval = 10 and tcp_keepalives_count = 6, "
		"then reload",
		config_timeout_keepalives},
	{"tcp_user_timeout", STATE_OK, "write tcp_user_timeout = 1min, then reload", config_timeout_user},
};

_Static_assert(sizeof config_rules / sizeof config_rules[0] <= CONFIG_RULES_MAX, "more rules than promised");

const size_t config_rules_count = sizeof config_rules / sizeof config_rules[0];

enum config_rules_result
config_rules_judge(const struct config_rules_rule *rule, const struct config_rules_facts *facts,
	struct config_rules_finding *finding)
{
	finding->state = rule->state;
	finding->reason[0] = '\0';
	snprintf(finding->remedy, sizeof finding->remedy, "%s", rule->remedy);
	return rule->judge(facts, finding);
}
