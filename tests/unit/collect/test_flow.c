#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/collect/flow.h"

enum { CHUNK_BYTES = 32768 };

static int near_end, far_end;

static int
open_unix(void **state)
{
	int ends[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		return -1;
	near_end = ends[0];
	far_end = ends[1];
	return 0;
}

static int
open_tcp(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	near_end = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 1) != 0
		|| getsockname(listener, (struct sockaddr *)&address, &length) != 0
		|| connect(near_end, (struct sockaddr *)&address, length) != 0)
		return -1;
	far_end = accept(listener, NULL, NULL);
	return far_end < 0 ? -1 : close(listener);
}

static int
close_both(void **state)
{
	(void)state;
	return close(near_end) | close(far_end);
}

static void
send_bytes(size_t length)
{
	static const char zeros[CHUNK_BYTES];

	assert_int_equal(send(far_end, zeros, length, 0), length);
	assert_true(flow_await(near_end, POLLIN, clock_now_ms() + 5000));
	for (int64_t until_ms = clock_now_ms() + 5000; flow_waiting_bytes(near_end) < (int)length;)
		assert_true(clock_now_ms() < until_ms);
}

/* Reads all that waits, as libpq does between the two calls. */
static bool
read_all(struct flow *flow)
{
	bool is_bounded = flow_before_read(flow, near_end);
	char bytes[CHUNK_BYTES];

	assert_int_equal(recv(near_end, bytes, sizeof bytes, MSG_WAITALL), sizeof bytes);
	flow_after_read(flow, near_end);
	return is_bounded;
}

static void
a_socket_is_waited_for_until_the_deadline(void **state)
{
	int64_t start_ms = clock_now_ms();

	(void)state;
	assert_false(flow_await(near_end, POLLIN, start_ms + 20));
	assert_true(clock_now_ms() >= start_ms + 20);
	assert_false(flow_await(near_end, POLLOUT, start_ms)); /* it has passed, whatever is ready */
	assert_true(flow_await(near_end, POLLOUT, clock_now_ms() + 5000));
	assert_int_equal(flow_waiting_bytes(near_end), 0);
	send_bytes(10);
	assert_int_equal(flow_waiting_bytes(near_end), 10);
}

static void
what_has_no_end_is_found_out(void **state)
{
	struct flow flow = {.read_bytes = 0};

	(void)state;
	for (int i = 0; i < FLOW_MAX / CHUNK_BYTES; i++) {
		send_bytes(CHUNK_BYTES);
		assert_true(read_all(&flow));
	}
	send_bytes(CHUNK_BYTES);
	read_all(&flow);
	assert_false(flow_before_read(&flow, near_end));
	flow_restart(&flow, near_end); /* the next answer may be as long */
	assert_true(flow_before_read(&flow, near_end));
}

/* Behind a read as much waits again: how much was read does not show, and is not taken for nothing. */
static void
who_sends_on_while_it_is_read_is_counted_all_the_same(void **state)
{
	struct flow flow = {.read_bytes = 0};
	int reads = 0;

	(void)state;
	send_bytes(CHUNK_BYTES);
	while (flow_before_read(&flow, near_end)) {
		flow_after_read(&flow, near_end);
		assert_true(++reads <= FLOW_MAX / CHUNK_BYTES + 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_socket_is_waited_for_until_the_deadline, open_unix, close_both),
		{"what_has_no_end_is_found_out (Unix)", what_has_no_end_is_found_out, open_unix, close_both,
			NULL},
		{"what_has_no_end_is_found_out (TCP)", what_has_no_end_is_found_out, open_tcp, close_both,
			NULL},
		cmocka_unit_test_setup_teardown(
			who_sends_on_while_it_is_read_is_counted_all_the_same, open_unix, close_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
