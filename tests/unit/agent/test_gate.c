#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/resource.h>
#include <time.h>

#include "lib/agent/gate.h"
#include "tests/unit/agent/loop.h"

enum { LONG_MS = 60000, MANY = 200 };

static struct {
	int count;
	int fds[MANY];
} taken;

static void
take(void *context, int fd, const struct sockaddr *address, socklen_t length)
{
	assert_ptr_equal(context, &taken);
	assert_true(taken.count < MANY);
	assert_int_equal(address->sa_family, AF_INET);
	assert_int_equal(length, sizeof(struct sockaddr_in));
	assert_int_equal(((const struct sockaddr_in *)address)->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	taken.fds[taken.count++] = fd;
}

static struct gate *
opened(int64_t patience_ms, size_t waiting_max)
{
	struct gate *gate = gate_open(loop.base, loop.listener, patience_ms, waiting_max, take, &taken);

	taken.count = 0;
	assert_non_null(gate);
	gate_accept(gate);
	return gate;
}

static void
close_taken(void)
{
	while (taken.count > 0)
		close(taken.fds[--taken.count]);
}

static void
who_speaks_is_let_in_with_what_was_said(void **state)
{
	struct gate *gate = opened(LONG_MS, 10);
	int silent = loop_connect(), speaking = loop_connect();
	char bytes[8] = "";

	(void)state;
	assert_int_equal(taken.count, 0);
	loop_say(speaking, "hello", 5);
	loop_turn();
	assert_int_equal(taken.count, 1);
	assert_int_equal(recv(taken.fds[0], bytes, sizeof bytes, 0), 5);
	assert_string_equal(bytes, "hello");
	assert_false(loop_is_closed(silent));
	loop_say(speaking, "more", 4);
	loop_turn();
	assert_int_equal(taken.count, 1); /* it is the taker's now */
	gate_close(gate);
	assert_true(loop_is_closed(silent));
	assert_false(loop_is_closed(speaking));
	close_taken();
	close(silent);
	close(speaking);
}

static void
who_has_waited_longest_makes_room(void **state)
{
	enum { ROOM = 3 };
	struct gate *gate = opened(LONG_MS, ROOM);
	int clients[6];

	(void)state;
	for (int i = 0; i < 6; i++) {
		clients[i] = loop_connect();
		for (int j = 0; j <= i; j++)
			if (loop_is_closed(clients[j]) != (j <= i - ROOM))
				fail_msg("after %d, the one at %d", i, j);
	}
	loop_say(clients[4], "x", 1); /* it goes, and leaves room */
	loop_turn();
	assert_int_equal(taken.count, 1);
	close(clients[0]);
	clients[0] = loop_connect();
	assert_false(loop_is_closed(clients[3]) || loop_is_closed(clients[5]) || loop_is_closed(clients[0]));
	gate_close(gate);
	close_taken();
	for (int i = 0; i < 6; i++)
		close(clients[i]);
}

static void
however_many_are_silent_one_that_speaks_is_served(void **state)
{
	struct gate *gate = opened(LONG_MS, 5);
	int silent[MANY], before = descriptor_count();

	(void)state;
	for (int i = 0; i < MANY; i++) {
		silent[i] = loop_connect();
		if (i % 20 == 19) {
			int speaking = loop_connect();

			loop_say(speaking, "x", 1);
			loop_turn();
			assert_int_equal(taken.count, 1);
			close_taken();
			close(speaking);
		}
	}
	assert_int_equal(
		descriptor_count(), before + MANY + 4); /* one has gone for the last that spoke */
	gate_close(gate);
	assert_int_equal(descriptor_count(), before + MANY);
	for (int i = 0; i < MANY; i++)
		close(silent[i]);
}

static void
who_stays_silent_for_too_long_is_closed(void **state)
{
	struct gate *gate = opened(1000, 10);
	int early = loop_connect(), late;

	(void)state;
	loop_run(500);
	late = loop_connect();
	assert_false(loop_is_closed(early));
	loop_run(700);
	assert_true(loop_is_closed(early));
	assert_false(loop_is_closed(late));
	loop_run(500);
	assert_true(loop_is_closed(late));
	assert_int_equal(taken.count, 0);
	gate_close(gate);
	close(early);
	close(late);
}

static void
without_waiting_everybody_is_let_in(void **state)
{
	struct gate *gate = opened(0, 1);
	int first = loop_connect(), second = loop_connect();

	(void)state;
	assert_int_equal(taken.count, 2);
	gate_close(gate);
	assert_false(loop_is_closed(first) || loop_is_closed(second));
	close_taken();
	close(first);
	close(second);
}

/* An end is something to be read; what it means is the taker's to know. */
static void
who_goes_without_a_word_leaves_nothing(void **state)
{
	struct gate *gate = opened(LONG_MS, 10);
	int before = descriptor_count();

	(void)state;
	for (int i = 0; i < 5; i++) {
		close(loop_connect());
		loop_turn();
	}
	close_taken();
	assert_int_equal(descriptor_count(), before);
	gate_close(gate);
}

static void
no_room_for_any_is_room_for_one(void **state)
{
	struct gate *gate = opened(LONG_MS, 0);
	int first = loop_connect(), second;

	(void)state;
	assert_false(loop_is_closed(first));
	second = loop_connect();
	assert_true(loop_is_closed(first));
	assert_false(loop_is_closed(second));
	gate_close(gate);
	close(first);
	close(second);
}

static void
a_gate_that_is_closed_leaves_the_listener(void **state)
{
	struct gate *gate = opened(LONG_MS, 10);
	int client;

	(void)state;
	gate_close(gate);
	gate = opened(0, 10);
	client = loop_connect();
	assert_int_equal(taken.count, 1);
	gate_close(gate);
	gate_close(NULL);
	close_taken();
	close(client);
}

static void
who_comes_before_it_accepts_waits_in_the_kernel(void **state)
{
	struct gate *gate = gate_open(loop.base, loop.listener, LONG_MS, 10, take, &taken);
	int client = loop_connect();

	(void)state;
	loop_say(client, "x", 1);
	loop_run(20);
	assert_int_equal(taken.count, 0);
	gate_accept(gate);
	loop_turn();
	assert_int_equal(taken.count, 1);
	gate_close(gate);
	close_taken();
	close(client);
}

static void
once_retired_it_lets_in_only_those_who_wait(void **state)
{
	struct gate *gate = opened(LONG_MS, 10);
	int waiting = loop_connect(), late;

	(void)state;
	gate_retire(gate);
	late = loop_connect();
	loop_say(late, "x", 1);
	loop_say(waiting, "x", 1);
	loop_run(20);
	assert_int_equal(taken.count, 1);
	gate_close(gate);
	assert_false(loop_is_closed(late)); /* it is the successor's */
	gate = gate_open(loop.base, loop.listener, LONG_MS, 10, take, &taken);
	gate_accept(gate);
	loop_turn();
	assert_int_equal(taken.count, 2);
	gate_close(gate);
	close_taken();
	close(waiting);
	close(late);
}

static void
without_descriptors_those_who_wait_make_room(void **state)
{
	struct gate *gate = opened(LONG_MS, 100);
	int first = loop_connect(), second = loop_connect(), late;
	struct rlimit limit, tight;

	(void)state;
	late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(late, (struct sockaddr *)&loop.address, sizeof loop.address), 0);
	fcntl(late, F_SETFL, O_NONBLOCK);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	tight = limit;
	tight.rlim_cur = (rlim_t)late + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	loop_turn();
	loop_turn();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(loop_is_closed(first));
	loop_say(late, "x", 1);
	loop_turn();
	assert_int_equal(taken.count, 1);
	gate_close(gate);
	close_taken();
	close(first);
	close(second);
	close(late);
}

static void
without_descriptors_accepting_rests_when_nobody_can_make_room(void **state)
{
	struct gate *gate = opened(LONG_MS, 100);
	struct rlimit limit, tight;
	clock_t used;
	int late;

	(void)state;
	late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(late, (struct sockaddr *)&loop.address, sizeof loop.address), 0);
	fcntl(late, F_SETFL, O_NONBLOCK);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	tight = limit;
	tight.rlim_cur = (rlim_t)late + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	used = clock();
	loop_run(500);
	used = clock() - used;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(used < CLOCKS_PER_SEC / 10);
	loop_say(late, "x", 1);
	loop_run(500);
	assert_int_equal(taken.count, 1);
	gate_close(gate);
	close_taken();
	close(late);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			who_speaks_is_let_in_with_what_was_said, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(who_has_waited_longest_makes_room, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(
			however_many_are_silent_one_that_speaks_is_served, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(
			who_stays_silent_for_too_long_is_closed, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(without_waiting_everybody_is_let_in, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(
			who_goes_without_a_word_leaves_nothing, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(no_room_for_any_is_room_for_one, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(
			without_descriptors_accepting_rests_when_nobody_can_make_room, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(
			a_gate_that_is_closed_leaves_the_listener, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(
			who_comes_before_it_accepts_waits_in_the_kernel, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(
			once_retired_it_lets_in_only_those_who_wait, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(
			without_descriptors_those_who_wait_make_room, loop_open, loop_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
