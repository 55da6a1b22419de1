#include "lib/evaluate/witness_auto_failover.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/formation_state.h"
#include "lib/evaluate/judge.h"
#include "lib/model/lsn.h"

static size_t
count_of(const struct snapshot *node)
{
	return snapshot_row_count(node, snapshot_list_of(SNAPSHOT_AUTO_FAILOVER));
}

/* Whether a node is where the server was asked. */
static bool
is_at_target(const struct snapshot *node, const struct snapshot_auto_failover_node *row)
{
	char place[sizeof row->host + 32];
	struct text text;

	text_init(&text, place, sizeof place);
	text_add(&text, "%s:%lld", row->host, (long long)row->port);
	return row->host[0] != '\0' && strcmp(place, node->target) == 0;
}

/* The one that was found to be this node, else by its place: in the agent the monitor is asked for all nodes.
 */
static const struct snapshot_auto_failover_node *
find_own(const struct snapshot *node)
{
	const struct snapshot_auto_failover_node *own = NULL;

	for (size_t i = 0; i < count_of(node); i++)
		if (node->auto_failover.rows[i].is_own)
			return &node->auto_failover.rows[i];
	for (size_t i = 0; i < count_of(node) && own == NULL; i++)
		if (is_at_target(node, &node->auto_failover.rows[i]))
			own = &node->auto_failover.rows[i];
	return own;
}

static bool
is_of_its_group(const struct snapshot_auto_failover_node *row, const struct snapshot_auto_failover_node *own)
{
	return row != own && row->group == own->group && strcmp(row->formation, own->formation) == 0;
}

/* Another node of its group that the monitor wants to be the primary; NULL: none. */
static const struct snapshot_auto_failover_node *
find_successor(const struct snapshot *node, const struct snapshot_auto_failover_node *own)
{
	for (size_t i = 0; i < count_of(node); i++) {
		const struct snapshot_auto_failover_node *row = &node->auto_failover.rows[i];

		if (is_of_its_group(row, own) && formation_state_may_write(row->goal_state))
			return row;
	}
	return NULL;
}

static void
judge_no_node(const struct policy *policy, struct verdict *verdict)
{
	struct err fault;

	err_set(&fault, ERR_SETUP, "the monitor has no node that is known to be this one");
	err_hint(&fault, "name it as the monitor does (--node): pg_autoctl show state");
	judge_fault(verdict, policy, &fault);
}

static bool
is_other_cluster(const struct snapshot *node, const struct snapshot_auto_failover_node *own)
{
	return snapshot_has(node, SNAPSHOT_IDENTITY) && own->system_identifier[0] != '\0'
		&& strcmp(own->system_identifier, node->identity.system_identifier) != 0;
}

/* The node at the place that was asked, where that is not the one that was named; NULL: it may be. */
static const struct snapshot_auto_failover_node *
find_misnamed(const struct snapshot *node, const struct snapshot_auto_failover_node *own)
{
	const struct snapshot_auto_failover_node *at_target = NULL;

	for (size_t i = 0; i < count_of(node); i++)
		if (is_at_target(node, &node->auto_failover.rows[i]))
			at_target = &node->auto_failover.rows[i];
	return at_target == own ? NULL : at_target;
}

enum witness_right
witness_auto_failover_right(const struct snapshot *node)
{
	const struct snapshot_auto_failover_node *own = snapshot_has(node, SNAPSHOT_AUTO_FAILOVER)
		? find_own(node)
		: NULL;

	if (own == NULL || find_misnamed(node, own) != NULL || is_other_cluster(node, own))
		return WITNESS_RIGHT_UNKNOWN;
	return formation_state_may_write(own->goal_state) ? WITNESS_RIGHT_HERE : WITNESS_RIGHT_ELSEWHERE;
}

static void
judge_other_cluster(const struct snapshot *node, const struct snapshot_auto_failover_node *own,
	const struct policy *policy, struct verdict *verdict)
{
	struct err fault;

	err_set(&fault, ERR_SETUP,
		"the monitor's node \"%s\" is of another cluster: its system identifier is %s, and here it "
		"is %s",
		own->name, own->system_identifier, node->identity.system_identifier);
	err_hint(&fault, "is --monitor the monitor of this node, and --node its name there?");
	judge_fault(verdict, policy, &fault);
}

/* Others of its group that say themselves that they are primaries, whatever the monitor wants. */
static void
judge_rivals(
	const struct snapshot *node, const struct snapshot_auto_failover_node *own, struct verdict *verdict)
{
	for (size_t i = 0; i < count_of(node); i++) {
		const struct snapshot_auto_failover_node *row = &node->auto_failover.rows[i];
		char who[sizeof row->name + 2];
		struct text text;

		if (!is_of_its_group(row, own) || strcmp(row->own_role, "primary") != 0)
			continue;
		text_init(&text, who, sizeof who);
		text_add(&text, "\"%s\"", row->name);
		witness_rival_judge(who, row->own_timeline, lsn_timeline(node->role.wal_file),
			witness_auto_failover_right(node), verdict);
	}
}

static void
judge_unwanted(
	const struct snapshot *node, const struct snapshot_auto_failover_node *own, struct verdict *verdict)
{
	const struct snapshot_auto_failover_node *successor = find_successor(node, own);

	if (successor != NULL)
		judge_reason(verdict, STATE_CRITICAL,
			"split brain suspected: primary, but the monitor wants it \"%s\", and \"%s\" to be "
			"the "
			"primary",
			own->goal_state, successor->name);
	else
		judge_reason(verdict, STATE_CRITICAL,
			"primary, but the monitor wants it \"%s\" (it reported \"%s\")", own->goal_state,
			own->reported_state);
	judge_hint(verdict,
		"let nobody write here; its keeper (pg_autoctl) is to carry that out: does it run, and reach "
		"the monitor?");
}

static void
judge_misnamed(const struct snapshot_auto_failover_node *own, const struct snapshot_auto_failover_node *asked,
	const struct policy *policy, struct verdict *verdict)
{
	struct err fault;

	err_set(&fault, ERR_SETUP, "the server asked is the monitor's node \"%s\", not \"%s\"", asked->name,
		own->name);
	err_hint(&fault, "name this node as the monitor does (--node): pg_autoctl show state");
	judge_fault(verdict, policy, &fault);
}

void
witness_auto_failover_judge_primary(
	const struct snapshot *node, const struct policy *policy, struct verdict *verdict)
{
	const struct snapshot_auto_failover_node *own = find_own(node), *asked;

	if (own == NULL) {
		judge_no_node(policy, verdict);
		return;
	}
	asked = find_misnamed(node, own);
	if (asked != NULL) {
		judge_misnamed(own, asked, policy, verdict);
		return;
	}
	if (is_other_cluster(node, own)) {
		judge_other_cluster(node, own, policy, verdict);
		return;
	}
	if (!formation_state_may_write(own->goal_state)) {
		judge_unwanted(node, own, verdict);
	} else if (!formation_state_may_write(own->reported_state)) {
		/* Its keeper promotes first, then lets it write, then reports. */
		judge_reason(verdict, STATE_CRITICAL,
			"primary, but its keeper has reported \"%s\" last, and not yet \"%s\"",
			own->reported_state, own->goal_state);
		judge_hint(verdict,
			"normal for the moment of a promotion; if it stays so, see the log of "
			"pg_autoctl");
	} else {
		judge_reason(verdict, STATE_OK, "the monitor's \"%s\" (%s)", own->name, own->reported_state);
	}
	judge_rivals(node, own, verdict);
}
