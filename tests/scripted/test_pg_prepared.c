#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "lib/collect/pg.h"
#include "tests/scripted/libpq.h"

/*
 * Statements that come again over one connection. For one statement of several the server answers
 *   "rns" when it is sent as it is, or was prepared before,
 *   "cnrns" when it is prepared and executed.
 */

enum { PLENTY_MS = 10000, STATEMENTS = 3 };

static const char *const statements[STATEMENTS] = {"SELECT 1", "SELECT 2", "SELECT 3"};

static struct pg *pg;

/* What the reader was given for each statement at the last ask. */
static struct {
	int count;
	enum err_class class;
} taken[STATEMENTS];

static void
take(void *context, size_t index, const struct pg_row *row, const struct err *fault)
{
	(void)context;
	assert_true(index < STATEMENTS);
	assert_true((row == NULL) != (fault == NULL));
	taken[index].count++;
	taken[index].class = fault == NULL ? ERR_NONE : fault->class;
	if (row != NULL)
		assert_string_equal(pg_row_value(row, 0), "42");
}

static const struct pg_reader reader = {.take = take};

static int
begin(void **state)
{
	struct target target = {.host = "10.0.0.1", .timeout_ms = 5000};
	char storage[64];
	struct text place;
	struct err err;

	(void)state;
	scripted_reset();
	text_init(&place, storage, sizeof storage);
	return pg_open(&target, clock_now_ms() + PLENTY_MS, &place, &pg, &err);
}

static int
end(void **state)
{
	(void)state;
	pg_close(pg);
	pg = NULL;
	if (scripted_problem() != NULL)
		fail_msg("%s", scripted_problem());
	return 0;
}

/* Asks `count` statements, each of which must be answered once; whether the connection is still of use. */
static bool
ask(size_t count, const char *results)
{
	bool is_usable;

	memset(taken, 0, sizeof taken);
	script.results = results;
	is_usable = pg_ask(pg, statements, count, clock_now_ms() + PLENTY_MS, &reader);
	for (size_t i = 0; i < STATEMENTS; i++)
		if (taken[i].count != (i < count))
			fail_msg("%s: statement %zu was answered %d times", results, i + 1, taken[i].count);
	if (is_usable && script.results[0] != '\0')
		fail_msg("%s: %s was not taken", results, script.results);
	return is_usable;
}

/* The classes of the answers in turn, "none" for a row. */
static void
expect(enum err_class first, enum err_class second, enum err_class third)
{
	const enum err_class wanted[STATEMENTS] = {first, second, third};

	for (size_t i = 0; i < STATEMENTS; i++)
		if (taken[i].class != wanted[i])
			fail_msg("statement %zu: %s, not %s", i + 1, err_class_name(taken[i].class),
				err_class_name(wanted[i]));
}

/* How many were sent so far in each way. */
static void
expect_sent(int as_they_are, int preparations, int executions, int simply)
{
	if (seen.params != as_they_are || seen.preparations != preparations || seen.executions != executions
		|| seen.queries != simply)
		fail_msg("%d as they are, %d prepared, %d executed, %d simply", seen.params,
			seen.preparations, seen.executions, seen.queries);
}

/* Both of the asks that come before all are executed alone. */
static void
prepare_all(void)
{
	assert_true(ask(3, "rnsrnsrns"));
	expect_sent(3, 0, 0, 0);
	assert_true(ask(3, "cnrnscnrnscnrns"));
	expect(ERR_NONE, ERR_NONE, ERR_NONE);
	expect_sent(3, 3, 3, 0);
}

static void
what_comes_again_is_prepared_and_then_only_executed(void **state)
{
	(void)state;
	prepare_all();
	assert_string_equal(seen.executed, seen.prepared);
	for (int i = 1; i <= 3; i++) {
		assert_true(ask(3, "rnsrnsrns"));
		expect(ERR_NONE, ERR_NONE, ERR_NONE);
		expect_sent(3, 3, 3 + 3 * i, 0);
	}
}

/* Nearly always it is a connection for one question; to prepare that would take longer. */
static void
a_statement_alone_is_sent_as_it_is(void **state)
{
	(void)state;
	for (int i = 1; i <= 4; i++) {
		assert_true(ask(1, "rn"));
		expect_sent(0, 0, 0, i);
	}
}

static void
a_new_connection_has_nothing_prepared(void **state)
{
	(void)state;
	prepare_all();
	assert_true(ask(3, "rnsrnsrns"));
	assert_int_equal(end(NULL), 0);
	assert_int_equal(begin(NULL), 0);
	prepare_all();
}

static void
a_statement_that_comes_later_is_prepared_later(void **state)
{
	(void)state;
	assert_true(ask(2, "rnsrns"));
	assert_true(ask(3, "cnrnscnrnsrns"));
	expect_sent(3, 2, 2, 0);
	assert_true(ask(3, "rnsrnscnrns"));
	expect_sent(3, 3, 5, 0);
	assert_true(ask(2, "rnsrns"));
	expect_sent(3, 3, 7, 0);
}

static void
a_statement_that_cannot_be_prepared_is_told_and_tried_again(void **state)
{
	(void)state;
	assert_true(ask(3, "rnsrnsrns"));
	assert_true(ask(3, "cnrnsenanscnrns"));
	expect(ERR_NONE, ERR_SETUP, ERR_NONE);
	assert_true(ask(3, "rnsenansrns"));
	expect(ERR_NONE, ERR_SETUP, ERR_NONE);
	expect_sent(3, 4, 6, 0);
	assert_true(ask(3, "rnscnrnsrns"));
	expect(ERR_NONE, ERR_NONE, ERR_NONE);
	assert_true(ask(3, "rnsrnsrns"));
	expect_sent(3, 5, 12, 0);
}

/* What a role may not see is told when it is executed; prepared it is all the same. */
static void
a_statement_that_fails_behind_its_preparation_stays_prepared(void **state)
{
	static const char *const failures[] = {"cnens", "cn0ns", "cn2ns"};

	(void)state;
	for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
		enum err_class class = i == 0 ? ERR_SETUP : ERR_PROTOCOL;
		char results[32];

		assert_true(ask(3, "rnsrnsrns"));
		snprintf(results, sizeof results, "cnrns%scnrns", failures[i]);
		assert_true(ask(3, results));
		expect(ERR_NONE, class, ERR_NONE);
		snprintf(results, sizeof results, "rns%srns", failures[i] + 2);
		assert_true(ask(3, results));
		expect(ERR_NONE, class, ERR_NONE);
		expect_sent(3, 3, 6, 0);
		assert_true(ask(3, "rnsrnsrns"));
		expect(ERR_NONE, ERR_NONE, ERR_NONE);
		expect_sent(3, 3, 9, 0);
		assert_int_equal(end(NULL), 0);
		assert_int_equal(begin(NULL), 0);
	}
}

/* -- what was prepared is not there ------------------------------------------------------------ */

static void
what_is_lost_is_asked_again_simply_and_nothing_is_prepared_any_more(void **state)
{
	(void)state;
	prepare_all();
	assert_true(ask(3, "rnslnsrnsrn"));
	expect(ERR_NONE, ERR_NONE, ERR_NONE);
	expect_sent(3, 3, 6, 1);
	assert_string_equal(seen.query, "SELECT 2");
	for (int i = 1; i <= 2; i++) {
		assert_true(ask(3, "rnsrnsrns"));
		expect(ERR_NONE, ERR_NONE, ERR_NONE);
		expect_sent(3 + 3 * i, 3, 6, 1);
	}
}

static void
all_of_them_may_be_lost(void **state)
{
	(void)state;
	prepare_all();
	assert_true(ask(3, "lnslnslnsrnrnrn"));
	expect(ERR_NONE, ERR_NONE, ERR_NONE);
	expect_sent(3, 3, 6, 3);
	assert_string_equal(seen.query, "SELECT 3");
}

/* Another session of the pooler has prepared a statement by that name there. */
static void
what_somebody_else_has_prepared_is_asked_simply(void **state)
{
	(void)state;
	assert_true(ask(3, "rnsrnsrns"));
	assert_true(ask(3, "dnanscnrnsdnansrnrn"));
	expect(ERR_NONE, ERR_NONE, ERR_NONE);
	expect_sent(3, 3, 3, 2);
	assert_true(ask(3, "rnsrnsrns"));
	expect_sent(6, 3, 3, 2);
}

static void
what_fails_when_it_is_asked_again_is_told(void **state)
{
	(void)state;
	prepare_all();
	assert_true(ask(3, "lnsrnslnsenrn"));
	expect(ERR_SETUP, ERR_NONE, ERR_NONE);
	/* Nothing is lost twice: whatever the server means by it. */
	assert_int_equal(end(NULL), 0);
	assert_int_equal(begin(NULL), 0);
	prepare_all();
	assert_true(ask(3, "lnsrnsrnsln"));
	assert_int_not_equal(taken[0].class, ERR_NONE);
	assert_true(ask(3, "lnsrnsrns"));
	assert_int_not_equal(taken[0].class, ERR_NONE);
	assert_int_equal(taken[1].class, ERR_NONE);
}

/* As a fault of each that is still to be asked again, and of no other. */
static void
a_connection_that_ends_while_it_is_asked_again_is_told(void **state)
{
	(void)state;
	prepare_all();
	script.failing_query = 2;
	assert_false(ask(3, "lnslnslnsrnrnrn"));
	expect(ERR_NONE, ERR_DOWN, ERR_DOWN);
	assert_int_equal(end(NULL), 0);
	assert_int_equal(begin(NULL), 0);
	prepare_all();
	assert_false(ask(3, "lnsrnslnso")); /* COPY: it can be followed no further */
	expect(ERR_PROTOCOL, ERR_NONE, ERR_PROTOCOL);
}

/* What never was prepared cannot be lost: the error is the server's answer, and told. */
static void
such_an_error_of_what_was_not_prepared_is_told(void **state)
{
	static const char *const kinds[] = {"ln", "dn"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_true(ask(1, kinds[i]));
		assert_int_not_equal(taken[0].class, ERR_NONE);
	}
}

/* -- what no server should send ---------------------------------------------------------------- */

static void
any_other_result_is_a_fault_of_its_statement(void **state)
{
	static const char good[] = "cnrnscnrnscnrns";

	(void)state;
	for (size_t statement = 0; statement < STATEMENTS; statement++)
		for (int place = 0; place <= 2; place += 2)
			for (const char *odd = "n02aefoibEBw1sr"; *odd != '\0'; odd++) {
				char results[sizeof good];

				if (place == 2 && *odd == 'r')
					continue;
				assert_true(ask(3, "rnsrnsrns"));
				memcpy(results, good, sizeof good);
				results[statement * 5 + (size_t)place] = *odd;
				ask(3, results);
				for (size_t i = 0; i < statement; i++)
					assert_int_equal(taken[i].class, ERR_NONE);
				if (taken[statement].class == ERR_NONE)
					fail_msg("%s: taken", results);
				assert_int_equal(end(NULL), 0);
				assert_int_equal(begin(NULL), 0);
			}
}

static void
answers_that_end_early_are_a_fault_of_each_that_has_none(void **state)
{
	static const char good[] = "cnrnscnrnscnrns";

	(void)state;
	for (size_t length = 0; length < sizeof good - 1; length++) {
		char results[sizeof good];

		assert_true(ask(3, "rnsrnsrns"));
		snprintf(results, sizeof results, "%.*s", (int)length, good);
		assert_false(ask(3, results));
		for (size_t i = 0; i < STATEMENTS; i++)
			assert_int_equal(taken[i].class, length >= i * 5 + 3 ? ERR_NONE : ERR_PROTOCOL);
		assert_int_equal(end(NULL), 0);
		assert_int_equal(begin(NULL), 0);
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_comes_again_is_prepared_and_then_only_executed),
		TEST(a_statement_alone_is_sent_as_it_is),
		TEST(a_new_connection_has_nothing_prepared),
		TEST(a_statement_that_comes_later_is_prepared_later),
		TEST(a_statement_that_cannot_be_prepared_is_told_and_tried_again),
		TEST(a_statement_that_fails_behind_its_preparation_stays_prepared),
		TEST(what_is_lost_is_asked_again_simply_and_nothing_is_prepared_any_more),
		TEST(all_of_them_may_be_lost),
		TEST(what_somebody_else_has_prepared_is_asked_simply),
		TEST(what_fails_when_it_is_asked_again_is_told),
		TEST(a_connection_that_ends_while_it_is_asked_again_is_told),
		TEST(such_an_error_of_what_was_not_prepared_is_told),
		TEST(any_other_result_is_a_fault_of_its_statement),
		TEST(answers_that_end_early_are_a_fault_of_each_that_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
