#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "lib/render/prometheus.h"
#include "tests/unit/render/sample.h"

static void
expect_line(const struct verdict *verdict, const struct format_options *options, const char *line)
{
	const char *answer = sample_written(FORMAT_PROMETHEUS, verdict, options);
	char bounded[256];

	snprintf(bounded, sizeof bounded, "\n%s\n", line);
	if (strstr(answer, bounded) == NULL)
		fail_msg("no line \"%s\" in %s", line, answer);
}

static void
every_state_is_a_series_and_one_of_them_is_1(void **state)
{
	(void)state;
	for (enum state each = STATE_OK; each < STATE_COUNT; each++) {
		struct verdict verdict = sample_verdict(each, "so it is");

		for (enum state other = STATE_OK; other < STATE_COUNT; other++) {
			char line[128];

			snprintf(line, sizeof line,
				"pgha_check_state{check=\"pg_replica\",target=\"db1:5432\",state=\"%s\"} %d",
				state_word(other), other == each);
			expect_line(&verdict, NULL, line);
		}
	}
}

static void
yes_and_no_follow_the_options(void **state)
{
	static const struct format_options strict = {.warning_is_failure = true};
	static const char yes[] = "pgha_check_yes{check=\"pg_replica\",target=\"db1:5432\"} 1";
	static const char no[] = "pgha_check_yes{check=\"pg_replica\",target=\"db1:5432\"} 0";
	struct verdict verdict = sample_verdict(STATE_WARNING, "slow");

	(void)state;
	expect_line(&verdict, NULL, yes);
	expect_line(&verdict, &strict, no);
	verdict = sample_fault(ERR_DOWN, STATE_CRITICAL);
	expect_line(&verdict, NULL, no);
}

static void
figures_are_numbers_and_what_is_unknown_is_nan(void **state)
{
	static const struct {
		double value;
		const char *written;
	} cases[] = {
		{0, "0"},
		{16777216, "16777216"},
		{123456789012345, "123456789012345"},
		{0.25, "0.25"},
		{-3, "-3"},
		{NAN, "NaN"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct verdict verdict = sample_verdict(STATE_OK, "fine");
		char line[128];

		sample_metric(&verdict, "replay_lag_bytes", cases[i].value, UNIT_BYTES);
		snprintf(line, sizeof line,
			"pgha_replay_lag_bytes{check=\"pg_replica\",target=\"db1:5432\"} %s",
			cases[i].written);
		expect_line(&verdict, NULL, line);
	}
}

static void
the_time_is_there_when_something_was_seen(void **state)
{
	struct verdict verdict = sample_verdict(STATE_OK, "fine");

	(void)state;
	expect_line(&verdict, NULL,
		"pgha_check_timestamp_seconds{check=\"pg_replica\",target=\"db1:5432\"} 1700000000.123");
	verdict.taken_ms = 0;
	assert_null(strstr(sample_written(FORMAT_PROMETHEUS, &verdict, NULL), "timestamp"));
}

static void
the_figure_of_one_of_several_has_a_label_of_its_own(void **state)
{
	static const struct {
		const char *subject, *written;
	} cases[] = {
		{"n2", "n2"},
		{"it's = two", "it's = two"},
		{"a\"b\\", "a\\\"b\\\\"},
		{"{},", "{},"},
		{"caf\xC3\xA9", "caf\xC3\xA9"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct verdict verdict = sample_verdict(STATE_OK, "fine");
		char line[128];

		sample_metric(&verdict, "lag_bytes", 1, UNIT_BYTES);
		sample_metric_of(&verdict, cases[i].subject, "lag_bytes", 2, UNIT_BYTES);
		snprintf(line, sizeof line,
			"pgha_lag_bytes{check=\"pg_replica\",target=\"db1:5432\",subject=\"%s\"} 2",
			cases[i].written);
		expect_line(&verdict, NULL, line);
		expect_line(&verdict, NULL, "pgha_lag_bytes{check=\"pg_replica\",target=\"db1:5432\"} 1");
	}
}

static void
label_values_are_escaped(void **state)
{
	struct verdict verdict = sample_verdict(STATE_OK, "fine");

	(void)state;
	snprintf(verdict.target, sizeof verdict.target, "%s", "a\"b\\c\\\"d{}=,:5432");
	expect_line(&verdict, NULL,
		"pgha_check_yes{check=\"pg_replica\",target=\"a\\\"b\\\\c\\\\\\\"d{}=,:5432\"} 1");
	snprintf(verdict.target, sizeof verdict.target, "caf\xC3\xA9:5432");
	expect_line(&verdict, NULL, "pgha_check_yes{check=\"pg_replica\",target=\"caf\xC3\xA9:5432\"} 1");
}

/* The textfile collector of node_exporter refuses a file that breaks any of this. */
static void
every_line_is_a_comment_or_a_sample_of_the_metric_announced_before_it(void **state)
{
	struct verdict verdict = sample_verdict(STATE_OK, "fine");
	char announced[64] = "";
	const char *line;

	(void)state;
	sample_metric(&verdict, "replay_lag_bytes", NAN, UNIT_BYTES);
	sample_metric(&verdict, "replay_lag_seconds", 1, UNIT_SECONDS);
	line = sample_written(FORMAT_PROMETHEUS, &verdict, NULL);
	for (; *line != '\0'; line += strcspn(line, "\n") + 1) {
		size_t name_length = strspn(line, "abcdefghijklmnopqrstuvwxyz_");

		if (text_starts(line, "# HELP ")) {
			size_t help_length = strspn(line + 7, "abcdefghijklmnopqrstuvwxyz_");

			snprintf(announced, sizeof announced, "%.*s", (int)help_length, line + 7);
		} else if (text_starts(line, "# TYPE ")) {
			assert_true(text_starts(line + 7, announced));
			assert_true(text_starts(line + 7 + strlen(announced), " gauge\n"));
		} else {
			assert_int_equal(name_length, strlen(announced));
			assert_memory_equal(line, announced, name_length);
			assert_int_equal(line[name_length], '{');
		}
	}
}

/* -- several checks ---------------------------------------------------------------------------- */

enum { CHECKS = 4 };

/* A figure that two have, one that only the last has, and one check without any. */
static void
make_checks(struct verdict verdicts[CHECKS])
{
	static const char *const names[CHECKS] = {"leader", "replica", "far", "strict"};

	for (int i = 0; i < CHECKS; i++) {
		verdicts[i] = sample_verdict(STATE_OK, "so it is");
		snprintf(verdicts[i].check, sizeof verdicts[i].check, "%s", names[i]);
	}
	sample_metric(&verdicts[1], "replay_lag_bytes", 1, UNIT_BYTES);
	sample_metric(&verdicts[1], "replay_lag_seconds", NAN, UNIT_SECONDS);
	sample_metric(&verdicts[2], "replay_lag_bytes", 2, UNIT_BYTES);
	sample_metric(&verdicts[3], "timeline", 3, UNIT_NONE);
	sample_metric(&verdicts[3], "replay_lag_seconds", 4, UNIT_SECONDS);
	verdicts[2].taken_ms = 0;
}

static const char *
written_checks(const struct verdict *verdicts, const bool *answers, size_t count)
{
	static char storage[65536];
	struct text text;

	text_init(&text, storage, sizeof storage);
	prometheus_write_checks(verdicts, answers, count, &text);
	assert_false(text.is_truncated);
	return storage;
}

static int
count_of(const char *text, const char *words)
{
	int count = 0;

	while ((text = strstr(text, words)) != NULL) {
		text += strlen(words);
		count++;
	}
	return count;
}

static void
of_several_checks_each_series_is_there_once(void **state)
{
	static const bool answers[CHECKS] = {true, false, true, false};
	static const char *const lines[] = {
		"pgha_check_yes{check=\"leader\",target=\"db1:5432\"} 1\n",
		"pgha_check_yes{check=\"replica\",target=\"db1:5432\"} 0\n",
		"pgha_check_yes{check=\"far\",target=\"db1:5432\"} 1\n",
		"pgha_check_yes{check=\"strict\",target=\"db1:5432\"} 0\n",
		"pgha_replay_lag_bytes{check=\"replica\",target=\"db1:5432\"} 1\n",
		"pgha_replay_lag_bytes{check=\"far\",target=\"db1:5432\"} 2\n",
		"pgha_replay_lag_seconds{check=\"replica\",target=\"db1:5432\"} NaN\n",
		"pgha_replay_lag_seconds{check=\"strict\",target=\"db1:5432\"} 4\n",
		"pgha_timeline{check=\"strict\",target=\"db1:5432\"} 3\n",
	};
	struct verdict verdicts[CHECKS];
	const char *text;

	(void)state;
	make_checks(verdicts);
	text = written_checks(verdicts, answers, CHECKS);
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		if (count_of(text, lines[i]) != 1)
			fail_msg("%d times %s in %s", count_of(text, lines[i]), lines[i], text);
	assert_int_equal(count_of(text, "\npgha_check_timestamp_seconds{"), CHECKS - 1);
	assert_int_equal(count_of(text, "pgha_check_state{"), CHECKS * STATE_COUNT);
	assert_int_equal(count_of(text, "\npgha_replay_lag_bytes{"), 2);
}

static void
of_several_checks_each_family_is_in_one_piece(void **state)
{
	static const bool answers[CHECKS] = {true, true, true, true};
	static const char *const families[] = {"pgha_check_state", "pgha_check_yes",
		"pgha_check_timestamp_seconds", "pgha_replay_lag_bytes", "pgha_replay_lag_seconds",
		"pgha_timeline"};
	struct verdict verdicts[CHECKS];
	const char *text;
	size_t length = 0;

	(void)state;
	make_checks(verdicts);
	text = written_checks(verdicts, answers, CHECKS);
	for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
		char head[128];
		const char *from, *end;

		snprintf(head, sizeof head, "# HELP %s ", families[i]);
		assert_int_equal(count_of(text, head), 1);
		from = strstr(text, head);
		end = strstr(from + 1, "# HELP ");
		end = end == NULL ? from + strlen(from) : end;
		length += (size_t)(end - from);
		for (const char *line = from; line < end; line = strchr(line, '\n') + 1)
			if (line[0] != '#')
				assert_memory_equal(line, families[i], strlen(families[i]));
	}
	assert_int_equal(length, strlen(text)); /* there is nothing else */
}

/* Of things and checks that come mixed, too: each family has one head and all of its series behind it. */
static void
of_several_things_in_several_checks_each_series_is_there_once(void **state)
{
	static const bool answers[CHECKS] = {true, true, true, true};
	static const char *const subjects[] = {"n2", "n3", "n4"};
	static const char *const families[] = {"pgha_lag_bytes", "pgha_lag_seconds"};
	struct verdict verdicts[CHECKS];
	const char *text, *last = "";

	(void)state;
	make_checks(verdicts);
	for (int i = 0; i < CHECKS; i++)
		for (int j = 0; j < 3; j++) {
			sample_metric_of(&verdicts[i], subjects[j], "lag_bytes", i * 10 + j, UNIT_BYTES);
			if (i > 0) /* the first check has only the other one */
				sample_metric_of(&verdicts[i], subjects[j], "lag_seconds", j, UNIT_SECONDS);
		}
	text = written_checks(verdicts, answers, CHECKS);
	for (size_t f = 0; f < sizeof families / sizeof families[0]; f++) {
		char head[64], sample[64];
		const char *next;

		snprintf(head, sizeof head, "# HELP %s ", families[f]);
		assert_int_equal(count_of(text, head), 1);
		snprintf(head, sizeof head, "# TYPE %s gauge\n", families[f]);
		assert_int_equal(count_of(text, head), 1);
		snprintf(sample, sizeof sample, "\n%s{", families[f]);
		assert_int_equal(count_of(text, sample), f == 0 ? CHECKS * 3 : (CHECKS - 1) * 3);
		next = strstr(text, head);
		assert_true(next > last);
		for (int i = 0; i < (f == 0 ? CHECKS : CHECKS - 1) * 3; i++) {
			next = strchr(next, '\n');
			assert_true(text_starts(next, sample)); /* nothing stands between them */
			next++;
		}
		last = next;
	}
	for (int i = 0; i < CHECKS; i++)
		for (int j = 0; j < 3; j++) {
			char line[256];

			snprintf(line, sizeof line,
				"\npgha_lag_bytes{check=\"%.40s\",target=\"db1:5432\",subject=\"%s\"} %d\n",
				verdicts[i].check, subjects[j], i * 10 + j);
			assert_int_equal(count_of(text, line), 1);
		}
}

static void
the_largest_verdict_is_whole(void **state)
{
	struct verdict verdict = sample_largest();
	const char *text = sample_written(FORMAT_PROMETHEUS, &verdict, NULL);

	(void)state;
	assert_int_equal(count_of(text, ",subject=\"\\\""), VERDICT_METRICS);
	assert_int_equal(text[strlen(text) - 1], '\n');
}

static void
without_checks_there_are_no_samples(void **state)
{
	const char *text = written_checks(NULL, NULL, 0);

	(void)state;
	assert_null(strchr(text, '{'));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_is_a_series_and_one_of_them_is_1),
		cmocka_unit_test(yes_and_no_follow_the_options),
		cmocka_unit_test(figures_are_numbers_and_what_is_unknown_is_nan),
		cmocka_unit_test(the_time_is_there_when_something_was_seen),
		cmocka_unit_test(the_figure_of_one_of_several_has_a_label_of_its_own),
		cmocka_unit_test(label_values_are_escaped),
		cmocka_unit_test(every_line_is_a_comment_or_a_sample_of_the_metric_announced_before_it),
		cmocka_unit_test(of_several_checks_each_series_is_there_once),
		cmocka_unit_test(of_several_checks_each_family_is_in_one_piece),
		cmocka_unit_test(of_several_things_in_several_checks_each_series_is_there_once),
		cmocka_unit_test(the_largest_verdict_is_whole),
		cmocka_unit_test(without_checks_there_are_no_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
