#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/collect/attempt.h"

enum { TRIES_MAX = 32, WHOLE_MS = 100000, SLACK_MS = 5000 };

/* What each attempt comes to, in turn, and what it was given. */
struct script {
	enum err_class outcomes[TRIES_MAX]; /* ERR_NONE: it succeeds */
	struct place tried[TRIES_MAX];
	int64_t shares_ms[TRIES_MAX];
	size_t count;
};

static int
attempt(void *context, const struct place *place, int64_t deadline_ms, struct err *err)
{
	struct script *script = context;
	size_t i = script->count++;

	assert_true(i < TRIES_MAX);
	script->tried[i] = *place;
	script->shares_ms[i] = deadline_ms - clock_now_ms();
	return script->outcomes[i] == ERR_NONE ? 0
					       : err_set(err, script->outcomes[i], "%s of attempt %zu",
						       err_class_name(script->outcomes[i]), i + 1);
}

static char where[256];
static struct err err;

static int
try_hosts(const char *hosts, const char *hostaddrs, const char *ports, struct script *script)
{
	struct place_list list;
	struct text text;

	snprintf(list.host, sizeof list.host, "%s", hosts);
	snprintf(list.hostaddr, sizeof list.hostaddr, "%s", hostaddrs);
	snprintf(list.port, sizeof list.port, "%s", ports);
	text_init(&text, where, sizeof where);
	return attempt_places(&list, clock_now_ms() + WHOLE_MS, attempt, script, &text, &err);
}

static void
the_first_that_succeeds_is_the_place(void **state)
{
	struct script script = {.outcomes = {ERR_DOWN, ERR_NONE}};

	(void)state;
	assert_int_equal(try_hosts("10.0.0.1,10.0.0.2,10.0.0.3", "", "5432,5433,5434", &script), 0);
	assert_int_equal(script.count, 2);
	assert_string_equal(script.tried[1].host, "10.0.0.2");
	assert_string_equal(script.tried[1].port, "5433");
	assert_string_equal(where, "10.0.0.2:5433");
}

static void
all_that_failed_are_the_place(void **state)
{
	struct script script = {.outcomes = {ERR_DOWN, ERR_DOWN, ERR_DOWN}};

	(void)state;
	assert_int_equal(try_hosts("10.0.0.1,::1,/run/postgresql", "", "5432", &script), -1);
	assert_int_equal(script.count, 3);
	assert_string_equal(where, "10.0.0.1:5432,[::1]:5432,/run/postgresql:5432");
	assert_string_equal(err.text, "down of attempt 1");
}

static void
the_most_telling_failure_is_kept_whatever_the_order(void **state)
{
	static const enum err_class telling[] = {
		ERR_DOWN, ERR_TIMEOUT, ERR_PROTOCOL, ERR_SETUP, ERR_FULL, ERR_USAGE};

	(void)state;
	for (size_t i = 0; i < sizeof telling / sizeof telling[0]; i++)
		for (size_t j = 0; j < sizeof telling / sizeof telling[0]; j++) {
			struct script script = {.outcomes = {telling[i], telling[j]}};

			assert_int_equal(try_hosts("10.0.0.1,10.0.0.2", "", "5432", &script), -1);
			assert_int_equal(err.class, telling[i > j ? i : j]);
			assert_non_null(strstr(err.text, i >= j ? "attempt 1" : "attempt 2"));
		}
}

static void
each_gets_an_equal_share_of_what_is_left(void **state)
{
	struct script script = {.outcomes = {ERR_DOWN, ERR_DOWN, ERR_DOWN, ERR_DOWN}};

	(void)state;
	try_hosts("10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4", "", "5432", &script);
	/* Failures at once leave their shares to those behind them. */
	assert_in_range(script.shares_ms[0], WHOLE_MS / 4 - SLACK_MS, WHOLE_MS / 4);
	assert_in_range(script.shares_ms[1], WHOLE_MS / 3 - SLACK_MS, WHOLE_MS / 3);
	assert_in_range(script.shares_ms[2], WHOLE_MS / 2 - SLACK_MS, WHOLE_MS / 2);
	assert_in_range(script.shares_ms[3], WHOLE_MS - SLACK_MS, WHOLE_MS);
}

static void
an_address_beside_a_name_spares_the_lookup(void **state)
{
	struct script script = {.outcomes = {ERR_NONE}};

	(void)state;
	assert_int_equal(try_hosts("no-such-host.invalid", "10.0.0.1", "5432", &script), 0);
	assert_string_equal(script.tried[0].host, "no-such-host.invalid");
	assert_string_equal(script.tried[0].hostaddr, "10.0.0.1");
	assert_string_equal(where, "no-such-host.invalid (10.0.0.1):5432");
}

static void
a_name_is_tried_by_every_address_that_it_has(void **state)
{
	struct script script = {
		.outcomes = {ERR_DOWN, ERR_DOWN, ERR_DOWN, ERR_DOWN, ERR_DOWN, ERR_DOWN, ERR_DOWN, ERR_DOWN}};

	(void)state;
	assert_int_equal(try_hosts("localhost", "", "5432", &script), -1);
	assert_true(script.count >= 1);
	for (size_t i = 0; i < script.count; i++) {
		assert_string_equal(
			script.tried[i].host, "localhost"); /* which a certificate is held against */
		assert_string_not_equal(script.tried[i].hostaddr, "");
		assert_in_range(script.shares_ms[i], WHOLE_MS / (int64_t)(script.count - i) - SLACK_MS,
			WHOLE_MS / (int64_t)(script.count - i));
	}
	assert_string_equal(where, "localhost:5432");
}

/* A label of more than 63 characters is refused without asking any name server. */
#define NO_NAME "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void
a_name_that_is_not_found_leaves_the_others_to_be_tried(void **state)
{
	struct script script = {.outcomes = {ERR_NONE}};

	(void)state;
	assert_int_equal(try_hosts(NO_NAME ",10.0.0.2", "", "5432", &script), 0);
	assert_int_equal(script.count, 1);
	assert_string_equal(where, "10.0.0.2:5432");
	script = (struct script){.outcomes = {ERR_SETUP}};
	assert_int_equal(try_hosts("10.0.0.1," NO_NAME, "", "5432", &script), -1);
	assert_int_equal(err.class, ERR_SETUP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_that_succeeds_is_the_place),
		cmocka_unit_test(all_that_failed_are_the_place),
		cmocka_unit_test(the_most_telling_failure_is_kept_whatever_the_order),
		cmocka_unit_test(each_gets_an_equal_share_of_what_is_left),
		cmocka_unit_test(an_address_beside_a_name_spares_the_lookup),
		cmocka_unit_test(a_name_is_tried_by_every_address_that_it_has),
		cmocka_unit_test(a_name_that_is_not_found_leaves_the_others_to_be_tried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
