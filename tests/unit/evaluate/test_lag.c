#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "lib/evaluate/lag.h"
#include "lib/model/lsn.h"

/* A standby that streams, has replayed all it knows of, and heard from its sender just now. */
static struct snapshot_standby
caught_up(void)
{
	struct snapshot snapshot;

	snapshot_init(&snapshot);
	snapshot.standby.replay_lsn = 0x5000000;
	snapshot.standby.receive_lsn = 0x5000000;
	snapshot.standby.written_lsn = 0x5000000;
	snapshot.standby.latest_end_lsn = 0x5000000;
	snapshot.standby.replay_age_ms = 400000;
	snapshot.standby.receiver_pid = 4711;
	snprintf(snapshot.standby.receiver_status, sizeof snapshot.standby.receiver_status, "streaming");
	snapshot.standby.has_heard = true;
	snapshot.standby.receipt_age_ms = 100;
	snapshot.standby.receiver_timeout_ms = 60000;
	return snapshot.standby;
}

static void
set_status(struct snapshot_standby *standby, const char *status)
{
	snprintf(standby->receiver_status, sizeof standby->receiver_status, "%s", status);
}

static void
an_idle_primary_makes_no_lag_however_old_its_last_transaction(void **state)
{
	struct snapshot_standby standby = caught_up();

	(void)state;
	assert_int_equal(lag_source(&standby), LAG_STREAMING);
	assert_true(lag_bytes(&standby) == 0);
	assert_true(lag_ms(&standby) == 0);
}

static void
the_newest_position_known_is_the_measure(void **state)
{
	struct snapshot_standby standby = caught_up();

	(void)state;
	standby.receive_lsn += 10;
	assert_true(lag_bytes(&standby) == 10);
	standby.written_lsn += 20;
	assert_true(lag_bytes(&standby) == 20);
	standby.latest_end_lsn += 30;
	assert_true(lag_bytes(&standby) == 30);
	standby.written_lsn = standby.receive_lsn = LSN_NONE;
	assert_true(lag_bytes(&standby) == 30);
}

/* The sender's end of WAL is in every message, so what it sent is not beyond it. */
static void
a_standby_ahead_of_its_sender_has_no_lag_to_tell(void **state)
{
	struct snapshot_standby standby = caught_up();

	(void)state;
	standby.latest_end_lsn = standby.replay_lsn - 5;
	assert_int_equal(lag_source(&standby), LAG_AHEAD);
	assert_true(lag_bytes(&standby) == -1);
	assert_true(lag_ms(&standby) == -1);
	standby.has_heard = false; /* an older value, from another connection */
	assert_int_equal(lag_source(&standby), LAG_STARTING);
	standby.receipt_age_ms = 1000;
	assert_int_equal(lag_source(&standby), LAG_STREAMING);
	standby.has_heard = true;
	standby.latest_end_lsn = LSN_NONE;
	assert_int_equal(lag_source(&standby), LAG_STREAMING);
}

static void
a_lag_in_bytes_crosses_4_gib(void **state)
{
	struct snapshot_standby standby = caught_up();

	(void)state;
	standby.replay_lsn = UINT64_C(0x0FF000000);
	standby.latest_end_lsn = UINT64_C(0x100000000);
	assert_true(lag_bytes(&standby) == 16777216);
}

static void
a_lag_in_time_is_the_age_of_the_last_transaction_replayed(void **state)
{
	struct snapshot_standby standby = caught_up();

	(void)state;
	standby.latest_end_lsn += 1;
	assert_true(lag_ms(&standby) == 400000);
	standby.replay_age_ms = 0;
	assert_true(lag_ms(&standby) == 0);
	standby.replay_age_ms = -250; /* the primary's clock runs ahead */
	assert_true(lag_ms(&standby) == 0);
	standby.replay_age_ms = SNAPSHOT_NONE;
	assert_true(lag_ms(&standby) == -1);
}

static void
without_fresh_knowledge_the_lag_is_unknown_and_never_zero(void **state)
{
	static const struct {
		int64_t pid;
		const char *status;
		int64_t receipt_age_ms;
		enum lag_source source;
	} cases[] = {
		{SNAPSHOT_NONE, "", SNAPSHOT_NONE, LAG_NO_RECEIVER},
		{SNAPSHOT_NONE, "streaming", 0, LAG_NO_RECEIVER},
		{4711, "", 100, LAG_HIDDEN},
		{4711, "starting", 100, LAG_NOT_STREAMING},
		{4711, "waiting", 100, LAG_NOT_STREAMING},
		{4711, "restarting", 100, LAG_NOT_STREAMING},
		{4711, "Streaming", 100, LAG_NOT_STREAMING},
		{4711, "streaming", 35001, LAG_SILENT},
		{4711, "streaming", 86400000, LAG_SILENT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct snapshot_standby standby = caught_up();

		standby.receiver_pid = cases[i].pid;
		set_status(&standby, cases[i].status);
		standby.receipt_age_ms = cases[i].receipt_age_ms;
		if (lag_source(&standby) != cases[i].source || lag_bytes(&standby) != -1
			|| lag_ms(&standby) != -1)
			fail_msg("case %zu: source %d, %lld bytes, %lld ms", i, lag_source(&standby),
				(long long)lag_bytes(&standby), (long long)lag_ms(&standby));
	}
}

static void
silence_is_measured_against_half_of_wal_receiver_timeout(void **state)
{
	static const struct {
		int64_t timeout_ms, age_ms;
		enum lag_source source;
	} cases[] = {
		{60000, 35000, LAG_STREAMING},
		{60000, 35001, LAG_SILENT},
		{10000, 10000, LAG_STREAMING},
		{10000, 10001, LAG_SILENT},
		{1000, 5500, LAG_STREAMING},
		{1000, 5501, LAG_SILENT},
		{3600000, 35000, LAG_STREAMING},
		{3600000, 35001, LAG_STALE},
		{3600000, 1805000, LAG_STALE},
		{3600000, 1805001, LAG_SILENT},
		{0, 35000, LAG_STREAMING},
		{0, 86400000, LAG_STALE}, /* off: silence may mean anything */
		{SNAPSHOT_NONE, 86400000, LAG_STALE},
		{60000, SNAPSHOT_NONE, LAG_STREAMING},
		{60000, -50, LAG_STREAMING},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct snapshot_standby standby = caught_up();

		standby.receiver_timeout_ms = cases[i].timeout_ms;
		standby.receipt_age_ms = cases[i].age_ms;
		if (lag_source(&standby) != cases[i].source)
			fail_msg("case %zu: source %d", i, lag_source(&standby));
	}
}

static void
a_receiver_that_has_heard_nothing_yet_is_given_a_second(void **state)
{
	struct snapshot_standby standby = caught_up();

	(void)state;
	standby.has_heard = false; /* whatever latest_end_lsn still says from before */
	standby.receipt_age_ms = 999;
	assert_int_equal(lag_source(&standby), LAG_STARTING);
	assert_true(lag_bytes(&standby) == -1);
	assert_true(lag_ms(&standby) == -1);
	standby.receipt_age_ms = 1000;
	assert_true(lag_bytes(&standby) == 0);
	assert_true(lag_ms(&standby) == 0);
	standby.receipt_age_ms = SNAPSHOT_NONE;
	assert_true(lag_bytes(&standby) == -1);
}

static void
without_a_replayed_position_the_lag_is_unknown(void **state)
{
	struct snapshot_standby standby = caught_up();

	(void)state;
	standby.replay_lsn = LSN_NONE;
	assert_true(lag_bytes(&standby) == -1);
	assert_true(lag_ms(&standby) == -1);
}

static void
in_archive_recovery_the_age_of_the_last_transaction_is_all_there_is(void **state)
{
	struct snapshot_standby standby = caught_up();

	(void)state;
	standby.receiver_pid = SNAPSHOT_NONE;
	assert_true(lag_archive_ms(&standby) == 400000);
	standby.replay_age_ms = -1;
	assert_true(lag_archive_ms(&standby) == 0);
	standby.replay_age_ms = SNAPSHOT_NONE;
	assert_true(lag_archive_ms(&standby) == -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_primary_makes_no_lag_however_old_its_last_transaction),
		cmocka_unit_test(the_newest_position_known_is_the_measure),
		cmocka_unit_test(a_standby_ahead_of_its_sender_has_no_lag_to_tell),
		cmocka_unit_test(a_lag_in_bytes_crosses_4_gib),
		cmocka_unit_test(a_lag_in_time_is_the_age_of_the_last_transaction_replayed),
		cmocka_unit_test(without_fresh_knowledge_the_lag_is_unknown_and_never_zero),
		cmocka_unit_test(silence_is_measured_against_half_of_wal_receiver_timeout),
		cmocka_unit_test(a_receiver_that_has_heard_nothing_yet_is_given_a_second),
		cmocka_unit_test(without_a_replayed_position_the_lag_is_unknown),
		cmocka_unit_test(in_archive_recovery_the_age_of_the_last_transaction_is_all_there_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
