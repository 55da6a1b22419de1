#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/agent/history.h"

enum { HOUR_MS = HISTORY_POINTS * HISTORY_POINT_MS, LAST = HISTORY_POINTS - 1 };

static size_t
count_points(const struct history *history, int64_t now_ms)
{
	size_t count = 0;

	for (size_t i = 0; i < HISTORY_POINTS; i++)
		count += history_at(history, now_ms, i) != NULL;
	return count;
}

static void
zeroed_memory_is_an_hour_of_gaps(void **state)
{
	struct history history = {0};

	(void)state;
	assert_int_equal(count_points(&history, 0), 0);
	assert_int_equal(count_points(&history, 5), 0);
	assert_int_equal(count_points(&history, HOUR_MS * 30), 0);
}

static void
a_point_keeps_the_worst_of_its_ten_seconds(void **state)
{
	struct history history = {0};
	const struct history_point *point;

	(void)state;
	history_add(&history, 50000, HISTORY_STANDBY, 10, 900);
	history_add(&history, 52000, HISTORY_STANDBY, 4000, 3);
	history_add(&history, 59999, HISTORY_STANDBY, 0, 0);
	history_add(&history, 60000, HISTORY_STANDBY, 7, 8);
	point = history_at(&history, 60000, LAST - 1);
	assert_non_null(point);
	assert_int_equal(point->lag_bytes, 4000);
	assert_int_equal(point->lag_ms, 900);
	assert_false(point->is_lag_hidden);
	point = history_at(&history, 60000, LAST);
	assert_int_equal(point->lag_bytes, 7);
	assert_int_equal(point->lag_ms, 8);
	assert_int_equal(count_points(&history, 60000), 2);
}

static void
a_lag_that_is_not_known_is_not_zero(void **state)
{
	struct history history = {0};

	(void)state;
	history_add(&history, 1000, HISTORY_STANDBY, -1, -1);
	assert_int_equal(history_at(&history, 1000, LAST)->lag_bytes, -1);
	assert_int_equal(history_at(&history, 1000, LAST)->lag_ms, -1);
	assert_true(history_at(&history, 1000, LAST)->is_lag_hidden);
	history_add(&history, 2000, HISTORY_STANDBY, 0, 0);
	assert_int_equal(history_at(&history, 2000, LAST)->lag_bytes, 0);
	assert_true(history_at(&history, 2000, LAST)->is_lag_hidden);
}

static void
the_worst_kind_of_a_point_is_told(void **state)
{
	struct history history = {0};

	(void)state;
	history_add(&history, 0, HISTORY_STANDBY, 1, 1);
	assert_int_equal(history_worst(history_at(&history, 0, LAST)), HISTORY_STANDBY);
	history_add(&history, 1, HISTORY_DOWN, -1, -1);
	history_add(&history, 2, HISTORY_PRIMARY, -1, -1);
	assert_int_equal(history_worst(history_at(&history, 3, LAST)), HISTORY_DOWN);
	history_add(&history, 10000, HISTORY_PRIMARY, -1, -1);
	assert_int_equal(history_worst(history_at(&history, 10000, LAST)), HISTORY_PRIMARY);
	history_add(&history, 10001, HISTORY_UNKNOWN, -1, -1);
	assert_int_equal(history_worst(history_at(&history, 10001, LAST)), HISTORY_UNKNOWN);
}

static void
a_time_without_feeding_is_a_gap(void **state)
{
	struct history history = {0};

	(void)state;
	history_add(&history, 100000, HISTORY_STANDBY, 1, 1);
	history_add(&history, 150000, HISTORY_STANDBY, 2, 2);
	assert_int_equal(count_points(&history, 150000), 2);
	assert_non_null(history_at(&history, 150000, LAST - 5));
	for (size_t i = LAST - 4; i < LAST; i++)
		assert_null(history_at(&history, 150000, i));
	/* Nor does what was last known reach to now. */
	assert_null(history_at(&history, 170000, LAST));
}

static void
an_hour_is_kept_and_no_more(void **state)
{
	struct history history = {0};

	(void)state;
	for (int64_t ms = 0; ms < 3 * (int64_t)HOUR_MS; ms += 5000)
		history_add(&history, ms, HISTORY_STANDBY, ms, 0);
	assert_int_equal(count_points(&history, 3 * (int64_t)HOUR_MS - 1), HISTORY_POINTS);
	assert_int_equal(
		history_at(&history, 3 * (int64_t)HOUR_MS - 1, 0)->lag_bytes, 2 * (int64_t)HOUR_MS + 5000);
	/* A ring that turned round: what stands in a place from an hour before is not the present. */
	assert_int_equal(count_points(&history, 3 * (int64_t)HOUR_MS + HOUR_MS / 2), HISTORY_POINTS / 2 - 1);
	assert_int_equal(count_points(&history, 5 * (int64_t)HOUR_MS), 0);
}

static void
a_clock_that_goes_back_overwrites_nothing(void **state)
{
	struct history history = {0};

	(void)state;
	history_add(&history, 2 * (int64_t)HOUR_MS, HISTORY_STANDBY, 5, 5);
	history_add(&history, HOUR_MS, HISTORY_STANDBY, 9, 9);
	history_add(&history, -1, HISTORY_STANDBY, 9, 9);
	assert_int_equal(history_at(&history, 2 * (int64_t)HOUR_MS, LAST)->lag_bytes, 5);
	assert_null(history_at(&history, 0, 0)); /* the hour before the clock began */
	assert_null(history_at(&history, 0, HISTORY_POINTS));
}

static struct snapshot
standby(void)
{
	struct snapshot snapshot;

	snapshot_init(&snapshot);
	snapshot.role.in_recovery = true;
	snapshot_mark(&snapshot, SNAPSHOT_ROLE);
	snapshot.standby.receiver_pid = 1;
	memcpy(snapshot.standby.receiver_status, "streaming", sizeof "streaming");
	snapshot.standby.has_heard = true;
	snapshot.standby.receipt_age_ms = 10;
	snapshot.standby.replay_lsn = 1000;
	snapshot.standby.latest_end_lsn = 1500;
	snapshot.standby.replay_age_ms = 70;
	snapshot_mark(&snapshot, SNAPSHOT_STANDBY);
	return snapshot;
}

static const struct history_point *
see(struct history *history, const struct snapshot *snapshot, bool is_known)
{
	memset(history, 0, sizeof *history);
	history_see(history, 0, snapshot, is_known);
	return history_at(history, 0, LAST);
}

static void
facts_say_what_a_node_was(void **state)
{
	struct history history;
	struct snapshot snapshot = standby();
	struct err err;

	(void)state;
	assert_int_equal(see(&history, &snapshot, true)->lag_bytes, 500);
	assert_int_equal(see(&history, &snapshot, true)->lag_ms, 70);
	assert_int_equal(history_worst(see(&history, &snapshot, true)), HISTORY_STANDBY);
	assert_int_equal(history_worst(see(&history, &snapshot, false)), HISTORY_UNKNOWN);
	assert_int_equal(see(&history, &snapshot, false)->lag_bytes, -1);
	snapshot.standby.receiver_pid = SNAPSHOT_NONE;
	assert_int_equal(see(&history, &snapshot, true)->lag_bytes, -1);
	assert_true(see(&history, &snapshot, true)->is_lag_hidden);
	snapshot = standby();
	snapshot.obtained &= ~(1U << SNAPSHOT_STANDBY);
	assert_int_equal(see(&history, &snapshot, true)->lag_bytes, -1);

	snapshot_init(&snapshot);
	assert_int_equal(history_worst(see(&history, &snapshot, true)), HISTORY_UNKNOWN);
	err_set(&err, ERR_TIMEOUT, "no answer");
	snapshot_fail(&snapshot, SNAPSHOT_ROLE, &err);
	assert_int_equal(history_worst(see(&history, &snapshot, true)), HISTORY_UNKNOWN);
	err_set(&err, ERR_DOWN, "refused");
	snapshot_fail(&snapshot, SNAPSHOT_ROLE, &err);
	assert_int_equal(history_worst(see(&history, &snapshot, true)), HISTORY_DOWN);
}

static void
a_primary_has_the_lag_of_its_standby_furthest_behind(void **state)
{
	struct history history;
	struct snapshot snapshot;

	(void)state;
	snapshot_init(&snapshot);
	snapshot_mark(&snapshot, SNAPSHOT_ROLE);
	assert_int_equal(history_worst(see(&history, &snapshot, true)), HISTORY_PRIMARY);
	assert_int_equal(see(&history, &snapshot, true)->lag_bytes, -1);
	snapshot.senders.total = 40;
	for (size_t i = 0; i < SNAPSHOT_SENDERS_MAX; i++) {
		snapshot.senders.rows[i].behind_bytes = i == 3 ? 700 : SNAPSHOT_NONE;
		snapshot.senders.rows[i].replay_lag_ms = i == 4 ? 60 : SNAPSHOT_NONE;
	}
	assert_int_equal(see(&history, &snapshot, true)->lag_bytes, -1); /* not obtained */
	snapshot_mark(&snapshot, SNAPSHOT_SENDERS);
	assert_int_equal(see(&history, &snapshot, true)->lag_bytes, 700);
	assert_int_equal(see(&history, &snapshot, true)->lag_ms, 60);
	assert_false(see(&history, &snapshot, true)->is_lag_hidden);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zeroed_memory_is_an_hour_of_gaps),
		cmocka_unit_test(a_point_keeps_the_worst_of_its_ten_seconds),
		cmocka_unit_test(a_lag_that_is_not_known_is_not_zero),
		cmocka_unit_test(the_worst_kind_of_a_point_is_told),
		cmocka_unit_test(a_time_without_feeding_is_a_gap),
		cmocka_unit_test(an_hour_is_kept_and_no_more),
		cmocka_unit_test(a_clock_that_goes_back_overwrites_nothing),
		cmocka_unit_test(facts_say_what_a_node_was),
		cmocka_unit_test(a_primary_has_the_lag_of_its_standby_furthest_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
