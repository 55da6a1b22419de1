#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "lib/collect/pg.h"
#include "tests/scripted/libpq.h"

enum { PLENTY_MS = 10000, SHORT_MS = 60, STATEMENTS_MAX = 3 };

static const char *const statements[STATEMENTS_MAX] = {"SELECT 1", "SELECT 2", "SELECT 3"};

/* What the reader was given for each statement. */
static struct {
	int count;
	bool is_row;
	enum err_class class;
	char text[128];
} taken[STATEMENTS_MAX];

static int taken_in_order;

static void
take(void *context, size_t index, const struct pg_row *row, const struct err *fault)
{
	assert_ptr_equal(context, taken);
	assert_true(index < STATEMENTS_MAX);
	assert_true((row == NULL) != (fault == NULL));
	taken_in_order += (size_t)taken_in_order == index;
	taken[index].count++;
	taken[index].is_row = row != NULL;
	taken[index].class = fault == NULL ? ERR_NONE : fault->class;
	snprintf(taken[index].text, sizeof taken[index].text, "%.120s", fault == NULL ? "" : fault->text);
	if (row != NULL) {
		assert_int_equal(pg_row_columns(row), 1);
		assert_int_equal(pg_row_find(row, "answer"), 0);
		assert_int_equal(pg_row_find(row, "question"), -1);
		assert_string_equal(pg_row_value(row, 0), "42");
	}
}

static const struct pg_reader reader = {.take = take, .context = taken};

static int
reset(void **state)
{
	(void)state;
	scripted_reset();
	memset(taken, 0, sizeof taken);
	taken_in_order = 0;
	return 0;
}

/* A connection as `script` has it so far. */
static struct pg *
opened(void)
{
	struct target target = {.host = "10.0.0.1", .timeout_ms = 5000};
	char storage[64];
	struct text place;
	struct pg *pg;
	struct err err;

	text_init(&place, storage, sizeof storage);
	if (pg_open(&target, clock_now_ms() + PLENTY_MS, &place, &pg, &err) != 0)
		fail_msg("not opened: %s", err.text);
	return pg;
}

/*
 * Asks `count` statements and closes. Whatever happened, each must have been answered once, in
 * order, and everything given back.
 */
static bool
ask(struct pg *pg, size_t count, int64_t wait_ms, const char *what)
{
	int64_t start_ms = clock_now_ms();
	bool is_usable = pg_ask(pg, statements, count, start_ms + wait_ms, &reader);

	pg_close(pg);
	for (size_t i = 0; i < STATEMENTS_MAX; i++)
		if (taken[i].count != (i < count))
			fail_msg("%s: statement %zu was answered %d times", what, i + 1, taken[i].count);
	if (taken_in_order != (int)count)
		fail_msg("%s: the answers are out of order", what);
	if (scripted_problem() != NULL)
		fail_msg("%s: %s", what, scripted_problem());
	if (clock_now_ms() - start_ms > wait_ms + PLENTY_MS / 2)
		fail_msg("%s: it took %lld ms", what, (long long)(clock_now_ms() - start_ms));
	return is_usable;
}

static void
expect_fault(size_t index, enum err_class class, const char *what)
{
	if (taken[index].class != class)
		fail_msg("%s: statement %zu: %s (%s), not %s", what, index + 1,
			err_class_name(taken[index].class), taken[index].text, err_class_name(class));
}

static void
expect_row(size_t index, const char *what)
{
	expect_fault(index, ERR_NONE, what);
	assert_true(taken[index].is_row);
}

static void
one_statement_goes_by_itself_and_several_in_one_round_trip(void **state)
{
	(void)state;
	script.results = "r";
	assert_true(ask(opened(), 1, PLENTY_MS, "one"));
	expect_row(0, "one");
	assert_int_equal(seen.queries, 1);
	assert_string_equal(seen.query, "SELECT 1");
	reset(NULL);
	script.results = "rnsrnsrns";
	assert_true(ask(opened(), 3, PLENTY_MS, "three"));
	for (size_t i = 0; i < 3; i++)
		expect_row(i, "three");
	assert_int_equal(seen.queries, 0);
	assert_int_equal(seen.params, 3);
	reset(NULL);
	assert_true(ask(opened(), 0, PLENTY_MS, "none"));
}

static void
the_failure_of_one_statement_leaves_the_others(void **state)
{
	(void)state;
	script.results = "ens0nsrns";
	assert_true(ask(opened(), 3, PLENTY_MS, "two fail"));
	expect_fault(0, ERR_SETUP, "two fail");
	assert_string_equal(taken[0].text, "permission denied");
	expect_fault(1, ERR_PROTOCOL, "two fail");
	expect_row(2, "two fail");
}

/* What may come where a row is expected; "r" and "c" aside, each is a fault. */
static const char odd_results[] = "n02aefoibEBw1sc";

static void
any_other_result_in_place_of_a_row_is_a_fault_of_its_statement(void **state)
{
	static const char good[] = "rnsrnsrns";

	(void)state;
	for (size_t statement = 0; statement < 3; statement++)
		for (const char *odd = odd_results; *odd != '\0'; odd++) {
			char results[sizeof good];

			reset(NULL);
			memcpy(results, good, sizeof good);
			results[statement * 3] = *odd;
			script.results = results;
			ask(opened(), 3, PLENTY_MS, results);
			for (size_t i = 0; i < statement; i++)
				expect_row(i, results);
			expect_fault(statement, *odd == 'e' ? ERR_SETUP : ERR_PROTOCOL, results);
		}
}

static void
the_first_failure_among_the_results_of_a_statement_is_its_answer(void **state)
{
	static const char *const cases[] = {"rens", "eens", "cens", "efns", "eans", "ecns", "erns", "rfns",
		"rans", "rEns", "r0ns", "2rns", "0ens", "2ens"};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		bool is_setup = strchr(cases[i], 'e') != NULL && strchr("02", cases[i][0]) == NULL;
		char results[16];

		reset(NULL);
		snprintf(results, sizeof results, "%srns", cases[i]);
		script.results = results;
		assert_true(ask(opened(), 2, PLENTY_MS, results));
		expect_fault(0, is_setup ? ERR_SETUP : ERR_PROTOCOL, results);
		expect_row(1, results);
	}
}

static void
a_missing_or_misplaced_sync_ends_the_asking_and_keeps_what_was_answered(void **state)
{
	static const char *const places[] = {"rn?rnsrns", "rnsrn?rns", "rnsrnsrn?"};

	(void)state;
	for (size_t statement = 0; statement < 3; statement++)
		for (const char *odd = "nr02aefoibEBw1c"; *odd != '\0'; odd++) {
			char results[sizeof "rnsrnsrns"];

			reset(NULL);
			memcpy(results, places[statement], sizeof results);
			results[statement * 3 + 2] = *odd;
			script.results = results;
			assert_false(ask(opened(), 3, PLENTY_MS, results));
			for (size_t i = 0; i < 3; i++)
				if (i <= statement)
					expect_row(i, results);
				else
					expect_fault(i, ERR_PROTOCOL, results);
		}
}

static void
answers_that_end_early_are_a_fault_of_each_that_has_none(void **state)
{
	static const char *const cases[] = {"", "r", "rn", "rns", "rnsr", "rnsrn", "rnsrns", "rnsrnsrn"};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		reset(NULL);
		script.results = cases[i];
		assert_false(ask(opened(), 3, PLENTY_MS, cases[i]));
		for (size_t j = 0; j < 3; j++)
			if (strlen(cases[i]) >= j * 3 + 1)
				expect_row(j, cases[i]);
			else
				expect_fault(j, ERR_PROTOCOL, cases[i]);
	}
}

/* Runs with one call failing, which is its `at`th. */
static void
expect_failing_call(int *failing, int at, size_t count, const char *what)
{
	char title[64];

	reset(NULL);
	*failing = at;
	script.results = count == 1 ? "r" : "rnsrnsrns";
	snprintf(title, sizeof title, "%s %d of %zu statements", what, at, count);
	if (ask(opened(), count, PLENTY_MS, title))
		fail_msg("%s: the connection was called usable", title);
	for (size_t i = 0; i < count; i++)
		if (!taken[i].is_row)
			expect_fault(i, ERR_DOWN, title);
}

static void
a_statement_that_cannot_be_sent_is_answered_with_a_fault(void **state)
{
	(void)state;
	expect_failing_call(&script.failing_query, 1, 1, "PQsendQuery");
	expect_failing_call(&script.failing_enter, 1, 3, "PQenterPipelineMode");
	for (int at = 1; at <= 3; at++) {
		expect_failing_call(&script.failing_params, at, 3, "PQsendQueryParams");
		expect_failing_call(&script.failing_sync, at, 3, "PQpipelineSync");
	}
	assert_false(taken[0].is_row);
}

static void
a_connection_that_breaks_between_two_answers_keeps_the_first(void **state)
{
	(void)state;
	for (int at = 1; at <= 8; at++) {
		int *const failing[] = {&script.failing_flush, &script.failing_consume};

		for (int which = 0; which < 2; which++) {
			char title[64];

			reset(NULL);
			script.results = "rnsrnsrns";
			*failing[which] = at;
			snprintf(title, sizeof title, "%s %d", which == 0 ? "PQflush" : "PQconsumeInput", at);
			if (ask(opened(), 3, PLENTY_MS, title))
				fail_msg("%s: the connection was called usable", title);
			for (size_t i = 0; i + 1 < 3; i++)
				if (!taken[i].is_row && taken[i + 1].is_row)
					fail_msg("%s: a row behind a fault", title);
			assert_false(taken[2].is_row);
			if (taken[2].class != ERR_DOWN && taken[2].class != ERR_PROTOCOL)
				fail_msg("%s: %s", title, taken[2].text);
		}
	}
	assert_true(taken[0].is_row); /* the last of these breaks behind it */
}

static void
an_error_counts_more_than_the_end_of_the_connection_behind_it(void **state)
{
	(void)state;
	script.results = "rnse";
	script.failing_consume = 5; /* the one after the error */
	assert_false(ask(opened(), 3, PLENTY_MS, "error, then closed"));
	expect_row(0, "error, then closed");
	expect_fault(1, ERR_SETUP, "error, then closed");
}

static void
a_server_that_does_not_answer_or_does_not_read_is_late_at_the_deadline(void **state)
{
	(void)state;
	for (int what = 0; what < 6; what++) {
		size_t count = what % 2 == 0 ? 1 : 3;

		reset(NULL);
		script.results = "rnsrnsrns";
		script.attempts[0].is_silent = what / 2 == 0;
		script.is_unsent = what / 2 == 1; /* and the socket stays readable: nothing to sleep on */
		assert_false(ask(opened(), count, what / 2 == 2 ? -1 : SHORT_MS, "late"));
		for (size_t i = 0; i < count; i++)
			if (what / 2 != 1
				|| taken[i].class != ERR_PROTOCOL) /* or it has read too much by then */
				expect_fault(i, ERR_TIMEOUT, "late");
	}
}

static void
an_answer_without_end_is_broken_off(void **state)
{
	static char kilobyte[1025];

	(void)state;
	memset(kilobyte, 'x', sizeof kilobyte - 1);
	script.attempts[0].said = kilobyte;
	script.is_always_busy = true;
	assert_false(ask(opened(), 3, PLENTY_MS, "without end"));
	for (size_t i = 0; i < 3; i++)
		expect_fault(i, ERR_PROTOCOL, "without end");
}

/* Behind a pooler that refused the settings they come with every statement, one by one. */
static struct pg *
opened_behind_a_pooler(void)
{
	script.attempts[0] = (struct scripted_attempt){
		.polls = "rf", .message = "FATAL:  08P01: unsupported startup parameter: options\n"};
	return opened();
}

static void
behind_a_pooler_the_settings_go_with_each_statement(void **state)
{
	(void)state;
	script.results = "cccrncccrn";
	assert_true(ask(opened_behind_a_pooler(), 2, PLENTY_MS, "pooler"));
	expect_row(0, "pooler");
	expect_row(1, "pooler");
	assert_int_equal(seen.enters, 0);
	assert_int_equal(seen.queries, 2);
	assert_non_null(strstr(seen.query, "SET LOCAL statement_timeout = 5000; "));
	assert_non_null(strstr(seen.query, "SET LOCAL search_path = ''; SELECT 2"));
}

static void
behind_a_pooler_every_odd_result_is_a_fault_of_its_statement(void **state)
{
	static const char good[] = "cccrncccrn";

	(void)state;
	for (size_t place = 0; place < sizeof good - 1; place++)
		for (const char *odd = odd_results; *odd != '\0'; odd++) {
			char results[sizeof good];
			size_t statement = place / 5;

			if (place % 5 == 4 || (*odd == 'c' && place % 5 != 3))
				continue;
			reset(NULL);
			memcpy(results, good, sizeof good);
			results[place] = *odd;
			script.results = results;
			ask(opened_behind_a_pooler(), 2, PLENTY_MS, results);
			if (statement == 1)
				expect_row(0, results);
			expect_fault(statement, *odd == 'e' ? ERR_SETUP : ERR_PROTOCOL, results);
		}
	reset(NULL);
	script.results = good;
	script.failing_query = 2;
	assert_false(ask(opened_behind_a_pooler(), 2, PLENTY_MS, "PQsendQuery"));
	expect_row(0, "PQsendQuery");
	expect_fault(1, ERR_DOWN, "PQsendQuery");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_statement_goes_by_itself_and_several_in_one_round_trip, reset),
		cmocka_unit_test_setup(the_failure_of_one_statement_leaves_the_others, reset),
		cmocka_unit_test_setup(any_other_result_in_place_of_a_row_is_a_fault_of_its_statement, reset),
		cmocka_unit_test_setup(
			the_first_failure_among_the_results_of_a_statement_is_its_answer, reset),
		cmocka_unit_test_setup(
			a_missing_or_misplaced_sync_ends_the_asking_and_keeps_what_was_answered, reset),
		cmocka_unit_test_setup(answers_that_end_early_are_a_fault_of_each_that_has_none, reset),
		cmocka_unit_test_setup(a_statement_that_cannot_be_sent_is_answered_with_a_fault, reset),
		cmocka_unit_test_setup(a_connection_that_breaks_between_two_answers_keeps_the_first, reset),
		cmocka_unit_test_setup(an_error_counts_more_than_the_end_of_the_connection_behind_it, reset),
		cmocka_unit_test_setup(
			a_server_that_does_not_answer_or_does_not_read_is_late_at_the_deadline, reset),
		cmocka_unit_test_setup(an_answer_without_end_is_broken_off, reset),
		cmocka_unit_test_setup(behind_a_pooler_the_settings_go_with_each_statement, reset),
		cmocka_unit_test_setup(behind_a_pooler_every_odd_result_is_a_fault_of_its_statement, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
