#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "lib/collect/pg.h"
#include "tests/scripted/libpq.h"

/* Nothing here waits, but where it is said; a second is then as good as an hour. */
enum { PLENTY_MS = 10000, SHORT_MS = 60, STATEMENTS = 2 };

static char where[128];
static struct err err;

static int
reset(void **state)
{
	(void)state;
	scripted_reset();
	return 0;
}

static void
expect_no_problem(const char *what)
{
	if (scripted_problem() != NULL)
		fail_msg("%s: %s", what, scripted_problem());
}

/* -- opening ----------------------------------------------------------------------------------- */

static int
open_host(const char *host, int64_t deadline_ms, struct pg **ret)
{
	struct target target = {.application = "check_pg_test", .timeout_ms = 5000};
	struct text place;

	snprintf(target.host, sizeof target.host, "%s", host);
	snprintf(target.port, sizeof target.port, "5432");
	text_init(&place, where, sizeof where);
	memset(&err, 0, sizeof err);
	return pg_open(&target, deadline_ms, &place, ret, &err);
}

static void
expect_refused(const char *host, enum err_class class, const char *words)
{
	struct pg *pg = NULL;

	if (open_host(host, clock_now_ms() + PLENTY_MS, &pg) != -1)
		fail_msg("it was opened, instead of \"%s\"", words);
	if (err.class != class || strstr(err.text, words) == NULL)
		fail_msg("got %s \"%s\", expected %s \"%s\"", err_class_name(err.class), err.text,
			err_class_name(class), words);
	assert_null(pg);
	expect_no_problem(words);
}

static struct pg *
opened(void)
{
	struct pg *pg = NULL;

	if (open_host("10.0.0.1", clock_now_ms() + PLENTY_MS, &pg) != 0)
		fail_msg("not opened: %s", err.text);
	return pg;
}

static void
a_connection_is_opened_and_closed_and_nothing_is_kept(void **state)
{
	struct pg *pg = opened();

	(void)state;
	assert_int_equal(pg_version(pg), 150004);
	assert_string_equal(where, "10.0.0.1:5432");
	assert_true(seen.is_nonblocking);
	assert_non_null(seen.notice_receiver);
	pg_close(pg);
	pg_close(NULL);
	expect_no_problem("opened and closed");
	assert_int_equal(seen.started, 2); /* one for libpq's rules, one to connect */
}

static void
the_session_is_asked_for_its_settings_and_a_database(void **state)
{
	(void)state;
	pg_close(opened());
	assert_string_equal(scripted_keyword("dbname"), "postgres");
	assert_string_equal(scripted_keyword("target_session_attrs"), "any");
	assert_string_equal(scripted_keyword("fallback_application_name"), "check_pg_test");
	assert_non_null(strstr(scripted_keyword("options"), "-c statement_timeout=5000"));
	assert_non_null(strstr(scripted_keyword("options"), "-c search_path= "));
	assert_string_equal(scripted_keyword("sslmode"), "");
	assert_string_equal(scripted_keyword("user"), "");
	script.dbname = "app"; /* from the environment or a service */
	pg_close(opened());
	assert_string_equal(scripted_keyword("dbname"), "");
}

static void
want_of_memory_is_down_wherever_it_shows(void **state)
{
	(void)state;
	script.is_rules_null = true;
	expect_refused("10.0.0.1", ERR_DOWN, "out of memory");
	assert_int_equal(seen.started, 0);
	reset(NULL);
	script.is_info_null = true;
	expect_refused("10.0.0.1", ERR_DOWN, "out of memory");
	assert_int_equal(seen.started, 1);
	reset(NULL);
	script.attempts[0].is_null = true;
	expect_refused("10.0.0.1", ERR_DOWN, "out of memory");
	assert_int_equal(seen.attempts, 1);
}

static void
what_libpq_refuses_before_it_connects_is_a_usage_error(void **state)
{
	(void)state;
	script.rules_message = "definition of service \"none\" not found\n";
	expect_refused("10.0.0.1", ERR_USAGE, "service \"none\" not found");
	reset(NULL);
	script.attempts[0] = (struct scripted_attempt){
		.is_bad = true, .message = "could not match 2 port numbers to 3 hosts\n"};
	expect_refused("10.0.0.1", ERR_USAGE, "could not match");
	reset(NULL);
	expect_refused("10.0.0.1,,10.0.0.3", ERR_USAGE, "empty");
	reset(NULL);
	expect_refused("se@same", ERR_USAGE, "not shown");
	assert_null(strstr(err.text, "same"));
}

#define FAILED "connection to server at \"10.0.0.1\", port 5432 failed: "

static void
a_failure_is_told_by_what_the_server_said(void **state)
{
	static const struct {
		struct scripted_attempt attempt;
		enum err_class class;
		const char *words;
	} cases[] = {
		{{.is_bad = true, .message = FAILED "No route to host\n"}, ERR_DOWN, "No route to host"},
		{{.polls = "f", .message = FAILED "Connection refused\n"}, ERR_DOWN, "Connection refused"},
		{{.polls = "wrf", .message = FAILED "FATAL:  53300: sorry\n"}, ERR_FULL, "sorry"},
		{{.polls = "rf", .message = FAILED "FATAL:  57P03: starting\n"}, ERR_DOWN, "starting"},
		{{.polls = "rf", .message = FAILED "FATAL:  28P01: wrong\n"}, ERR_SETUP, "wrong"},
		{{.polls = "rf",
			 .needs_password = true,
			 .message = FAILED "fe_sendauth: no password supplied\n"},
			ERR_SETUP, "asks for a password"},
		{{.polls = "rf", .message = FAILED "certificate verify failed\n"}, ERR_SETUP,
			"certificate verify failed"},
		{{.polls = "rrr", .said = "HTTP/1.1 400 Bad Request", .stage = CONNECTION_AWAITING_RESPONSE},
			ERR_PROTOCOL, "does not speak"},
		{{.polls = "rrr", .said = "SSH-2.0-OpenSSH", .stage = CONNECTION_SSL_STARTUP}, ERR_PROTOCOL,
			"does not speak"},
		/* Once it has let us in, what libpq dislikes is not a matter of being let in. */
		{{.polls = "rf",
			 .stage = CONNECTION_AUTH_OK,
			 .message = FAILED "lost synchronization with server\n"},
			ERR_PROTOCOL, "does not speak"},
		{{.version = "1.18.0/bouncer"}, ERR_PROTOCOL, "admin console"},
		{{.version = "13.11", .version_number = 130011}, ERR_SETUP, "PostgreSQL 13.11 is too old"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		reset(NULL);
		script.attempts[0] = cases[i].attempt;
		expect_refused("10.0.0.1", cases[i].class, cases[i].words);
		assert_string_equal(where, "10.0.0.1:5432");
	}
}

static void
a_server_that_stays_silent_or_talks_without_end_is_left_at_the_deadline(void **state)
{
	static const struct {
		struct scripted_attempt attempt;
		enum err_class class;
	} cases[] = {
		{{.polls = "r", .is_silent = true}, ERR_TIMEOUT},
		{{.polls = "r", .is_silent = true, .stage = CONNECTION_AWAITING_RESPONSE}, ERR_TIMEOUT},
		{{.polls = "r"},
			ERR_TIMEOUT}, /* always one more byte: too long, or too late, never for ever */
		{{.polls = "w"}, ERR_TIMEOUT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t start_ms = clock_now_ms();
		struct pg *pg = NULL;

		reset(NULL);
		script.attempts[0] = cases[i].attempt;
		assert_int_equal(open_host("10.0.0.1", start_ms + SHORT_MS, &pg), -1);
		assert_true(clock_now_ms() - start_ms < PLENTY_MS / 2);
		if (err.class != cases[i].class && err.class != ERR_PROTOCOL)
			fail_msg("case %zu: %s", i, err.text);
		expect_no_problem("at the deadline");
	}
}

static void
a_pooler_that_refuses_the_settings_is_asked_again_without(void **state)
{
	struct pg *pg;

	(void)state;
	script.attempts[0] = (struct scripted_attempt){
		.polls = "rf", .message = FAILED "FATAL:  08P01: unsupported startup parameter: options\n"};
	pg = opened();
	assert_int_equal(seen.attempts, 2);
	assert_string_equal(scripted_keyword("options"), "");
	pg_close(pg);
	expect_no_problem("asked again");
	reset(NULL);
	script.attempts[0] = (struct scripted_attempt){
		.polls = "rf", .message = FAILED "FATAL:  08P01: first\n"};
	script.attempts[1] = (struct scripted_attempt){
		.polls = "rf", .message = FAILED "FATAL:  08P01: second\n"};
	expect_refused("10.0.0.1", ERR_DOWN, "second");
	assert_int_equal(seen.attempts, 2);
}

static void
of_several_hosts_the_one_that_answers_is_used_and_the_others_are_let_go(void **state)
{
	struct pg *pg = NULL;

	(void)state;
	script.attempts[0] = (struct scripted_attempt){
		.polls = "f", .message = FAILED "Connection refused\n"};
	script.attempts[1].is_null = true;
	assert_int_equal(open_host("10.0.0.1,10.0.0.2,10.0.0.3", clock_now_ms() + PLENTY_MS, &pg), 0);
	assert_string_equal(where, "10.0.0.3:5432");
	assert_string_equal(scripted_keyword("host"), "10.0.0.3");
	assert_string_equal(scripted_keyword("target_session_attrs"), ""); /* here it chooses */
	pg_close(pg);
	expect_no_problem("several hosts");
	reset(NULL);
	script.attempts[0] = (struct scripted_attempt){
		.polls = "rf", .message = FAILED "FATAL:  28P01: wrong\n"};
	script.attempts[1] = (struct scripted_attempt){
		.polls = "f", .message = FAILED "Connection refused\n"};
	expect_refused("10.0.0.1,10.0.0.2", ERR_SETUP, "wrong");
	assert_string_equal(where, "10.0.0.1:5432,10.0.0.2:5432");
}

/* -- between two questions --------------------------------------------------------------------- */

static void
what_comes_unasked_is_no_loss(void **state)
{
	struct pg *pg;

	(void)state;
	pg = opened();
	assert_true(pg_socket(pg) >= 0);
	for (int i = 0; i < 5; i++)
		assert_false(pg_is_lost(pg));
	assert_true(seen.consumes > 0); /* it has read what there was */
	pg_close(pg);
	expect_no_problem("unasked");
}

static void
what_ends_the_session_is_a_loss(void **state)
{
	struct pg *pg;

	(void)state;
	pg = opened();
	script.failing_consume = seen.consumes + 1;
	assert_true(pg_is_lost(pg));
	pg_close(pg);
	reset(NULL);
	pg = opened();
	script.attempts[0].is_bad = true; /* as libpq finds out by itself */
	assert_true(pg_is_lost(pg));
	pg_close(pg);
	expect_no_problem("lost");
}

static void
notices_are_taken_and_go_nowhere(void **state)
{
	(void)state;
	pg_close(opened());
	seen.notice_receiver(NULL, NULL); /* libpq's own would print */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_connection_is_opened_and_closed_and_nothing_is_kept, reset),
		cmocka_unit_test_setup(the_session_is_asked_for_its_settings_and_a_database, reset),
		cmocka_unit_test_setup(want_of_memory_is_down_wherever_it_shows, reset),
		cmocka_unit_test_setup(what_libpq_refuses_before_it_connects_is_a_usage_error, reset),
		cmocka_unit_test_setup(a_failure_is_told_by_what_the_server_said, reset),
		cmocka_unit_test_setup(
			a_server_that_stays_silent_or_talks_without_end_is_left_at_the_deadline, reset),
		cmocka_unit_test_setup(a_pooler_that_refuses_the_settings_is_asked_again_without, reset),
		cmocka_unit_test_setup(
			of_several_hosts_the_one_that_answers_is_used_and_the_others_are_let_go, reset),
		cmocka_unit_test_setup(notices_are_taken_and_go_nowhere, reset),
		cmocka_unit_test_setup(what_comes_unasked_is_no_loss, reset),
		cmocka_unit_test_setup(what_ends_the_session_is_a_loss, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
