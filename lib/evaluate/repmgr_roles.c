#include "lib/evaluate/repmgr_roles.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/judge.h"

/* Room for some names with commas between, and what is known of each. */
enum { NAMES_SIZE = 200 };

static size_t
row_count(const struct snapshot *snapshot)
{
	return snapshot_row_count(snapshot, snapshot_list_of(SNAPSHOT_REPMGR));
}

static bool
is_type(const struct snapshot_repmgr_node *node, const char *type)
{
	return strcmp(node->type, type) == 0;
}

static bool
says(const struct snapshot_repmgr_node *node, const char *role)
{
	return strcmp(node->own_role, role) == 0;
}

static const struct snapshot_repmgr_node *
find(const struct snapshot *snapshot, int64_t id)
{
	for (size_t i = 0; i < row_count(snapshot); i++)
		if (id != SNAPSHOT_NONE && snapshot->repmgr.rows[i].id == id)
			return &snapshot->repmgr.rows[i];
	return NULL;
}

const struct snapshot_repmgr_node *
repmgr_roles_own(const struct snapshot *snapshot)
{
	for (size_t i = 0; i < row_count(snapshot); i++)
		if (snapshot->repmgr.rows[i].is_own)
			return &snapshot->repmgr.rows[i];
	return NULL;
}

static void
add_name(struct text *names, const struct snapshot_repmgr_node *node)
{
	text_add(names, "%s%s", names->length > 0 ? ", " : "", node->name);
}

/* -- the primary --------------------------------------------------------------------------------- */

/* The one active primary of the metadata; NULL after a finding that says why there is none. */
static const struct snapshot_repmgr_node *
judge_metadata(const struct snapshot *snapshot, struct verdict *verdict)
{
	const struct snapshot_repmgr_node *primary = NULL;
	char storage[NAMES_SIZE];
	struct text names;
	int count = 0;

	text_init(&names, storage, sizeof storage);
	for (size_t i = 0; i < row_count(snapshot); i++) {
		const struct snapshot_repmgr_node *node = &snapshot->repmgr.rows[i];

		if (!node->is_active || !is_type(node, "primary"))
			continue;
		count++;
		primary = node;
		add_name(&names, node);
	}
	if (count == 1)
		return primary;
	if (count == 0)
		judge_reason(verdict, STATE_CRITICAL, "repmgr's metadata have no active primary");
	else
		judge_reason(verdict, STATE_CRITICAL, "repmgr's metadata have %d active primaries: %s", count,
			names.bytes);
	judge_hint(verdict,
		"see repmgr cluster show; register the true primary again: repmgr primary register -F");
	return NULL;
}

/* Two that say so are a split brain whatever the metadata call them. */
static int
judge_split_brain(const struct snapshot *snapshot, struct verdict *verdict)
{
	const struct snapshot_repmgr_node *newest = NULL;
	char storage[NAMES_SIZE];
	struct text names;
	int count = 0;

	text_init(&names, storage, sizeof storage);
	for (size_t i = 0; i < row_count(snapshot); i++) {
		const struct snapshot_repmgr_node *node = &snapshot->repmgr.rows[i];

		if (!says(node, "primary"))
			continue;
		count++;
		add_name(&names, node);
		if (node->own_timeline != SNAPSHOT_NONE)
			text_add(&names, " on timeline %lld", (long long)node->own_timeline);
		if (newest == NULL || node->own_timeline > newest->own_timeline)
			newest = node;
	}
	if (count < 2)
		return count;
	judge_reason(verdict, STATE_CRITICAL, "split brain: %d nodes are primaries by their own word: %s",
		count, names.bytes);
	judge_hint(verdict,
		"stop all but one at once (%s was promoted last), then bring them back with repmgr node "
		"rejoin",
		newest->name);
	return count;
}

/* What to do about a node that cannot be asked. */
static void
hint_fault(const struct snapshot_repmgr_node *node, struct verdict *verdict)
{
	if (err_class_parse(node->fault_class) == ERR_SETUP)
		judge_hint(verdict,
			"%s is asked as the same user, at the place that repmgr.nodes has: is that right, "
			"and "
			"does its pg_hba.conf let this check in? or --trust-metadata",
			node->name);
	else
		judge_hint(verdict, "does PostgreSQL run on %s? see its log, and repmgr cluster show",
			node->name);
}

static void
judge_primary(const struct snapshot_repmgr_node *primary, const struct repmgr_roles_limits *limits,
	struct verdict *verdict)
{
	enum err_class class = err_class_parse(primary->fault_class);

	if (primary->fault[0] != '\0') {
		enum state state = class == ERR_NONE || class == ERR_CLASS_COUNT ? STATE_CRITICAL
										 : limits->policy->on[class];

		judge_reason(
			verdict, state, "the primary %s cannot be asked: %s", primary->name, primary->fault);
		hint_fault(primary, verdict);
	} else if (says(primary, "standby")) {
		judge_reason(verdict, STATE_CRITICAL,
			"%s is the primary by repmgr's metadata, and a standby by its own word",
			primary->name);
		judge_hint(verdict,
			"its role was changed behind repmgr's back: find the true primary, and register it "
			"again: repmgr primary register -F");
	}
}

/* -- the others ---------------------------------------------------------------------------------- */

/*
 * A standby that falls behind for ever. While its upstream is away each of them is one, and may take over all
 * the same.
 */
static bool
is_detached(const struct snapshot *snapshot, const struct snapshot_repmgr_node *node)
{
	const struct snapshot_repmgr_node *upstream = find(snapshot, node->upstream_id);

	return strcmp(node->own_receiver, "none") == 0 && is_type(node, "standby") && says(node, "standby")
		&& (upstream == NULL || upstream->fault[0] == '\0');
}

static void
judge_detached(
	const struct snapshot *snapshot, const struct snapshot_repmgr_node *node, struct verdict *verdict)
{
	const struct snapshot_repmgr_node *upstream = find(snapshot, node->upstream_id);

	if (!is_detached(snapshot, node))
		return;
	judge_reason(verdict, STATE_WARNING, "%s has no WAL receiver: it replicates from nobody%s%s",
		node->name, upstream == NULL ? "" : ", its upstream is ",
		upstream == NULL ? "" : upstream->name);
	judge_hint(verdict, "see primary_conninfo and PostgreSQL's log on %s; repmgr standby follow",
		node->name);
}

/*
 * Another node than the one that repmgr takes for its upstream: repmgrd watches that one, and acts when it
 * fails. What leads to another node's server tells nothing.
 */
static void
judge_sender(
	const struct snapshot *snapshot, const struct snapshot_repmgr_node *node, struct verdict *verdict)
{
	const struct snapshot_repmgr_node *sender = find(snapshot, node->own_upstream_id);
	const struct snapshot_repmgr_node *upstream = find(snapshot, node->upstream_id);

	if (sender == NULL || sender->fault[0] != '\0' || sender == node || sender == upstream
		|| node->upstream_id == SNAPSHOT_NONE || !is_type(node, "standby") || !says(node, "standby"))
		return;
	judge_reason(verdict, STATE_WARNING,
		"%s streams from %s, and its upstream by repmgr's metadata is %s", node->name, sender->name,
		upstream == NULL ? "another" : upstream->name);
	judge_hint(verdict,
		"there: repmgr node status; repmgr standby follow --upstream-node-id=%lld, or, if it is "
		"right "
		"so, repmgr standby register -F --upstream-node-id=%lld",
		(long long)node->upstream_id, (long long)sender->id);
}

/* Whether it receives WAL that was written after that primary's: another one has been promoted since. */
static bool
is_ahead_of(const struct snapshot_repmgr_node *node, const struct snapshot_repmgr_node *primary)
{
	return says(node, "standby") && says(primary, "primary") && primary->own_timeline != SNAPSHOT_NONE
		&& node->own_timeline > primary->own_timeline;
}

/* Whom the node that was asked takes for the primary is its own matter: its copy may be old. */
static void
judge_copy(const struct snapshot *snapshot, const struct snapshot_repmgr_node *node,
	const struct snapshot_repmgr_node *primary, struct verdict *verdict)
{
	const struct snapshot_repmgr_node *other = find(snapshot, node->primary_id);

	if (primary == NULL || node->primary_id == SNAPSHOT_NONE || node->primary_id == primary->id)
		return;
	if (other != NULL && is_ahead_of(node, primary)) {
		judge_reason(verdict, STATE_CRITICAL,
			"%s is a stale primary on timeline %lld: %s follows %s on timeline %lld",
			primary->name, (long long)primary->own_timeline, node->name, other->name,
			(long long)node->own_timeline);
		judge_hint(verdict, "stop %s at once, then repmgr node rejoin", primary->name);
		return;
	}
	judge_reason(verdict, STATE_WARNING, "by the copy of the metadata on %s the primary is %s, not %s",
		node->name, other == NULL ? "another" : other->name, primary->name);
	judge_hint(verdict, "%s does not follow the same primary: see repmgr cluster crosscheck", node->name);
}

static void
judge_active(const struct snapshot *snapshot, const struct snapshot_repmgr_node *node,
	const struct snapshot_repmgr_node *primary, int primaries, struct verdict *verdict)
{
	const struct snapshot_repmgr_node *upstream = find(snapshot, node->upstream_id);

	if (node->fault[0] != '\0') {
		judge_reason(verdict, STATE_WARNING, "the %s %s cannot be asked: %s", node->type, node->name,
			node->fault);
		hint_fault(node, verdict);
		return;
	}
	if (is_type(node, "standby") && says(node, "primary") && primaries < 2) {
		judge_reason(verdict, STATE_CRITICAL,
			"%s is a standby by repmgr's metadata, and a primary by its own word", node->name);
		judge_hint(verdict,
			"promoted behind repmgr's back: repmgr primary register -F there; or the node that "
			"was asked does not follow the new primary");
	}
	if (is_type(node, "witness") && says(node, "standby")) {
		judge_reason(verdict, STATE_WARNING,
			"the witness %s is a standby: it is to be a server of its own", node->name);
	}
	if (upstream != NULL && !upstream->is_active)
		judge_reason(verdict, STATE_WARNING, "%s has %s as its upstream, which is not active",
			node->name, upstream->name);
	judge_detached(snapshot, node, verdict);
	judge_sender(snapshot, node, verdict);
	judge_copy(snapshot, node, primary, verdict);
}

/* It takes writes on a timeline of its own, also while the other primary cannot be asked. */
static void
judge_rogue(const struct snapshot_repmgr_node *node, struct verdict *verdict)
{
	char timeline[40] = "";
	struct text text;

	text_init(&text, timeline, sizeof timeline);
	if (node->own_timeline != SNAPSHOT_NONE)
		text_add(&text, " on timeline %lld", (long long)node->own_timeline);
	judge_reason(verdict, STATE_CRITICAL,
		"%s is not active in repmgr's metadata, and runs as a primary%s: it takes writes", node->name,
		timeline);
	judge_hint(verdict,
		"stop %s at once, then repmgr node rejoin; only if it is the true primary: repmgr primary "
		"register -F there",
		node->name);
}

/*
 * A failed primary stays one in the metadata, and is not active; so is what was unregistered by hand. Of
 * several that say that they are the primary the split brain has told.
 */
static void
judge_inactive(const struct snapshot_repmgr_node *node, int primaries, struct verdict *verdict)
{
	if (says(node, "primary") && primaries < 2) {
		judge_rogue(node, verdict);
		return;
	}
	if (says(node, "standby"))
		judge_reason(verdict, STATE_WARNING,
			"%s %s is not active in repmgr's metadata, and runs as a standby", node->type,
			node->name);
	else
		judge_reason(verdict, STATE_WARNING, "%s %s is not active in repmgr's metadata", node->type,
			node->name);
	judge_hint(verdict, "bring it back with repmgr node rejoin, or unregister it");
}

static bool
is_good_standby(const struct snapshot_repmgr_node *node)
{
	return node->is_active && is_type(node, "standby") && node->fault[0] == '\0'
		&& (node->own_role[0] == '\0' || says(node, "standby"));
}

static void
judge_standbys(
	const struct snapshot *snapshot, const struct repmgr_roles_limits *limits, struct verdict *verdict)
{
	char storage[NAMES_SIZE];
	struct text names;
	int64_t count = 0;

	text_init(&names, storage, sizeof storage);
	for (size_t i = 0; i < row_count(snapshot); i++) {
		if (!is_good_standby(&snapshot->repmgr.rows[i])
			|| is_detached(snapshot, &snapshot->repmgr.rows[i]))
			continue;
		count++;
		add_name(&names, &snapshot->repmgr.rows[i]);
	}
	if (count < limits->min_standbys) {
		judge_reason(verdict, STATE_CRITICAL, "%lld standby%s, at least %lld must (--min-standbys)",
			(long long)count,
			count == 1 ? " is active, answers and replicates"
				   : "s are active, answer and replicate",
			(long long)limits->min_standbys);
	} else {
		judge_reason(verdict, STATE_OK, "%lld standby%s%s%s", (long long)count, count == 1 ? "" : "s",
			count > 0 ? ": " : "", names.bytes);
	}
	judge_figure(verdict, "standbys", (double)count, UNIT_NONE);
}

void
repmgr_roles_judge(
	const struct snapshot *snapshot, const struct repmgr_roles_limits *limits, struct verdict *verdict)
{
	const struct snapshot_repmgr_node *primary;
	int primaries;

	if (row_count(snapshot) == 0) {
		judge_reason(verdict, STATE_CRITICAL, "repmgr's metadata have no nodes");
		judge_hint(verdict, "repmgr primary register, on the primary");
		return;
	}
	primaries = judge_split_brain(snapshot, verdict);
	primary = judge_metadata(snapshot, verdict);
	if (primary != NULL) {
		judge_reason(verdict, STATE_OK, "%s is the primary", primary->name);
		judge_primary(primary, limits, verdict);
	}
	for (size_t i = 0; i < row_count(snapshot); i++) {
		const struct snapshot_repmgr_node *node = &snapshot->repmgr.rows[i];

		if (!node->is_active)
			judge_inactive(node, primaries, verdict);
		else if (!is_type(node, "primary"))
			judge_active(snapshot, node, primary, primaries, verdict);
	}
	judge_standbys(snapshot, limits, verdict);
	if (snapshot->repmgr.total > SNAPSHOT_REPMGR_MAX)
		judge_reason(verdict, STATE_WARNING, "only %d of %lld nodes are looked at",
			SNAPSHOT_REPMGR_MAX, (long long)snapshot->repmgr.total);
	judge_figure(verdict, "nodes", (double)snapshot->repmgr.total, UNIT_NONE);
}
