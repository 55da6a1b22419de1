#include "lib/evaluate/formation_node.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/formation_state.h"
#include "lib/evaluate/judge.h"

bool
formation_node_is_settled(const struct snapshot_auto_failover_node *node)
{
	return strcmp(node->goal_state, node->reported_state) == 0;
}

bool
formation_node_is_to_write(const struct snapshot_auto_failover_node *node)
{
	return formation_state_may_write(node->goal_state);
}

bool
formation_node_says_primary(const struct snapshot_auto_failover_node *node)
{
	return strcmp(node->own_role, "primary") == 0;
}

const char *
formation_node_duration(int64_t ms, char *to, size_t size)
{
	struct text text;

	text_init(&text, to, size);
	if (ms == SNAPSHOT_NONE)
		text_add(&text, "an unknown time");
	else
		range_write_quantity((double)ms / 1000.0, UNIT_SECONDS, &text);
	return to;
}

void
formation_node_hint(const struct snapshot_auto_failover_node *node, struct verdict *verdict)
{
	if (err_class_parse(node->fault_class) == ERR_SETUP)
		judge_hint(verdict,
			"%s is asked at the place that the monitor has: is that right, and does its "
			"pg_hba.conf "
			"let this check in? --node-conninfo, --trust-monitor",
			node->name);
	else
		judge_hint(verdict, "does PostgreSQL run on %s? see its log, and pg_autoctl's", node->name);
}

static void
judge_transition(const struct snapshot_auto_failover_node *node, const struct formation_limits *limits,
	struct verdict *verdict)
{
	bool is_stuck = node->change_age_ms == SNAPSHOT_NONE
		|| node->change_age_ms > limits->max_transition_ms;
	char age[64], limit[64];

	if (formation_node_is_settled(node))
		return;
	if (!is_stuck) {
		judge_reason(verdict, STATE_OK, "%s goes from %s to %s", node->name, node->reported_state,
			node->goal_state);
		return;
	}
	judge_reason(verdict, formation_node_is_to_write(node) ? STATE_CRITICAL : STATE_WARNING,
		"%s is stuck: it is to be %s, and reports %s for %s (--max-transition %s)", node->name,
		node->goal_state, node->reported_state,
		formation_node_duration(node->change_age_ms, age, sizeof age),
		formation_node_duration(limits->max_transition_ms, limit, sizeof limit));
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

	if (node->report_age_ms == SNAPSHOT_NONE) {
		judge_reason(verdict, STATE_WARNING, "it is not known when the keeper of %s last reported",
			node->name);
		return;
	}
	seconds = (double)node->report_age_ms / 1000.0;
	text_init(&text, what, sizeof what);
	text_add(&text, "time since the keeper of %s last reported", node->name);
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
	enum state state = formation_node_is_to_write(node) ? STATE_CRITICAL : STATE_WARNING;

	if (formation_state_may_be_down(node->goal_state))
		return;
	if (node->health == 0) {
		judge_reason(verdict, state, "%s (%s) fails the monitor's health check", node->name,
			node->reported_state);
		judge_hint(verdict,
			"does PostgreSQL run on %s, and does its pg_hba.conf let the monitor in? pg_autoctl "
			"show events",
			node->name);
	} else if (node->health != 1)
		judge_reason(verdict, STATE_WARNING, "the monitor has not checked the health of %s yet",
			node->name);
	if (!node->is_running) {
		judge_reason(verdict, state, "PostgreSQL does not run on %s (%s), says its keeper",
			node->name, node->reported_state);
		judge_hint(verdict, "see the log of PostgreSQL and of pg_autoctl on %s", node->name);
	}
}

/* A primary that is to be one no more: nobody has confirmed that, and silence is no proof that it is down. */
static bool
may_write_still(const struct snapshot_auto_failover_node *node)
{
	return formation_state_may_write(node->reported_state)
		&& err_class_parse(node->fault_class) == ERR_TIMEOUT;
}

/* One that may be down, and is not another server, or one that lets nobody in. */
static bool
is_rightly_silent(const struct snapshot_auto_failover_node *node)
{
	return formation_state_may_be_down(node->goal_state)
		&& err_class_parse(node->fault_class) != ERR_SETUP && !may_write_still(node);
}

/*
 * What it says itself; who is to be the primary was judged before. One that is being promoted is in a state
 * that is neither a standby's nor one in which it may be down.
 */
static void
judge_word(const struct snapshot_auto_failover_node *node, bool is_split, struct verdict *verdict)
{
	if (node->fault[0] != '\0' && !formation_node_is_to_write(node) && !is_rightly_silent(node)) {
		judge_reason(verdict, STATE_WARNING, "%s (%s) cannot be asked itself: %s", node->name,
			node->reported_state, node->fault);
		if (may_write_still(node))
			judge_hint(verdict,
				"it may still take writes: cut it off, or stop it, until its keeper confirms "
				"that it "
				"is %s",
				node->goal_state);
		formation_node_hint(node, verdict);
	}
	if (is_split || !formation_node_says_primary(node) || !formation_node_is_settled(node)
		|| !(formation_state_is_standby(node->goal_state)
			|| formation_state_may_be_down(node->goal_state)))
		return;
	judge_reason(verdict, STATE_CRITICAL, "%s is %s by the monitor, and a primary by its own word",
		node->name, node->goal_state);
	judge_hint(verdict,
		"its role was changed behind the monitor's back: stop it, then see its "
		"pg_autoctl's log");
}

void
formation_node_judge(const struct snapshot_auto_failover_node *node, const struct formation_limits *limits,
	bool is_split, struct verdict *verdict)
{
	judge_transition(node, limits, verdict);
	judge_report(node, limits, verdict);
	judge_health(node, verdict);
	judge_word(node, is_split, verdict);
	if (!formation_state_is_known(node->goal_state))
		judge_reason(verdict, STATE_WARNING, "%s is in a state that is not known here: \"%s\"",
			node->name, node->goal_state);
	if (formation_state_is_maintenance(node->goal_state))
		judge_reason(verdict, STATE_OK, "%s is in maintenance (%s)", node->name, node->goal_state);
}
