#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "lib/agent/line.h"
#include "tests/unit/agent/loop.h"

enum { LONG_MS = 60000, BIG = 65000 };

static struct {
	int count;
	char line[2048];
	size_t answer_size; /* 0: a short one that repeats the line */
} asked;

static void
answer(void *context, const char *line, struct text *text)
{
	assert_ptr_equal(context, &asked);
	asked.count++;
	snprintf(asked.line, sizeof asked.line, "%s", line);
	if (asked.answer_size == 0)
		text_add(text, "<%s>\n", line);
	for (size_t i = 0; i < asked.answer_size; i++)
		text_add_bytes(text, &"0123456789"[i % 10], 1);
}

static struct line *
opened_so(bool is_unasked, bool is_end_needed, int64_t patience_ms, int64_t clients_max)
{
	struct line_manner manner = {.is_unasked = is_unasked,
		.is_end_needed = is_end_needed,
		.patience_ms = patience_ms,
		.waiting_max = 10,
		.clients_max = clients_max,
		.answerer = answer,
		.context = &asked};
	struct line *line = line_open(loop.base, loop.listener, &manner);

	memset(&asked, 0, sizeof asked);
	assert_non_null(line);
	line_accept(line);
	return line;
}

static struct line *
opened(bool is_unasked, int64_t patience_ms, int64_t clients_max)
{
	return opened_so(is_unasked, false, patience_ms, clients_max);
}

/* Sends that, and expects the answer and the end. Returns how long that took. */
static int64_t
expect(const char *bytes, size_t length, const char *expected)
{
	int64_t start_ms = clock_now_ms(), took_ms;
	int client = loop_connect();
	char got[256];

	if (length > 0)
		loop_say(client, bytes, length);
	if (!loop_read(client, LOOP_PATIENCE_MS, got, sizeof got, NULL))
		fail_msg("\"%.100s\": no end behind \"%s\"", bytes, got);
	if (strcmp(got, expected) != 0)
		fail_msg("\"%.100s\": got \"%s\", expected \"%s\"", bytes, got, expected);
	took_ms = clock_now_ms() - start_ms;
	close(client);
	loop_turn();
	return took_ms;
}

static void
a_line_gets_one_answer_and_the_end(void **state)
{
	struct line *line = opened(false, LONG_MS, 10);
	int before = descriptor_count();

	(void)state;
	expect("replica lag=16MB\n", 17, "<replica lag=16MB>\n");
	expect("replica\r\n", 9, "<replica>\n");
	expect("\n", 1, "<>\n");
	expect("one\ntwo\n", 8, "<one>\n");
	assert_int_equal(asked.count, 4);
	assert_int_equal(descriptor_count(), before);
	line_close(line);
}

/* It is not waited for more: the best of some, on a machine that does other things as well. */
static void
a_whole_line_is_answered_at_once(void **state)
{
	struct line *line = opened(false, LONG_MS, 10);
	int64_t best_ms = LONG_MS;

	(void)state;
	for (int i = 0; i < 20 && best_ms >= 40; i++) {
		int64_t took_ms = expect("leader\n", 7, "<leader>\n");

		best_ms = took_ms < best_ms ? took_ms : best_ms;
	}
	assert_true(best_ms < 40);
	line_close(line);
}

/* HAProxy sends agent-send as it is written. */
static void
a_line_without_an_end_is_taken_after_a_moment(void **state)
{
	struct line *line = opened(false, LONG_MS, 10);

	(void)state;
	expect("replica", 7, "<replica>\n");
	assert_int_equal(asked.count, 1);
	line_close(line);
}

static void
a_line_may_come_in_pieces(void **state)
{
	static const char whole[] = "replica lag=16MB\n";
	struct line *line = opened(false, LONG_MS, 10);
	int client = loop_connect();
	char got[64];

	(void)state;
	for (size_t i = 0; whole[i] != '\0'; i++) {
		assert_int_equal(asked.count, 0);
		loop_say(client, whole + i, 1);
		loop_run(5);
	}
	assert_true(loop_read(client, LOOP_PATIENCE_MS, got, sizeof got, NULL));
	assert_string_equal(got, "<replica lag=16MB>\n");
	close(client);
	line_close(line);
}

static void
a_client_that_stops_sending_is_answered(void **state)
{
	struct line *line = opened(false, LONG_MS, 10);
	int client = loop_connect();
	char got[64];

	(void)state;
	loop_say(client, "leader", 6);
	shutdown(client, SHUT_WR);
	assert_true(loop_read(client, LOOP_PATIENCE_MS, got, sizeof got, NULL));
	assert_string_equal(got, "<leader>\n");
	close(client);
	line_close(line);
}

/* A question that is cut or hidden in part must not be answered as if it were whole. */
static void
what_is_no_whole_line_is_not_asked_as_one(void **state)
{
	struct line *line = opened(false, LONG_MS, 10);
	char longest[8192];

	(void)state;
	memset(longest, ' ', sizeof longest);
	memcpy(longest, "replica", 7);
	longest[sizeof longest - 1] = '\n';
	for (size_t length = 1100; length <= sizeof longest; length += 1773) {
		int client = loop_connect();
		char got[2048];

		loop_say(client, longest, length);
		assert_true(loop_read(client, LOOP_PATIENCE_MS, got, sizeof got, NULL));
		if (strncmp(asked.line, "replica", 7) == 0)
			fail_msg("%zu bytes are asked as \"%.20s...\"", length, asked.line);
		close(client);
		loop_turn();
	}
	asked.count = 0;
	expect("leader\0 critical=1s\n", 20, "<leader? critical=1s>\n");
	expect("\0leader\n", 8, "<?leader>\n");
	expect("leader\0", 7, "<leader?>\n");
	assert_int_equal(asked.count, 3);
	line_close(line);
}

static void
the_longest_line_that_fits_is_asked_whole(void **state)
{
	struct line *line = opened(false, LONG_MS, 10);
	char longest[1023];
	int client = loop_connect();
	char got[2048];

	(void)state;
	memset(longest, 'x', sizeof longest);
	longest[sizeof longest - 1] = '\n';
	loop_say(client, longest, sizeof longest);
	assert_true(loop_read(client, LOOP_PATIENCE_MS, got, sizeof got, NULL));
	assert_int_equal(strspn(asked.line, "x"), 1022);
	close(client);
	line_close(line);
}

static void
where_nothing_is_asked_the_answer_comes_on_connecting(void **state)
{
	struct line *line = opened(true, LONG_MS, 10);

	(void)state;
	expect("", 0, "<>\n");
	expect("leader\n", 7, "<>\n"); /* what is said is ignored */
	assert_int_equal(asked.count, 2);
	line_close(line);
}

static void
who_goes_early_leaves_nothing(void **state)
{
	struct line *line = opened(false, LONG_MS, 10);
	int before = descriptor_count();

	(void)state;
	for (int i = 0; i < 20; i++) {
		int client = loop_connect();

		if (i % 2 == 0)
			loop_say(client, "leader\n", i % 4 == 0 ? 7 : 3);
		if (i % 3 == 0) {
			struct linger hard = {.l_onoff = 1, .l_linger = 0};

			setsockopt(client, SOL_SOCKET, SO_LINGER, &hard, sizeof hard); /* a reset */
		}
		close(client);
		loop_turn();
	}
	loop_run(100);
	assert_int_equal(descriptor_count(), before);
	line_close(line);
}

static void
a_silent_client_goes_when_its_time_is_over(void **state)
{
	struct line *line = opened(false, 500, 10);
	int client = loop_connect();

	(void)state;
	assert_false(loop_is_closed(client));
	loop_run(800);
	assert_true(loop_is_closed(client));
	assert_int_equal(asked.count, 0);
	close(client);
	line_close(line);
}

static void
more_clients_than_there_may_be_are_closed(void **state)
{
	struct line *line = opened(false, LONG_MS, 2);
	int clients[3];
	char got[64];

	(void)state;
	for (int i = 0; i < 3; i++) {
		clients[i] = loop_connect();
		loop_say(clients[i], "x", 1);
		loop_turn();
	}
	assert_true(loop_is_closed(clients[2]));
	for (int i = 0; i < 2; i++) {
		loop_say(clients[i], "\n", 1);
		assert_true(loop_read(clients[i], LOOP_PATIENCE_MS, got, sizeof got, NULL));
		assert_string_equal(got, "<x>\n");
	}
	for (int i = 0; i < 3; i++)
		close(clients[i]);
	loop_turn();
	expect("next\n", 5, "<next>\n"); /* there is room again */
	line_close(line);
}

/* One that has its answer and does not close is not waited for long. */
static void
who_does_not_close_holds_no_slot_for_long(void **state)
{
	struct line *line = opened(false, LONG_MS, 1);
	int client = loop_connect();
	char got[64];

	(void)state;
	loop_say(client, "x\n", 2);
	assert_true(loop_read(
		client, LOOP_PATIENCE_MS, got, sizeof got, NULL)); /* and it stays open on this side */
	loop_run(1300);
	expect("next\n", 5, "<next>\n");
	close(client);
	line_close(line);
}

static int
small_buffer_client(void)
{
	int small = 2048, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	assert_int_equal(connect(fd, (struct sockaddr *)&loop.address, sizeof loop.address), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	loop_turn();
	return fd;
}

static void
a_slow_reader_gets_all_of_a_big_answer_and_holds_up_nobody(void **state)
{
	struct line *line = opened(false, LONG_MS, 10);
	static char got[BIG + 2];
	int slow, small = 4096;
	size_t length = 0;

	(void)state;
	setsockopt(
		loop.listener, SOL_SOCKET, SO_SNDBUF, &small, sizeof small); /* accepted ones have it too */
	asked.answer_size = BIG;
	slow = small_buffer_client();
	loop_say(slow, "x\n", 2);
	loop_turn();
	asked.answer_size = 0;
	expect("next\n", 5, "<next>\n");
	while (length < BIG) {
		ssize_t some = recv(slow, got + length, 1000, 0);

		assert_true(some > 0 || (some < 0 && errno == EAGAIN));
		if (some > 0)
			length += (size_t)some;
		loop_run(1);
	}
	for (size_t i = 0; i < BIG; i++)
		if (got[i] != (char)('0' + i % 10))
			fail_msg("byte %zu is another", i);
	assert_true(loop_read(slow, LOOP_PATIENCE_MS, got, sizeof got, &length));
	assert_int_equal(length, 0);
	close(slow);
	line_close(line);
}

static void
who_does_not_read_is_closed_when_its_time_is_over(void **state)
{
	struct line *line = opened(false, 1000, 10);
	int before = descriptor_count(), slow, small = 4096;

	(void)state;
	setsockopt(loop.listener, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	asked.answer_size = BIG;
	slow = small_buffer_client();
	loop_say(slow, "x\n", 2);
	loop_run(50);
	assert_int_equal(descriptor_count(), before + 2);
	loop_run(LOOP_PATIENCE_MS / 2);
	assert_int_equal(descriptor_count(), before + 1);
	close(slow);
	line_close(line);
}

static void
once_retired_it_answers_only_those_who_are_there(void **state)
{
	struct line *line = opened(false, LONG_MS, 10);
	int begun = loop_connect(), silent = loop_connect(), late;
	char got[64];

	(void)state;
	loop_say(begun, "one", 3);
	loop_turn();
	line_retire(line);
	late = loop_connect();
	loop_say(late, "three\n", 6);
	loop_say(begun, "\n", 1);
	loop_say(silent, "two\n", 4);
	assert_true(loop_read(begun, LOOP_PATIENCE_MS, got, sizeof got, NULL));
	assert_string_equal(got, "<one>\n");
	assert_true(loop_read(silent, LOOP_PATIENCE_MS, got, sizeof got, NULL));
	assert_string_equal(got, "<two>\n");
	assert_false(loop_read(late, 50, got, sizeof got, NULL));
	assert_string_equal(got, "");
	line_close(line);
	close(begun);
	close(silent);
	close(late);
}

static void
closing_ends_every_client(void **state)
{
	int before = descriptor_count(), clients[3];
	struct line *line;

	(void)state;
	line = opened(false, LONG_MS, 10);
	for (int i = 0; i < 3; i++)
		clients[i] = loop_connect();
	loop_say(clients[0], "half", 4);
	loop_say(clients[1], "whole\n", 6);
	loop_turn();
	line_close(line);
	line_close(NULL);
	assert_int_equal(descriptor_count(), before + 3);
	for (int i = 0; i < 3; i++)
		close(clients[i]);
}

/* On a UNIX socket: half a command must not be taken for a whole one. */
static void
where_the_end_is_needed_half_a_line_is_no_request(void **state)
{
	struct line *line = opened_so(false, true, LONG_MS, 10);
	int patient = loop_connect(), hasty = loop_connect();
	char got[64];

	(void)state;
	loop_say(patient, "drain", 5);
	loop_run(200);
	assert_int_equal(asked.count, 0);
	loop_say(patient, " leader\n", 8);
	assert_true(loop_read(patient, LOOP_PATIENCE_MS, got, sizeof got, NULL));
	assert_string_equal(got, "<drain leader>\n");
	loop_say(hasty, "drain", 5);
	shutdown(hasty, SHUT_WR);
	assert_true(loop_read(hasty, LOOP_PATIENCE_MS, got, sizeof got, NULL));
	assert_string_equal(got, "<?>\n");
	close(patient);
	close(hasty);
	line_close(line);
}

static void
nor_when_its_time_is_over(void **state)
{
	struct line *line = opened_so(false, true, 400, 10);
	int client = loop_connect();

	(void)state;
	loop_say(client, "drain", 5);
	loop_run(1500);
	assert_true(asked.count == 0 || strcmp(asked.line, "?") == 0);
	close(client);
	line_close(line);
}

/* One byte at a time, each in time, for as long as there is room for them. */
static void
all_of_a_request_has_one_deadline(void **state)
{
	struct line *line = opened(false, 400, 10);
	int client = loop_connect();
	int64_t start_ms = clock_now_ms();

	(void)state;
	while (asked.count == 0 && clock_now_ms() < start_ms + LOOP_PATIENCE_MS) {
		loop_say(client, "x", 1);
		loop_run(10);
	}
	assert_int_equal(asked.count, 1);
	assert_in_range(clock_now_ms() - start_ms, 300, 2000);
	close(client);
	line_close(line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_line_gets_one_answer_and_the_end, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(
			a_line_without_an_end_is_taken_after_a_moment, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(a_line_may_come_in_pieces, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(
			a_client_that_stops_sending_is_answered, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(
			what_is_no_whole_line_is_not_asked_as_one, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(
			the_longest_line_that_fits_is_asked_whole, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(
			where_nothing_is_asked_the_answer_comes_on_connecting, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(who_goes_early_leaves_nothing, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(
			a_silent_client_goes_when_its_time_is_over, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(
			more_clients_than_there_may_be_are_closed, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(
			who_does_not_close_holds_no_slot_for_long, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(
			a_slow_reader_gets_all_of_a_big_answer_and_holds_up_nobody, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(
			who_does_not_read_is_closed_when_its_time_is_over, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(
			once_retired_it_answers_only_those_who_are_there, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(closing_ends_every_client, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(a_whole_line_is_answered_at_once, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(
			where_the_end_is_needed_half_a_line_is_no_request, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(nor_when_its_time_is_over, loop_open, loop_close),
		cmocka_unit_test_setup_teardown(all_of_a_request_has_one_deadline, loop_open, loop_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
