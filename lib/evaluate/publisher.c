#include "lib/evaluate/publisher.h"

#include <stdbool.h>
#include <string.h>

#include "lib/evaluate/judge.h"
#include "lib/evaluate/slots.h"
#include "lib/model/lsn.h"

/* The slot of a subscription, and the node that has it. */
struct origin {
	const struct snapshot *node;
	const struct snapshot_slot *slot;
};

/* Whether somebody gave a limit in bytes: the default is meant for where a publisher is seen. */
static bool
is_limited_in_bytes(const struct subscription_limits *limits)
{
	return (limits->warning->of[UNIT_BYTES].is_set && !limits->warning->is_initial)
		|| (limits->critical->of[UNIT_BYTES].is_set && !limits->critical->is_initial);
}

/* A standby's copy of a slot is none that a subscription streams from. */
static bool
is_origin(const struct snapshot *node, const struct snapshot_slot *slot)
{
	return slot != NULL && strcmp(slot->type, "logical") == 0
		&& !(slot->is_synced && node->role.in_recovery);
}

/* The node that has the slot; of several, one where it is in use. */
static struct origin
find(const struct snapshot *snapshots, size_t count, const char *name)
{
	struct origin origin = {.node = NULL};

	for (size_t i = 1; i < count && name[0] != '\0'; i++) {
		const struct snapshot *node = &snapshots[i];
		const struct snapshot_slot *slot;

		if (!snapshot_has(node, SNAPSHOT_SLOTS) || !snapshot_has(node, SNAPSHOT_ROLE))
			continue;
		slot = slots_find(&node->slots, name);
		if (is_origin(node, slot) && (origin.slot == NULL || slot->is_active))
			origin = (struct origin){.node = node, .slot = slot};
	}
	return origin;
}

/* Where the publisher is: one that is a standby itself tells it by the slot alone. */
static uint64_t
position(const struct origin *origin)
{
	const struct snapshot_slot *slot = origin->slot;

	if (origin->node->role.wal_lsn != LSN_NONE)
		return origin->node->role.wal_lsn;
	if (slot->confirmed_lsn == LSN_NONE || slot->confirmed_behind_bytes < 0)
		return LSN_NONE;
	return slot->confirmed_lsn + (uint64_t)slot->confirmed_behind_bytes;
}

/* Why the publisher of one is not among those seen, as a fault; of the class usage when nobody has failed. */
static void
explain_unseen(
	const struct snapshot *snapshots, size_t count, const struct subscription *subject, struct err *fault)
{
	if (count == 1) {
		err_set(fault, ERR_USAGE, "a subscriber does not know where its publisher is");
		err_hint(fault, "pass --publisher, or limits in time only");
	} else {
		err_set(fault, ERR_USAGE, "no slot \"%s\" at the publisher", subject->row->slot);
		err_hint(fault, "was it dropped, or is --publisher another one's?");
	}
	for (size_t i = 1; i < count; i++)
		for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++)
			if (fault->class == ERR_USAGE && snapshots[i].faults[part].class != ERR_NONE)
				*fault = snapshots[i].faults[part];
	err_context(fault, "lag of subscription \"%s\" in bytes not known", subject->label);
}

static void
judge_unseen(const struct snapshot *snapshots, size_t count, const struct subscription *subject,
	struct verdict *verdict)
{
	struct err fault;

	explain_unseen(snapshots, count, subject, &fault);
	if (is_limited_in_bytes(subject->limits))
		judge_fault(verdict, subject->limits->policy, &fault);
	else if (count > 1)
		judge_reason(verdict, STATE_OK, "%s", fault.text);
}

/* What was received says how far it is with reading, what was confirmed how far with applying. */
static int64_t
judge_behind(const struct origin *origin, const struct subscription *subject, struct verdict *verdict)
{
	uint64_t at = position(origin);
	enum state before = verdict->state;
	int64_t behind = -1;

	if (at != LSN_NONE && subject->row->received_lsn != LSN_NONE) {
		behind = lsn_distance(at, subject->row->received_lsn);
		subscription_hold(
			subject, "lag of", "subscription_lag_bytes", (double)behind, UNIT_BYTES, verdict);
	} else if (origin->slot->confirmed_behind_bytes >= 0) /* a worker that has just connected */
		behind = origin->slot->confirmed_behind_bytes;
	if (origin->slot->confirmed_behind_bytes >= 0)
		subscription_hold(subject, "WAL not confirmed by", "subscription_unconfirmed_bytes",
			(double)origin->slot->confirmed_behind_bytes, UNIT_BYTES, verdict);
	if (verdict->state != before)
		judge_hint(verdict,
			"does its worker apply a large transaction, or wait for a lock? see pg_stat_activity "
			"on the subscriber");
	return behind;
}

int64_t
publisher_judge(const struct snapshot *snapshots, size_t count, const struct subscription *subject,
	struct verdict *verdict)
{
	struct origin origin = find(snapshots, count, subject->row->slot);

	if (origin.slot != NULL)
		return judge_behind(&origin, subject, verdict);
	judge_unseen(snapshots, count, subject, verdict);
	return -1;
}
