#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/agent/watch.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/collect/facets.h"
#include "tests/unit/agent/descriptors.h"

enum { PATIENCE_MS = 10000, INDEX = 3 };

static struct target target;
static struct worker_task task;
static struct event_base *base;
static struct watch *watch;

static struct {
	int count;
	size_t index;
	enum err_class class;
} heard;

static void
hear(void *context, size_t index, const struct worker_message *message)
{
	assert_ptr_equal(context, &heard);
	heard.count++;
	heard.index = index;
	heard.class = message->snapshot.faults[SNAPSHOT_ROLE].class;
}

static int
open_watch(void **state)
{
	(void)state;
	memset(&heard, 0, sizeof heard);
	/* Nobody listens on port 1. */
	target = (struct target){
		.host = "127.0.0.1", .port = "1", .user = "pgha", .dbname = "a", .timeout_ms = 1000};
	task = (struct worker_task){.name = "n1",
		.target = &target,
		.facets = {&facet_role},
		.timeout_ms = 1000,
		.interval_ms = 20,
		.pause_max_ms = 1000};
	base = event_base_new();
	watch = watch_open(base, &task, INDEX, hear, &heard);
	assert_non_null(watch);
	return 0;
}

static int
close_watch(void **state)
{
	pid_t pid = watch_pid(watch);

	(void)state;
	watch_close(watch);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	event_base_free(base);
	return 0;
}

/* As the agent does on SIGCHLD. */
static int
reap(void)
{
	int status, count = 0;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		count += watch_reap(watch, pid, status);
	return count;
}

/* Runs the loop for a moment. */
static void
run_for(int ms)
{
	struct timeval moment = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	event_base_loopexit(base, &moment);
	event_base_dispatch(base);
}

static void
run_until_heard(int count)
{
	int64_t until_ms = clock_now_ms() + PATIENCE_MS;

	while (heard.count < count && clock_now_ms() < until_ms)
		run_for(10);
	assert_true(heard.count >= count);
}

/* Kills the worker and waits until its end is known. */
static void
kill_worker(void)
{
	int64_t until_ms = clock_now_ms() + PATIENCE_MS;

	assert_true(watch_pid(watch) > 0);
	kill(watch_pid(watch), SIGKILL);
	while (reap() == 0 && clock_now_ms() < until_ms)
		run_for(1);
}

static void
run_until_started(void)
{
	int64_t until_ms = clock_now_ms() + PATIENCE_MS;

	while (watch_pid(watch) == 0 && clock_now_ms() < until_ms)
		run_for(5);
	assert_true(watch_pid(watch) > 0);
}

static void
messages_are_heard_under_the_index_that_it_has_now(void **state)
{
	(void)state;
	run_until_heard(2);
	assert_int_equal(heard.index, INDEX);
	assert_int_equal(heard.class, ERR_DOWN);
	assert_true(watch_count(watch).probes >= 2 && watch_count(watch).restarts == 0);
	watch_move(watch, 0);
	run_until_heard(heard.count + 1);
	assert_int_equal(heard.index, 0);
}

static void
a_worker_that_is_killed_is_replaced_at_once(void **state)
{
	pid_t before = watch_pid(watch);

	(void)state;
	run_until_heard(1);
	kill_worker();
	assert_true(watch_pid(watch) > 0 && watch_pid(watch) != before);
	assert_int_equal(watch_count(watch).restarts, 1);
	heard.count = 0;
	run_until_heard(1);
}

static void
one_that_dies_again_is_replaced_after_a_pause(void **state)
{
	int64_t start_ms;

	(void)state;
	kill_worker();
	kill_worker();
	assert_int_equal(watch_pid(watch), 0); /* not at once */
	start_ms = clock_now_ms();
	run_until_started();
	assert_in_range(clock_now_ms() - start_ms, 60, 1000);
	kill_worker();
	assert_int_equal(watch_pid(watch), 0);
	start_ms = clock_now_ms();
	run_until_started();
	assert_in_range(clock_now_ms() - start_ms, 150, 1500); /* twice as long */
	assert_int_equal(watch_count(watch).restarts, 3);
	heard.count = 0;
	run_until_heard(1);
}

static void
the_end_of_another_process_is_not_taken_for_its_own(void **state)
{
	pid_t before = watch_pid(watch), other = fork();
	int status;

	(void)state;
	assert_true(other >= 0);
	if (other == 0)
		_exit(0);
	assert_int_equal(waitpid(other, &status, 0), other);
	assert_false(watch_reap(watch, other, status));
	assert_int_equal(watch_pid(watch), before);
	assert_int_equal(watch_count(watch).restarts, 0);
}

static void
a_worker_that_is_silent_for_too_long_is_killed(void **state)
{
	int64_t start_ms = clock_now_ms(), until_ms = start_ms + PATIENCE_MS;
	pid_t stopped = watch_pid(watch);

	(void)state;
	run_until_heard(1);
	kill(stopped, SIGSTOP);
	while (reap() == 0 && clock_now_ms() < until_ms)
		run_for(20);
	/* Its deadline, its longest pause and a second. */
	assert_in_range(clock_now_ms() - start_ms, 2500, 6000);
	assert_true(watch_pid(watch) > 0 && watch_pid(watch) != stopped);
	heard.count = 0;
	run_until_heard(1);
}

/* The worker's end of the channel, for saying something in its name. Its number is the first that is free. */
static int
borrow_channel(pid_t pid)
{
	enum { CHANNEL = 3 };
	int process = (int)syscall(SYS_pidfd_open, pid, 0);
	int fd = process < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, process, CHANNEL, 0);

	if (fd < 0) {
		print_message("# not allowed to borrow a child's descriptor: %s\n", strerror(errno));
		skip();
	}
	close(process);
	return fd;
}

static void
a_worker_that_says_what_is_no_message_is_killed(void **state)
{
	int64_t until_ms = clock_now_ms() + PATIENCE_MS;
	pid_t hostile = watch_pid(watch);
	int channel;

	(void)state;
	run_until_heard(1);
	kill(hostile, SIGSTOP); /* only we speak */
	channel = borrow_channel(hostile);
	run_for(10);
	heard.count = 0;
	assert_int_equal(send(channel, "garbage", 7, MSG_NOSIGNAL), 7);
	close(channel);
	while (reap() == 0 && clock_now_ms() < until_ms)
		run_for(1);
	assert_int_equal(heard.count, 0);
	assert_true(clock_now_ms() < until_ms - PATIENCE_MS + 1500); /* at once, not for its silence */
	assert_true(watch_pid(watch) > 0 && watch_pid(watch) != hostile);
	run_until_heard(1);
}

static void
restarts_leave_no_descriptor_and_no_zombie(void **state)
{
	int before;

	(void)state;
	run_until_heard(1);
	before = descriptor_count();
	for (int i = 0; i < 5; i++) { /* the pauses grow: this takes 100 + 200 + 400 + 800 ms */
		kill_worker();
		run_until_started();
	}
	assert_int_equal(descriptor_count(), before);
	assert_int_equal(watch_count(watch).restarts, 5);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), 0); /* one child, which runs */
}

/* Opened and closed as often as plans come and go. */
static void
watches_that_come_and_go_leave_nothing(void **state)
{
	int before = descriptor_count();

	(void)state;
	for (int i = 0; i < 200; i++) {
		struct watch *another = watch_open(base, &task, 0, hear, &heard);
		pid_t pid;

		assert_non_null(another);
		pid = watch_pid(another);
		watch_close(another);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
	assert_int_equal(descriptor_count(), before);
	watch_close(NULL);
}

static void
it_suits_who_would_have_it_do_just_the_same(void **state)
{
	struct target other_target = target;
	struct worker_task other = task;

	(void)state;
	assert_true(watch_suits(watch, &task));
	other.target = &other_target;
	assert_true(watch_suits(watch, &other));
	other.name = "n2";
	assert_false(watch_suits(watch, &other));
	other.name = "n1";
	other.interval_ms = 21;
	assert_false(watch_suits(watch, &other));
	other.interval_ms = 20;
	other.pause_max_ms = 999;
	assert_false(watch_suits(watch, &other));
	other.pause_max_ms = 1000;
	other.timeout_ms = 999;
	assert_false(watch_suits(watch, &other));
	other.timeout_ms = 1000;
	other.facets[1] = &facet_standby; /* another check was configured */
	assert_false(watch_suits(watch, &other));
	other.facets[1] = NULL;
	assert_true(watch_suits(watch, &other));
	snprintf(other_target.dbname, sizeof other_target.dbname, "b");
	assert_false(watch_suits(watch, &other));
}

static void
its_task_is_its_own(void **state)
{
	(void)state;
	memset(&target, 0xFF, sizeof target); /* the plan that it was read from is gone */
	memset(&task, 0xFF, sizeof task);
	kill_worker();
	heard.count = 0;
	run_until_heard(1);
	assert_int_equal(heard.class, ERR_DOWN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			messages_are_heard_under_the_index_that_it_has_now, open_watch, close_watch),
		cmocka_unit_test_setup_teardown(
			a_worker_that_is_killed_is_replaced_at_once, open_watch, close_watch),
		cmocka_unit_test_setup_teardown(
			one_that_dies_again_is_replaced_after_a_pause, open_watch, close_watch),
		cmocka_unit_test_setup_teardown(
			the_end_of_another_process_is_not_taken_for_its_own, open_watch, close_watch),
		cmocka_unit_test_setup_teardown(
			a_worker_that_is_silent_for_too_long_is_killed, open_watch, close_watch),
		cmocka_unit_test_setup_teardown(
			a_worker_that_says_what_is_no_message_is_killed, open_watch, close_watch),
		cmocka_unit_test_setup_teardown(
			restarts_leave_no_descriptor_and_no_zombie, open_watch, close_watch),
		cmocka_unit_test_setup_teardown(
			watches_that_come_and_go_leave_nothing, open_watch, close_watch),
		cmocka_unit_test_setup_teardown(
			it_suits_who_would_have_it_do_just_the_same, open_watch, close_watch),
		cmocka_unit_test_setup_teardown(its_task_is_its_own, open_watch, close_watch),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
