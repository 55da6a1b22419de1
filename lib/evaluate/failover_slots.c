#include "lib/evaluate/failover_slots.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/names.h"
#include "lib/evaluate/role.h"
#include "lib/evaluate/slots.h"
#include "lib/model/lsn.h"
#include "lib/model/range.h"

/* The first that copies slots to standbys, as PQserverVersion() numbers it. */
enum { VERSION_17 = 170000 };

/* One slot, seen from both sides. */
struct pair {
	const struct snapshot_slot *original;
	const struct snapshot_slot *copy; /* of that name at the standby, or NULL */
	const struct snapshot_slots *primary;
	const struct snapshot_slots *standby;
	uint64_t received;
};

enum failover_slots_state
failover_slots_state(
	const struct snapshot_slot *original, const struct snapshot_slots *standby, uint64_t received)
{
	const struct snapshot_slot *copy = slots_find(standby, original->name);

	if (copy == NULL)
		return standby->total > slots_row_count(standby) ? FAILOVER_SLOTS_UNSEEN
								 : FAILOVER_SLOTS_ABSENT;
	if (!copy->is_synced)
		return FAILOVER_SLOTS_FOREIGN;
	if (slot_is_lost(copy))
		return FAILOVER_SLOTS_LOST;
	if (copy->is_temporary)
		return FAILOVER_SLOTS_UNREADY;
	return original->confirmed_lsn > received ? FAILOVER_SLOTS_AHEAD : FAILOVER_SLOTS_READY;
}

/* -- the primary ------------------------------------------------------------------------------- */

/* What the standby has flushed, by the slot that it streams from, which the synchronization of slots needs.
 */
static uint64_t
reserved_for(const struct snapshot_slots *standby, const struct snapshot_slots *primary)
{
	const struct snapshot_slot *slot = slots_find(primary, standby->primary_slot);
	bool is_its = slot != NULL && slot->is_active && strcmp(slot->type, "physical") == 0;

	return is_its ? slot->restart_lsn : LSN_NONE;
}

/*
 * The newest position that the standby is known to have: by its own word, by its slot, and by what its sender
 * heard of it. The standby was asked before the primary, and what a subscriber has confirmed meanwhile may
 * well be past the standby's own word; the primary's slots were read at one instant, and its senders after
 * them.
 */
static uint64_t
received_by(const struct snapshot *standby, const struct snapshot *primary)
{
	uint64_t received = lsn_newer(standby->standby.receive_lsn, standby->standby.replay_lsn);
	const struct snapshot_senders *senders = &primary->senders;
	const char *name = standby->standby.application;
	uint64_t heard = LSN_NONE;
	int found = 0;

	received = lsn_newer(received, reserved_for(&standby->slots, &primary->slots));
	if (!snapshot_has(primary, SNAPSHOT_SENDERS) || name[0] == '\0')
		return received;
	for (int i = 0; i < SNAPSHOT_SENDERS_MAX && i < senders->total; i++)
		if (!senders->rows[i].is_logical && strcmp(senders->rows[i].application, name) == 0) {
			found++;
			heard = senders->rows[i].flush_lsn;
		}
	/* Of two standbys of one name nobody can tell which is which. */
	return found == 1 ? lsn_newer(received, heard) : received;
}

/* -- what to say of one ------------------------------------------------------------------------ */

static void
hint_absent(const struct snapshot_slots *standby, struct verdict *verdict)
{
	if (!standby->syncs)
		judge_hint(verdict, "set sync_replication_slots = on on this standby");
	else if (standby->primary_slot[0] == '\0')
		judge_hint(verdict,
			"set primary_slot_name on this standby, without which slots are not synchronized");
	else if (!standby->gives_feedback)
		judge_hint(verdict,
			"set hot_standby_feedback = on on this standby, without which slots are not "
			"synchronized");
	else
		judge_hint(verdict,
			"this standby's log tells what its slot sync worker lacks (often dbname in "
			"primary_conninfo)");
}

/* Whether a slot is one of the server's list, "n2, n3": slots' names need no quotes, and hold none. */
static bool
is_listed(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = list; (at = strstr(at, name)) != NULL; at++)
		if ((at == list || strchr(", \"", at[-1]) != NULL)
			&& (at[length] == '\0' || strchr(", \"", at[length]) != NULL))
			return true;
	return false;
}

static void
hint_ahead(const struct pair *pair, struct verdict *verdict)
{
	if (pair->standby->primary_slot[0] == '\0')
		judge_hint(verdict,
			"give this standby a slot (primary_slot_name), and name it in "
			"synchronized_standby_slots on the primary");
	else if (!is_listed(pair->primary->standby_slots, pair->standby->primary_slot))
		judge_hint(verdict,
			"add %s to synchronized_standby_slots on the primary, so that subscribers wait for "
			"this "
			"standby",
			pair->standby->primary_slot);
	else
		judge_hint(verdict, "this standby is behind its own slot: does it stream from this primary?");
}

/* "12 kB past what this standby has received" */
static void
say_ahead(const struct pair *pair, struct text *text)
{
	char confirmed[LSN_TEXT_SIZE];

	text_add(text, "its subscriber has confirmed %s, ",
		lsn_format(pair->original->confirmed_lsn, confirmed));
	range_write_quantity(
		(double)lsn_distance(pair->original->confirmed_lsn, pair->received), UNIT_BYTES, text);
	text_add(text, " past what this standby has received");
}

static void
say_why(enum failover_slots_state state, const struct pair *pair, struct text *text)
{
	switch (state) {
	case FAILOVER_SLOTS_READY:
	case FAILOVER_SLOTS_UNSEEN:
		break;
	case FAILOVER_SLOTS_ABSENT:
		text_add(text, "there is no copy of it here");
		break;
	case FAILOVER_SLOTS_FOREIGN:
		text_add(text, "the slot of that name here is no copy of it");
		break;
	case FAILOVER_SLOTS_UNREADY:
		text_add(text, "its copy here is not complete yet");
		break;
	case FAILOVER_SLOTS_LOST:
		text_add(text, "its copy here is lost: %s", slot_loss(pair->copy));
		break;
	case FAILOVER_SLOTS_AHEAD:
		say_ahead(pair, text);
		break;
	}
}

static void
hint(enum failover_slots_state state, const struct pair *pair, struct verdict *verdict)
{
	switch (state) {
	case FAILOVER_SLOTS_READY:
	case FAILOVER_SLOTS_UNSEEN:
		break;
	case FAILOVER_SLOTS_ABSENT:
		hint_absent(pair->standby, verdict);
		break;
	case FAILOVER_SLOTS_FOREIGN:
		judge_hint(verdict,
			"on this standby, SELECT pg_drop_replication_slot('%s'), so that it can be "
			"synchronized",
			pair->original->name);
		break;
	case FAILOVER_SLOTS_UNREADY:
		judge_hint(verdict,
			"it is complete when the primary's slot has moved on: is its subscriber there, and "
			"is "
			"anything written?");
		break;
	case FAILOVER_SLOTS_LOST:
		judge_hint(verdict,
			"it is copied anew by itself if the primary's own is good; max_slot_wal_keep_size "
			"and "
			"hot_standby_feedback here keep what it needs");
		break;
	case FAILOVER_SLOTS_AHEAD:
		hint_ahead(pair, verdict);
		break;
	}
}

/* -- all of them ------------------------------------------------------------------------------- */

/* The sums for the last words. */
struct count {
	int failover;
	int ready;
	struct text left_behind; /* names of those that are not meant to survive */
};

static void
judge_slot(const struct pair *pair, const struct failover_slots_limits *limits, struct count *count,
	struct verdict *verdict)
{
	enum failover_slots_state state = failover_slots_state(pair->original, pair->standby, pair->received);
	char storage[256];
	struct text why;

	count->failover++;
	count->ready += state == FAILOVER_SLOTS_READY;
	if (state == FAILOVER_SLOTS_READY)
		return;
	if (state == FAILOVER_SLOTS_UNSEEN) {
		judge_reason(verdict, STATE_UNKNOWN,
			"the copy of slot \"%s\" is not among the %d slots that were seen here",
			pair->original->name, slots_row_count(pair->standby));
		return;
	}
	text_init(&why, storage, sizeof storage);
	say_why(state, pair, &why);
	judge_reason(verdict, limits->not_ready, "slot \"%s\" would not survive promoting this standby: %s",
		pair->original->name, storage);
	hint(state, pair, verdict);
}

/* Whether promoting a standby concerns it: one that was lost on the primary is lost already. */
static bool
is_concerned(const struct snapshot_slot *slot, const struct failover_slots_limits *limits)
{
	return strcmp(slot->type, "logical") == 0 && !slot->is_temporary && !slot_is_lost(slot)
		&& names_include(limits->only, slot->name);
}

static void
count_left_behind(const struct pair *pair, struct count *count)
{
	/* One that something else keeps here too, such as Patroni, is not ours to judge. */
	if (pair->copy == NULL && pair->standby->total <= slots_row_count(pair->standby))
		text_add(&count->left_behind, "%s\"%s\"", count->left_behind.length > 0 ? ", " : "",
			pair->original->name);
}

static void
say_count(const struct snapshot *primary, const struct count *count, struct verdict *verdict)
{
	bool is_old = primary->server_version != SNAPSHOT_NONE && primary->server_version < VERSION_17;

	if (count->failover > 0) {
		judge_figure(verdict, "failover_slots", (double)count->failover, UNIT_NONE);
		judge_figure(verdict, "failover_slots_ready", (double)count->ready, UNIT_NONE);
		judge_reason(verdict, STATE_OK,
			"%d of %d failover slots would survive promoting this standby", count->ready,
			count->failover);
	}
	if (count->left_behind.length > 0)
		judge_reason(verdict, STATE_OK, "logical slots without a copy here, for want of %s: %s%s",
			is_old ? "PostgreSQL 17" : "the failover option", count->left_behind.bytes,
			count->left_behind.is_truncated ? " ..." : "");
	if (primary->slots.total > slots_row_count(&primary->slots))
		judge_reason(verdict, STATE_UNKNOWN, "%lld more slots of the primary were not seen",
			(long long)(primary->slots.total - slots_row_count(&primary->slots)));
}

static void
judge_by(const struct snapshot *standby, const struct snapshot *primary,
	const struct failover_slots_limits *limits, struct verdict *verdict)
{
	struct pair pair = {.primary = &primary->slots,
		.standby = &standby->slots,
		.received = received_by(standby, primary)};
	char storage[160];
	struct count count = {0};

	text_init(&count.left_behind, storage, sizeof storage);
	for (int i = 0; i < slots_row_count(&primary->slots); i++) {
		pair.original = &primary->slots.rows[i];
		pair.copy = slots_find(&standby->slots, pair.original->name);
		if (!is_concerned(pair.original, limits))
			continue;
		if (pair.original->is_failover)
			judge_slot(&pair, limits, &count, verdict);
		else
			count_left_behind(&pair, &count);
	}
	say_count(primary, &count, verdict);
}

/* Nobody among the others is the primary: one of them could not be asked, or the question was put wrong. */
static bool
has_copies(const struct snapshot *node)
{
	bool has_any = node->slots.syncs;

	for (int i = 0; i < slots_row_count(&node->slots); i++)
		has_any = has_any || node->slots.rows[i].is_synced;
	return has_any;
}

/* Not known is not lost: an outage of the primary is told by others. Where no slot is to survive, nothing is.
 */
static void
judge_no_primary(const struct snapshot *snapshots, size_t count, const struct failover_slots_limits *limits,
	struct verdict *verdict)
{
	struct err fault;

	if (!has_copies(&snapshots[0]))
		return;

	err_set(&fault, ERR_USAGE, "none of the other nodes is this standby's primary");
	err_hint(&fault, "give --primary the server that this standby follows");
	for (size_t i = 1; i < count; i++)
		for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++)
			if (fault.class == ERR_USAGE && snapshots[i].faults[part].class != ERR_NONE)
				fault = snapshots[i].faults[part];
	err_context(&fault, "not known which slots would survive a promotion");
	judge_reason(verdict, limits->not_ready == STATE_OK ? STATE_OK : STATE_UNKNOWN, "%s", fault.text);
	judge_hint(verdict, "%s", fault.hint);
}

bool
failover_slots_judge(const struct snapshot *snapshots, size_t count,
	const struct failover_slots_limits *limits, struct verdict *verdict)
{
	const struct snapshot *primary = role_primary(snapshots, count);
	bool is_seen = primary != NULL && snapshot_has(primary, SNAPSHOT_SLOTS);

	if (is_seen)
		judge_by(&snapshots[0], primary, limits, verdict);
	else if (count > 1)
		judge_no_primary(snapshots, count, limits, verdict);
	return is_seen;
}
