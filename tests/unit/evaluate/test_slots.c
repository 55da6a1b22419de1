#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/evaluate/judge.h"
#include "lib/evaluate/slots.h"

static const struct limit no_limit;

static const struct slots_limits limits = {
	.slot = {.warning = &no_limit,
		.critical = &no_limit,
		.inactive = STATE_WARNING,
		.not_ready = STATE_CRITICAL},
	.only = "",
	.expected = "",
};

/* A slot that is in use and holds some WAL. */
static struct snapshot_slot
good(void)
{
	struct snapshot snapshot;
	struct snapshot_slot *slot = &snapshot.slots.rows[0];

	snapshot_init(&snapshot);
	snprintf(slot->name, sizeof slot->name, "n2");
	snprintf(slot->type, sizeof slot->type, "physical");
	snprintf(slot->wal_status, sizeof slot->wal_status, "reserved");
	slot->is_active = true;
	slot->restart_lsn = 0x5000000;
	slot->retained_bytes = 4096;
	slot->safe_bytes = 8192;
	slot->xmin_age = 3;
	return *slot;
}

/* As many slots as a snapshot holds, and more of which it does not. */
static void
fill(struct snapshot *snapshot, const struct snapshot_slot *slot)
{
	snapshot_init(snapshot);
	snapshot->slots.total = SNAPSHOT_SLOTS_MAX + 7;
	for (int i = 0; i < SNAPSHOT_SLOTS_MAX; i++) {
		snapshot->slots.rows[i] = *slot;
		snprintf(snapshot->slots.rows[i].name, sizeof slot->name, "s%d", i);
	}
}

static void
a_slot_is_lost_for_any_of_the_reasons_that_the_majors_give(void **state)
{
	struct snapshot_slot slot = good();

	(void)state;
	assert_false(slot_is_lost(&slot));
	snprintf(slot.wal_status, sizeof slot.wal_status, "unreserved");
	assert_false(slot_is_lost(&slot));
	snprintf(slot.wal_status, sizeof slot.wal_status, "lost");
	assert_true(slot_is_lost(&slot));
	slot = good();
	slot.is_conflicting = true;
	assert_true(slot_is_lost(&slot));
	slot = good();
	snprintf(slot.invalidation, sizeof slot.invalidation, "idle_timeout");
	assert_true(slot_is_lost(&slot));
	assert_non_null(strstr(slot_loss(&slot), "idle_replication_slot_timeout"));
}

static void
who_is_meant_to_be_in_use(void **state)
{
	struct snapshot_slot slot = good();

	(void)state;
	assert_false(slot_is_unused(&slot, false));
	slot.is_active = false;
	assert_true(slot_is_unused(&slot, false));
	slot.is_temporary = true;
	assert_false(slot_is_unused(&slot, false));
	slot.is_temporary = false;
	slot.is_synced = true;
	assert_false(slot_is_unused(&slot, true));
	/* A standby that was promoted leaves the mark on them. */
	assert_true(slot_is_unused(&slot, false));
}

static void
a_copy_of_a_table_has_a_slot_of_its_own(void **state)
{
	struct snapshot_slot slot = good();

	(void)state;
	snprintf(slot.name, sizeof slot.name, "pg_16394_sync_16386_7574977018346912345");
	assert_false(slot_is_copying(&slot)); /* a physical one */
	snprintf(slot.type, sizeof slot.type, "logical");
	assert_true(slot_is_copying(&slot));
	slot.is_active = false;
	assert_false(slot_is_unused(&slot, false));
	snprintf(slot.name, sizeof slot.name, "my_sync_slot");
	assert_false(slot_is_copying(&slot));
}

static void
rows_are_bounded_whatever_the_total_says(void **state)
{
	const struct snapshot_slot slot = good();
	struct snapshot snapshot;

	(void)state;
	fill(&snapshot, &slot);
	assert_int_equal(slots_row_count(&snapshot.slots), SNAPSHOT_SLOTS_MAX);
	assert_non_null(slots_find(&snapshot.slots, "s63"));
	assert_null(slots_find(&snapshot.slots, "s64"));
	snapshot.slots.total = 1;
	assert_null(slots_find(&snapshot.slots, "s1"));
	snapshot.slots.total = SNAPSHOT_NONE;
	assert_int_equal(slots_row_count(&snapshot.slots), 0);
}

static void
many_slots_are_all_judged_and_the_first_ones_measured(void **state)
{
	struct snapshot_slot slot = good();
	struct verdict verdict = {.state = STATE_OK};
	struct snapshot snapshot;

	(void)state;
	fill(&snapshot, &slot);
	snapshot.slots.rows[SNAPSHOT_SLOTS_MAX - 1].is_active = false;
	slots_judge(&snapshot, &limits, &verdict);
	judge_end(&verdict);
	assert_int_equal(verdict.state, STATE_WARNING);
	assert_string_equal(verdict.summary, "slot \"s63\" is not in use");
	/* Room is left for what else a check measures. */
	assert_in_range(verdict.metric_count, 8 * 3 + 2, VERDICT_METRICS / 2);
	assert_string_equal(verdict.metrics[0].subject, "s0");
}

static void
more_findings_than_a_verdict_holds_keep_the_worst(void **state)
{
	struct snapshot_slot slot = good();
	struct verdict verdict = {.state = STATE_OK};
	struct snapshot snapshot;

	(void)state;
	slot.is_active = false;
	fill(&snapshot, &slot);
	snprintf(snapshot.slots.rows[SNAPSHOT_SLOTS_MAX - 1].wal_status, sizeof slot.wal_status, "lost");
	slots_judge(&snapshot, &limits, &verdict);
	judge_end(&verdict);
	assert_int_equal(verdict.state, STATE_CRITICAL);
	assert_string_equal(verdict.summary, "slot \"s63\" is lost: WAL that it needs has been removed");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slot_is_lost_for_any_of_the_reasons_that_the_majors_give),
		cmocka_unit_test(who_is_meant_to_be_in_use),
		cmocka_unit_test(a_copy_of_a_table_has_a_slot_of_its_own),
		cmocka_unit_test(rows_are_bounded_whatever_the_total_says),
		cmocka_unit_test(many_slots_are_all_judged_and_the_first_ones_measured),
		cmocka_unit_test(more_findings_than_a_verdict_holds_keep_the_worst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
