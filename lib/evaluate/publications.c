#include "lib/evaluate/publications.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/names.h"
#include "lib/evaluate/sender.h"
#include "lib/evaluate/slots.h"

/* Beside those of the subscriptions, where a server is both. */
enum { FIGURES_OF_PUBLICATIONS = 6 };

/* The sums for the last words. */
struct tally {
	int64_t slots;
	int64_t active;
	int64_t behind_bytes; /* the most; -1: not known */
	const char *last;     /* who is behind so far */
	int64_t kept;         /* of which figures are kept */
	bool is_hidden;       /* a sender's state was not to be seen */
};

static int
sender_count(const struct snapshot *snapshot)
{
	return (int)snapshot_row_count(snapshot, snapshot_list_of(SNAPSHOT_SENDERS));
}

/*
 * Not a standby's copy. Patroni and pg_failover_slots keep copies that the server does not mark as such; a
 * slot of a standby's own subscriber (16+) is one that somebody reads.
 */
static bool
is_published(const struct snapshot *snapshot, const struct snapshot_slot *slot)
{
	bool is_copy = snapshot->role.in_recovery && (slot->is_synced || !slot->is_active);

	return strcmp(slot->type, "logical") == 0 && !is_copy;
}

bool
publications_are_there(const struct snapshot *snapshot)
{
	for (int i = 0; i < slots_row_count(&snapshot->slots); i++)
		if (is_published(snapshot, &snapshot->slots.rows[i]))
			return true;
	for (int i = 0; i < sender_count(snapshot); i++)
		if (snapshot->senders.rows[i].is_logical)
			return true;
	return false;
}

/* -- findings that slots and senders have in common ---------------------------------------------- */

static void
hold_lag(const char *what, const char *name, int64_t bytes, const struct publications_limits *limits,
	struct tally *tally, struct verdict *verdict)
{
	enum state before = verdict->state;
	char storage[128];
	struct text text;

	if (bytes > tally->behind_bytes) {
		tally->behind_bytes = bytes;
		tally->last = name;
	}
	text_init(&text, storage, sizeof storage);
	text_add(&text, "lag of %s \"%s\"", what, name);
	if (tally->kept++ < FIGURES_OF_PUBLICATIONS)
		judge_metric_of(verdict, name, storage, "publication_lag_bytes", (double)bytes, UNIT_BYTES,
			limits->warning, limits->critical);
	else
		judge_limit(verdict, storage, (double)bytes, UNIT_BYTES, limits->warning, limits->critical);
	if (verdict->state != before)
		judge_hint(verdict,
			"see on the subscriber what its apply worker does: a lock, an error again "
			"and again, a large transaction?");
}

/* The last word of a subscriber against the limits in time, or against what is normal. */
static void
judge_word(const struct snapshot *snapshot, const struct snapshot_sender *sender, const char *name,
	const struct publications_limits *limits, struct verdict *verdict)
{
	bool is_limited = limits->warning->of[UNIT_SECONDS].is_set
		|| limits->critical->of[UNIT_SECONDS].is_set;
	double seconds = sender->reply_age_ms < 0 ? 0 : (double)sender->reply_age_ms / 1000.0;
	char storage[128];
	struct text text;

	if (sender->reply_age_ms == SNAPSHOT_NONE)
		return;
	text_init(&text, storage, sizeof storage);
	text_add(&text, "time since the last word of the subscriber of \"%s\"", name);
	judge_limit(verdict, storage, seconds, UNIT_SECONDS, limits->warning, limits->critical);
	if (is_limited)
		return;
	switch (sender_word(sender, snapshot->senders.sender_timeout_ms)) {
	case SENDER_HEARD:
		break;
	case SENDER_STALE:
		judge_detail(verdict, "the subscriber of \"%s\" has said nothing for %.0f s", name, seconds);
		break;
	case SENDER_SILENT:
		judge_reason(verdict, STATE_CRITICAL,
			"nothing heard from the subscriber of \"%s\" for %.0f s", name, seconds);
		judge_hint(verdict,
			"does its apply worker wait for a lock, or is it frozen, or the network between cut? "
			"(or "
			"its clock is slow)");
		break;
	case SENDER_CLOCK:
		judge_reason(verdict, STATE_UNKNOWN,
			"the last word of the subscriber of \"%s\" is %.0f s old by its clock", name,
			seconds);
		judge_hint(verdict, "a sender that is silent for so long is ended: compare the clocks");
		break;
	}
}

static void
judge_sender(const struct snapshot *snapshot, const struct snapshot_sender *sender, const char *name,
	const struct publications_limits *limits, struct tally *tally, struct verdict *verdict)
{
	if (sender->state[0] == '\0') {
		tally->is_hidden = true;
		return;
	}
	if (!sender_is_streaming(sender))
		judge_detail(verdict, "the subscriber of \"%s\" is in state %s", name, sender->state);
	judge_word(snapshot, sender, name, limits, verdict);
}

/* -- slots ------------------------------------------------------------------------------------- */

/* The sender that reads from a slot; NULL when a session reads from it, or nobody. */
static const struct snapshot_sender *
sender_of(const struct snapshot *snapshot, const struct snapshot_slot *slot)
{
	for (int i = 0; slot->active_pid != SNAPSHOT_NONE && i < sender_count(snapshot); i++)
		if (snapshot->senders.rows[i].pid == slot->active_pid)
			return &snapshot->senders.rows[i];
	return NULL;
}

static void
judge_unused(
	const struct snapshot_slot *slot, const struct publications_limits *limits, struct verdict *verdict)
{
	char storage[64];
	struct text text;

	text_init(&text, storage, sizeof storage);
	if (slot->inactive_ms != SNAPSHOT_NONE) {
		text_add(&text, " for ");
		range_write_quantity(
			slot->inactive_ms < 0 ? 0 : (double)slot->inactive_ms / 1000.0, UNIT_SECONDS, &text);
	}
	judge_reason(verdict, limits->unused, "no subscriber reads slot \"%s\"%s", slot->name, storage);
	judge_hint(verdict,
		"see on the subscriber whether its subscription is enabled and what its log says; a slot "
		"that "
		"nobody will read again must be dropped");
}

static void
judge_slot(const struct snapshot *snapshot, const struct snapshot_slot *slot,
	const struct publications_limits *limits, struct tally *tally, struct verdict *verdict)
{
	const struct snapshot_sender *sender = sender_of(snapshot, slot);

	tally->slots++;
	tally->active += slot->is_active;
	if (slot_is_lost(slot)) {
		judge_reason(verdict, STATE_CRITICAL, "slot \"%s\" is lost: %s", slot->name, slot_loss(slot));
		judge_hint(verdict,
			"its subscriber gets no more changes: drop the slot, and create the subscription "
			"anew");
		return;
	}
	if (slot->confirmed_behind_bytes >= 0)
		hold_lag("slot", slot->name, slot->confirmed_behind_bytes, limits, tally, verdict);
	if (!slot->is_active && !slot_is_copying(slot))
		judge_unused(slot, limits, verdict);
	if (sender != NULL)
		judge_sender(snapshot, sender, slot->name, limits, tally, verdict);
}

/* -- senders without one of the slots seen ------------------------------------------------------ */

static bool
has_slot(const struct snapshot *snapshot, const struct snapshot_sender *sender)
{
	for (int i = 0; i < slots_row_count(&snapshot->slots); i++) {
		const struct snapshot_slot *slot = &snapshot->slots.rows[i];

		if (is_published(snapshot, slot) && slot->active_pid == sender->pid)
			return true;
	}
	return false;
}

static void
judge_other_senders(const struct snapshot *snapshot, const struct publications_limits *limits,
	struct tally *tally, struct verdict *verdict)
{
	for (int i = 0; i < sender_count(snapshot); i++) {
		const struct snapshot_sender *sender = &snapshot->senders.rows[i];

		if (!sender->is_logical || has_slot(snapshot, sender))
			continue;
		judge_sender(snapshot, sender, sender->application, limits, tally, verdict);
		if (sender_lag(sender) >= 0)
			hold_lag("subscriber", sender->application, sender_lag(sender), limits, tally,
				verdict);
	}
}

static void
judge_hidden(const struct publications_limits *limits, struct verdict *verdict)
{
	struct err fault;

	err_set(&fault, ERR_SETUP, "not permitted to see the WAL senders of the subscribers");
	err_hint(&fault, "grant the role of this check membership of pg_monitor");
	judge_fault(verdict, limits->policy, &fault);
}

/* -- all of them ------------------------------------------------------------------------------- */

/* "2 logical slots, 2 in use, at most 16 kB not confirmed (by "orders")" */
static void
say_tally(const struct snapshot *snapshot, const struct tally *tally, struct verdict *verdict)
{
	int64_t unseen = snapshot->slots.total - slots_row_count(&snapshot->slots);
	char storage[256];
	struct text text;

	text_init(&text, storage, sizeof storage);
	text_add(&text, "%lld logical slot%s, %lld in use", (long long)tally->slots,
		tally->slots == 1 ? "" : "s", (long long)tally->active);
	if (tally->behind_bytes >= 0) {
		text_add(&text, ", at most ");
		range_write_quantity((double)tally->behind_bytes, UNIT_BYTES, &text);
		text_add(&text, " not confirmed (by \"%s\")", tally->last);
	}
	if (unseen > 0)
		text_add(&text, ", and %lld slots of any kind that were not seen", (long long)unseen);
	judge_reason(verdict, STATE_OK, "%s", storage);
}

void
publications_judge(
	const struct snapshot *snapshot, const struct publications_limits *limits, struct verdict *verdict)
{
	struct tally tally = {.behind_bytes = -1};

	for (int i = 0; i < slots_row_count(&snapshot->slots); i++) {
		const struct snapshot_slot *slot = &snapshot->slots.rows[i];

		if (is_published(snapshot, slot) && !slot->is_temporary)
			judge_slot(snapshot, slot, limits, &tally, verdict);
	}
	judge_other_senders(snapshot, limits, &tally, verdict);
	if (tally.is_hidden)
		judge_hidden(limits, verdict);
	judge_figure(verdict, "logical_slots", (double)tally.slots, UNIT_NONE);
	judge_figure(verdict, "logical_slots_in_use", (double)tally.active, UNIT_NONE);
	say_tally(snapshot, &tally, verdict);
}
