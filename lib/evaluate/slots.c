#include "lib/evaluate/slots.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/names.h"

/* Each has some figures, and a verdict holds a bounded number of them. */
enum { FIGURES_OF_SLOTS = 8 };

/* The sums for the last words. */
struct tally {
	int64_t asked; /* slots that the question is about */
	int64_t active;
	int64_t synced;
	int64_t retained_bytes;
	const char *retainer;
};

int
slots_row_count(const struct snapshot_slots *slots)
{
	if (slots->total < 0)
		return 0;
	return slots->total < SNAPSHOT_SLOTS_MAX ? (int)slots->total : SNAPSHOT_SLOTS_MAX;
}

const struct snapshot_slot *
slots_find(const struct snapshot_slots *slots, const char *name)
{
	for (int i = 0; i < slots_row_count(slots); i++)
		if (strcmp(slots->rows[i].name, name) == 0)
			return &slots->rows[i];
	return NULL;
}

static bool
is_there(const struct snapshot_slots *slots, const char *pattern)
{
	for (int i = 0; i < slots_row_count(slots); i++)
		if (names_match(pattern, slots->rows[i].name))
			return true;
	return false;
}

/* One that was asked for and is not among the rows: absent only if the rows are all there are. */
static void
judge_absent(const struct snapshot_slots *slots, const char *name, bool is_expected, struct verdict *verdict)
{
	if (slots->total > slots_row_count(slots)) {
		judge_reason(verdict, STATE_UNKNOWN, "slot \"%s\" is not among the %d of %lld that were seen",
			name, slots_row_count(slots), (long long)slots->total);
		judge_hint(verdict, "the lost ones and those that retain most are seen first");
	} else if (is_expected) {
		judge_reason(verdict, STATE_CRITICAL, "slot \"%s\" does not exist", name);
		judge_hint(verdict,
			"what streams from it finds none and stops: create it, and find out who dropped it");
	}
}

static void
judge_names(const struct snapshot_slots *slots, const char *list, bool is_expected,
	const struct snapshot_slots *elsewhere, struct verdict *verdict)
{
	char name[128];

	for (size_t i = 0; names_at(list, i, name, sizeof name) != NULL; i++)
		if (!is_there(slots, name) && (elsewhere == NULL || !is_there(elsewhere, name)))
			judge_absent(slots, name, is_expected || strchr(name, '*') == NULL, verdict);
}

static void
count_slot(const struct snapshot_slot *slot, bool in_recovery, struct tally *tally)
{
	tally->asked++;
	tally->active += slot->is_active;
	tally->synced += slot->is_synced && in_recovery && !slot->is_active;
	if (slot->retained_bytes != SNAPSHOT_NONE
		&& (tally->retainer == NULL || slot->retained_bytes > tally->retained_bytes)) {
		tally->retained_bytes = slot->retained_bytes;
		tally->retainer = slot->name;
	}
}

/* "3 slots, 2 in use, 1 copied from the primary, at most 16 MB of WAL retained (by "n2")" */
static void
say_tally(const struct snapshot_slots *slots, const struct slots_limits *limits, const struct tally *tally,
	struct verdict *verdict)
{
	char storage[256];
	struct text text;

	text_init(&text, storage, sizeof storage);
	if (tally->asked == 0)
		text_add(&text, "no slots%s", limits->only[0] != '\0' ? " of the names asked for" : " here");
	else
		text_add(&text, "%lld slot%s, %lld in use", (long long)tally->asked,
			tally->asked == 1 ? "" : "s", (long long)tally->active);
	if (tally->synced > 0)
		text_add(&text, ", %lld kept in step with the primary's", (long long)tally->synced);
	if (tally->retainer != NULL) {
		text_add(&text, ", at most ");
		range_write_quantity((double)tally->retained_bytes, UNIT_BYTES, &text);
		text_add(&text, " of WAL retained (by \"%s\")", tally->retainer);
	}
	if (slots->total > slots_row_count(slots))
		text_add(&text, ", and %lld more that were not seen",
			(long long)(slots->total - slots_row_count(slots)));
	judge_reason(verdict, STATE_OK, "%s", storage);
}

void
slots_judge(const struct snapshot *snapshot, const struct slots_limits *limits, struct verdict *verdict)
{
	const struct snapshot_slots *slots = &snapshot->slots;
	bool in_recovery = snapshot->role.in_recovery;
	struct tally tally = {0};

	judge_names(slots, limits->expected, true, NULL, verdict);
	judge_names(slots, limits->only, false, limits->elsewhere, verdict);
	for (int i = 0; i < slots_row_count(slots); i++) {
		const struct snapshot_slot *slot = &slots->rows[i];

		if (!names_include(limits->only, slot->name))
			continue;
		slot_judge(slot, in_recovery, &limits->slot, tally.asked < FIGURES_OF_SLOTS, verdict);
		count_slot(slot, in_recovery, &tally);
	}
	judge_figure(verdict, "slots", (double)tally.asked, UNIT_NONE);
	judge_figure(verdict, "slots_in_use", (double)tally.active, UNIT_NONE);
	say_tally(slots, limits, &tally, verdict);
}
