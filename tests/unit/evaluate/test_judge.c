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
a_hint_belongs_to_the_worst_that_has_one(void **state)
{
	struct verdict verdict = begun();

	(void)state;
	judge_reason(&verdict, STATE_OK, "well");
	judge_hint(&verdict, "nothing");
	judge_reason(&verdict, STATE_WARNING, "warm");
	judge_hint(&verdict, "cool it");
	judge_reason(&verdict, STATE_CRITICAL, "on fire");
	judge_hint(&verdict, "water");
	judge_reason(&verdict, STATE_CRITICAL, "still on fire");
	judge_hint(&verdict, "more water");
	judge_reason(&verdict, STATE_WARNING, "wet");
	judge_hint(&verdict, "dry it");
	judge_end(&verdict);
	assert_string_equal(verdict.hint, "water");
	/* What belongs to something that is well is no help with what is not. */
	verdict = begun();
	judge_reason(&verdict, STATE_OK, "well");
	judge_hint(&verdict, "nothing");
	judge_reason(&verdict, STATE_CRITICAL, "on fire");
	judge_end(&verdict);
	assert_string_equal(verdict.hint, "");
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
	judge_metric(&verdict, "margin", "margin_without", 11, UNIT_NONE, NULL, NULL);
	judge_figure(&verdict, "timeline", 11, UNIT_NONE);
	judge_end(&verdict);
	assert_int_equal(verdict.state, STATE_WARNING);
	assert_int_equal(verdict.reason_count, 1);
	judge_metric(&verdict, "margin", "margin_critical", 11, UNIT_NONE, NULL, &ten);
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
	for (int i = 0; i < VERDICT_METRICS; i++) {
		char name[24];

		snprintf(name, sizeof name, "figure_%d", i);
		judge_figure(&verdict, name, i, UNIT_NONE);
	}
	before = verdict;
	judge_figure(&verdict, "one more", 99, UNIT_NONE);
	assert_memory_equal(&verdict, &before, sizeof verdict);
	judge_metric(&verdict, "margin", "margin", 11, UNIT_NONE, NULL, &ten);
	judge_end(&verdict);
	assert_int_equal(verdict.metric_count, VERDICT_METRICS);
	assert_int_equal(verdict.state, STATE_CRITICAL);
	assert_string_equal(verdict.summary, "margin is 11 (critical above 10)");
}

/* -- several things of one kind ---------------------------------------------------------------- */

static void
the_figure_of_one_of_several_is_kept_with_its_name_and_judged(void **state)
{
	struct limit ten = limit(UNIT_SECONDS, "10s"), twenty = limit(UNIT_SECONDS, "20s");
	struct verdict verdict = begun();

	(void)state;
	judge_metric_of(&verdict, "n2", "lag of n2", "lag_seconds", 21, UNIT_SECONDS, &ten, &twenty);
	judge_metric_of(&verdict, "n3", "lag of n3", "lag_seconds", 11, UNIT_SECONDS, &ten, &twenty);
	judge_metric_of(&verdict, "n4", "lag of n4", "lag_seconds", 10, UNIT_SECONDS, &ten, &twenty);
	judge_metric_of(&verdict, "n5", "lag of n5", "lag_seconds", NAN, UNIT_SECONDS, &ten, &twenty);
	judge_metric_of(&verdict, "n6", "lag of n6", "lag_seconds", 99, UNIT_SECONDS, NULL, NULL);
	judge_figure_of(&verdict, "n2", "lag_bytes", 5, UNIT_BYTES);
	judge_end(&verdict);
	assert_string_equal(verdict.summary, "lag of n2 is 21 s (critical above 20 s)");
	assert_int_equal(verdict.reason_count, 2);
	assert_string_equal(verdict.reasons[1].text, "lag of n3 is 11 s (warning above 10 s)");
	assert_int_equal(verdict.reasons[1].state, STATE_WARNING);
	assert_int_equal(verdict.metric_count, 6);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(verdict.metrics[i].subject[1], '2' + i);
		assert_string_equal(verdict.metrics[i].name, "lag_seconds");
		assert_int_equal(verdict.metrics[i].warning.is_set, i < 4);
		assert_int_equal(verdict.metrics[i].critical.is_set, i < 4);
	}
	assert_true(isnan(verdict.metrics[3].value));
	assert_string_equal(verdict.metrics[5].subject, "n2");
	assert_string_equal(verdict.metrics[5].name, "lag_bytes");
	assert_false(verdict.metrics[5].warning.is_set || verdict.metrics[5].critical.is_set);
}

/* A label or a key that is there twice makes the whole answer useless for who reads it. */
static void
of_two_things_of_one_name_the_figure_of_the_first_is_kept_and_both_are_judged(void **state)
{
	struct limit ten = limit(UNIT_NONE, "10");
	struct verdict verdict = begun();

	(void)state;
	judge_metric_of(&verdict, "n2", "first", "lag", 1, UNIT_NONE, NULL, &ten);
	judge_metric_of(&verdict, "n2", "second", "lag", 11, UNIT_NONE, NULL, &ten);
	judge_metric_of(&verdict, "n\n2", "third", "lag", 2, UNIT_NONE, NULL, &ten);
	judge_metric_of(&verdict, "n|2", "fourth", "lag", 3, UNIT_NONE, NULL, &ten);
	judge_figure_of(&verdict, "n 2", "lag", 4, UNIT_NONE); /* as the third is, when it is clean */
	judge_figure_of(&verdict, "N2", "lag", 5, UNIT_NONE);
	judge_figure_of(&verdict, "n2", "other", 6, UNIT_NONE);
	judge_metric(&verdict, "all", "lag", 7, UNIT_NONE, NULL, &ten);
	judge_figure(&verdict, "lag", 8, UNIT_NONE);
	judge_end(&verdict);
	assert_string_equal(verdict.summary, "second is 11 (critical above 10)");
	assert_int_equal(verdict.metric_count, 6);
	for (int i = 0; i < verdict.metric_count; i++) {
		static const double values[] = {1, 2, 3, 5, 6, 7};

		assert_true(verdict.metrics[i].value == values[i]);
	}
	assert_string_equal(verdict.metrics[1].subject, "n 2");
	assert_string_equal(verdict.metrics[2].subject, "n/2");
	assert_string_equal(verdict.metrics[5].subject, "");
}

static void
a_name_of_any_length_is_cut_to_its_size(void **state)
{
	struct verdict verdict = begun();
	char words[200];

	(void)state;
	memset(words, 'x', sizeof words - 1);
	words[sizeof words - 1] = '\0';
	judge_figure_of(&verdict, words, "lag", 1, UNIT_NONE);
	judge_figure_of(&verdict, words, "lag", 2, UNIT_NONE);
	words[150] = 'y'; /* what tells it from the other is cut off */
	judge_figure_of(&verdict, words, "lag", 3, UNIT_NONE);
	assert_int_equal(strlen(verdict.metrics[0].subject), sizeof verdict.metrics[0].subject - 1);
	assert_int_equal(verdict.metric_count, 1);
}

static void
a_limit_alone_alerts_and_keeps_no_figure(void **state)
{
	static const struct {
		double value;
		enum state state;
		const char *summary;
	} cases[] = {
		{10, STATE_OK, ""},
		{11, STATE_WARNING, "age is 11 s (warning above 10 s)"},
		{21, STATE_CRITICAL, "age is 21 s (critical above 20 s)"},
		{NAN, STATE_OK, ""},
	};
	struct limit warning = limit(UNIT_SECONDS, "10s"), critical = limit(UNIT_SECONDS, "20s");

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct verdict verdict = begun();

		judge_limit(&verdict, "age", cases[i].value, UNIT_SECONDS, &warning, &critical);
		judge_limit(&verdict, "size", 1e12, UNIT_BYTES, &warning, &critical);
		judge_limit(&verdict, "age", 1e12, UNIT_SECONDS, NULL, NULL);
		judge_end(&verdict);
		assert_int_equal(verdict.state, cases[i].state);
		assert_string_equal(verdict.summary, cases[i].summary);
		assert_int_equal(verdict.metric_count, 0);
		assert_int_equal(verdict.firm_state, STATE_OK); /* as every limit on a figure */
	}
}

/* -- details ----------------------------------------------------------------------------------- */

static void
a_detail_is_listed_and_left_out_of_the_summary(void **state)
{
	struct verdict verdict = begun();

	(void)state;
	judge_detail(&verdict, "n2 is %s", "sync");
	judge_reason(&verdict, STATE_OK, "2 standbys");
	judge_detail(&verdict, "n3 is async");
	judge_end(&verdict);
	assert_string_equal(verdict.summary, "2 standbys");
	assert_int_equal(verdict.state, STATE_OK);
	assert_int_equal(verdict.reason_count, 3);
	assert_string_equal(verdict.reasons[0].text, "n2 is sync");
	assert_true(verdict.reasons[0].is_detail && verdict.reasons[2].is_detail);
	assert_false(verdict.reasons[1].is_detail);
	judge_reason(&verdict, STATE_CRITICAL, "none");
	judge_end(&verdict);
	assert_string_equal(verdict.summary, "none");
}

/* Details are many where things are many; they must not crowd out what the answer says. */
static void
a_finding_takes_the_place_of_a_detail_when_there_is_no_room(void **state)
{
	(void)state;
	for (enum state each = STATE_OK; each < STATE_COUNT; each++) {
		struct verdict verdict = begun();

		for (int i = 0; i < VERDICT_REASONS + 5; i++)
			judge_detail(&verdict, "thing %d", i);
		assert_int_equal(verdict.reason_count, VERDICT_REASONS);
		judge_reason(&verdict, each, "what it is");
		judge_detail(&verdict, "one more");
		judge_end(&verdict);
		assert_int_equal(verdict.state, each);
		assert_string_equal(verdict.summary, "what it is");
	}
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
		cmocka_unit_test(a_hint_belongs_to_the_worst_that_has_one),
		cmocka_unit_test(a_wrong_role_has_the_state_of_the_policy_and_is_remembered),
		cmocka_unit_test(a_fault_has_the_state_of_the_policy_and_is_kept_with_its_hint),
		cmocka_unit_test(a_metric_is_held_against_the_limits_of_its_unit),
		cmocka_unit_test(either_limit_may_be_absent),
		cmocka_unit_test(an_unknown_figure_alerts_nothing_by_itself),
		cmocka_unit_test(metrics_past_the_bound_are_dropped_but_still_alert),
		cmocka_unit_test(the_figure_of_one_of_several_is_kept_with_its_name_and_judged),
		cmocka_unit_test(
			of_two_things_of_one_name_the_figure_of_the_first_is_kept_and_both_are_judged),
		cmocka_unit_test(a_name_of_any_length_is_cut_to_its_size),
		cmocka_unit_test(a_limit_alone_alerts_and_keeps_no_figure),
		cmocka_unit_test(a_detail_is_listed_and_left_out_of_the_summary),
		cmocka_unit_test(a_finding_takes_the_place_of_a_detail_when_there_is_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
