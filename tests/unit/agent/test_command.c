#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>

#include "lib/agent/command.h"
#include "lib/render/format.h"
#include "tests/unit/agent/facts.h"

enum { SIZE = 65536 + 32 };

static char storage[SIZE];
static const char *body;

/* Answers a line from pgha-ask; returns the exit code and leaves the rest in `body`. */
static int
ask(const char *line)
{
	struct text text;
	char *end;
	long code, length;

	text_init(&text, storage, sizeof storage);
	command_answer(&world.facts, line, &text);
	assert_false(text.is_truncated);
	code = strtol(storage, &end, 10);
	assert_true(end > storage && *end == ' ');
	length = strtol(end, &end, 10);
	assert_int_equal(*end, '\n');
	body = end + 1;
	if ((size_t)length != text.length - (size_t)(body - storage))
		fail_msg("%s: it says %ld bytes, of %zu", line, length,
			text.length - (size_t)(body - storage));
	return (int)code;
}

static const char *
haproxy(const char *line)
{
	struct text text;

	text_init(&text, storage, sizeof storage);
	command_answer_haproxy(&world.facts, line, &text);
	/* One line, which HAProxy keeps whole. */
	assert_ptr_equal(strchr(storage, '\n'), storage + text.length - 1);
	return storage;
}

static void
see_both(void)
{
	world_open("[check far]\ncheck = pg_replica\ncritical = 16MB\nweight_min = 0\n");
	world_see(0, sample_standby("db2:5432", 4 << 20));
}

/* -- asking ------------------------------------------------------------------------------------ */

static void
every_format_answers_with_its_exit_code(void **state)
{
	static const struct {
		const char *format;
		int yes, no;
		const char *begins;
	} cases[] = {
		{"nagios", 0, 2, "PG REPLICA OK - streaming from db1:5432"},
		{"keepalived", 0, 1, ""},
		{"haproxy", 0, 2, "up ready 75%\n"},
		{"http", 0, 2, "HTTP/1.1 200 OK\r\n"},
		{"json", 0, 2, "{"},
		{"prometheus", 0, 2, "# HELP "},
		{"plain", 0, 2, ""},
	};

	(void)state;
	see_both();
	assert_int_equal(sizeof cases / sizeof cases[0], FORMAT_COUNT);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char line[128];

		snprintf(line, sizeof line, "ask %s 0 far", cases[i].format);
		assert_int_equal(ask(line), cases[i].yes);
		assert_true(text_starts(body, cases[i].begins));
		snprintf(line, sizeof line, "ask %s 0 leader", cases[i].format);
		assert_int_equal(ask(line), cases[i].no);
		snprintf(line, sizeof line, "ask %s 0 far lag=1MB", cases[i].format);
		assert_int_equal(ask(line), cases[i].no);
	}
}

static void
verbosity_and_colours_are_the_askers(void **state)
{
	(void)state;
	see_both();
	assert_int_equal(ask("ask plain 0 far"), 0);
	assert_null(strchr(body, '\033'));
	assert_int_equal(ask("ask plain 0c far"), 0);
	assert_non_null(strchr(body, '\033'));
	assert_int_equal(ask("ask nagios 0 leader"), 2);
	assert_null(strstr(body, "from db2:5432"));
	assert_int_equal(ask("ask keepalived 1 leader"), 1);
}

static void
yes_and_no_are_meant_as_the_question_says(void **state)
{
	(void)state;
	see_both();
	assert_int_equal(ask("ask keepalived 0 far warning=1MB"), 0);
	assert_int_equal(ask("ask keepalived 0 far warning=1MB warning_is_failure=yes"), 1);
	assert_int_equal(ask("ask haproxy 0 far warning=1MB warning_is_failure=yes"), 1);
}

static void
a_question_that_there_is_not_is_unknown(void **state)
{
	static const char *const lines[] = {"ask nagios 0 nobody", "ask nagios 0 ", "ask nagios 0",
		"ask nagios 0 far lag=x", "ask nagios 0 far x", "ask nagios 0 leader lag=1"};

	(void)state;
	see_both();
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		assert_int_equal(ask(lines[i]), 3);
		assert_true(text_starts(body, "PGHA AGENT UNKNOWN - "));
	}
	assert_int_equal(ask("ask keepalived 0 nobody"), 3);
	assert_int_equal(ask("ask haproxy 0 nobody"), 3);
	assert_true(text_starts(body, "down #"));
}

static void
another_versions_request_is_refused(void **state)
{
	static const char *const lines[] = {"ask yaml 0 far", "ask nagios x far", "ask nagios far", "ask",
		"ask ", "ask  0 far", "ask NAGIOS 0 far"};

	(void)state;
	see_both();
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		assert_int_equal(ask(lines[i]), 3);
		assert_non_null(strstr(body, "the agent does not know the format"));
	}
	assert_int_equal(ask(""), 3);
	assert_non_null(strstr(body, "unknown request \"\""));
	assert_int_equal(ask("GET / HTTP/1.1"), 3);
	assert_non_null(strstr(body, "unknown request \"GET\""));
	assert_int_equal(ask("drained leader"), 3);
	assert_int_equal(ask(" ask nagios 0 far"), 3);
}

/* -- the switch -------------------------------------------------------------------------------- */

static void
one_check_is_drained_and_comes_back(void **state)
{
	(void)state;
	see_both();
	assert_int_equal(ask("drain far"), 0);
	assert_string_equal(body, "far: drained\n");
	assert_int_equal(ask("ask keepalived 0 far"), 1);
	assert_int_equal(ask("ask keepalived 0 replica"), 0);
	assert_true(text_starts(haproxy("far"), "up drain #drained by the operator"));
	assert_int_equal(ask("undrain far"), 0);
	assert_string_equal(body, "far: no longer drained\n");
	assert_string_equal(haproxy("far"), "up ready 75%\n");
}

static void
without_a_name_every_check_is_meant(void **state)
{
	(void)state;
	see_both();
	assert_int_equal(ask("drain"), 0);
	assert_string_equal(body, "leader: drained\nreplica: drained\nfar: drained\n");
	for (size_t i = 0; i < world.plan.check_count; i++)
		assert_true(world.board.checks[i].is_drained);
	assert_int_equal(ask("undrain "), 0);
	for (size_t i = 0; i < world.plan.check_count; i++)
		assert_false(world.board.checks[i].is_drained);
}

static void
a_switch_that_is_not_there_or_does_not_move_is_an_error(void **state)
{
	static const char *const unknown[] = {
		"drain nobody", "drain primary", "undrain far far", "drain far;"};

	(void)state;
	see_both();
	for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
		assert_int_equal(ask(unknown[i]), 3);
		assert_non_null(strstr(body, "there is no check"));
	}
	for (size_t i = 0; i < world.plan.check_count; i++)
		assert_false(world.board.checks[i].is_drained);
	world.is_refusing_to_drain = true;
	assert_int_equal(ask("drain far"), 3);
	assert_string_equal(body, "pgha-agent: cannot make \"/x/2.drain\": disk full\n");
	assert_int_equal(ask("drain"), 3);
	assert_null(strstr(body, ": drained"));
}

/* -- HAProxy ----------------------------------------------------------------------------------- */

static void
agent_check_is_always_answered_with_one_line(void **state)
{
	static const struct {
		const char *line, *begins;
	} cases[] = {
		{"far", "up ready 75%\n"},
		{"far lag=8MB", "up ready 50%\n"},
		{"far lag=1MB", "down #"},
		{"replica", "up ready 100%\n"},
		{"leader", "down #standby, not the leader\n"},
		{"", "down #there is no question"},
		{"nobody", "down #there is no question \"nobody\""},
		{"far lag=x", "down #"},
		{"far unknown_is_ok=yes lag=x", "down #"},
		{"health", "up ready 100%\n"},
	};

	(void)state;
	see_both();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (!text_starts(haproxy(cases[i].line), cases[i].begins))
			fail_msg("\"%s\": %s", cases[i].line, storage);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(every_format_answers_with_its_exit_code, world_close),
		cmocka_unit_test_teardown(verbosity_and_colours_are_the_askers, world_close),
		cmocka_unit_test_teardown(yes_and_no_are_meant_as_the_question_says, world_close),
		cmocka_unit_test_teardown(a_question_that_there_is_not_is_unknown, world_close),
		cmocka_unit_test_teardown(another_versions_request_is_refused, world_close),
		cmocka_unit_test_teardown(one_check_is_drained_and_comes_back, world_close),
		cmocka_unit_test_teardown(without_a_name_every_check_is_meant, world_close),
		cmocka_unit_test_teardown(
			a_switch_that_is_not_there_or_does_not_move_is_an_error, world_close),
		cmocka_unit_test_teardown(agent_check_is_always_answered_with_one_line, world_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
