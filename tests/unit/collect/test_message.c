#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/collect/message.h"

#define AT_DB1 "connection to server at \"db1\" (10.0.0.1), port 5432 failed: "

static void
the_class_follows_from_the_sqlstate(void **state)
{
	static const struct {
		const char *sqlstate;
		enum err_class class;
	} cases[] = {
		{"53300", ERR_FULL},    /* too many connections */
		{"53200", ERR_DOWN},    /* out of memory */
		{"57P03", ERR_DOWN},    /* starting up */
		{"57P01", ERR_DOWN},    /* shut down by an administrator */
		{"57P02", ERR_DOWN},    /* crash of another backend */
		{"57014", ERR_TIMEOUT}, /* statement timeout */
		{"08006", ERR_DOWN},
		{"08P01", ERR_DOWN},
		{"28P01", ERR_SETUP}, /* wrong password */
		{"28000", ERR_SETUP}, /* no pg_hba.conf entry */
		{"3D000", ERR_SETUP}, /* no such database */
		{"42501", ERR_SETUP}, /* permission denied */
		{"42883", ERR_SETUP}, /* no such function */
		{"22023", ERR_SETUP},
		{"0A000", ERR_PROTOCOL},
		{"25001", ERR_PROTOCOL},
		{"26000", ERR_PROTOCOL},
		{"XX000", ERR_DOWN},
		{"58030", ERR_DOWN},
		{"", ERR_DOWN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err err;

		assert_int_equal(message_fill(&err, cases[i].sqlstate, "because", NULL), -1);
		if (err.class != cases[i].class)
			fail_msg("%s: %s", cases[i].sqlstate, err_class_name(err.class));
		assert_string_equal(err.text, "because");
	}
}

static void
the_detail_stands_behind_the_message(void **state)
{
	struct err err;

	(void)state;
	message_fill(&err, "57P03", "the database system is not accepting connections",
		"Hot standby mode is disabled.");
	assert_string_equal(
		err.text, "the database system is not accepting connections (Hot standby mode is disabled.)");
	message_fill(&err, "57P03", "starting up", "");
	assert_string_equal(err.text, "starting up");
	message_fill(&err, "57P03", "100%s", "50%n");
	assert_string_equal(err.text, "100%s (50%n)");
}

static void
an_error_without_words_is_told_by_its_code(void **state)
{
	struct err err;

	(void)state;
	message_fill(&err, "XX000", "", NULL);
	assert_non_null(strstr(err.text, "XX000"));
	message_fill(&err, "53300", " \n", NULL);
	assert_non_null(strstr(err.text, "53300"));
	assert_int_equal(err.class, ERR_FULL);
	assert_string_not_equal(err.hint, "");
}

static void
common_errors_come_with_their_remedy(void **state)
{
	static const char *const with[] = {"28P01", "3D000", "42501", "53300"};
	static const char *const without[] = {"57P03", "08006", "42883"};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof with / sizeof with[0]; i++) {
		message_fill(&err, with[i], "because", NULL);
		assert_string_not_equal(err.hint, "");
	}
	for (size_t i = 0; i < sizeof without / sizeof without[0]; i++) {
		message_fill(&err, without[i], "because", NULL);
		assert_string_equal(err.hint, "");
	}
}

static void
the_error_of_the_server_is_found_in_libpqs_message(void **state)
{
	static const struct {
		const char *message, *sqlstate, *text;
	} cases[] = {
		{AT_DB1 "FATAL:  53300: sorry, too many clients already\nLOCATION:  InitProcess, "
			"proc.c:361\n",
			"53300", "sorry, too many clients already"},
		{AT_DB1 "FATAL:  57P03: the database system is not yet accepting connections\n"
			"DETAIL:  Consistent recovery state has not been yet reached.\nLOCATION:  x, y.c:1\n",
			"57P03",
			"the database system is not yet accepting connections "
			"(Consistent recovery state has not been yet reached.)"},
		/* A server that speaks another language. */
		{AT_DB1 "\xE8\x87\xB4\xE5\x91\xBD\xE9\x94\x99\xE8\xAF\xAF:  53300: "
			"\xE5\xB7\xB2\xE6\x9C\x89\n",
			"53300", "\xE5\xB7\xB2\xE6\x9C\x89"},
		{"FATAL:  28P01: no\n", "28P01", "no"},
		{"FATAL:  28P01: no", "28P01", "no"},
		{"FATAL:  28P01: \n", "28P01", "an error without a message, SQLSTATE 28P01"},
		/* With sslmode=prefer libpq tries twice. */
		{AT_DB1 "FATAL:  53300: first\n" AT_DB1 "FATAL:  28000: second\n", "53300", "first"},
		/* What looks like a code, in words that somebody else chose. */
		{AT_DB1 "FATAL:  28P01: role \"x:  53300: y\" failed\n", "28P01",
			"role \"x: 53300: y\" failed"},
		{AT_DB1 "FATAL:  3D000: no\nDETAIL:  FATAL:  53300: y\n", "3D000", "no (FATAL: 53300: y)"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char sqlstate[MESSAGE_SQLSTATE_SIZE];
		struct err err;

		if (message_find_sqlstate(cases[i].message, sqlstate, &err) != 0)
			fail_msg("nothing found in %s", cases[i].message);
		assert_string_equal(sqlstate, cases[i].sqlstate);
		assert_string_equal(err.text, cases[i].text);
	}
}

static void
what_holds_no_error_of_a_server_is_told_apart(void **state)
{
	static const char *const messages[] = {
		"",
		AT_DB1 "Connection refused\n\tIs the server running on that host and accepting TCP/IP "
		       "connections?\n",
		AT_DB1 "server closed the connection unexpectedly\n",
		AT_DB1 "FATAL:  sorry, too many clients already\n",
		"FATAL: 53300: one blank",
		"FATAL:  5330: short",
		"FATAL:  533000: long",
		"FATAL:  53a00: lower case",
		"FATAL:  53300 no colon",
		"FATAL:  53300:",
		"FATAL:  5330",
		"FATAL:  ",
		":",
		":  ",
	};

	(void)state;
	for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
		char sqlstate[MESSAGE_SQLSTATE_SIZE] = "old";
		struct err err = {.class = ERR_NONE};

		if (message_find_sqlstate(messages[i], sqlstate, &err) != -1)
			fail_msg("found %s in %s", sqlstate, messages[i]);
		assert_string_equal(sqlstate, "old");
		assert_int_equal(err.class, ERR_NONE);
	}
}

static void
a_message_of_any_length_is_cut_not_overrun(void **state)
{
	static char message[20000];
	char sqlstate[MESSAGE_SQLSTATE_SIZE], reason[16];
	struct err err;

	(void)state;
	memset(message, 'x', sizeof message - 1);
	memcpy(message, "FATAL:  53300: ", 15);
	memcpy(message + 9000, "\nDETAIL:  ", 10);
	assert_int_equal(message_find_sqlstate(message, sqlstate, &err), 0);
	assert_int_equal(strlen(err.text), sizeof err.text - 1);
	message_copy_reason(message, reason, sizeof reason);
	assert_string_equal(reason, "FATAL:  53300: ");
}

static void
the_reason_is_the_first_line_without_the_place(void **state)
{
	static const struct {
		const char *message, *reason;
		bool is_of_attempt;
	} cases[] = {
		{AT_DB1 "Connection refused\n\tIs the server running?\n", "Connection refused", true},
		{"connection to server on socket \"/tmp/.s.PGSQL.5432\" failed: No such file or directory\n",
			"No such file or directory", true},
		{AT_DB1 "first\n" AT_DB1 "second\n", "first", true},
		{"invalid port number: \"x\"\n", "invalid port number: \"x\"", false},
		{"", "", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char reason[128];

		message_copy_reason(cases[i].message, reason, sizeof reason);
		assert_string_equal(reason, cases[i].reason);
		assert_int_equal(message_is_of_attempt(cases[i].message), cases[i].is_of_attempt);
	}
}

static void
a_complaint_about_a_connection_string_quotes_nothing_of_it(void **state)
{
	static const char *const messages[] = {
		"missing \"=\" after \"sesame\" in connection info string\n",
		"invalid connection option \"sesame\"\n",
		"invalid percent-encoded token: \"%zzsesame\"\n",
		("end of string reached when looking for matching \"]\" in IPv6 host address in URI: "
		 "\"postgresql://[sesame\"\n"),
		"invalid port number: \"5432\" or \"ses\"ame\"\n",
		"cut off \"sesame",
		"invalid integer value \"se\nsame\" for connection option \"port\"\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
		struct err err;

		assert_int_equal(message_refuse_conninfo(&err, messages[i]), -1);
		assert_int_equal(err.class, ERR_USAGE);
		if (strstr(err.text, "sesame") != NULL || strstr(err.text, "ame") != NULL)
			fail_msg("\"%s\" shows the password", err.text);
		assert_true(strlen(err.text) > strlen("bad connection string: "));
		assert_string_not_equal(err.hint, "");
	}
}

static void
a_complaint_that_quotes_nothing_is_told_whole(void **state)
{
	struct err err;

	(void)state;
	message_refuse_conninfo(&err, "unterminated quoted string in connection info string\n");
	assert_string_equal(
		err.text, "bad connection string: unterminated quoted string in connection info string");
	message_refuse_conninfo(&err, "invalid sslmode value: \"sesame\"\n");
	assert_string_equal(err.text, "bad connection string: invalid sslmode value: \"...\"");
}

static void
a_connection_that_broke_is_told_from_an_answer_that_is_refused(void **state)
{
	static const struct {
		const char *message;
		bool is_loss;
	} cases[] = {
		{"could not send startup packet: Connection reset by peer\n", true},
		{"could not send data to server: Broken pipe\n", true},
		{"could not receive data from server: Connection reset by peer\n", true},
		{"server closed the connection unexpectedly\n\tThis probably means ...\n", true},
		{"SSL SYSCALL error: EOF detected\n", true},
		{"SSL error: certificate verify failed\n", false},
		{"server does not support SSL, but SSL was required\n", false},
		{"lost synchronization with server: got message type \"x\"\n", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(message_is_of_loss(cases[i].message), cases[i].is_loss);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_that_broke_is_told_from_an_answer_that_is_refused),
		cmocka_unit_test(the_class_follows_from_the_sqlstate),
		cmocka_unit_test(the_detail_stands_behind_the_message),
		cmocka_unit_test(an_error_without_words_is_told_by_its_code),
		cmocka_unit_test(common_errors_come_with_their_remedy),
		cmocka_unit_test(the_error_of_the_server_is_found_in_libpqs_message),
		cmocka_unit_test(what_holds_no_error_of_a_server_is_told_apart),
		cmocka_unit_test(a_message_of_any_length_is_cut_not_overrun),
		cmocka_unit_test(the_reason_is_the_first_line_without_the_place),
		cmocka_unit_test(a_complaint_about_a_connection_string_quotes_nothing_of_it),
		cmocka_unit_test(a_complaint_that_quotes_nothing_is_told_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
