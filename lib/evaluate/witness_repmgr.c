#include "lib/evaluate/witness_repmgr.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/witness_rival.h"
#include "lib/model/lsn.h"

static size_t
count_of(const struct snapshot *node)
{
	return snapshot_row_count(node, snapshot_list_of(SNAPSHOT_REPMGR));
}

static bool
is_other_cluster(const struct snapshot *node)
{
	const char *identifier = node->repmgr.system_identifier;

	return snapshot_has(node, SNAPSHOT_IDENTITY) && identifier[0] != '\0'
		&& strcmp(identifier, node->identity.system_identifier) != 0;
}

/* Whether a row's server is this very node, as both say themselves: by the same words, so to the millisecond.
 */
static bool
is_this_server(const struct snapshot *node, const struct snapshot_repmgr_node *row)
{
	return snapshot_has(node, SNAPSHOT_IDENTITY) && row->own_started_ms != SNAPSHOT_NONE
		&& row->own_started_ms == node->identity.started_ms;
}

static bool
is_at_target(const struct snapshot *node, const struct snapshot_repmgr_node *row)
{
	return node->target[0] != '\0' && strcmp(row->place, node->target) == 0;
}

static bool
is_primary(const struct snapshot_repmgr_node *row)
{
	return row->is_active && strcmp(row->type, "primary") == 0;
}

/*
 * Of the rows that are proven to be this node's (a node that was registered anew may have left one behind,
 * and two may have been started in one millisecond) the one at the place that was asked, that of the active
 * primary, or the first; NULL: none is.
 */
static const struct snapshot_repmgr_node *
find_proven(const struct snapshot *node)
{
	const struct snapshot_repmgr_node *proven = NULL;
	int best = -1;

	for (size_t i = 0; i < count_of(node); i++) {
		const struct snapshot_repmgr_node *row = &node->repmgr.rows[i];
		int rank = is_at_target(node, row) * 2 + is_primary(row);

		if (!is_this_server(node, row) || rank <= best)
			continue;
		proven = row;
		best = rank;
	}
	return proven;
}

/*
 * The row that is proven to be this node's, else the one that was named or found to be it, else the one that
 * is where the server was asked. In the agent repmgr may have been asked on another node: that one's row is
 * none of ours.
 */
static const struct snapshot_repmgr_node *
find_own(const struct snapshot *node)
{
	const struct snapshot_repmgr *repmgr = &node->repmgr;
	const struct snapshot_repmgr_node *proven = find_proven(node);

	if (proven != NULL)
		return proven;
	for (size_t i = 0; i < count_of(node) && !repmgr->is_own_asked; i++)
		if (repmgr->rows[i].is_own)
			return &repmgr->rows[i];
	for (size_t i = 0; i < count_of(node); i++)
		if (repmgr->rows[i].own_started_ms == SNAPSHOT_NONE && is_at_target(node, &repmgr->rows[i]))
			return &repmgr->rows[i];
	return NULL;
}

static void
judge_stranger(const struct policy *policy, struct verdict *verdict)
{
	struct err fault;

	err_set(&fault, ERR_SETUP, "repmgr's metadata do not tell which node this is");
	err_hint(&fault,
		"name it as repmgr does (--repmgr-node; node = NAME in [repmgr]): repmgr cluster show");
	judge_fault(verdict, policy, &fault);
}

static void
judge_other_cluster(const struct snapshot *node, const struct policy *policy, struct verdict *verdict)
{
	struct err fault;

	err_set(&fault, ERR_SETUP,
		"repmgr was asked in another cluster: its system identifier is %s, and here it is %s",
		node->repmgr.system_identifier, node->identity.system_identifier);
	err_hint(&fault, "does --repmgr (conninfo in [repmgr]) lead to a node of this cluster?");
	judge_fault(verdict, policy, &fault);
}

/* Its own row calls it something else. Whether the other one lives decides which of them is to be stopped. */
static void
judge_other_type(const struct snapshot *node, const struct snapshot_repmgr_node *own, struct verdict *verdict)
{
	const struct snapshot_repmgr_node *other = NULL;

	for (size_t i = 0; i < count_of(node) && other == NULL; i++)
		if (is_primary(&node->repmgr.rows[i]))
			other = &node->repmgr.rows[i];
	if (other != NULL)
		judge_reason(verdict, STATE_CRITICAL,
			"split brain suspected: primary, but to repmgr its node \"%s\" is a %s, and the "
			"primary "
			"is \"%s\"",
			own->name, own->type, other->name);
	else
		judge_reason(verdict, STATE_CRITICAL, "primary, but to repmgr its node \"%s\" is a %s",
			own->name, own->type);
	if (other != NULL && strcmp(other->own_role, "primary") == 0)
		judge_hint(verdict,
			"it was promoted behind repmgr's back: find out which of them the clients write to, "
			"and "
			"stop the other; it comes back with repmgr node rejoin");
	else
		judge_hint(verdict,
			"if %s%s%s is gone for good, repmgr primary register --force makes this node the "
			"primary; else let nobody write here, and repmgr node rejoin",
			other == NULL ? "the primary" : "\"", other == NULL ? "" : other->name,
			other == NULL ? "" : "\"");
}

static const struct snapshot_repmgr_node *
find_id(const struct snapshot *node, int64_t id)
{
	for (size_t i = 0; i < count_of(node); i++)
		if (node->repmgr.rows[i].id == id)
			return &node->repmgr.rows[i];
	return NULL;
}

/*
 * A standby whose own copy of the metadata names another. A copy may be old where a standby does not stream,
 * so that one alone takes no primary out; but not where it receives WAL that was written since: then the
 * other one was promoted later, whether it can be asked or not.
 */
static void
judge_copy(const struct snapshot *node, const struct snapshot_repmgr_node *row,
	const struct snapshot_repmgr_node *named, struct verdict *verdict)
{
	if (row->own_timeline > (int64_t)lsn_timeline(node->role.wal_file)) {
		judge_reason(verdict, STATE_CRITICAL,
			"stale primary: \"%s\" follows \"%s\" on the newer timeline %lld", row->name,
			named->name, (long long)row->own_timeline);
		judge_hint(verdict, "stop this server at once, then rejoin it with pg_rewind");
		return;
	}
	judge_reason(verdict, STATE_WARNING, "to \"%s\" the primary is \"%s\"", row->name, named->name);
	judge_hint(verdict, "does it stream from this server? repmgr standby follow makes it");
}

/* What another node says itself: that it is a primary, or whom its own copy of the metadata names. */
static void
judge_other(const struct snapshot *node, const struct snapshot_repmgr_node *own,
	const struct snapshot_repmgr_node *row, struct verdict *verdict)
{
	const struct snapshot_repmgr_node *named = find_id(node, row->primary_id);
	char who[sizeof row->name + 2];
	struct text text;

	if (strcmp(row->own_role, "primary") == 0) {
		text_init(&text, who, sizeof who);
		text_add(&text, "\"%s\"", row->name);
		/* Of its metadata every node has a copy of its own: they decide nothing. */
		witness_rival_judge(who, row->own_timeline, lsn_timeline(node->role.wal_file),
			own != NULL && named == own ? WITNESS_RIGHT_REGISTERED : WITNESS_RIGHT_UNKNOWN,
			verdict);
	} else if (row->own_role[0] != '\0' && own != NULL && named != NULL && named != own) {
		judge_copy(node, row, named, verdict);
	}
}

/*
 * Whether a row is not this node's: two rows may lead to one server. Where it is not known which row is this
 * node's, one on a newer timeline is not.
 */
static bool
is_another(const struct snapshot *node, const struct snapshot_repmgr_node *own,
	const struct snapshot_repmgr_node *row)
{
	/* A standby that was started in the same moment has been promoted to another timeline. */
	if ((is_this_server(node, row) && strcmp(row->own_role, "primary") == 0
		    && row->own_timeline == (int64_t)lsn_timeline(node->role.wal_file))
		|| (own != NULL && own->place[0] != '\0' && strcmp(row->place, own->place) == 0))
		return false;
	return own != NULL ? row != own : row->own_timeline > (int64_t)lsn_timeline(node->role.wal_file);
}

void
witness_repmgr_judge_primary(
	const struct snapshot *node, const struct policy *policy, struct verdict *verdict)
{
	const struct snapshot_repmgr_node *own = find_own(node);

	if (is_other_cluster(node)) {
		judge_other_cluster(node, policy, verdict);
		return;
	}
	if (own == NULL) {
		judge_stranger(policy, verdict);
	} else if (strcmp(own->type, "primary") != 0) {
		judge_other_type(node, own, verdict);
	} else if (!own->is_active) {
		judge_reason(verdict, STATE_CRITICAL,
			"split brain suspected: primary, but to repmgr its node \"%s\" is no longer active",
			own->name);
		judge_hint(verdict,
			"repmgr cluster show tells who took over; if nobody did: repmgr primary register "
			"--force");
	} else {
		judge_reason(verdict, STATE_OK, "repmgr's primary \"%s\"", own->name);
	}
	for (size_t i = 0; i < count_of(node); i++)
		if (is_another(node, own, &node->repmgr.rows[i]))
			judge_other(node, own, &node->repmgr.rows[i], verdict);
}
