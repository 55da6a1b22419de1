#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/evaluate/judge.h"
#include "lib/evaluate/standbys.h"

static struct snapshot snapshot;
static struct verdict verdict;
static const struct check asking = {.name = "pg_lag", .title = "PG LAG"};
static const struct limit none, critical = {.of[UNIT_BYTES] = {.is_set = true, .end = 1000}};

/* A standby that streams and is so far behind. */
static struct snapshot_sender *
add(const char *application, int64_t bytes)
{
	struct snapshot_sender *sender = &snapshot.senders.rows[snapshot.senders.total++];

	snprintf(sender->application, sizeof sender->application, "%s", application);
	snprintf(sender->state, sizeof sender->state, "streaming");
	sender->pid = 4710 + snapshot.senders.total;
	sender->sent_behind_bytes = 0;
	sender->write_behind_bytes = 0;
	sender->flush_behind_bytes = 0;
	sender->behind_bytes = bytes;
	sender->reply_age_ms = 100;
	return sender;
}

static int
begin(void **state)
{
	(void)state;
	snapshot_init(&snapshot);
	snapshot_mark(&snapshot, SNAPSHOT_SENDERS);
	snapshot.senders.total = 0;
	snapshot.senders.sender_timeout_ms = 60000;
	judge_begin(&verdict, &asking, &snapshot);
	return 0;
}

static void
judge(int64_t required)
{
	static const struct policy policy = {.on[ERR_SETUP] = STATE_UNKNOWN};
	const struct standbys_limits limits = {.policy = &policy,
		.warning = &none,
		.critical = &critical,
		.names = "", .except = "",
		.required = required};

	standbys_judge(&snapshot, &limits, &verdict);
	judge_end(&verdict);
}

/* NULL: it is not told. */
static const struct verdict_metric *
figure(const char *subject, const char *name)
{
	for (int i = 0; i < verdict.metric_count; i++)
		if (strcmp(verdict.metrics[i].subject, subject) == 0
			&& strcmp(verdict.metrics[i].name, name) == 0)
			return &verdict.metrics[i];
	return NULL;
}

static double
value(const char *subject, const char *name)
{
	const struct verdict_metric *found = figure(subject, name);

	if (found == NULL)
		fail_msg("no figure \"%s\" of \"%s\"", name, subject);
	return found->value;
}

static void
each_step_has_its_figures(void **state)
{
	struct snapshot_sender *sender = add("n2", 400);

	(void)state;
	sender->sent_behind_bytes = 100;
	sender->write_behind_bytes = 200;
	sender->flush_behind_bytes = 300;
	sender->write_lag_ms = 2000;
	sender->flush_lag_ms = 3000;
	sender->replay_lag_ms = 4000;
	judge(1);
	assert_true(value("n2", "sent_lag_bytes") == 100);
	assert_true(value("n2", "write_lag_bytes") == 200);
	assert_true(value("n2", "flush_lag_bytes") == 300);
	assert_true(value("n2", "replay_lag_bytes") == 400);
	assert_true(value("n2", "write_lag_seconds") == 2);
	assert_true(value("n2", "flush_lag_seconds") == 3);
	assert_true(value("n2", "replay_lag_seconds") == 4);
	assert_true(figure("n2", "replay_lag_bytes")->critical.end == 1000);
	assert_false(figure("n2", "flush_lag_bytes")->critical.is_set);
	assert_true(value("", "streaming_standbys") == 1);
	assert_int_equal(verdict.metric_count, 8);
}

/* A figure of 0 B would say of one that is frozen that it is caught up. */
static void
of_one_that_is_silent_no_figure_is_known(void **state)
{
	(void)state;
	add("n2", 0)->reply_age_ms = 40000;
	add("n3", 0);
	judge(1);
	assert_true(isnan(value("n2", "replay_lag_bytes")));
	assert_true(isnan(value("n2", "flush_lag_bytes")));
	assert_true(isnan(value("n2", "replay_lag_seconds")));
	assert_true(value("n3", "replay_lag_bytes") == 0);
	assert_int_equal(verdict.state, STATE_CRITICAL);
}

static void
one_that_only_stores_has_no_figures_of_replay_and_of_time(void **state)
{
	struct snapshot_sender *sender = add("pg_receivewal", SNAPSHOT_NONE);

	(void)state;
	sender->flush_behind_bytes = 1001;
	sender->flush_lag_ms = 40031;
	sender->replay_lag_ms = 40031;
	judge(0);
	assert_string_equal(verdict.summary, "flush lag of pg_receivewal is 1001 B (critical above 1000 B)");
	assert_true(value("pg_receivewal", "flush_lag_bytes") == 1001);
	assert_null(figure("pg_receivewal", "replay_lag_bytes"));
	assert_null(figure("pg_receivewal", "replay_lag_seconds"));
	assert_null(figure("pg_receivewal", "flush_lag_seconds"));
	assert_null(figure("pg_receivewal", "write_lag_seconds"));
	assert_true(value("", "streaming_standbys") == 0);
}

/* Wherever they stand among the senders. */
static void
figures_are_told_of_the_eight_that_are_furthest_behind(void **state)
{
	(void)state;
	for (int i = 0; i < SNAPSHOT_SENDERS_MAX; i++) {
		char name[16];

		snprintf(name, sizeof name, "n%d", i);
		add(name, i % 4 == 3 ? 500 + i : i);
	}
	judge(32);
	for (int i = 0; i < SNAPSHOT_SENDERS_MAX; i++) {
		char name[16];

		snprintf(name, sizeof name, "n%d", i);
		if ((figure(name, "replay_lag_bytes") != NULL) != (i % 4 == 3))
			fail_msg("the figures of %s", name);
	}
	assert_int_equal(verdict.state, STATE_OK);
	assert_string_equal(verdict.summary, "32 standbys stream, at most 531 B behind (n31)");
	assert_true(verdict.metric_count <= VERDICT_METRICS);
	assert_true(value("", "streaming_standbys") == 32); /* the last one: there was room */
}

static void
equally_far_behind_the_first_eight_are_told(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		char name[16];

		snprintf(name, sizeof name, "n%d", i);
		add(name, 0);
	}
	judge(1);
	assert_non_null(figure("n7", "replay_lag_bytes"));
	assert_null(figure("n8", "replay_lag_bytes"));
}

static void
limits_hold_for_those_too_whose_figures_are_not_told(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		char name[16];

		snprintf(name, sizeof name, "n%d", i);
		add(name, 2000);
	}
	judge(1);
	assert_null(figure("n9", "replay_lag_bytes"));
	assert_int_equal(verdict.reason_count, 11);
	assert_string_equal(verdict.reasons[10].text, "replay lag of n9 is 2 kB (critical above 1000 B)");
}

/* Thirty-two findings do not fit a verdict; the state is right all the same, whoever calls for it. */
static void
the_last_one_counts_where_there_is_no_room_for_its_finding(void **state)
{
	(void)state;
	for (int i = 0; i < SNAPSHOT_SENDERS_MAX; i++) {
		struct snapshot_sender *sender = add("walreceiver", 10);

		snprintf(sender->state, sizeof sender->state, "catchup");
	}
	snapshot.senders.rows[SNAPSHOT_SENDERS_MAX - 1].behind_bytes = 1001;
	judge(0);
	assert_int_equal(verdict.state, STATE_CRITICAL);
	assert_string_equal(
		verdict.summary, "replay lag of walreceiver[4742] is 1001 B (critical above 1000 B)");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_step_has_its_figures, begin),
		cmocka_unit_test_setup(of_one_that_is_silent_no_figure_is_known, begin),
		cmocka_unit_test_setup(one_that_only_stores_has_no_figures_of_replay_and_of_time, begin),
		cmocka_unit_test_setup(figures_are_told_of_the_eight_that_are_furthest_behind, begin),
		cmocka_unit_test_setup(equally_far_behind_the_first_eight_are_told, begin),
		cmocka_unit_test_setup(limits_hold_for_those_too_whose_figures_are_not_told, begin),
		cmocka_unit_test_setup(the_last_one_counts_where_there_is_no_room_for_its_finding, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
