#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>

#include "lib/run/process.h"
#include "tests/unit/run/child.h"

/* -- process_is_head_request() ----------------------------------------------------------------- */

enum { EXIT_IS_HEAD = 1, EXIT_IS_NOT = 2, EXIT_TOO_LATE = 3 };

struct request {
	int input;
	int64_t wait_ms;
};

static int
ask_whether_head(void *context)
{
	const struct request *request = context;
	int64_t deadline_ms = clock_now_ms() + request->wait_ms;
	bool is_head;

	dup2(request->input, STDIN_FILENO);
	is_head = process_is_head_request(deadline_ms);
	if (clock_now_ms() > deadline_ms + CHILD_PATIENCE_MS / 2)
		return EXIT_TOO_LATE;
	return is_head ? EXIT_IS_HEAD : EXIT_IS_NOT;
}

static void
the_request_is_read_until_its_empty_line(void **state)
{
	static const struct {
		const char *request;
		int expected;
	} cases[] = {
		{"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", EXIT_IS_HEAD},
		{"HEAD /leader HTTP/1.0\n\n", EXIT_IS_HEAD},
		{"GET / HTTP/1.1\r\n\r\n", EXIT_IS_NOT},
		{"OPTIONS / HTTP/1.0\r\n\r\n", EXIT_IS_NOT},
		{"HEADER / HTTP/1.0\r\n\r\n", EXIT_IS_NOT},
		{"head / HTTP/1.0\r\n\r\n", EXIT_IS_NOT}, /* methods are case-sensitive */
		{"\r\n\r\n", EXIT_IS_NOT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int ends[2], got;
		/* A minute: a request that is whole must not be waited for. */
		struct request request = {.wait_ms = 60000};

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
		assert_int_equal(
			write(ends[0], cases[i].request, strlen(cases[i].request)), strlen(cases[i].request));
		request.input = ends[1];
		got = child_run(ask_whether_head, &request);
		if (got != cases[i].expected)
			fail_msg("\"%s\": %d", cases[i].request, got);
		close(ends[0]);
		close(ends[1]);
	}
}

static void
a_request_may_come_in_pieces_cut_short_or_not_at_all(void **state)
{
	static const struct {
		const char *pieces[3];
		bool is_closed;
		int expected;
	} cases[] = {
		{{"HE", "AD / HTTP/1.1\r", "\n\r\n"}, false, EXIT_IS_HEAD},
		{{"HEAD / HTTP/1.1\r\n", NULL}, true, EXIT_IS_HEAD},
		{{"HEAD / HTTP/1.1\r\n", NULL}, false, EXIT_IS_HEAD},
		{{"GET /", NULL}, false, EXIT_IS_NOT},
		{{NULL}, false, EXIT_IS_NOT},
		{{NULL}, true, EXIT_IS_NOT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct request request = {.wait_ms = 150};
		struct child child;
		int ends[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
		request.input = ends[1];
		child = child_start(ask_whether_head, &request);
		for (int j = 0; j < 3 && cases[i].pieces[j] != NULL; j++) {
			poll(NULL, 0, 5);
			assert_true(write(ends[0], cases[i].pieces[j], strlen(cases[i].pieces[j])) > 0);
		}
		if (cases[i].is_closed)
			shutdown(ends[0], SHUT_WR);
		if (child_end(&child) != cases[i].expected)
			fail_msg("case %zu", i);
		close(ends[0]);
		close(ends[1]);
	}
}

static void
a_request_without_end_is_not_read_without_end(void **state)
{
	static char endless[65536];
	struct request request = {.wait_ms = 60000};
	int ends[2];

	(void)state;
	memset(endless, 'x', sizeof endless);
	memcpy(endless, "HEAD ", 5);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_true(write(ends[0], endless, sizeof endless) > 4096);
	request.input = ends[1];
	assert_int_equal(child_run(ask_whether_head, &request), EXIT_IS_HEAD);
	close(ends[0]);
	close(ends[1]);
}

static void
what_is_no_socket_is_not_waited_for(void **state)
{
	struct request request = {.wait_ms = 60000};
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	request.input = ends[0];
	assert_int_equal(child_run(ask_whether_head, &request), EXIT_IS_NOT);
	close(ends[0]);
	close(ends[1]);
}

/* -- process_finish_response() ----------------------------------------------------------------- */

/* Returns how long it took, in tenths of a second. */
static int
finish(void *context)
{
	const struct request *request = context;
	int64_t start_ms = clock_now_ms();

	dup2(request->input, STDOUT_FILENO);
	process_finish_response(start_ms + request->wait_ms);
	return (int)(clock_now_ms() - start_ms) / 100;
}

static void
the_response_ends_for_a_peer_that_keeps_its_side_open(void **state)
{
	struct request request = {.wait_ms = 60000};
	struct child child;
	int ends[2];
	char byte;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	request.input = ends[1];
	child = child_start(finish, &request);
	/* Not close(), for this process still holds it open; but the end for who reads. */
	assert_int_equal(poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, CHILD_PATIENCE_MS), 1);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	assert_in_range(child_end(&child), 1, CHILD_PATIENCE_MS / 200);
	close(ends[0]);
	close(ends[1]);
}

static void
what_the_peer_still_sends_is_taken(void **state)
{
	struct request request = {.wait_ms = 60000};
	struct child child;
	int ends[2], unread = -1;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(write(ends[0], "rest of a request", 17), 17);
	request.input = ends[1];
	child = child_start(finish, &request);
	assert_in_range(child_end(&child), 0, CHILD_PATIENCE_MS / 200);
	unread = (int)recv(ends[1], &(char[32]){0}, 32, MSG_DONTWAIT);
	assert_int_equal(unread, -1);
	close(ends[0]);
	close(ends[1]);
}

static void
the_deadline_bounds_the_finish_too(void **state)
{
	struct request request = {.wait_ms = -100};
	int ends[2], shortest = CHILD_PATIENCE_MS;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	request.input = ends[1];
	/* A busy machine may be slow once; one that waits is slow each time. */
	for (int i = 0; i < 5; i++) {
		int tenths = child_run(finish, &request);

		shortest = tenths < shortest ? tenths : shortest;
	}
	assert_int_equal(shortest, 0);
	close(ends[0]);
	close(ends[1]);
}

static void
an_output_that_is_no_socket_stays_open(void **state)
{
	struct request request = {.wait_ms = 60000};
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	request.input = ends[1];
	assert_int_equal(child_run(finish, &request), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	close(ends[0]);
	close(ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_request_is_read_until_its_empty_line),
		cmocka_unit_test(a_request_may_come_in_pieces_cut_short_or_not_at_all),
		cmocka_unit_test(a_request_without_end_is_not_read_without_end),
		cmocka_unit_test(what_is_no_socket_is_not_waited_for),
		cmocka_unit_test(the_response_ends_for_a_peer_that_keeps_its_side_open),
		cmocka_unit_test(what_the_peer_still_sends_is_taken),
		cmocka_unit_test(the_deadline_bounds_the_finish_too),
		cmocka_unit_test(an_output_that_is_no_socket_stays_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
