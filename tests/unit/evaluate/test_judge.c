#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/evaluate/judge.h"

static const struct check check = {.name = "pg_test", .title = "PG TEST"};

static const struct policy policy = {
	.on = {[ERR_DOWN] = STATE_CRITICAL, [ERR_FULL] = STATE_WARNING, [ERR_SETUP] = STATE_UNKNOWN},
	.wrong_role = STATE_WARNING,
};

static struct limit
limit(enum unit unit, const char *text)
{
	struct limit limit = {0};
	struct err err;

	if (range_add_limit(&limit, text, 1U << unit, unit, &err) != 0)
		fail_msg("\"%s\": %s", text, err.text);
	return limit;
}

static struct verdict
begun(void)
{
	struct verdict verdict;

	judge_begin(&verdict, &check, NULL);
	return verdict;
}

static void
a_verdict_begins_ok_and_empty_and_knows_its_check_and_snapshot(void **state)
{
	struct snapshot snapshot;
	struct verdict verdict;

	(void)state;
	snapshot_init(&snapshot);
	snprintf(snapshot.target, sizeof snapshot.target, "db1:5432");
	snapshot.taken_ms = 1700000000123;
	memset(&verdict, 0xA5, sizeof verdict);
	judge_begin(&verdict, &check, &snapshot);
	judge_end(&verdict);
	assert_string_equal(verdict.check, "pg_test");
	assert_string_equal(verdict.title, "PG TEST");
	assert_string_equal(verdict.target, "db1:5432");
	assert_true(verdict.taken_ms == 1700000000123);
	assert_int_equal(verdict.state, STATE_OK);
	assert_string_equal(verdict.summary, "");
	assert_string_equal(verdict.hint, "");
	assert_int_equal(verdict.fault.class, ERR_NONE);
	assert_false(verdict.is_wrong_role);
	assert_int_equal(verdict.weight_percent, VERDICT_NO_WEIGHT);
	assert_int_equal(verdict.reason_count, 0);
	assert_int_equal(verdict.metric_count, 0);
}

static void
the_summary_is_made_of_the_findings_of_the_worst_state_in_their_order(void **state)
{
	struct verdict verdict = begun();

	(void)state;
	judge_reason(&verdict, STATE_OK, "streaming");
	judge_reason(&verdict, STATE_CRITICAL, "replay is %s", "paused");
	judge_reason(&verdict, STATE_UNKNOWN, "lag unknown");
	judge_reason(&verdict, STATE_CRITICAL, "a\nb|c");
	judge_reason(&verdict, STATE_WARNING, "slow");
	judge_end(&verdict);
	assert_int_equal(verdict.state, STATE_CRITICAL);
	assert_string_equal(verdict.summary, "replay is paused, a b/c");
	assert_int_equal(verdict.reason_count, 5);
}

static void
the_worse_state_stands_whatever_the_order(void **state)
{
	static const enum state order[STATE_COUNT] = {STATE_OK, STATE_WARNING, STATE_UNKNOWN, STATE_CRITICAL};

	(void)state;
	for (int i = 0; i < STATE_COUNT; i++)
		for (int j = 0; j < STATE_COUNT; j++) {
			struct verdict verdict = begun();

			judge_reason(&verdict, order[i], "first");
			judge_reason(&verdict, order[j], "second");
			judge_end(&verdict);
			assert_int_equal(verdict.state, order[i > j ? i : j]);
			assert_string_equal(verdict.summary,
				i == j          ? "first, second"
					: i > j ? "first"
						: "second");
		}
}

static void
findings_past_the_bound_still_count_for_state_and_summary(void **state)
{
	struct verdict verdict = begun();

	(void)state;
	for (int i = 0; i < VERDICT_REASONS + 5; i++)
		judge_reason(&verdict, STATE_OK, "finding %d", i);
	assert_int_equal(verdict.reason_count, VERDICT_REASONS);
	judge_reason(&verdict, STATE_CRITICAL, "the one that matters");
	judge_end(&verdict);
	assert_int_equal(verdict.state, STATE_CRITICAL);
	/* A CRITICAL that does not say why is of no use to whom it wakes. */
	assert_string_not_equal(verdict.summary, "");
}

static void
a_long_summary_stays_within_its_size(void **state)
{
	struct verdict verdict = begun();
	char words[400];

	(void)state;
	memset(words, 'x', sizeof words - 1);
	words[sizeof words - 1] = '\0';
	for (int i = 0; i < 4; i++)
		judge_reason(&verdict, STATE_WARNING, "%s", words);
	judge_end(&verdict);
	assert_int_equal(strlen(verdict.reasons[0].text), sizeof verdict.reasons[0].text - 1);
	assert_int_equal(strlen(verdict.summary), sizeof verdict.summary - 1);
}

static void
the_first_hint_stands(void **state)
{
	struct verdict verdict = begun();

	(void)state;
	judge_hint(&verdict, "do\n%s", "this");
	judge_hint(&verdict, "do that");
	assert_string_equal(verdict.hint, "do this");
}

static void
a_wrong_role_has_the_state_of_the_policy_and_is_remembered(void **state)
{
	struct verdict verdict = begun();

	(void)state;
	judge_wrong_role(&verdict, &policy, "standby, not the leader (100%s)");
	judge_end(&verdict);
	assert_int_equal(verdict.state, STATE_WARNING);
	assert_true(verdict.is_wrong_role);
	assert_string_equal(verdict.summary, "standby, not the leader (100%s)");
}

static void
a_fault_has_the_state_of_the_policy_and_is_kept_with_its_hint(void **state)
{
	static const struct {
		enum err_class class;
		enum state state;
	} cases[] = {{ERR_DOWN, STATE_CRITICAL}, {ERR_FULL, STATE_WARNING}, {ERR_SETUP, STATE_UNKNOWN},
		{ERR_TIMEOUT, STATE_OK}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct verdict verdict = begun();
		struct err fault;

		err_set(&fault, cases[i].class, "went 100%% wrong");
		err_hint(&fault, "mend it 100%%");
		judge_fault(&verdict, &policy, &fault);
		judge_end(&verdict);
		assert_int_equal(verdict.state, cases[i].state);
		assert_string_equal(verdict.summary, "went 100% wrong");
		assert_string_equal(verdict.hint, "mend it 100%");
		assert_memory_equal(&verdict.fault, &fault, sizeof fault);
	}
}

static void
a_metric_is_held_against_the_limits_of_its_unit(void **state)
{
	static const struct {
		double value;
		enum state state;
		const char *summary;
	} cases[] = {
		{10, STATE_OK, ""},
		{10.5, STATE_WARNING, "lag is 10.5 s (warning above 10 s)"},
		{20, STATE_WARNING, "lag is 20 s (warning above 10 s)"},
		{21, STATE_CRITICAL, "lag is 21 s (critical above 20 s)"},
		{-1, STATE_CRITICAL, "lag is -1 s (critical above 20 s)"},
	};
	struct limit warning = limit(UNIT_SECONDS, "10s"), critical = limit(UNIT_SECONDS, "20s");

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct verdict verdict = begun();

		judge_metric(
			&verdict, "lag", "lag_seconds", cases[i].value, UNIT_SECONDS, &warning, &critical);
		judge_metric(&verdict, "lag", "lag_bytes", 1e9, UNIT_BYTES, &warning, &critical);
		judge_end(&verdict);
		assert_int_equal(verdict.state, cases[i].state);
		assert_string_equal(verdict.summary, cases[i].summary);
		assert_int_equal(verdict.metric_count, 2);
		assert_string_equal(verdict.metrics[0].name, "lag_seconds");
		assert_true(verdict.metrics[0].value == cases[i].value);
		assert_int_equal(verdict.metrics[0].unit, UNIT_SECONDS);
		assert_true(verdict.metrics[0].warning.end == 10 && verdict.metrics[0].critical.end == 20);
		assert_false(verdict.metrics[1].warning.is_set || verdict.metrics[1].critical.is_set);
	}
}

static void
either_limit_may_be_absent(void **state)
{
	struct limit ten = limit(UNIT_NONE, "10");
	struct verdict verdict = begun();

	(void)state;
	judge_metric(&verdict, "margin", "margin", 11, UNIT_NONE, &ten, NULL);
	judge_metric(&verdict, "margin", "margin", 11, UNIT_NONE, NULL, NULL);
	judge_figure(&verdict, "timeline", 11, UNIT_NONE);
	judge_end(&verdict);
	assert_int_equal(verdict.state, STATE_WARNING);
	assert_int_equal(verdict.reason_count, 1);
	judge_metric(&verdict, "margin", "margin", 11, UNIT_NONE, NULL, &ten);
	judge_end(&verdict);
	assert_string_equal(verdict.summary, "margin is 11 (critical above 10)");
	assert_int_equal(verdict.metric_count, 4);
}

static void
an_unknown_figure_alerts_nothing_by_itself(void **state)
{
	struct limit always = limit(UNIT_BYTES, "@~:"), zero = limit(UNIT_BYTES, "0");
	struct verdict verdict = begun();

	(void)state;
	judge_metric(&verdict, "lag", "lag_bytes", NAN, UNIT_BYTES, &zero, &always);
	judge_end(&verdict);
	assert_int_equal(verdict.state, STATE_OK);
	assert_int_equal(verdict.reason_count, 0);
	assert_true(isnan(verdict.metrics[0].value));
	assert_true(verdict.metrics[0].critical.is_set);
}

static void
metrics_past_the_bound_are_dropped_but_still_alert(void **state)
{
	struct limit ten = limit(UNIT_NONE, "10");
	struct verdict verdict = begun(), before;

	(void)state;
	for (int i = 0; i < VERDICT_METRICS; i++)
		judge_figure(&verdict, "figure", i, UNIT_NONE);
	before = verdict;
	judge_figure(&verdict, "one more", 99, UNIT_NONE);
	assert_memory_equal(&verdict, &before, sizeof verdict);
	judge_metric(&verdict, "margin", "margin", 11, UNIT_NONE, NULL, &ten);
	judge_end(&verdict);
	assert_int_equal(verdict.metric_count, VERDICT_METRICS);
	assert_int_equal(verdict.state, STATE_CRITICAL);
	assert_string_equal(verdict.summary, "margin is 11 (critical above 10)");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_verdict_begins_ok_and_empty_and_knows_its_check_and_snapshot),
		cmocka_unit_test(the_summary_is_made_of_the_findings_of_the_worst_state_in_their_order),
		cmocka_unit_test(the_worse_state_stands_whatever_the_order),
		cmocka_unit_test(findings_past_the_bound_still_count_for_state_and_summary),
		cmocka_unit_test(a_long_summary_stays_within_its_size),
		cmocka_unit_test(the_first_hint_stands),
		cmocka_unit_test(a_wrong_role_has_the_state_of_the_policy_and_is_remembered),
		cmocka_unit_test(a_fault_has_the_state_of_the_policy_and_is_kept_with_its_hint),
		cmocka_unit_test(a_metric_is_held_against_the_limits_of_its_unit),
		cmocka_unit_test(either_limit_may_be_absent),
		cmocka_unit_test(an_unknown_figure_alerts_nothing_by_itself),
		cmocka_unit_test(metrics_past_the_bound_are_dropped_but_still_alert),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
