#include "lib/evaluate/formation.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/formation_state.h"
#include "lib/evaluate/judge.h"

/* Room for some names with commas between, and what is known of each; for a group's name. */
enum { NAMES_SIZE = 200, GROUP_SIZE = 128 };

/* A group, by its first node. */
struct group {
	const struct snapshot *snapshot;
	const struct formation_limits *limits;
	const struct snapshot_auto_failover_node *first;
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

static bool
says(const struct snapshot_auto_failover_node *node, const char *role)
{
	return strcmp(node->own_role, role) == 0;
}

static bool
is_settled(const struct snapshot_auto_failover_node *node)
{
	return strcmp(node->goal_state, node->reported_state) == 0;
}

const struct snapshot_auto_failover_node *
formation_own(const struct snapshot *snapshot)
{
	for (size_t i = 0; i < row_count(snapshot); i++)
		if (snapshot->auto_failover.rows[i].is_own)
			return &snapshot->auto_failover.rows[i];
	return NULL;
}

static const char *
duration(int64_t ms, char *to, size_t size)
{
	struct text text;

	text_init(&text, to, size);
	if (ms == SNAPSHOT_NONE)
		text_add(&text, "an unknown time");
	else
		range_write_quantity((double)ms / 1000.0, UNIT_SECONDS, &text);
	return to;
}

/* -- tests of one node --------------------------------------------------------------------------- */

static bool
is_to_write(const struct snapshot_auto_failover_node *node)
{
	return formation_state_may_write(node->goal_state);
}

static bool
says_primary(const struct snapshot_auto_failover_node *node)
{
	return says(node, "primary");
}

/* Ready to take over: caught up, checked, and a standby by its own word where it was asked. */
static bool
is_good_secondary(const struct snapshot_auto_failover_node *node)
{
	return strcmp(node->goal_state, "secondary") == 0 && is_settled(node) && node->health == 1
		&& node->is_running && !says_primary(node);
}

static bool
is_good_candidate(const struct snapshot_auto_failover_node *node)
{
	return is_good_secondary(node) && node->priority > 0;
}

static bool
is_good_in_quorum(const struct snapshot_auto_failover_node *node)
{
	return is_good_secondary(node) && node->is_in_quorum;
}

/* Counts the nodes of a group that pass; their names go to `names` unless it is NULL. */
static int64_t
count_nodes(const struct group *group, bool (*test)(const struct snapshot_auto_failover_node *),
	struct text *names)
{
	int64_t count = 0;

	for (size_t i = 0; i < row_count(group->snapshot); i++) {
		const struct snapshot_auto_failover_node *node = &group->snapshot->auto_failover.rows[i];

		if (!is_same_group(node, group->first) || !test(node))
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

		if (is_same_group(node, group->first) && is_to_write(node))
			return node;
	}
	return NULL;
}

static void
judge_split_brain(const struct group *group, struct verdict *verdict)
{
	char storage[NAMES_SIZE];
	struct text names;
	int64_t count;

	text_init(&names, storage, sizeof storage);
	count = count_nodes(group, says_primary, &names);
	if (count < 2)
		return;
	judge_reason(verdict, STATE_CRITICAL, "split brain: %lld nodes%s are primaries by their own word: %s",
		(long long)count, group->name, names.bytes);
	judge_hint(verdict,
		"stop PostgreSQL at once where the monitor wants no primary (pg_autoctl show state)");
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
			duration(node->change_age_ms, age, sizeof age));
		judge_hint(verdict, "a failover goes on, or is stuck: see the log of pg_autoctl on %s",
			node->name);
	} else if (says(node, "standby")) {
		judge_reason(verdict, STATE_CRITICAL,
			"%s is %s by the monitor, and a standby by its own word", node->name,
			node->goal_state);
	} else {
		judge_reason(verdict, STATE_OK, "%s is the primary%s (%s)", node->name, group->name,
			node->goal_state);
	}
	if (strcmp(node->goal_state, "wait_primary") == 0)
		judge_reason(verdict, STATE_WARNING,
			"%s takes writes alone (wait_primary): no standby has caught up, and commits wait "
			"for none",
			node->name);
}

/* -- its secondaries ----------------------------------------------------------------------------- */

static void
judge_secondaries(const struct group *group, struct verdict *verdict)
{
	int64_t count = count_nodes(group, is_good_secondary, NULL);
	int64_t in_quorum = count_nodes(group, is_good_in_quorum, NULL);
	int64_t required = group->first->sync_standbys;

	if (count < group->limits->min_secondaries)
		judge_reason(verdict, STATE_CRITICAL,
			"%lld healthy secondar%s%s, at least %lld must be there (--min-secondaries)",
			(long long)count, count == 1 ? "y" : "ies", group->name,
			(long long)group->limits->min_secondaries);
	else
		judge_reason(verdict, STATE_OK, "%lld healthy secondar%s", (long long)count,
			count == 1 ? "y" : "ies");
	if (required != SNAPSHOT_NONE && required > 0 && in_quorum < required) {
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

/* -- each node ----------------------------------------------------------------------------------- */

static void
judge_transition(const struct snapshot_auto_failover_node *node, const struct formation_limits *limits,
	struct verdict *verdict)
{
	bool is_stuck = node->change_age_ms == SNAPSHOT_NONE
		|| node->change_age_ms > limits->max_transition_ms;
	char age[64], limit[64];

	if (is_settled(node))
		return;
	if (!is_stuck) {
		judge_reason(verdict, STATE_OK, "%s goes from %s to %s", node->name, node->reported_state,
			node->goal_state);
		return;
	}
	judge_reason(verdict, is_to_write(node) ? STATE_CRITICAL : STATE_WARNING,
		"%s is stuck: it is to be %s, and reports %s for %s (--max-transition %s)", node->name,
		node->goal_state, node->reported_state, duration(node->change_age_ms, age, sizeof age),
		duration(limits->max_transition_ms, limit, sizeof limit));
	judge_hint(verdict, "see whether pg_autoctl runs on %s, and its log; pg_autoctl show events",
		node->name);
}

static void
judge_report(const struct snapshot_auto_failover_node *node, const struct formation_limits *limits,
	struct verdict *verdict)
{
	char what[sizeof node->name + 64];
	struct text text;
	double seconds;

	if (node->report_age_ms == SNAPSHOT_NONE)
		return;
	seconds = (double)node->report_age_ms / 1000.0;
	text_init(&text, what, sizeof what);
	text_add(&text, "since the keeper of %s last reported", node->name);
	judge_metric_of(verdict, node->name, what, "report_age_seconds", seconds, UNIT_SECONDS,
		limits->warning, limits->critical);
	if (range_alerts(&limits->warning->of[UNIT_SECONDS], seconds)
		|| range_alerts(&limits->critical->of[UNIT_SECONDS], seconds))
		judge_hint(verdict,
			"see whether pg_autoctl runs on %s and reaches the monitor: nobody follows the "
			"monitor there",
			node->name);
}

static void
judge_health(const struct snapshot_auto_failover_node *node, struct verdict *verdict)
{
	enum state state = is_to_write(node) ? STATE_CRITICAL : STATE_WARNING;

	if (formation_state_may_be_down(node->goal_state))
		return;
	if (node->health == 0)
		judge_reason(verdict, state, "%s (%s) fails the monitor's health check", node->name,
			node->reported_state);
	else if (node->health != 1)
		judge_reason(verdict, STATE_WARNING, "the monitor has not checked the health of %s yet",
			node->name);
	if (!node->is_running)
		judge_reason(verdict, state, "PostgreSQL does not run on %s (%s), says its keeper",
			node->name, node->reported_state);
}

/* What it says itself; who is to be the primary was judged before. */
static void
judge_word(const struct snapshot_auto_failover_node *node, struct verdict *verdict)
{
	if (node->fault[0] != '\0' && !formation_state_may_be_down(node->goal_state))
		judge_reason(verdict, STATE_WARNING, "%s (%s) cannot be asked itself: %s", node->name,
			node->reported_state, node->fault);
	if (!says_primary(node) || is_to_write(node) || !is_settled(node))
		return;
	judge_reason(verdict, STATE_CRITICAL, "%s is %s by the monitor, and a primary by its own word",
		node->name, node->goal_state);
	judge_hint(verdict,
		"its role was changed behind the monitor's back: stop it, then see its "
		"pg_autoctl's log");
}

static void
judge_node(const struct snapshot_auto_failover_node *node, const struct formation_limits *limits,
	struct verdict *verdict)
{
	judge_transition(node, limits, verdict);
	judge_report(node, limits, verdict);
	judge_health(node, verdict);
	judge_word(node, verdict);
	if (formation_state_is_maintenance(node->goal_state))
		judge_reason(verdict, STATE_OK, "%s is in maintenance (%s)", node->name, node->goal_state);
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

	text_init(&text, group.name, sizeof group.name);
	if (!is_only_group(snapshot))
		text_add(&text, " in formation \"%s\" group %lld", first->formation, (long long)first->group);
	judge_split_brain(&group, verdict);
	primary = judge_choice(&group, verdict);
	if (primary != NULL)
		judge_primary(&group, primary, verdict);
	judge_secondaries(&group, verdict);
	for (size_t i = 0; i < row_count(snapshot); i++)
		if (is_same_group(&snapshot->auto_failover.rows[i], first))
			judge_node(&snapshot->auto_failover.rows[i], limits, verdict);
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
		judge_hint(verdict, "pg_autoctl create postgres, on each node");
	}
	if (monitor->total > SNAPSHOT_AUTO_FAILOVER_MAX)
		judge_reason(verdict, STATE_WARNING, "only %d of %lld nodes are looked at",
			SNAPSHOT_AUTO_FAILOVER_MAX, (long long)monitor->total);
	judge_figure(verdict, "nodes", (double)monitor->total, UNIT_NONE);
}
