#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/run/external.h"

static struct target target;
static struct err err;

/* Takes operands 3 and 4, with host and port as the options have set them. */
static int
take(const char *host, const char *port, const char *address, const char *server_port)
{
	static char storage[EXTERNAL_OPERANDS][2048];
	char *operands[EXTERNAL_OPERANDS];

	memset(&target, 0, sizeof target);
	memset(&err, 0, sizeof err);
	snprintf(target.host, sizeof target.host, "%s", host);
	snprintf(target.port, sizeof target.port, "%s", port);
	for (int i = 0; i < EXTERNAL_OPERANDS; i++)
		operands[i] = storage[i];
	strcpy(storage[0], "NOT_USED");
	strcpy(storage[1], "NOT_USED");
	snprintf(storage[2], sizeof storage[2], "%s", address);
	snprintf(storage[3], sizeof storage[3], "%s", server_port);
	return external_take(operands, &target, &err);
}

struct external_case {
	const char *host, *port;       /* as the options have set them */
	const char *address, *operand; /* what HAProxy passes */
	const char *wanted_host, *wanted_port;
};

static void
expect_taken(const struct external_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (take(cases[i].host, cases[i].port, cases[i].address, cases[i].operand) != 0)
			fail_msg("case %zu: %s", i, err.text);
		if (strcmp(target.host, cases[i].wanted_host) != 0
			|| strcmp(target.port, cases[i].wanted_port) != 0)
			fail_msg("case %zu: got host \"%s\", port \"%s\"", i, target.host, target.port);
	}
}

static void
address_and_port_are_those_of_the_server(void **state)
{
	static const struct external_case cases[] = {
		{"", "", "10.0.0.11", "5432", "10.0.0.11", "5432"},
		{"", "", "::1", "5432", "::1", "5432"},
		{"", "", "2001:db8::5", "1", "2001:db8::5", "1"},
		{"", "", "10.0.0.11", "65535", "10.0.0.11", "65535"},
		{"", "", "10.0.0.11", "NOT_USED", "10.0.0.11", ""},
	};

	(void)state;
	expect_taken(cases, sizeof cases / sizeof cases[0]);
}

static void
a_socket_is_split_into_directory_and_number(void **state)
{
	static const struct external_case cases[] = {
		{"", "", "/run/postgresql/.s.PGSQL.5432", "NOT_USED", "/run/postgresql", "5432"},
		{"", "", "/a/.s.PGSQL.1/.s.PGSQL.6432", "NOT_USED", "/a/.s.PGSQL.1", "6432"},
		{"", "", "/tmp/.s.PGSQL.5433", "5432", "/tmp", "5433"},
	};

	(void)state;
	expect_taken(cases, sizeof cases / sizeof cases[0]);
}

static void
what_the_options_say_stands(void **state)
{
	static const struct external_case cases[] = {
		{"db1", "", "10.0.0.11", "5432", "db1", "5432"},
		{"", "6432", "10.0.0.11", "5432", "10.0.0.11", "6432"},
		{"db1", "6432", "10.0.0.11", "5432", "db1", "6432"},
		{"db1", "6432", "10.0.0.11", "NOT_USED", "db1", "6432"},
		{"db1", "6432", "/run/postgresql/.s.PGSQL.5432", "NOT_USED", "db1", "6432"},
		{"db1", "", "/run/postgresql/.s.PGSQL.5432", "NOT_USED", "db1", ""},
	};

	(void)state;
	expect_taken(cases, sizeof cases / sizeof cases[0]);
}

static void
a_port_that_the_options_say_stands_beside_a_socket_too(void **state)
{
	static const struct external_case cases[] = {
		{"", "6432", "/run/postgresql/.s.PGSQL.5432", "NOT_USED", "/run/postgresql", "6432"},
	};

	(void)state;
	expect_taken(cases, sizeof cases / sizeof cases[0]);
}

static void
what_is_no_port_and_no_socket_is_refused(void **state)
{
	static const char *const cases[][2] = {
		{"10.0.0.11", ""},
		{"10.0.0.11", "0"},
		{"10.0.0.11", "65536"},
		{"10.0.0.11", "-1"},
		{"10.0.0.11", "postgresql"},
		{"10.0.0.11", "5432 "},
		{"10.0.0.11", "not_used"},
		{"/run/postgresql", "NOT_USED"},
		{"/run/postgresql/", "NOT_USED"},
		{"/run/haproxy.sock", "NOT_USED"},
		{"/.s.PGSQL.5432", "NOT_USED"},
		{"/run/.s.PGSQL.5432/x", "NOT_USED"},
		{"/run/x.s.PGSQL.5432", "NOT_USED"},
		/* Without its number the port would be libpq's own, and the answer another server's. */
		{"/run/postgresql/.s.PGSQL.", "NOT_USED"},
		{"/run/postgresql/.s.PGSQL.5432.lock", "NOT_USED"},
		{"/run/postgresql/.s.PGSQL.12345678901234", "NOT_USED"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (take("", "", cases[i][0], cases[i][1]) != -1)
			fail_msg("\"%s\" \"%s\" became host \"%s\", port \"%s\"", cases[i][0], cases[i][1],
				target.host, target.port);
		assert_int_equal(err.class, ERR_USAGE);
		assert_string_not_equal(err.text, "");
	}
}

static void
a_refusal_says_which_operand_and_what_haproxy_passes(void **state)
{
	(void)state;
	assert_int_equal(take("", "", "10.0.0.11", "x"), -1);
	assert_non_null(strstr(err.text, "operand 4"));
	assert_non_null(strstr(err.text, "\"x\""));
	assert_non_null(strstr(err.hint, "external-check"));
	assert_int_equal(take("", "", "/run/haproxy.sock", "NOT_USED"), -1);
	assert_non_null(strstr(err.text, "\"/run/haproxy.sock\""));
	assert_non_null(strstr(err.hint, ".s.PGSQL.5432"));
}

static void
what_does_not_fit_is_refused_not_cut(void **state)
{
	char address[1100], path[1120];

	(void)state;
	memset(address, 'a', sizeof address);
	address[1023] = '\0';
	assert_int_equal(take("", "", address, "5432"), 0);
	address[1023] = 'a';
	address[1024] = '\0';
	assert_int_equal(take("", "", address, "5432"), -1);
	assert_string_equal(target.host, "");
	snprintf(path, sizeof path, "/%s/.s.PGSQL.5432", address);
	assert_int_equal(take("", "", path, "NOT_USED"), -1);
	assert_string_equal(target.host, "");
}

/* An empty host means libpq's own default: this machine, and not the server that HAProxy asks about. */
static void
an_address_that_is_empty_is_refused(void **state)
{
	(void)state;
	assert_int_equal(take("", "", "", "5432"), -1);
	assert_int_equal(err.class, ERR_USAGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(address_and_port_are_those_of_the_server),
		cmocka_unit_test(a_socket_is_split_into_directory_and_number),
		cmocka_unit_test(what_the_options_say_stands),
		cmocka_unit_test(a_port_that_the_options_say_stands_beside_a_socket_too),
		cmocka_unit_test(what_is_no_port_and_no_socket_is_refused),
		cmocka_unit_test(a_refusal_says_which_operand_and_what_haproxy_passes),
		cmocka_unit_test(what_does_not_fit_is_refused_not_cut),
		cmocka_unit_test(an_address_that_is_empty_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
