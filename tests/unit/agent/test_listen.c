#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/agent/listen.h"
#include "tests/unit/agent/descriptors.h"
#include "tests/unit/agent/sample.h"

static char directory[] = "/tmp/test_listen_XXXXXX";
static struct plan plan;
static struct listen_points points, others;
static struct err err;

/* An address of the loopback network that no other process uses, so that any port of it is free. */
static const char *
address(int port)
{
	static char texts[8][32];
	static int next;

	next = (next + 1) % 8;
	snprintf(texts[next], sizeof texts[next], "127.%d.%d.7:%d", 1 + (int)getpid() / 250 % 250,
		(int)getpid() % 250, port);
	return texts[next];
}

static const char *
socket_path(void)
{
	static char path[64];

	snprintf(path, sizeof path, "%s/agent.sock", directory);
	return path;
}

/* A plan of what it listens on, beside the socket in the directory. */
static void
plan_of(const char *http, const char *agent, const char *rest)
{
	char text[2048];

	snprintf(text, sizeof text, "[agent]\nrun_directory = %s\n[listen]\nhttp = %s\nagent = %s\n%s",
		directory, http, agent, rest);
	sample_plan(text, &plan);
}

static int
make_directory(void **state)
{
	(void)state;
	memset(&points, 0, sizeof points);
	memset(&others, 0, sizeof others);
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	return mkdtemp(directory) == NULL ? -1 : 0;
}

static int
remove_directory(void **state)
{
	(void)state;
	unlink(socket_path());
	return rmdir(directory);
}

static void
open_points(const struct listen_points *former, struct listen_points *ret)
{
	if (listen_open(&plan, former, ret, &err) != 0)
		fail_msg("%s (%s)", err.text, err.hint);
}

/* Refused with such words, and nothing is open that was not before. */
static void
expect_refused(const struct listen_points *former, const char *message)
{
	int before = descriptor_count();

	others.count = 777;
	if (listen_open(&plan, former, &others, &err) == 0)
		fail_msg("it listens, instead of \"%s\"", message);
	assert_int_equal(err.class, ERR_USAGE);
	if (strstr(err.text, message) == NULL)
		fail_msg("got \"%s\", expected \"%s\"", err.text, message);
	assert_int_equal(descriptor_count(), before);
	assert_int_equal(others.count, 777);
}

static bool
can_connect(const char *to)
{
	struct sockaddr_in where = {.sin_family = AF_INET};
	struct sockaddr_un path = {.sun_family = AF_UNIX};
	bool is_path = to[0] == '/', is_connected;
	int fd = socket(is_path ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
	char host[64];

	snprintf(host, sizeof host, "%.*s", (int)strcspn(to, ":"), to);
	if (is_path) {
		snprintf(path.sun_path, sizeof path.sun_path, "%s", to);
	} else {
		where.sin_port = htons((in_port_t)atoi(strchr(to, ':') + 1));
		assert_int_equal(inet_pton(AF_INET, host, &where.sin_addr), 1);
	}
	is_connected = connect(fd, is_path ? (struct sockaddr *)&path : (struct sockaddr *)&where,
			       is_path ? sizeof path : sizeof where)
		== 0;
	close(fd);
	return is_connected;
}

/* -- opening ----------------------------------------------------------------------------------- */

static void
every_address_of_a_plan_is_listened_on(void **state)
{
	char both[128], rest[256];
	struct stat status;
	int before = descriptor_count();

	(void)state;
	snprintf(both, sizeof both, "%s , %s", address(1001), address(1002));
	snprintf(rest, sizeof rest, "[check replica]\nagent = %s\n", address(1004));
	plan_of(both, address(1003), rest);
	open_points(NULL, &points);
	assert_int_equal(points.count, 5);
	for (int port = 1001; port <= 1004; port++)
		assert_true(can_connect(address(port)));
	assert_true(can_connect(socket_path()));
	assert_int_equal(stat(socket_path(), &status), 0);
	assert_int_equal(status.st_mode & 0777, 0660);
	for (size_t i = 0; i < points.count; i++) {
		assert_true((fcntl(points.of[i].fd, F_GETFL) & O_NONBLOCK) != 0);
		assert_true((fcntl(points.of[i].fd, F_GETFD) & FD_CLOEXEC) != 0);
		assert_false(points.of[i].is_inherited);
		if (points.of[i].kind == LISTEN_CHECK)
			assert_string_equal(points.of[i].check, "replica");
	}
	listen_close(&points, NULL);
	assert_int_equal(points.count, 0);
	assert_int_equal(descriptor_count(), before);
	assert_false(can_connect(address(1001)));
	assert_int_equal(access(socket_path(), F_OK), -1);
}

static void
what_is_empty_or_none_is_not_listened_on(void **state)
{
	(void)state;
	plan_of("", "", "socket = none\n");
	open_points(NULL, &points);
	assert_int_equal(points.count, 0);
	assert_int_equal(access(socket_path(), F_OK), -1);
	listen_close(&points, NULL);
}

static void
what_is_left_behind_by_connections_is_no_hindrance(void **state)
{
	(void)state;
	plan_of(address(1001), "", "socket = none\n");
	for (int i = 0; i < 3; i++) {
		open_points(NULL, &points);
		assert_true(can_connect(address(1001))); /* which waits in the kernel for its end */
		listen_close(&points, NULL);
	}
}

static void
both_kinds_of_addresses_meet_on_ipv6(void **state)
{
	struct sockaddr_in6 where = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT};
	socklen_t length = sizeof where;
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	char text[64];

	(void)state;
	if (fd < 0 || bind(fd, (struct sockaddr *)&where, sizeof where) != 0
		|| getsockname(fd, (struct sockaddr *)&where, &length) != 0) {
		print_message("# no IPv6 here: %s\n", strerror(errno));
		skip();
	}
	close(fd);
	snprintf(text, sizeof text, "[::]:%d", ntohs(where.sin6_port));
	plan_of(text, "", "socket = none\n");
	open_points(NULL, &points);
	snprintf(text, sizeof text, "127.0.0.1:%d", ntohs(where.sin6_port));
	assert_true(can_connect(text));
	listen_close(&points, NULL);
}

/* -- what is refused --------------------------------------------------------------------------- */

static void
an_address_that_is_taken_is_refused_and_all_others_closed(void **state)
{
	char both[128];

	(void)state;
	plan_of(address(1002), "", "socket = none\n");
	open_points(NULL, &points);
	snprintf(both, sizeof both, "%s,%s", address(1001), address(1002));
	plan_of("", both, "");
	expect_refused(NULL, address(1002));
	assert_non_null(strstr(err.text, "cannot listen on"));
	assert_non_null(strstr(err.hint, "another program listens there"));
	assert_false(can_connect(address(1001)));
	assert_true(can_connect(address(1002))); /* the other's */
	assert_int_equal(access(socket_path(), F_OK), -1);
	listen_close(&points, NULL);
}

static void
one_address_twice_is_refused(void **state)
{
	char twice[128];

	(void)state;
	snprintf(twice, sizeof twice, "%s,%s", address(1001), address(1001));
	plan_of(twice, "", "socket = none\n");
	expect_refused(NULL, address(1001));
}

static void
an_address_of_another_host_is_refused(void **state)
{
	(void)state;
	plan_of("192.0.2.1:1001", "", "socket = none\n"); /* for documentation: nobody has it */
	expect_refused(NULL, "cannot listen on \"192.0.2.1:1001\"");
	assert_non_null(strstr(err.hint, "no such address (yet)"));
}

static void
more_addresses_than_there_may_be_are_refused(void **state)
{
	char text[8192], list[600] = "";
	size_t length = 0;

	(void)state;
	for (int i = 0; i < 10; i++)
		sprintf(list + strlen(list), "%s127.0.0.1:%d", i > 0 ? "," : "", i + 1);
	length += (size_t)snprintf(text, sizeof text, "[listen]\nsocket = none\nhttp =\nagent =\n");
	for (int i = 0; i < 7; i++)
		length += (size_t)snprintf(text + length, sizeof text - length,
			"[check c%d]\ncheck = pg_replica\nagent = %s\n", i, list);
	sample_plan(text, &plan);
	expect_refused(NULL, "more than 64 addresses to listen on");
}

/* -- the socket's file ------------------------------------------------------------------------- */

static void
a_file_that_is_left_behind_is_replaced(void **state)
{
	struct sockaddr_un where = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	snprintf(where.sun_path, sizeof where.sun_path, "%s", socket_path());
	assert_int_equal(bind(fd, (struct sockaddr *)&where, sizeof where), 0);
	close(fd); /* as the kernel does for one that was killed */
	assert_false(can_connect(socket_path()));
	plan_of("", "", "");
	open_points(NULL, &points);
	assert_true(can_connect(socket_path()));
	listen_close(&points, NULL);
}

static void
a_socket_that_is_in_use_is_refused_and_stays(void **state)
{
	(void)state;
	plan_of("", "", "");
	open_points(NULL, &points);
	expect_refused(NULL, "an agent already listens on");
	assert_non_null(strstr(err.text, socket_path()));
	assert_true(can_connect(socket_path()));
	listen_close(&points, NULL);
}

static void
a_file_that_is_no_socket_is_not_removed(void **state)
{
	int fd = open(socket_path(), O_WRONLY | O_CREAT, 0600);

	(void)state;
	assert_int_equal(write(fd, "precious", 8), 8);
	close(fd);
	plan_of("", "", "");
	expect_refused(NULL, "cannot listen on");
	assert_int_equal(access(socket_path(), F_OK), 0);
}

static void
a_directory_that_is_not_there_is_told(void **state)
{
	char text[128];

	(void)state;
	snprintf(text, sizeof text, "socket = %s/nowhere/agent.sock\n", directory);
	plan_of(address(1001), "", text);
	expect_refused(NULL, "nowhere/agent.sock");
	assert_false(can_connect(address(1001)));
}

static void
a_path_may_hold_a_comma(void **state)
{
	char text[128], path[96];

	(void)state;
	snprintf(path, sizeof path, "%s/a,b", directory);
	snprintf(text, sizeof text, "socket = %s\n", path);
	plan_of("", "", text);
	open_points(NULL, &points);
	assert_int_equal(points.count, 1);
	assert_true(can_connect(path));
	listen_close(&points, NULL);
	assert_int_equal(access(path, F_OK), -1);
}

/* -- another plan ------------------------------------------------------------------------------ */

static void
what_the_former_plan_had_is_taken_over_as_it_is(void **state)
{
	char both[128];
	int kept;

	(void)state;
	snprintf(both, sizeof both, "%s,%s", address(1001), address(1002));
	plan_of(both, "", "");
	open_points(NULL, &points);
	kept = points.of[1].fd;
	snprintf(both, sizeof both, "%s,%s", address(1003), address(1002));
	plan_of(both, "", "");
	open_points(&points, &others);
	assert_int_equal(others.count, 3);
	assert_int_equal(others.of[1].fd, kept);
	listen_close(&points, &others);
	assert_false(can_connect(address(1001)));
	assert_true(can_connect(address(1002)));
	assert_true(can_connect(address(1003)));
	assert_true(can_connect(socket_path()));
	listen_close(&others, NULL);
	assert_false(can_connect(address(1002)));
	assert_int_equal(access(socket_path(), F_OK), -1);
}

static void
when_the_new_plan_is_refused_the_former_goes_on(void **state)
{
	char both[128];

	(void)state;
	plan_of(address(1001), "", "");
	open_points(NULL, &points);
	snprintf(both, sizeof both, "%s,192.0.2.1:1", address(1001));
	plan_of(both, address(1002), "");
	expect_refused(&points, "192.0.2.1:1");
	assert_true(can_connect(address(1001)));
	assert_false(can_connect(address(1002)));
	assert_true(can_connect(socket_path()));
	listen_close(&points, NULL);
}

/* HTTP where agent-check was is another service: what is connected there must not be taken for it. */
static void
an_address_that_changes_its_kind_is_refused_while_it_is_open(void **state)
{
	(void)state;
	plan_of(address(1001), "", "socket = none\n");
	open_points(NULL, &points);
	plan_of("", address(1001), "socket = none\n");
	expect_refused(&points, "cannot listen on");
	listen_close(&points, NULL);
	open_points(NULL, &points);
	assert_int_equal(points.of[0].kind, LISTEN_AGENT);
	listen_close(&points, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			every_address_of_a_plan_is_listened_on, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			what_is_empty_or_none_is_not_listened_on, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			what_is_left_behind_by_connections_is_no_hindrance, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			both_kinds_of_addresses_meet_on_ipv6, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(an_address_that_is_taken_is_refused_and_all_others_closed,
			make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			one_address_twice_is_refused, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			an_address_of_another_host_is_refused, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			more_addresses_than_there_may_be_are_refused, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			a_file_that_is_left_behind_is_replaced, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			a_socket_that_is_in_use_is_refused_and_stays, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			a_file_that_is_no_socket_is_not_removed, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			a_directory_that_is_not_there_is_told, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(a_path_may_hold_a_comma, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			what_the_former_plan_had_is_taken_over_as_it_is, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			when_the_new_plan_is_refused_the_former_goes_on, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(an_address_that_changes_its_kind_is_refused_while_it_is_open,
			make_directory, remove_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
