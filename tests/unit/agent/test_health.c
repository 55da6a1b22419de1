#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/agent/health.h"
#include "lib/evaluate/evaluate.h"
#include "lib/render/format.h"
#include "tests/unit/agent/sample.h"

enum { MB = 1048576 };

static struct verdict verdict;

static const struct health_limits usual = {
	.policy = {.on = {[ERR_DOWN] = STATE_CRITICAL,
			   [ERR_TIMEOUT] = STATE_CRITICAL,
			   [ERR_FULL] = STATE_CRITICAL,
			   [ERR_SETUP] = STATE_UNKNOWN,
			   [ERR_PROTOCOL] = STATE_UNKNOWN,
			   [ERR_USAGE] = STATE_UNKNOWN}},
	.ready_bytes = HEALTH_READY_BYTES,
};

static bool
is_yes(const struct check *check, const struct snapshot *snapshot, const struct health_limits *limits)
{
	static const struct format_options options;

	evaluate_check(check, snapshot, 1, limits, &verdict);
	return format_is_yes(&verdict, &options);
}

static void
a_server_is_up_whatever_its_role(void **state)
{
	struct snapshot snapshot = sample_primary("db1:5432", 3, 1);

	(void)state;
	assert_true(is_yes(&health_up, &snapshot, &usual));
	assert_string_equal(verdict.summary, "running as primary");
	snapshot = sample_standby("db2:5432", 999999);
	snapshot.standby.receiver_pid = SNAPSHOT_NONE;
	assert_true(is_yes(&health_up, &snapshot, &usual));
	assert_string_equal(verdict.summary, "running as standby");
}

static void
a_server_that_does_not_answer_is_neither_up_nor_ready(void **state)
{
	static const struct check *const checks[] = {&health_up, &health_ready, &health_standby_leader};

	(void)state;
	for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
		for (enum err_class class = ERR_DOWN; class < ERR_CLASS_COUNT; class ++) {
			struct snapshot snapshot = sample_fault("db1:5432", class, "something");

			assert_false(is_yes(checks[i], &snapshot, &usual));
			assert_int_equal(verdict.fault.class, class);
			assert_int_equal(verdict.state, usual.policy.on[class]);
		}
}

static void
a_primary_is_ready(void **state)
{
	struct snapshot snapshot = sample_primary("db1:5432", 3, 1);

	(void)state;
	assert_true(is_yes(&health_ready, &snapshot, &usual));
}

static void
a_standby_is_ready_within_the_limit_and_not_beyond(void **state)
{
	struct snapshot at = sample_standby("db2:5432", MB), beyond = sample_standby("db2:5432", MB + 1);
	struct health_limits none_allowed = usual;

	(void)state;
	assert_true(is_yes(&health_ready, &at, &usual));
	assert_string_equal(verdict.summary, "streaming from db1");
	assert_false(is_yes(&health_ready, &beyond, &usual));
	assert_int_equal(verdict.state, STATE_CRITICAL);
	none_allowed.ready_bytes = 0;
	assert_false(is_yes(&health_ready, &at, &none_allowed));
	at = sample_standby("db2:5432", 0);
	assert_true(is_yes(&health_ready, &at, &none_allowed));
}

static void
a_standby_without_a_lag_that_is_known_is_not_ready(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++) {
		struct snapshot snapshot = sample_standby("db2:5432", 0);
		struct health_limits limits = usual;

		limits.is_by_write = i % 2 == 1;
		if (i < 2)
			snapshot.standby.receiver_pid = SNAPSHOT_NONE;
		else if (i < 4)
			snprintf(snapshot.standby.receiver_status, sizeof snapshot.standby.receiver_status,
				"waiting");
		else
			snapshot.standby.receipt_age_ms = 3600000;
		assert_false(is_yes(&health_ready, &snapshot, &limits));
		assert_int_equal(verdict.state, STATE_CRITICAL);
	}
}

/* Everything has arrived here and is only not replayed yet. */
static void
by_write_it_counts_what_was_received(void **state)
{
	struct snapshot snapshot = sample_standby("db2:5432", 64 * MB);
	struct health_limits by_write = usual;

	(void)state;
	by_write.is_by_write = true;
	assert_false(is_yes(&health_ready, &snapshot, &usual));
	assert_string_equal(verdict.metrics[0].name, "replay_lag_bytes");
	assert_true(is_yes(&health_ready, &snapshot, &by_write));
	assert_string_equal(verdict.metrics[0].name, "write_lag_bytes");
	assert_true(verdict.metrics[0].value == 0);
	snapshot.standby.latest_end_lsn += MB;
	assert_true(is_yes(&health_ready, &snapshot, &by_write));
	snapshot.standby.latest_end_lsn++;
	assert_false(is_yes(&health_ready, &snapshot, &by_write));
}

static void
nobody_here_leads_a_standby_cluster(void **state)
{
	struct snapshot snapshot = sample_standby("db2:5432", 0);

	(void)state;
	assert_false(is_yes(&health_standby_leader, &snapshot, &usual));
	snapshot = sample_primary("db1:5432", 3, 1);
	assert_false(is_yes(&health_standby_leader, &snapshot, &usual));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_is_up_whatever_its_role),
		cmocka_unit_test(a_server_that_does_not_answer_is_neither_up_nor_ready),
		cmocka_unit_test(a_primary_is_ready),
		cmocka_unit_test(a_standby_is_ready_within_the_limit_and_not_beyond),
		cmocka_unit_test(a_standby_without_a_lag_that_is_known_is_not_ready),
		cmocka_unit_test(by_write_it_counts_what_was_received),
		cmocka_unit_test(nobody_here_leads_a_standby_cluster),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
