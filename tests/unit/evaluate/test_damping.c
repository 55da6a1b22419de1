/* What the damping cases cannot show: what holds for every history, and what becomes of a verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/evaluate/damping.h"
#include "lib/evaluate/judge.h"

static const struct check check = {.name = "pg_test", .title = "PG TEST"};
static const struct damping_limits limits = {.rise = 3, .fall = 3, .weight_ramp_ms = 60000, .weight_min = 1};

static const struct damping_probe good = {.is_yes = true, .is_recovered = true, .weight_percent = 100};
static const struct damping_probe between = {.is_yes = true, .weight_percent = 100};
static const struct damping_probe soft_no = {.is_progressing = true};
static const struct damping_probe stuck_no = {0};
static const struct damping_probe firm_no = {.is_firm = true, .is_progressing = true};

static struct verdict
verdict_of(enum state state, const char *text)
{
	struct verdict verdict;

	judge_begin(&verdict, &check, NULL);
	judge_reason(&verdict, STATE_OK, "streaming");
	judge_reason(&verdict, state, "%s", text);
	verdict.weight_percent = 100;
	judge_end(&verdict);
	return verdict;
}

/* A state after so many good probes, and then one more of another kind (may be NULL). */
static struct damping_state
state_after(int64_t good_count, const struct damping_probe *then)
{
	struct damping_state state = {0};

	for (int64_t i = 0; i < good_count; i++)
		damping_step(&state, &limits, &good, 1000);
	if (then != NULL)
		damping_step(&state, &limits, then, 2000);
	return state;
}

/* -- every history ----------------------------------------------------------------------------- */

enum { KIND_COUNT = 5, LENGTH = 7 };

static const struct damping_probe *const kinds[KIND_COUNT] = {&good, &between, &soft_no, &stuck_no, &firm_no};

/* How many of the probes before `end`, in a row, are of the kinds given. */
static int64_t
run_of(const int *history, int end, bool (*is_counted)(const struct damping_probe *))
{
	int64_t count = 0;

	while (count < end && is_counted(kinds[history[end - 1 - count]]))
		count++;
	return count;
}

static bool
is_no(const struct damping_probe *probe)
{
	return !probe->is_yes;
}

static bool expected_after(const struct damping_limits *of, const int *history, int end);

/* Whether a probe counts towards a yes: one that is between the two limits does unless it was seen to be
 * away. */
static bool
is_good_at(const struct damping_limits *of, const int *history, int at)
{
	const struct damping_probe *probe = kinds[history[at]];

	for (int i = 0; i < at && !probe->is_recovered; i++)
		if (is_no(kinds[history[i]]) && !expected_after(of, history, i + 1))
			return false;
	return probe->is_yes;
}

static int
good_run(const struct damping_limits *of, const int *history, int end)
{
	int count = 0;

	while (count < end && is_good_at(of, history, end - 1 - count))
		count++;
	return count;
}

/* The answer after a history, told by the history alone. */
static bool
expected_after(const struct damping_limits *of, const int *history, int end)
{
	const struct damping_probe *last;

	if (end == 0)
		return false;
	last = kinds[history[end - 1]];
	if (is_no(last) && (last->is_firm || !last->is_progressing))
		return false;
	if (good_run(of, history, end) >= of->rise)
		return true;
	if (run_of(history, end, is_no) >= of->fall)
		return false;
	return expected_after(of, history, end - 1);
}

static void
check_history(const struct damping_limits *of, const int *history)
{
	struct damping_state state = {0};

	for (int i = 0; i < LENGTH; i++) {
		damping_step(&state, of, kinds[history[i]], 1000 * i);
		if (state.is_yes != expected_after(of, history, i + 1))
			fail_msg("rise %d, fall %d, history %d %d %d %d %d %d %d: wrong after %d",
				(int)of->rise, (int)of->fall, history[0], history[1], history[2], history[3],
				history[4], history[5], history[6], i + 1);
		assert_in_range(state.contrary_count, 0, (state.is_yes ? of->fall : of->rise) - 1);
	}
}

static void
every_history_of_seven_probes_ends_as_its_last_probes_say(void **state)
{
	(void)state;
	for (int64_t rise = 1; rise <= 3; rise++)
		for (int64_t fall = 1; fall <= 4; fall++) {
			struct damping_limits of = {.rise = rise, .fall = fall};
			int history[LENGTH] = {0}, place = 0;

			while (place < LENGTH) {
				check_history(&of, history);
				for (place = 0; place < LENGTH && ++history[place] == KIND_COUNT; place++)
					history[place] = 0;
			}
		}
}

static void
limits_below_one_are_one(void **state)
{
	static const struct damping_limits none = {.rise = 0, .fall = -5};
	struct damping_state damped = {0};

	(void)state;
	damping_step(&damped, &none, &good, 0);
	assert_true(damped.is_yes);
	damping_step(&damped, &none, &soft_no, 0);
	assert_false(damped.is_yes);
}

/* SIGHUP may bring other limits while a count is under way. */
static void
smaller_limits_take_effect_with_the_next_probe(void **state)
{
	static const struct damping_limits large = {.rise = 100, .fall = 100};
	struct damping_state damped = {0};

	(void)state;
	for (int i = 0; i < 50; i++)
		damping_step(&damped, &large, &good, 0);
	assert_false(damped.is_yes);
	damping_step(&damped, &limits, &good, 0);
	assert_true(damped.is_yes);
}

static void
the_state_knows_since_when_it_holds(void **state)
{
	struct damping_state damped = {0};

	(void)state;
	damping_step(&damped, &limits, &firm_no, 100);
	assert_int_equal(damped.since_ms, 100);
	damping_step(&damped, &limits, &good, 200);
	damping_step(&damped, &limits, &good, 300);
	assert_int_equal(damped.since_ms, 100);
	damping_step(&damped, &limits, &good, 400);
	assert_int_equal(damped.since_ms, 400);
	damping_step(&damped, &limits, &soft_no, 500);
	assert_int_equal(damped.since_ms, 400);
	damping_step(&damped, &limits, &firm_no, 600);
	assert_int_equal(damped.since_ms, 600);
}

/* -- the verdict ------------------------------------------------------------------------------- */

static void
a_verdict_that_agrees_is_left_alone(void **state)
{
	struct damping_state yes = state_after(3, NULL), no = state_after(3, &firm_no);
	struct verdict healthy = verdict_of(STATE_WARNING, "lag is 5 MB"), before = healthy;
	struct verdict sick = verdict_of(STATE_CRITICAL, "lag is 20 MB"), sick_before = sick;

	(void)state;
	damping_apply(&yes, &limits, &good, 3000, &healthy);
	assert_memory_equal(&healthy, &before, sizeof healthy);
	damping_apply(&no, &limits, &soft_no, 3000, &sick);
	assert_memory_equal(&sick, &sick_before, sizeof sick);
}

static void
before_the_first_probe_no_verdict_is_a_yes(void **state)
{
	struct damping_state damped = {0};
	struct verdict verdict = verdict_of(STATE_OK, "0 B behind");

	(void)state;
	damping_apply(&damped, &limits, &good, 0, &verdict);
	assert_int_equal(verdict.state, STATE_CRITICAL);
	assert_string_equal(
		verdict.summary, "not in rotation yet: 0 of 3 good probes; streaming, 0 B behind");
}

static void
a_certain_no_is_never_held_whatever_the_state_says(void **state)
{
	static const struct damping_probe *const certain[] = {&firm_no, &stuck_no};
	struct damping_state damped = state_after(3, &soft_no);

	(void)state;
	assert_true(damped.is_yes);
	for (size_t i = 0; i < sizeof certain / sizeof certain[0]; i++) {
		struct verdict verdict = verdict_of(STATE_UNKNOWN, "the facts are 4 s old"), before = verdict;

		damping_apply(&damped, &limits, certain[i], 3000, &verdict);
		assert_memory_equal(&verdict, &before, sizeof verdict);
	}
}

static void
no_finding_of_a_yes_that_is_held_is_worse_than_the_verdict(void **state)
{
	static const enum state bad[] = {STATE_CRITICAL, STATE_UNKNOWN};
	struct damping_state damped = state_after(3, &soft_no);

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (int is_failure = 0; is_failure < 2; is_failure++) {
			struct damping_limits of = limits;
			struct verdict verdict = verdict_of(bad[i], "lag is 20 MB");
			enum state held = is_failure ? STATE_OK : STATE_WARNING;

			of.warning_is_failure = is_failure;
			damping_apply(&damped, &of, &soft_no, 3000, &verdict);
			assert_int_equal(verdict.state, held);
			assert_int_equal(verdict.reason_count, 3);
			assert_int_equal(verdict.reasons[0].state, STATE_OK);
			assert_int_equal(verdict.reasons[1].state, held);
			assert_string_equal(verdict.reasons[1].text, "lag is 20 MB");
			assert_int_equal(verdict.reasons[2].state, held);
			assert_string_equal(verdict.reasons[2].text, "still in rotation: 1 of 3 bad probes");
		}
}

static void
figures_and_faults_stay_as_they_were_seen(void **state)
{
	struct damping_state damped = state_after(3, &soft_no);
	struct verdict verdict = verdict_of(STATE_CRITICAL, "no answer in time");

	(void)state;
	err_set(&verdict.fault, ERR_TIMEOUT, "no answer in time");
	judge_figure(&verdict, "lag", 20, UNIT_BYTES);
	damping_apply(&damped, &limits, &soft_no, 3000, &verdict);
	assert_int_equal(verdict.fault.class, ERR_TIMEOUT);
	assert_int_equal(verdict.metric_count, 1);
	assert_true(verdict.metrics[0].value == 20);
}

static void
what_was_not_measured_weighs_as_before(void **state)
{
	struct damping_state damped = {0};
	struct damping_probe light = good;
	struct verdict verdict = verdict_of(STATE_CRITICAL, "no answer in time");

	(void)state;
	light.weight_percent = 30;
	for (int i = 0; i < 3; i++)
		damping_step(&damped, &limits, &light, 0);
	damping_step(&damped, &limits, &soft_no, 250);
	verdict.weight_percent = VERDICT_NO_WEIGHT;
	damping_apply(&damped, &limits, &soft_no, 250, &verdict);
	assert_int_equal(verdict.weight_percent, 30);
}

static void
room_runs_out_for_neither_the_state_nor_the_count(void **state)
{
	struct damping_state yes = state_after(3, &soft_no), no = state_after(0, &firm_no);
	struct verdict verdict, healthy;

	(void)state;
	judge_begin(&verdict, &check, NULL);
	for (int i = 0; i < VERDICT_REASONS; i++)
		judge_reason(
			&verdict, STATE_CRITICAL, "a finding of some length, the number of which is %d", i);
	judge_end(&verdict);
	healthy = verdict;
	healthy.state = STATE_OK;
	for (int i = 0; i < VERDICT_REASONS; i++)
		healthy.reasons[i].state = STATE_OK;
	damping_apply(&yes, &limits, &soft_no, 3000, &verdict);
	assert_int_equal(verdict.state, STATE_WARNING);
	assert_ptr_equal(
		strstr(verdict.summary, "still in rotation: 1 of 3 bad probes; a finding"), verdict.summary);
	assert_string_equal(verdict.summary + sizeof verdict.summary - 4, "...");
	damping_apply(&no, &limits, &good, 3000, &healthy);
	assert_int_equal(healthy.state, STATE_CRITICAL);
	assert_int_equal(healthy.reasons[VERDICT_REASONS - 1].state, STATE_CRITICAL);
}

static void
an_empty_summary_gets_no_separator(void **state)
{
	struct damping_state damped = state_after(1, NULL);
	struct verdict verdict;

	(void)state;
	judge_begin(&verdict, &check, NULL);
	judge_end(&verdict);
	damping_apply(&damped, &limits, &good, 3000, &verdict);
	assert_string_equal(verdict.summary, "not in rotation yet: 1 of 3 good probes");
}

/* -- the weight -------------------------------------------------------------------------------- */

static int
weight_at(const struct damping_state *damped, const struct damping_limits *of, int64_t now_ms)
{
	struct verdict verdict = verdict_of(STATE_OK, "0 B behind");

	damping_apply(damped, of, &good, now_ms, &verdict);
	/* A person who wonders about the weight finds the reason. */
	assert_int_equal(verdict.reason_count, verdict.weight_percent < 100 ? 3 : 2);
	assert_int_equal(verdict.state, STATE_OK);
	return verdict.weight_percent;
}

static void
the_climb_never_falls_and_stays_within_its_bounds(void **state)
{
	static const int64_t ramps[] = {1, 7, 250, 60000, INT64_C(366) * 86400 * 1000};

	(void)state;
	for (size_t i = 0; i < sizeof ramps / sizeof ramps[0]; i++)
		for (int64_t min = 1; min <= 100; min += 33) {
			struct damping_limits of = {
				.rise = 1, .fall = 1, .weight_ramp_ms = ramps[i], .weight_min = min};
			struct damping_state damped = {0};
			int before = (int)min;

			damping_step(&damped, &of, &firm_no, 0);
			damping_step(&damped, &of, &good, 1000);
			assert_int_equal(weight_at(&damped, &of, 1000), min);
			for (int step = 0; step <= 200; step++) {
				int weight = weight_at(&damped, &of, 1000 + ramps[i] / 200 * step);

				assert_true(weight >= before && weight <= 100);
				before = weight;
			}
			assert_int_equal(weight_at(&damped, &of, 1000 + ramps[i]), 100);
			assert_int_equal(weight_at(&damped, &of, INT64_MAX), 100);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_history_of_seven_probes_ends_as_its_last_probes_say),
		cmocka_unit_test(limits_below_one_are_one),
		cmocka_unit_test(smaller_limits_take_effect_with_the_next_probe),
		cmocka_unit_test(the_state_knows_since_when_it_holds),
		cmocka_unit_test(a_verdict_that_agrees_is_left_alone),
		cmocka_unit_test(before_the_first_probe_no_verdict_is_a_yes),
		cmocka_unit_test(a_certain_no_is_never_held_whatever_the_state_says),
		cmocka_unit_test(no_finding_of_a_yes_that_is_held_is_worse_than_the_verdict),
		cmocka_unit_test(figures_and_faults_stay_as_they_were_seen),
		cmocka_unit_test(what_was_not_measured_weighs_as_before),
		cmocka_unit_test(room_runs_out_for_neither_the_state_nor_the_count),
		cmocka_unit_test(an_empty_summary_gets_no_separator),
		cmocka_unit_test(the_climb_never_falls_and_stays_within_its_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
