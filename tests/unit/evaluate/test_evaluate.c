#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/evaluate/evaluate.h"
#include "lib/evaluate/judge.h"

struct test_limits {
	struct policy policy;
	int wanted;
};

static int evaluated_count;

static void
evaluate(const struct snapshot *snapshots, size_t count, const void *limits_data, struct verdict *verdict)
{
	const struct test_limits *limits = limits_data;

	evaluated_count++;
	judge_reason(verdict, STATE_OK, "%zu snapshots, %s first, limit %d", count, snapshots[0].target,
		limits->wanted);
}

static bool
is_in_recovery(const struct snapshot *snapshot)
{
	return snapshot_has(snapshot, SNAPSHOT_ROLE) && snapshot->role.in_recovery;
}

static const struct facet facet_one = {.part = SNAPSHOT_ROLE};
static const struct facet facet_two = {.part = SNAPSHOT_STANDBY};
static const struct facet facet_seldom = {.part = SNAPSHOT_STANDBY, .is_due = is_in_recovery};
static const struct facet *const a_seldom_facet[] = {&facet_one, &facet_seldom, NULL};
static const struct facet *const one_facet[] = {&facet_one, NULL};
static const struct facet *const two_facets[] = {&facet_one, &facet_two, NULL};
static const struct facet *const no_facet[] = {NULL};

static const struct check check_one = {
	.name = "pg_one", .title = "PG ONE", .facets = one_facet, .evaluate = evaluate};
static const struct check check_two = {
	.name = "pg_two", .title = "PG TWO", .facets = two_facets, .evaluate = evaluate};
static const struct check check_seldom = {
	.name = "pg_seldom", .title = "PG SELDOM", .facets = a_seldom_facet, .evaluate = evaluate};
static const struct check check_none = {
	.name = "pg_none", .title = "PG NONE", .facets = no_facet, .evaluate = evaluate};

static const struct test_limits limits = {
	.policy
	= {.on = {[ERR_DOWN] = STATE_CRITICAL, [ERR_TIMEOUT] = STATE_WARNING, [ERR_USAGE] = STATE_UNKNOWN}},
	.wanted = 7,
};

static int
set_up(void **state)
{
	static struct snapshot snapshots[2];

	snapshot_init(&snapshots[0]);
	snapshot_init(&snapshots[1]);
	memcpy(snapshots[0].target, "db1:5432", sizeof "db1:5432");
	snapshots[0].taken_ms = 1700000000000;
	evaluated_count = 0;
	*state = snapshots;
	return 0;
}

static void
a_check_decides_when_every_part_that_it_needs_is_there(void **state)
{
	struct snapshot *snapshots = *state;
	struct verdict verdict;

	snapshot_mark(&snapshots[0], SNAPSHOT_ROLE);
	evaluate_check(&check_one, snapshots, 2, &limits, &verdict);
	assert_int_equal(evaluated_count, 1);
	assert_int_equal(verdict.state, STATE_OK);
	assert_string_equal(verdict.summary, "2 snapshots, db1:5432 first, limit 7");
	assert_string_equal(verdict.target, "db1:5432");
	assert_true(verdict.taken_ms == 1700000000000);
	assert_string_equal(verdict.check, "pg_one");
	snapshot_mark(&snapshots[0], SNAPSHOT_STANDBY);
	evaluate_check(&check_two, snapshots, 1, &limits, &verdict);
	assert_int_equal(evaluated_count, 2);
	evaluate_check(&check_none, &snapshots[1], 1, &limits, &verdict);
	assert_int_equal(evaluated_count, 3);
}

static void
a_part_that_was_not_obtained_answers_with_its_fault(void **state)
{
	struct snapshot *snapshots = *state;
	struct verdict verdict;
	struct err fault;

	err_set(&fault, ERR_TIMEOUT, "no answer in time");
	err_hint(&fault, "is it frozen?");
	snapshot_mark(&snapshots[0], SNAPSHOT_ROLE);
	snapshot_fail(&snapshots[0], SNAPSHOT_STANDBY, &fault);
	evaluate_check(&check_two, snapshots, 1, &limits, &verdict);
	assert_int_equal(evaluated_count, 0);
	assert_int_equal(verdict.state, STATE_WARNING);
	assert_string_equal(verdict.summary, "no answer in time");
	assert_string_equal(verdict.hint, "is it frozen?");
	assert_int_equal(verdict.fault.class, ERR_TIMEOUT);
}

static void
a_part_that_is_not_needed_does_not_matter(void **state)
{
	struct snapshot *snapshots = *state;
	struct verdict verdict;
	struct err fault;

	err_set(&fault, ERR_DOWN, "refused");
	snapshot_mark(&snapshots[0], SNAPSHOT_ROLE);
	snapshot_fail(&snapshots[0], SNAPSHOT_STANDBY, &fault);
	evaluate_check(&check_one, snapshots, 1, &limits, &verdict);
	assert_int_equal(evaluated_count, 1);
	assert_int_equal(verdict.state, STATE_OK);
	assert_int_equal(verdict.fault.class, ERR_NONE);
}

static void
the_first_part_that_is_not_there_answers_for_all(void **state)
{
	struct snapshot *snapshots = *state;
	struct verdict verdict;
	struct err fault;

	err_set(&fault, ERR_DOWN, "refused");
	snapshot_fail(&snapshots[0], SNAPSHOT_ROLE, &fault);
	err_set(&fault, ERR_TIMEOUT, "late");
	snapshot_fail(&snapshots[0], SNAPSHOT_STANDBY, &fault);
	evaluate_check(&check_two, snapshots, 1, &limits, &verdict);
	assert_string_equal(verdict.summary, "refused");
	assert_int_equal(verdict.state, STATE_CRITICAL);
	assert_int_equal(verdict.reason_count, 1);
}

static void
a_part_without_a_fault_that_is_not_there_is_of_another_checks_recording(void **state)
{
	struct snapshot *snapshots = *state;
	struct verdict verdict;

	snapshot_mark(&snapshots[0], SNAPSHOT_ROLE);
	evaluate_check(&check_two, snapshots, 1, &limits, &verdict);
	assert_int_equal(evaluated_count, 0);
	assert_int_equal(verdict.state, STATE_UNKNOWN);
	assert_int_equal(verdict.fault.class, ERR_USAGE);
	assert_string_equal(verdict.summary, "the snapshot has no part \"standby\"");
	assert_string_not_equal(verdict.hint, "");
}

static void
a_part_that_is_not_due_is_not_needed(void **state)
{
	struct snapshot *snapshots = *state;
	struct verdict verdict;
	struct err fault;

	snapshot_mark(&snapshots[0], SNAPSHOT_ROLE);
	evaluate_check(&check_seldom, snapshots, 1, &limits, &verdict);
	assert_int_equal(evaluated_count, 1);
	/* Once it is due, its absence counts again, with its fault or without. */
	snapshots[0].role.in_recovery = true;
	evaluate_check(&check_seldom, snapshots, 1, &limits, &verdict);
	assert_int_equal(evaluated_count, 1);
	assert_int_equal(verdict.fault.class, ERR_USAGE);
	err_set(&fault, ERR_TIMEOUT, "late");
	snapshot_fail(&snapshots[0], SNAPSHOT_STANDBY, &fault);
	evaluate_check(&check_seldom, snapshots, 1, &limits, &verdict);
	assert_int_equal(verdict.fault.class, ERR_TIMEOUT);
	snapshot_mark(&snapshots[0], SNAPSHOT_STANDBY);
	evaluate_check(&check_seldom, snapshots, 1, &limits, &verdict);
	assert_int_equal(evaluated_count, 2);
}

static void
only_the_first_snapshot_has_to_be_whole(void **state)
{
	struct snapshot *snapshots = *state;
	struct verdict verdict;

	snapshot_mark(&snapshots[1], SNAPSHOT_ROLE);
	evaluate_check(&check_one, snapshots, 2, &limits, &verdict);
	assert_int_equal(evaluated_count, 0);
	assert_int_equal(verdict.state, STATE_UNKNOWN);
}

static void
an_error_without_any_snapshot_is_a_verdict_too(void **state)
{
	struct verdict verdict;
	struct err err;

	(void)state;
	err_set(&err, ERR_USAGE, "option --port: \"x\" is not a whole number");
	evaluate_error(&check_one, &limits.policy, &err, &verdict);
	assert_int_equal(verdict.state, STATE_UNKNOWN);
	assert_string_equal(verdict.summary, err.text);
	assert_int_equal(verdict.fault.class, ERR_USAGE);
	assert_string_equal(verdict.target, "");
	assert_true(verdict.taken_ms == 0);
	assert_int_equal(evaluated_count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_check_decides_when_every_part_that_it_needs_is_there, set_up),
		cmocka_unit_test_setup(a_part_that_was_not_obtained_answers_with_its_fault, set_up),
		cmocka_unit_test_setup(a_part_that_is_not_needed_does_not_matter, set_up),
		cmocka_unit_test_setup(the_first_part_that_is_not_there_answers_for_all, set_up),
		cmocka_unit_test_setup(
			a_part_without_a_fault_that_is_not_there_is_of_another_checks_recording, set_up),
		cmocka_unit_test_setup(a_part_that_is_not_due_is_not_needed, set_up),
		cmocka_unit_test_setup(only_the_first_snapshot_has_to_be_whole, set_up),
		cmocka_unit_test_setup(an_error_without_any_snapshot_is_a_verdict_too, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
