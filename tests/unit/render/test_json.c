#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <math.h>

#include "tests/unit/render/sample.h"

/* Reads an answer back; the caller lets go of it. */
static json_t *
read_back(const struct verdict *verdict, const struct format_options *options)
{
	const char *answer = sample_written(FORMAT_JSON, verdict, options);
	json_error_t where;
	json_t *object = json_loads(answer, JSON_REJECT_DUPLICATES, &where);

	if (!json_is_object(object))
		fail_msg("%s in %s", where.text, answer);
	assert_ptr_equal(strchr(answer, '\n'), answer + strlen(answer) - 1);
	return object;
}

static const char *
text_at(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value == NULL ? "(none)" : value;
}

static void
every_state_is_told_with_its_answer(void **state)
{
	(void)state;
	for (enum state each = STATE_OK; each < STATE_COUNT; each++) {
		struct verdict verdict = sample_verdict(each, "so \"it\" is\\");
		json_t *object = read_back(&verdict, NULL);
		const json_t *reason = json_array_get(json_object_get(object, "reasons"), 0);

		assert_string_equal(text_at(object, "check"), "pg_replica");
		assert_string_equal(text_at(object, "target"), "db1:5432");
		assert_string_equal(text_at(object, "state"), state_name(each));
		assert_string_equal(
			text_at(object, "answer"), each == STATE_OK || each == STATE_WARNING ? "yes" : "no");
		assert_string_equal(text_at(object, "summary"), "so \"it\" is\\");
		assert_string_equal(text_at(reason, "state"), state_name(each));
		assert_string_equal(text_at(reason, "text"), "so \"it\" is\\");
		assert_true(json_number_value(json_object_get(object, "time")) == 1700000000.123);
		assert_null(json_object_get(object, "fault"));
		assert_null(json_object_get(object, "hint"));
		assert_null(json_object_get(object, "weight"));
		assert_true(json_is_object(json_object_get(object, "metrics")));
		json_decref(object);
	}
}

static void
every_class_of_fault_is_named(void **state)
{
	(void)state;
	for (enum err_class class = ERR_DOWN; class < ERR_CLASS_COUNT; class ++) {
		struct verdict verdict = sample_fault(class, STATE_UNKNOWN);
		json_t *object = read_back(&verdict, NULL);
		const json_t *fault = json_object_get(object, "fault");

		assert_string_equal(text_at(fault, "class"), err_class_name(class));
		assert_string_equal(text_at(fault, "text"), "something is wrong");
		assert_string_equal(text_at(object, "hint"), "mend it");
		json_decref(object);
	}
}

static void
a_verdict_without_snapshot_has_no_time(void **state)
{
	struct verdict verdict = sample_fault(ERR_USAGE, STATE_UNKNOWN);
	json_t *object;

	(void)state;
	verdict.taken_ms = 0;
	verdict.target[0] = '\0';
	object = read_back(&verdict, NULL);
	assert_null(json_object_get(object, "time"));
	assert_string_equal(text_at(object, "answer"), "no");
	json_decref(object);
}

static void
metrics_have_value_unit_and_limits(void **state)
{
	struct verdict verdict = sample_verdict(STATE_OK, "fine");
	struct verdict_metric *metric = sample_metric(&verdict, "lag_bytes", 16777216, UNIT_BYTES);
	json_t *object, *metrics;

	(void)state;
	metric->warning = sample_range("8MB");
	metric->critical = sample_range("~:64MB");
	sample_metric(&verdict, "lag_seconds", 0.25, UNIT_SECONDS);
	sample_metric(&verdict, "used", 99.5, UNIT_PERCENT);
	sample_metric(&verdict, "timeline", 3, UNIT_NONE);
	object = read_back(&verdict, NULL);
	metrics = json_object_get(object, "metrics");
	assert_int_equal(json_object_size(metrics), 4);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(metrics, "lag_bytes"), "value")),
		16777216);
	assert_string_equal(text_at(json_object_get(metrics, "lag_bytes"), "unit"), "bytes");
	assert_string_equal(text_at(json_object_get(metrics, "lag_bytes"), "warning"), "8388608");
	assert_string_equal(text_at(json_object_get(metrics, "lag_bytes"), "critical"), "~:67108864");
	assert_true(
		json_real_value(json_object_get(json_object_get(metrics, "lag_seconds"), "value")) == 0.25);
	assert_string_equal(text_at(json_object_get(metrics, "lag_seconds"), "unit"), "seconds");
	assert_string_equal(text_at(json_object_get(metrics, "lag_seconds"), "warning"), "(none)");
	assert_string_equal(text_at(json_object_get(metrics, "used"), "unit"), "percent");
	assert_string_equal(text_at(json_object_get(metrics, "timeline"), "unit"), "(none)");
	json_decref(object);
}

/* The key says which thing it is, too: an object's keys must differ. */
static void
figures_of_several_things_have_a_key_and_a_subject_each(void **state)
{
	static const char *const subjects[] = {"n2", "n3", "it's \"two\" = words\\", "caf\xC3\xA9"};
	struct verdict verdict = sample_verdict(STATE_OK, "fine");
	json_t *object, *metrics;

	(void)state;
	sample_metric(&verdict, "lag_bytes", 7, UNIT_BYTES);
	for (int i = 0; i < 4; i++)
		sample_metric_of(&verdict, subjects[i], "lag_bytes", i, UNIT_BYTES);
	sample_metric_of(&verdict, "n2", "lag_seconds", NAN, UNIT_SECONDS);
	object = read_back(&verdict, NULL);
	metrics = json_object_get(object, "metrics");
	assert_int_equal(json_object_size(metrics), 6);
	assert_null(json_object_get(json_object_get(metrics, "lag_bytes"), "subject"));
	for (int i = 0; i < 4; i++) {
		const json_t *metric;
		char key[64];

		snprintf(key, sizeof key, "%s_lag_bytes", subjects[i]);
		metric = json_object_get(metrics, key);
		assert_string_equal(text_at(metric, "subject"), subjects[i]);
		assert_string_equal(text_at(metric, "unit"), "bytes");
		assert_int_equal(json_integer_value(json_object_get(metric, "value")), i);
	}
	assert_true(json_is_null(json_object_get(json_object_get(metrics, "n2_lag_seconds"), "value")));
	json_decref(object);
}

static void
a_number_is_whole_or_real_or_null(void **state)
{
	static const struct {
		double value;
		const char *written;
	} cases[] = {
		{0, "0"},
		{-5, "-5"},
		{9007199254740991, "9007199254740991"},
		{0.1, "0.1"},
		{1.5, "1.5"},
		{NAN, "null"},
		{INFINITY, "null"},
		{-INFINITY, "null"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct verdict verdict = sample_verdict(STATE_OK, "fine");
		char expected[64];

		sample_metric(&verdict, "m", cases[i].value, UNIT_NONE);
		snprintf(expected, sizeof expected, "\"m\":{\"value\":%s}", cases[i].written);
		if (strstr(sample_written(FORMAT_JSON, &verdict, NULL), expected) == NULL)
			fail_msg("%g: no %s in %s", cases[i].value, expected,
				sample_written(FORMAT_JSON, &verdict, NULL));
	}
}

static void
the_weight_is_that_of_the_answer(void **state)
{
	struct verdict verdict = sample_verdict(STATE_OK, "fine");
	json_t *object;

	(void)state;
	verdict.weight_percent = 75;
	object = read_back(&verdict, NULL);
	assert_int_equal(json_integer_value(json_object_get(object, "weight")), 75);
	json_decref(object);
	verdict.state = STATE_CRITICAL;
	object = read_back(&verdict, NULL);
	assert_int_equal(json_integer_value(json_object_get(object, "weight")), 0);
	json_decref(object);
}

static void
the_answer_follows_the_options(void **state)
{
	static const struct format_options strict = {.warning_is_failure = true};
	struct verdict verdict = sample_verdict(STATE_WARNING, "slow");
	json_t *object = read_back(&verdict, &strict);

	(void)state;
	assert_string_equal(text_at(object, "answer"), "no");
	assert_string_equal(text_at(object, "state"), "WARNING");
	json_decref(object);
}

static void
the_largest_verdict_is_valid_and_whole(void **state)
{
	struct verdict verdict = sample_largest();
	json_t *object = read_back(&verdict, NULL);

	(void)state;
	assert_int_equal(json_array_size(json_object_get(object, "reasons")), VERDICT_REASONS);
	assert_int_equal(json_object_size(json_object_get(object, "metrics")), VERDICT_METRICS);
	assert_string_equal(text_at(object, "summary"), verdict.summary);
	json_decref(object);
}

static void
text_in_any_script_stays_readable(void **state)
{
	struct verdict verdict = sample_verdict(STATE_CRITICAL, "caf\xC3\xA9 \xE4\xB8\xAD \xF0\x9F\x90\x98");
	json_t *object = read_back(&verdict, NULL);

	(void)state;
	assert_string_equal(text_at(object, "summary"), verdict.summary);
	assert_non_null(strstr(sample_written(FORMAT_JSON, &verdict, NULL), "\xE4\xB8\xAD"));
	json_decref(object);
}

static void
what_is_drained_is_told_and_a_no(void **state)
{
	struct verdict verdict = sample_verdict(STATE_WARNING, "drained by the operator");
	json_t *object = read_back(&verdict, NULL);

	(void)state;
	assert_false(json_is_true(json_object_get(object, "drained")));
	json_decref(object);
	verdict.is_drained = true;
	object = read_back(&verdict, NULL);
	assert_true(json_is_true(json_object_get(object, "drained")));
	assert_string_equal(text_at(object, "answer"), "no");
	assert_string_equal(text_at(object, "state"), "WARNING");
	json_decref(object);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_is_told_with_its_answer),
		cmocka_unit_test(every_class_of_fault_is_named),
		cmocka_unit_test(a_verdict_without_snapshot_has_no_time),
		cmocka_unit_test(metrics_have_value_unit_and_limits),
		cmocka_unit_test(figures_of_several_things_have_a_key_and_a_subject_each),
		cmocka_unit_test(a_number_is_whole_or_real_or_null),
		cmocka_unit_test(the_weight_is_that_of_the_answer),
		cmocka_unit_test(the_answer_follows_the_options),
		cmocka_unit_test(the_largest_verdict_is_valid_and_whole),
		cmocka_unit_test(text_in_any_script_stays_readable),
		cmocka_unit_test(what_is_drained_is_told_and_a_no),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
