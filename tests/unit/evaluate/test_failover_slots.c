#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "lib/evaluate/failover_slots.h"

enum { RECEIVED = 0x5000000 };

/* A slot of the primary whose subscriber has confirmed what the standby has, and no more. */
static struct snapshot_slot
original(void)
{
	struct snapshot_slot slot = {.is_failover = true, .confirmed_lsn = RECEIVED};

	snprintf(slot.name, sizeof slot.name, "orders");
	snprintf(slot.type, sizeof slot.type, "logical");
	return slot;
}

/* A standby that has a complete copy of it, among other slots. */
static struct snapshot_slots
standby(void)
{
	struct snapshot_slots slots = {.total = 2};
	struct snapshot_slot *copy = &slots.rows[1];

	snprintf(slots.rows[0].name, sizeof slots.rows[0].name, "n3");
	*copy = original();
	copy->is_synced = true;
	snprintf(copy->wal_status, sizeof copy->wal_status, "reserved");
	return slots;
}

static void
a_complete_copy_survives(void **state)
{
	struct snapshot_slot slot = original();
	struct snapshot_slots slots = standby();

	(void)state;
	assert_int_equal(failover_slots_state(&slot, &slots, RECEIVED), FAILOVER_SLOTS_READY);
	/* A copy that is behind the primary's slot is none the worse: the subscriber knows where it is. */
	slots.rows[1].confirmed_lsn = 1;
	assert_int_equal(failover_slots_state(&slot, &slots, RECEIVED), FAILOVER_SLOTS_READY);
}

static void
without_a_copy_it_does_not(void **state)
{
	struct snapshot_slot slot = original();
	struct snapshot_slots slots = standby();

	(void)state;
	slots.total = 1;
	assert_int_equal(failover_slots_state(&slot, &slots, RECEIVED), FAILOVER_SLOTS_ABSENT);
	slots = standby();
	snprintf(slots.rows[1].name, sizeof slots.rows[1].name, "order");
	assert_int_equal(failover_slots_state(&slot, &slots, RECEIVED), FAILOVER_SLOTS_ABSENT);
	/* It may be there where nobody looked. */
	slots.total = SNAPSHOT_SLOTS_MAX + 1;
	assert_int_equal(failover_slots_state(&slot, &slots, RECEIVED), FAILOVER_SLOTS_UNSEEN);
}

static void
a_copy_of_no_use(void **state)
{
	struct snapshot_slot slot = original();
	struct snapshot_slots slots = standby();

	(void)state;
	slots.rows[1].is_synced = false;
	assert_int_equal(failover_slots_state(&slot, &slots, RECEIVED), FAILOVER_SLOTS_FOREIGN);
	slots = standby();
	slots.rows[1].is_temporary = true;
	assert_int_equal(failover_slots_state(&slot, &slots, RECEIVED), FAILOVER_SLOTS_UNREADY);
	snprintf(slots.rows[1].wal_status, sizeof slots.rows[1].wal_status, "lost");
	assert_int_equal(failover_slots_state(&slot, &slots, RECEIVED), FAILOVER_SLOTS_LOST);
}

static void
a_subscriber_that_is_ahead(void **state)
{
	struct snapshot_slot slot = original();
	struct snapshot_slots slots = standby();

	(void)state;
	slot.confirmed_lsn = RECEIVED + 1;
	assert_int_equal(failover_slots_state(&slot, &slots, RECEIVED), FAILOVER_SLOTS_AHEAD);
	assert_int_equal(failover_slots_state(&slot, &slots, RECEIVED + 1), FAILOVER_SLOTS_READY);
	/* Across 4 GiB. */
	slot.confirmed_lsn = UINT64_C(0x100000000);
	assert_int_equal(failover_slots_state(&slot, &slots, UINT64_C(0xFFFFFFFF)), FAILOVER_SLOTS_AHEAD);
	assert_int_equal(failover_slots_state(&slot, &slots, UINT64_C(0x100000000)), FAILOVER_SLOTS_READY);
	/* It has received nothing that it knows of. */
	assert_int_equal(failover_slots_state(&slot, &slots, 0), FAILOVER_SLOTS_AHEAD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_complete_copy_survives),
		cmocka_unit_test(without_a_copy_it_does_not),
		cmocka_unit_test(a_copy_of_no_use),
		cmocka_unit_test(a_subscriber_that_is_ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
