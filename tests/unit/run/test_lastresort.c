#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>

#include "lib/run/lastresort.h"
#include "tests/unit/run/child.h"

enum { DELAY_MS = 100, EXIT_CODE = 2, EXIT_NOT_ARMED = 77 };

static const char answer[] = "PG TEST CRITICAL - no answer in time\n";

struct plan {
	int output; /* becomes standard output */
	bool is_blocked, is_ignored;
	int64_t delay_ms;
	const char *answer;
	size_t length;
};

static void
arm(int64_t delay_ms, const char *what, size_t length, int exit_code)
{
	struct err err;

	if (lastresort_arm(clock_now_ms() + delay_ms, what, length, exit_code, &err) != 0)
		_exit(EXIT_NOT_ARMED);
}

/* Stands in for a library that never returns; a signal handler that returns would not end it. */
static __attribute__((noreturn)) void
hang(void)
{
	for (;;)
		pause();
}

static void
prepare(const struct plan *plan)
{
	sigset_t alarm_only;

	dup2(plan->output, STDOUT_FILENO);
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	if (plan->is_blocked)
		sigprocmask(SIG_BLOCK, &alarm_only, NULL);
	if (plan->is_ignored)
		signal(SIGALRM, SIG_IGN);
}

static int
arm_and_hang(void *context)
{
	const struct plan *plan = context;

	prepare(plan);
	arm(plan->delay_ms, plan->answer, plan->length, EXIT_CODE);
	hang();
}

/* Runs a child with a pipe as its output and expects the answer on it, at its time. */
static void
expect_answer(int (*body)(void *context), struct plan plan, const char *expected, int exit_code)
{
	char got[256] = "";
	int ends[2];
	struct child child;
	int64_t elapsed_ms;
	ssize_t length;

	assert_int_equal(pipe(ends), 0);
	plan.output = ends[1];
	child = child_start(body, &plan);
	close(ends[1]);
	assert_int_equal(child_end(&child), exit_code);
	elapsed_ms = clock_now_ms() - child.start_ms;
	length = read(ends[0], got, sizeof got - 1);
	close(ends[0]);
	assert_true(length >= 0);
	assert_string_equal(got, expected);
	assert_true(elapsed_ms >= plan.delay_ms - 1);
}

static const struct plan plain = {.delay_ms = DELAY_MS, .answer = answer, .length = sizeof answer - 1};

static void
the_answer_comes_at_its_time_with_its_exit_code(void **state)
{
	(void)state;
	expect_answer(arm_and_hang, plain, answer, EXIT_CODE);
}

static void
it_comes_also_where_the_parent_has_blocked_the_signal(void **state)
{
	struct plan plan = plain;

	(void)state;
	plan.is_blocked = true;
	expect_answer(arm_and_hang, plan, answer, EXIT_CODE);
}

static void
it_comes_also_where_the_parent_has_ignored_the_signal(void **state)
{
	struct plan plan = plain;

	(void)state;
	plan.is_ignored = true;
	expect_answer(arm_and_hang, plan, answer, EXIT_CODE);
	plan.is_blocked = true;
	expect_answer(arm_and_hang, plan, answer, EXIT_CODE);
}

static void
a_deadline_that_has_passed_is_now(void **state)
{
	struct plan plan = plain;

	(void)state;
	plan.delay_ms = -50;
	expect_answer(arm_and_hang, plan, answer, EXIT_CODE);
}

static void
an_empty_answer_is_an_exit_code(void **state)
{
	struct plan plan = plain;

	(void)state;
	plan.length = 0;
	expect_answer(arm_and_hang, plan, "", EXIT_CODE);
}

static int
arm_twice(void *context)
{
	const struct plan *plan = context;

	prepare(plan);
	arm(0x7FFFFFFF, "the first answer\n", 17, 9);
	arm(plan->delay_ms, plan->answer, plan->length, EXIT_CODE);
	hang();
}

static int
arm_later(void *context)
{
	const struct plan *plan = context;

	prepare(plan);
	arm(300, "the first answer\n", 17, 9);
	arm(plan->delay_ms, plan->answer, plan->length, EXIT_CODE);
	hang();
}

static void
arming_again_changes_time_answer_and_exit_code(void **state)
{
	struct plan plan = plain;

	(void)state;
	expect_answer(arm_twice, plan, answer, EXIT_CODE);
	plan.delay_ms = 500; /* past the first deadline */
	expect_answer(arm_later, plan, answer, EXIT_CODE);
}

static int
arm_and_finish(void *context)
{
	prepare(context);
	arm(DELAY_MS, answer, sizeof answer - 1, EXIT_CODE);
	return 5;
}

static void
who_ends_in_time_is_left_alone(void **state)
{
	struct plan plan = plain;

	(void)state;
	plan.delay_ms = 0;
	expect_answer(arm_and_finish, plan, "", 5);
}

static void
a_full_pipe_does_not_keep_the_process(void **state)
{
	struct plan plan = plain;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	child_fill_pipe(ends[1]);
	plan.output = ends[1];
	assert_int_equal(child_run(arm_and_hang, &plan), EXIT_CODE);
	close(ends[0]);
	close(ends[1]);
}

static void
a_pipe_with_room_for_a_part_of_the_answer_does_not_keep_the_process(void **state)
{
	static char long_answer[16384], page[4096];
	struct plan plan = {.delay_ms = DELAY_MS, .answer = long_answer, .length = sizeof long_answer};
	int ends[2];

	(void)state;
	memset(long_answer, 'x', sizeof long_answer);
	assert_int_equal(pipe(ends), 0);
	child_fill_pipe(ends[1]);
	assert_int_equal(read(ends[0], page, sizeof page), sizeof page);
	plan.output = ends[1];
	assert_int_equal(child_run(arm_and_hang, &plan), EXIT_CODE);
	close(ends[0]);
	close(ends[1]);
}

static void
a_reader_that_is_gone_does_not_change_the_exit_code(void **state)
{
	struct plan plan = plain;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	plan.output = ends[1];
	signal(SIGPIPE, SIG_IGN); /* as process_prepare() does */
	assert_int_equal(child_run(arm_and_hang, &plan), EXIT_CODE);
	signal(SIGPIPE, SIG_DFL);
	close(ends[1]);
}

/* Under inetd: to close a socket with unread bytes takes back the answer. */
static void
an_unread_request_does_not_take_back_the_answer(void **state)
{
	struct plan plan = plain;
	struct child child;
	char got[256] = "";
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(write(ends[0], "GET / HTTP/1.1\r\n\r\n", 18), 18);
	plan.output = ends[1];
	child = child_start(arm_and_hang, &plan);
	close(ends[1]);
	assert_int_equal(child_end(&child), EXIT_CODE);
	assert_int_equal(recv(ends[0], got, sizeof got - 1, MSG_DONTWAIT), sizeof answer - 1);
	assert_string_equal(got, answer);
	assert_int_equal(recv(ends[0], got, sizeof got, MSG_DONTWAIT), 0); /* and not a reset */
	close(ends[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_answer_comes_at_its_time_with_its_exit_code),
		cmocka_unit_test(it_comes_also_where_the_parent_has_blocked_the_signal),
		cmocka_unit_test(it_comes_also_where_the_parent_has_ignored_the_signal),
		cmocka_unit_test(a_deadline_that_has_passed_is_now),
		cmocka_unit_test(an_empty_answer_is_an_exit_code),
		cmocka_unit_test(arming_again_changes_time_answer_and_exit_code),
		cmocka_unit_test(who_ends_in_time_is_left_alone),
		cmocka_unit_test(a_full_pipe_does_not_keep_the_process),
		cmocka_unit_test(a_pipe_with_room_for_a_part_of_the_answer_does_not_keep_the_process),
		cmocka_unit_test(a_reader_that_is_gone_does_not_change_the_exit_code),
		cmocka_unit_test(an_unread_request_does_not_take_back_the_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
