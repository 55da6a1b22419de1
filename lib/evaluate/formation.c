#include "lib/evaluate/formation.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/formation_node.h"
#include "lib/evaluate/formation_state.h"
#include "lib/evaluate/judge.h"

/* Room for some names with commas between, and what is known of each; for a group's name. */
enum { NAMES_SIZE = 200, GROUP_SIZE = 128 };

/* A group, by its first node. */
struct group {
	const struct snapshot *snapshot;
	const struct formation_limits *limits;
	const struct snapshot_auto_failover_node *first;
	bool has_primary;      /* the one that the monitor wants says itself that it is */
	char name[GROUP_SIZE]; /* " in formation "default"", for a message's end */
};

static size_t
row_count(const struct snapshot *snapshot)
{
	return snapshot_row_count(snapshot, snapshot_list_of(SNAPSHOT_AUTO_FAILOVER));
}

static bool
is_same_group(const struct snapshot_auto_failover_node *a, const struct snapshot_auto_failover_node *b)
{
	return a->group == b->group && strcmp(a->formation, b->formation) == 0;
}

const struct snapshot_auto_failover_node *
formation_own(const struct snapshot *snapshot)
{
	for (size_t i = 0; i < row_count(snapshot); i++)
		if (snapshot->auto_failover.rows[i].is_own)
			return &snapshot->auto_failover.rows[i];
	return NULL;
}

/* -- tests of one node --------------------------------------------------------------------------- */

typedef bool node_test(const struct group *group, const struct snapshot_auto_failover_node *node);

static bool
is_to_write(const struct group *group, const struct snapshot_auto_failover_node *node)
{
	(void)group;
	return formation_node_is_to_write(node);
}

static bool
says_primary(const struct group *group, const struct snapshot_auto_failover_node *node)
{
	(void)group;
	return formation_node_says_primary(node);
}

/*
 * It falls behind for ever, and commits may wait for it: the monitor goes by whether it can be connected to.
 * While the primary is away each secondary is one.
 */
static bool
is_detached(const struct group *group, const struct snapshot_auto_failover_node *node)
{
	return group->has_primary && node->is_detached && strcmp(node->goal_state, "secondary") == 0
		&& formation_node_is_settled(node);
}

/* Ready to take over: caught up, checked, and where it was asked a standby that replicates. */
static bool
is_good_secondary(const struct group *group, const struct snapshot_auto_failover_node *node)
{
	return strcmp(node->goal_state, "secondary") == 0 && formation_node_is_settled(node)
		&& node->health == 1 && node->is_running && !formation_node_says_primary(node)
		&& !is_detached(group, node);
}

static bool
is_good_candidate(const struct group *group, const struct snapshot_auto_failover_node *node)
{
	return is_good_secondary(group, node) && node->priority > 0;
}

static bool
is_good_in_quorum(const struct group *group, const struct snapshot_auto_failover_node *node)
{
	return is_good_secondary(group, node) && node->is_in_quorum;
}

/* Counts the nodes of a group that pass; their names go to `names` unless it is NULL. */
static int64_t
count_nodes(const struct group *group, node_test *test, struct text *names)
{
	int64_t count = 0;

	for (size_t i = 0; i < row_count(group->snapshot); i++) {
		const struct snapshot_auto_failover_node *node = &group->snapshot->auto_failover.rows[i];

		if (!is_same_group(node, group->first) || !test(group, node))
			continue;
		count++;
		if (names != NULL)
			text_add(names, "%s%s", names->length > 0 ? ", " : "", node->name);
	}
	return count;
}

/* -- the primary of a group ---------------------------------------------------------------------- */

/* "n1 demoted, n2 prepare_promotion": what the monitor wants of each. */
static void
add_goals(const struct group *group, struct text *text)
{
	for (size_t i = 0; i < row_count(group->snapshot); i++) {
		const struct snapshot_auto_failover_node *node = &group->snapshot->auto_failover.rows[i];

		if (is_same_group(node, group->first))
			text_add(text, "%s%s %s", text->length > 0 ? ", " : "", node->name, node->goal_state);
	}
}

/* The one node that the monitor has chosen; NULL after a finding that says why there is none. */
static const struct snapshot_auto_failover_node *
judge_choice(const struct group *group, struct verdict *verdict)
{
	char storage[NAMES_SIZE];
	struct text text;
	int64_t count;

	text_init(&text, storage, sizeof storage);
	count = count_nodes(group, is_to_write, &text);
	if (count > 1)
		judge_reason(verdict, STATE_CRITICAL, "the monitor has %lld primaries%s: %s",
			(long long)count, group->name, text.bytes);
	if (count == 0) {
		add_goals(group, &text);
		judge_reason(
			verdict, STATE_CRITICAL, "the monitor has no primary%s: %s", group->name, text.bytes);
		judge_hint(verdict, "a failover goes on, or is stuck: pg_autoctl show state, show events");
	}
	for (size_t i = 0; count == 1 && i < row_count(group->snapshot); i++) {
		const struct snapshot_auto_failover_node *node = &group->snapshot->auto_failover.rows[i];

		if (is_same_group(node, group->first) && formation_node_is_to_write(node))
			return node;
	}
	return NULL;
}

/* Returns whether there is one. */
static bool
judge_split_brain(const struct group *group, struct verdict *verdict)
{
	int64_t count = count_nodes(group, says_primary, NULL);
	char storage[NAMES_SIZE];
	struct text names;

	if (count < 2)
		return false;
	text_init(&names, storage, sizeof storage);
	for (size_t i = 0; i < row_count(group->snapshot); i++) {
		const struct snapshot_auto_failover_node *node = &group->snapshot->auto_failover.rows[i];

		if (!is_same_group(node, group->first) || !formation_node_says_primary(node))
			continue;
		text_add(&names, "%s%s", names.length > 0 ? ", " : "", node->name);
		if (node->own_timeline != SNAPSHOT_NONE)
			text_add(&names, " on timeline %lld", (long long)node->own_timeline);
		text_add(&names, " (%s by the monitor)", node->goal_state);
	}
	judge_reason(verdict, STATE_CRITICAL, "split brain: %lld nodes%s are primaries by their own word: %s",
		(long long)count, group->name, names.bytes);
	judge_hint(verdict, "stop PostgreSQL at once where the monitor wants no primary");
	return true;
}

static void
judge_silence(
	const struct group *group, const struct snapshot_auto_failover_node *node, struct verdict *verdict)
{
	enum err_class class = err_class_parse(node->fault_class);
	enum state state = class == ERR_NONE || class == ERR_CLASS_COUNT ? STATE_CRITICAL
									 : group->limits->policy->on[class];

	judge_reason(verdict, state, "the primary %s cannot be asked itself: %s", node->name, node->fault);
	formation_node_hint(node, verdict);
}

static void
judge_primary(
	const struct group *group, const struct snapshot_auto_failover_node *node, struct verdict *verdict)
{
	char age[64];

	if (!formation_state_may_write(node->reported_state)) {
		judge_reason(verdict, STATE_CRITICAL,
			"no primary yet%s: %s is to be %s, and its keeper reports %s for %s", group->name,
			node->name, node->goal_state, node->reported_state,
			formation_node_duration(node->change_age_ms, age, sizeof age));
		judge_hint(verdict, "a failover goes on, or is stuck: see the log of pg_autoctl on %s",
			node->name);
	} else if (node->fault[0] != '\0') {
		judge_silence(group, node, verdict);
	} else if (strcmp(node->own_role, "standby") == 0) {
		judge_reason(verdict, STATE_CRITICAL,
			"%s is %s by the monitor, and a standby by its own word", node->name,
			node->goal_state);
		judge_hint(verdict,
			"its role was changed behind the monitor's back: see its PostgreSQL's and "
			"pg_autoctl's log, and pg_autoctl show events");
	} else {
		judge_reason(verdict, STATE_OK, "%s is the primary%s", node->name, group->name);
	}
	if (strcmp(node->goal_state, "wait_primary") == 0)
		judge_reason(verdict, STATE_WARNING,
			"%s takes writes alone (wait_primary): no standby has caught up, and commits wait "
			"for none",
			node->name);
}

/* -- its secondaries ----------------------------------------------------------------------------- */

/* A primary that is wait_primary has switched synchronous replication off: its commits wait for nobody. */
static bool
commits_wait(const struct snapshot_auto_failover_node *node)
{
	return (strcmp(node->goal_state, "primary") == 0 || strcmp(node->goal_state, "apply_settings") == 0)
		&& (strcmp(node->reported_state, "primary") == 0
			|| strcmp(node->reported_state, "apply_settings") == 0);
}

static void
judge_detached(const struct group *group, struct verdict *verdict)
{
	for (size_t i = 0; i < row_count(group->snapshot); i++) {
		const struct snapshot_auto_failover_node *node = &group->snapshot->auto_failover.rows[i];

		if (!is_same_group(node, group->first) || !is_detached(group, node))
			continue;
		judge_reason(verdict, STATE_WARNING,
			"%s (secondary) has no WAL receiver: it replicates from nobody", node->name);
		judge_hint(verdict,
			"see PostgreSQL's log on %s, and pg_hba.conf, the replication role and the slots on "
			"the "
			"primary: the monitor does not notice",
			node->name);
	}
}

/* `primary` is the monitor's choice, or NULL. */
static void
judge_secondaries(
	const struct group *group, const struct snapshot_auto_failover_node *primary, struct verdict *verdict)
{
	int64_t count = count_nodes(group, is_good_secondary, NULL);
	int64_t in_quorum = count_nodes(group, is_good_in_quorum, NULL);
	int64_t required = primary == NULL || !commits_wait(primary) ? 0 : primary->sync_standbys;

	if (count < group->limits->min_secondaries)
		judge_reason(verdict, STATE_CRITICAL,
			"%lld healthy secondar%s%s, at least %lld must be there (--min-secondaries)",
			(long long)count, count == 1 ? "y" : "ies", group->name,
			(long long)group->limits->min_secondaries);
	else
		judge_reason(verdict, STATE_OK, "%lld healthy secondar%s", (long long)count,
			count == 1 ? "y" : "ies");
	if (in_quorum < required) {
		judge_reason(verdict, STATE_CRITICAL,
			"commits wait%s: %lld of the %lld secondaries that number_sync_standbys wants are "
			"healthy",
			group->name, (long long)in_quorum, (long long)required);
		judge_hint(verdict,
			"bring them back, or lower it: pg_autoctl set formation "
			"number-sync-standbys");
	}
	if (count > 0 && count_nodes(group, is_good_candidate, NULL) == 0)
		judge_reason(verdict, STATE_WARNING,
			"no healthy secondary%s may take over: their candidate priority is 0", group->name);
}

/* -- all ----------------------------------------------------------------------------------------- */

static bool
is_asked_for(const struct snapshot_auto_failover_node *node, const struct formation_limits *limits)
{
	return limits->formation[0] == '\0' || strcmp(limits->formation, node->formation) == 0;
}

static bool
is_first_of_group(const struct snapshot *snapshot, size_t row)
{
	const struct snapshot_auto_failover_node *rows = snapshot->auto_failover.rows;

	for (size_t i = 0; i < row; i++)
		if (is_same_group(&rows[i], &rows[row]))
			return false;
	return true;
}

static bool
is_only_group(const struct snapshot *snapshot)
{
	for (size_t i = 1; i < row_count(snapshot); i++)
		if (is_first_of_group(snapshot, i))
			return false;
	return true;
}

static void
judge_group(const struct snapshot *snapshot, const struct snapshot_auto_failover_node *first,
	const struct formation_limits *limits, struct verdict *verdict)
{
	struct group group = {.snapshot = snapshot, .limits = limits, .first = first};
	const struct snapshot_auto_failover_node *primary;
	struct text text;
	bool is_split;

	text_init(&text, group.name, sizeof group.name);
	if (!is_only_group(snapshot))
		text_add(&text, " in formation \"%s\" group %lld", first->formation, (long long)first->group);
	is_split = judge_split_brain(&group, verdict);
	primary = judge_choice(&group, verdict);
	if (primary != NULL)
		judge_primary(&group, primary, verdict);
	group.has_primary = primary != NULL && formation_node_says_primary(primary);
	judge_secondaries(&group, primary, verdict);
	judge_detached(&group, verdict);
	for (size_t i = 0; i < row_count(snapshot); i++)
		if (is_same_group(&snapshot->auto_failover.rows[i], first))
			formation_node_judge(&snapshot->auto_failover.rows[i], limits, is_split, verdict);
}

void
formation_judge(
	const struct snapshot *snapshot, const struct formation_limits *limits, struct verdict *verdict)
{
	const struct snapshot_auto_failover *monitor = &snapshot->auto_failover;
	int64_t count = 0;

	for (size_t i = 0; i < row_count(snapshot); i++) {
		if (!is_asked_for(&monitor->rows[i], limits))
			continue;
		count++;
		if (is_first_of_group(snapshot, i))
			judge_group(snapshot, &monitor->rows[i], limits, verdict);
	}
	if (count == 0) {
		judge_reason(verdict, STATE_CRITICAL, "the monitor has no nodes%s%s%s",
			limits->formation[0] != '\0' ? " of the formation \"" : "", limits->formation,
			limits->formation[0] != '\0' ? "\"" : "");
		if (limits->formation[0] != '\0' && monitor->total > 0)
			judge_hint(verdict,
				"is that its name? SELECT formationid FROM pgautofailover.formation");
		else
			judge_hint(verdict, "pg_autoctl create postgres, on each node");
	}
	if (monitor->total > SNAPSHOT_AUTO_FAILOVER_MAX)
		judge_reason(verdict, STATE_WARNING, "only %d of %lld nodes are looked at",
			SNAPSHOT_AUTO_FAILOVER_MAX, (long long)monitor->total);
	judge_figure(verdict, "nodes", (double)monitor->total, UNIT_NONE);
}
