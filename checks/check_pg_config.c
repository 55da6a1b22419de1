/*
 * check_pg_config: is this node configured to survive a failover?
 *
 * The rules are in lib/evaluate/config_rules.c, each with its reason and its remedy. They are held against
 * what a server has now, or with --file against what a proposed postgresql.conf would set.
 */
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/conf_file.h"
#include "lib/collect/facets.h"
#include "lib/evaluate/config_rules.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/names.h"
#include "lib/evaluate/role.h"
#include "lib/model/check.h"

struct config_limits {
	struct policy policy;
	struct limit warning;
	struct limit critical;
	char ignore[512];
	char file[1024];
};

static bool
has_source(const void *limits_data)
{
	const struct config_limits *limits = limits_data;

	return limits->file[0] != '\0';
}

static bool
collect(const void *limits_data, const struct check_look *look, struct snapshot *snapshot)
{
	const struct config_limits *limits = limits_data;
	struct err err;

	(void)look; /* files are read in no time, and nothing is waited for */
	if (!has_source(limits))
		return false;
	if (conf_file_read(limits->file, snapshot, &err) != 0)
		snapshot_fail(snapshot, SNAPSHOT_CONFIG, &err);
	return true;
}

static bool
is_ignored(const struct config_limits *limits, const char *rule)
{
	return limits->ignore[0] != '\0' && names_include(limits->ignore, rule);
}

/* -- the primary of a standby ------------------------------------------------------------------ */

/* Why it was not seen, if that is known: what a server that was asked did not answer. */
static const struct err *
find_fault(const struct snapshot *snapshots, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (!snapshot_has(&snapshots[i], SNAPSHOT_CONFIG)
			&& snapshots[i].faults[SNAPSHOT_CONFIG].class != ERR_NONE)
			return &snapshots[i].faults[SNAPSHOT_CONFIG];
	return NULL;
}

/* The primary that a standby is compared with. NULL: that was said, where it matters. */
static const struct snapshot *
find_primary(const struct snapshot *snapshots, size_t count, const struct config_limits *limits,
	struct verdict *verdict)
{
	const struct snapshot *primary = role_primary(snapshots, count);
	const struct err *fault = find_fault(snapshots, count);
	struct err told;

	if (primary != NULL && snapshot_has(primary, SNAPSHOT_CONFIG)
		&& snapshot_has(primary, SNAPSHOT_SENDERS))
		return primary;
	if (count == 1 || is_ignored(limits, "lower_than_primary"))
		return NULL; /* the summary says so */
	if (fault != NULL) {
		told = *fault;
		err_context(&told, "not compared with its primary");
		judge_fault(verdict, &limits->policy, &told);
	} else {
		judge_reason(verdict, STATE_UNKNOWN, "not compared with its primary: %s %s",
			count == 2 ? snapshots[1].target : "of the other nodes none",
			count == 2 ? "is not a primary of this cluster" : "is a primary of this cluster");
	}
	return NULL;
}

/* -- the rules --------------------------------------------------------------------------------- */

/* What became of each. */
struct outcomes {
	enum config_rules_result results[CONFIG_RULES_MAX];
	struct config_rules_finding findings[CONFIG_RULES_MAX];
	bool are_ignored[CONFIG_RULES_MAX];
};

static void
judge_rules(
	const struct config_rules_facts *facts, const struct config_limits *limits, struct outcomes *outcomes)
{
	for (size_t i = 0; i < config_rules_count; i++) {
		outcomes->are_ignored[i] = is_ignored(limits, config_rules[i].name);
		outcomes->results[i] = config_rules_judge(&config_rules[i], facts, &outcomes->findings[i]);
	}
}

static void
tell(const char *rule, const struct config_rules_finding *finding, struct verdict *verdict)
{
	const char *separator = finding->remedy[0] == '\0' ? "" : "; ";

	if (finding->state == STATE_OK) {
		judge_detail(verdict, "%s: %s%s%s", rule, finding->reason, separator, finding->remedy);
	} else {
		judge_reason(verdict, finding->state, "%s: %s%s%s", rule, finding->reason, separator,
			finding->remedy);
		if (finding->state == STATE_WARNING)
			judge_hint(verdict, "what is meant to be so can be left out: --ignore %s", rule);
	}
}

/* The findings of one state, in the order of the rules. Returns how many. */
static int
tell_findings(const struct outcomes *outcomes, enum state state, struct verdict *verdict)
{
	int count = 0;

	for (size_t i = 0; i < config_rules_count; i++)
		if (!outcomes->are_ignored[i] && outcomes->results[i] == CONFIG_RULES_BROKEN
			&& outcomes->findings[i].state == state) {
			tell(config_rules[i].name, &outcomes->findings[i], verdict);
			count++;
		}
	return count;
}

/* Adds a rule's name to a list that is told line by line. */
static void
add_name(struct text *list, const char *title, const char *name, struct verdict *verdict)
{
	if (list->length + strlen(name) + strlen(", ") >= list->size) {
		judge_detail(verdict, "%s: %s", title, list->bytes);
		text_init(list, list->bytes, list->size);
	}
	text_add(list, "%s%s", list->length > 0 ? ", " : "", name);
}

/* The rules of one result, or those that are left out. Returns how many. */
static int
list_rules(const struct outcomes *outcomes, const char *title, enum config_rules_result result,
	bool are_ignored, struct verdict *verdict)
{
	char storage[240];
	struct text list;
	int count = 0;

	text_init(&list, storage, sizeof storage);
	for (size_t i = 0; i < config_rules_count; i++)
		if (outcomes->are_ignored[i] == are_ignored
			&& (are_ignored || outcomes->results[i] == result)) {
			add_name(&list, title, config_rules[i].name, verdict);
			count++;
		}
	if (list.length > 0)
		judge_detail(verdict, "%s: %s", title, storage);
	return count;
}

/* A pattern that leaves nothing out was meant for something else. */
static bool
is_ignore_known(const struct config_limits *limits, struct verdict *verdict)
{
	char pattern[64];
	struct err fault;

	for (size_t i = 0; names_at(limits->ignore, i, pattern, sizeof pattern) != NULL; i++) {
		bool is_known = false;

		for (size_t j = 0; j < config_rules_count; j++)
			is_known = is_known || names_match(pattern, config_rules[j].name);
		if (is_known)
			continue;
		err_set(&fault, ERR_USAGE, "option --ignore: no rule is called \"%s\"", pattern);
		err_hint(&fault, "-v lists the rules");
		judge_fault(verdict, &limits->policy, &fault);
		return false;
	}
	return true;
}

/* Of a server more is needed than the settings; a recording may be of anything. */
static bool
is_complete(
	const struct config_rules_facts *facts, const struct config_limits *limits, struct verdict *verdict)
{
	static const enum snapshot_part parts[] = {SNAPSHOT_ROLE, SNAPSHOT_SENDERS, SNAPSHOT_STANDBY};
	struct err fault;

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		if (config_rules_is_file(facts) || snapshot_has(facts->node, parts[i]))
			continue;
		err_set(&fault, ERR_USAGE, "the snapshot has no part \"%s\"", snapshot_part_name(parts[i]));
		judge_fault(verdict, &limits->policy, &fault);
		return false;
	}
	return true;
}

static const char *
subject(const struct config_rules_facts *facts)
{
	if (config_rules_is_file(facts))
		return facts->node->config.file;
	return facts->node->role.in_recovery ? "standby" : "primary";
}

static void
summarize(const struct config_rules_facts *facts, int kept, int remarks, struct verdict *verdict)
{
	char storage[96];
	struct text text;

	text_init(&text, storage, sizeof storage);
	text_add(&text, "%d rules kept", kept);
	if (remarks > 0)
		text_add(&text, ", %d remark%s (-v)", remarks, remarks == 1 ? "" : "s");
	if (config_rules_is_standby(facts) && facts->primary == NULL && verdict->fault.class == ERR_NONE)
		text_add(&text, ", not compared with its primary (--primary)");
	if (verdict->state == STATE_OK)
		judge_reason(verdict, STATE_OK, "%s fit to survive a failover: %s", subject(facts), storage);
	else
		judge_detail(verdict, "%s: %s", subject(facts), storage);
}

static void
evaluate(const struct snapshot *snapshots, size_t count, const void *limits_data, struct verdict *verdict)
{
	const struct config_limits *limits = limits_data;
	struct config_rules_facts facts = {.node = &snapshots[0]};
	struct outcomes outcomes;
	int findings, remarks, kept;

	if (!is_ignore_known(limits, verdict) || !is_complete(&facts, limits, verdict))
		return;
	if (config_rules_is_standby(&facts))
		facts.primary = find_primary(snapshots, count, limits, verdict);
	judge_rules(&facts, limits, &outcomes);
	findings = tell_findings(&outcomes, STATE_CRITICAL, verdict); /* the hint is the worst one's */
	findings += tell_findings(&outcomes, STATE_WARNING, verdict);
	remarks = tell_findings(&outcomes, STATE_OK, verdict);
	judge_metric(verdict, "the number of findings and remarks", "findings", (double)(findings + remarks),
		UNIT_NONE, &limits->warning, &limits->critical);
	kept = list_rules(&outcomes, "kept", CONFIG_RULES_KEPT, false, verdict);
	judge_figure(verdict, "rules_kept", (double)kept, UNIT_NONE);
	list_rules(&outcomes, "not judged here", CONFIG_RULES_NOT_JUDGED, false, verdict);
	list_rules(&outcomes, "left out", CONFIG_RULES_KEPT, true, verdict);
	summarize(&facts, kept, remarks, verdict);
}

/* -- what it is made of ------------------------------------------------------------------------ */

static const struct setting settings[] = {
	{.name = "warning",
		.letter = 'w',
		.type = SETTING_LIMIT,
		SETTING_AT(struct config_limits, warning),
		.argument = "RANGE",
		.help
		= "WARNING when the number of findings, remarks of -v too, is outside RANGE; each finding "
		  "has a state of its own besides",
		.accepted = 1U << UNIT_NONE,
		.plain = UNIT_NONE},
	{.name = "critical",
		.letter = 'c',
		.type = SETTING_LIMIT,
		SETTING_AT(struct config_limits, critical),
		.argument = "RANGE",
		.help = "CRITICAL likewise; -w 0 lets no remark pass",
		.accepted = 1U << UNIT_NONE,
		.plain = UNIT_NONE},
	{.name = "ignore",
		.type = SETTING_LIST,
		SETTING_AT(struct config_limits, ignore),
		.argument = "RULES",
		.help = "rules to leave out, with * for any characters; -v lists them all"},
	{.name = "file",
		.type = SETTING_TEXT,
		SETTING_AT(struct config_limits, file),
		.argument = "FILE",
		.help = "judge a proposed postgresql.conf, with what it includes, instead of a server; ALTER "
			"SYSTEM's settings are not in it, and defaults are those of PostgreSQL 18",
		.is_source = true},
	{.name = "wrong-role",
		.type = SETTING_STATE,
		SETTING_AT(struct config_limits, policy.wrong_role),
		.initial = "unknown",
		.argument = "STATE",
		.help = "for definitions that serve every check: this one judges any role"},
};

static const struct facet *const facets[] = {
	&facet_config, &facet_role, &facet_identity, &facet_senders, &facet_standby, NULL};

const struct check check_pg_config = {
	.name = "pg_config",
	.title = "PG CONFIG",
	.summary = "is this node configured to survive a failover?",
	.example = "check_pg_config -H 10.0.0.11 -U pgha --ignore 'tcp_*,archive_mode'\n"
		   "check_pg_config -H 10.0.0.12 -U pgha --primary 'host=10.0.0.11 user=pgha'\n"
		   "check_pg_config --file /etc/postgresql/18/main/postgresql.conf -v\n",
	.facets = facets,
	.settings = settings,
	.setting_count = sizeof settings / sizeof settings[0],
	.limits_size = sizeof(struct config_limits),
	.second = CHECK_PRIMARY,
	.has_source = has_source,
	.collect = collect,
	.evaluate = evaluate,
};
