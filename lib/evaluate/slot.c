#include "lib/evaluate/slot.h"

#include <math.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/names.h"
#include "lib/model/lsn.h"

bool
slot_is_lost(const struct snapshot_slot *slot)
{
	return strcmp(slot->wal_status, "lost") == 0 || slot->invalidation[0] != '\0' || slot->is_conflicting;
}

bool
slot_is_copying(const struct snapshot_slot *slot)
{
	return strcmp(slot->type, "logical") == 0 && names_match("pg_*_sync_*_*", slot->name);
}

bool
slot_is_unused(const struct snapshot_slot *slot, bool in_recovery)
{
	/* A standby that was promoted keeps "synced" on what are now slots like any other. */
	return !slot->is_active && !slot->is_temporary && !(slot->is_synced && in_recovery)
		&& !slot_is_copying(slot);
}

/* Who is at the other end. */
static const char *
consumer(const struct snapshot_slot *slot)
{
	return strcmp(slot->type, "logical") == 0 ? "subscriber" : "standby";
}

/* -- lost -------------------------------------------------------------------------------------- */

/* Before 16 there is no reason but the loss of WAL, and before 17 none is named. */
const char *
slot_loss(const struct snapshot_slot *slot)
{
	static const struct {
		const char *reason;
		const char *text;
	} meanings[] = {
		{"wal_removed", "WAL that it needs has been removed"},
		{"rows_removed", "vacuum on the primary removed rows that it needs"},
		{"wal_level_insufficient", "wal_level on the primary was set below logical"},
		{"idle_timeout", "it was not in use for longer than idle_replication_slot_timeout"},
	};

	for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
		if (strcmp(slot->invalidation, meanings[i].reason) == 0)
			return meanings[i].text;
	if (slot->invalidation[0] != '\0')
		return slot->invalidation;
	return slot->is_conflicting ? "WAL or rows that it needs have been removed" : meanings[0].text;
}

static void
judge_lost(const struct snapshot_slot *slot, bool in_recovery, const struct slot_limits *limits,
	struct verdict *verdict)
{
	bool is_logical = strcmp(slot->type, "logical") == 0;

	/* The primary's own is not lost with it, and a new copy is made of that. */
	if (slot->is_synced && in_recovery) {
		if (limits->spares_copies)
			return;
		judge_reason(verdict, limits->not_ready, "the copy of slot \"%s\" here is lost: %s",
			slot->name, slot_loss(slot));
		judge_hint(verdict,
			"promoting this standby would lose the slot; hot_standby_feedback and "
			"primary_slot_name here keep what a copy needs");
		return;
	}
	judge_reason(verdict, STATE_CRITICAL, "slot \"%s\" is lost: %s", slot->name, slot_loss(slot));
	judge_hint(verdict,
		"its %s gets no more changes: SELECT pg_drop_replication_slot('%s'), then %s anew",
		consumer(slot), slot->name,
		is_logical ? "create the subscription and copy its tables" : "clone the standby");
}

/* -- in danger, not in use, overgrown -------------------------------------------------------------- */

static void
judge_danger(const struct snapshot_slot *slot, struct verdict *verdict)
{
	if (strcmp(slot->wal_status, "unreserved") != 0)
		return;
	judge_reason(verdict, STATE_WARNING,
		"slot \"%s\" is about to be lost: the next checkpoint may remove WAL that it needs",
		slot->name);
	judge_hint(verdict, "let its consumer catch up now, or raise max_slot_wal_keep_size");
}

/* Which limits a figure of a slot is held against, and whether it is one of those that are kept. */
struct held {
	const char *what; /* "WAL retained by", before the slot's name */
	const char *name;
	double value;
	enum unit unit;
	const struct limit *warning;
	const struct limit *critical;
	bool is_kept;
};

/* True when a limit alerts. */
static bool
hold(const struct snapshot_slot *slot, const struct held *held, struct verdict *verdict)
{
	const struct limit none = {.of[UNIT_NONE] = {.is_set = false}};
	const struct limit *warning = held->warning == NULL ? &none : held->warning;
	char what[128];
	struct text text;

	text_init(&text, what, sizeof what);
	text_add(&text, "%s slot \"%s\"", held->what, slot->name);
	if (held->is_kept)
		judge_metric_of(verdict, slot->name, what, held->name, held->value, held->unit, warning,
			held->critical);
	else
		judge_limit(verdict, what, held->value, held->unit, warning, held->critical);
	return range_alerts(&warning->of[held->unit], held->value)
		|| range_alerts(&held->critical->of[held->unit], held->value);
}

static void
judge_safety(const struct snapshot_slot *slot, const struct slot_limits *limits, bool is_kept,
	struct verdict *verdict)
{
	const struct limit least = {
		.of[UNIT_BYTES] = {
			.is_set = limits->min_safe > 0, .start = (double)limits->min_safe, .end = INFINITY}};
	const struct held held = {.what = "WAL to come before the loss of",
		.name = "slot_safe_bytes",
		.value = slot->safe_bytes < 0 ? 0
					      : (double)slot->safe_bytes, /* past it: the next checkpoint */
		.unit = UNIT_BYTES,
		.critical = &least,
		.is_kept = is_kept};

	if (slot->safe_bytes != SNAPSHOT_NONE && hold(slot, &held, verdict))
		judge_hint(verdict, "let its consumer catch up, or raise max_slot_wal_keep_size");
}

/* "slot "n2" is not in use for 3 h (never used: it holds no WAL)" */
static void
say_unused(const struct snapshot_slot *slot, enum state state, struct verdict *verdict)
{
	char storage[128];
	struct text text;

	text_init(&text, storage, sizeof storage);
	if (slot->inactive_ms != SNAPSHOT_NONE) {
		text_add(&text, " for ");
		range_write_quantity((double)slot->inactive_ms / 1000.0, UNIT_SECONDS, &text);
	}
	if (slot->restart_lsn == LSN_NONE)
		text_add(&text, " (never used: it holds no WAL)");
	if (state == STATE_OK) /* accepted: there may be many, and the summary counts them */
		judge_detail(verdict, "slot \"%s\" is not in use%s", slot->name, storage);
	else
		judge_reason(verdict, state, "slot \"%s\" is not in use%s", slot->name, storage);
}

static bool
has_limit(const struct slot_limits *limits, enum unit unit)
{
	return limits->warning->of[unit].is_set || limits->critical->of[unit].is_set;
}

static void
judge_use(const struct snapshot_slot *slot, const struct slot_limits *limits, bool is_kept,
	struct verdict *verdict)
{
	const struct held held = {.what = "time without use of",
		.name = "slot_inactive_seconds",
		.value = slot->inactive_ms < 0 ? 0 : (double)slot->inactive_ms / 1000.0,
		.unit = UNIT_SECONDS,
		.warning = limits->warning,
		.critical = limits->critical,
		.is_kept = is_kept};
	bool is_known = slot->inactive_ms != SNAPSHOT_NONE;
	bool is_alert = is_known && hold(slot, &held, verdict);

	if (!is_known || !has_limit(limits, UNIT_SECONDS)) {
		say_unused(slot, limits->inactive, verdict);
		is_alert = limits->inactive != STATE_OK;
	}
	if (is_alert)
		judge_hint(verdict,
			"start its %s, or, if that is gone for good, SELECT pg_drop_replication_slot('%s'): "
			"a slot holds back WAL until the disk is full",
			consumer(slot), slot->name);
}

static void
judge_retained(const struct snapshot_slot *slot, const struct slot_limits *limits, bool is_kept,
	struct verdict *verdict)
{
	const struct held held = {.what = "WAL retained by",
		.name = "slot_retained_bytes",
		.value = (double)slot->retained_bytes,
		.unit = UNIT_BYTES,
		.warning = limits->warning,
		.critical = limits->critical,
		.is_kept = is_kept};

	if (slot->retained_bytes != SNAPSHOT_NONE && hold(slot, &held, verdict))
		judge_hint(verdict,
			"its %s is away or too slow, and pg_wal grows until the disk is full: see to it, or "
			"drop the slot; max_slot_wal_keep_size bounds it",
			consumer(slot));
}

void
slot_judge(const struct snapshot_slot *slot, bool in_recovery, const struct slot_limits *limits, bool is_kept,
	struct verdict *verdict)
{
	if (slot_is_lost(slot)) {
		judge_lost(slot, in_recovery, limits, verdict);
		return;
	}
	judge_danger(slot, verdict);
	judge_safety(slot, limits, is_kept, verdict);
	judge_retained(slot, limits, is_kept, verdict);
	/*
	 * Patroni keeps the slots of all members on all nodes, so that whoever is promoted has them: on a
	 * standby one that is not in use is no finding but by a limit in time. What it retains counts all the
	 * same.
	 */
	if (slot_is_unused(slot, in_recovery) && (!in_recovery || has_limit(limits, UNIT_SECONDS)))
		judge_use(slot, limits, is_kept, verdict);
	if (is_kept && slot->xmin_age != SNAPSHOT_NONE)
		judge_figure_of(verdict, slot->name, "slot_xmin_age", (double)slot->xmin_age, UNIT_NONE);
}
