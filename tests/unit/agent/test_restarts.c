/*
 * A worker that dies, a thousand times (watch.h). The clock is the test's own: to the watch, each worker has
 * lived long before it died, so that the next one is started without a pause.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/agent/watch.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/collect/facets.h"
#include "tests/unit/agent/descriptors.h"

#ifdef __SANITIZE_ADDRESS__
enum { DEATHS = 100 }; /* each fork copies the sanitizer's shadow */
#else
enum { DEATHS = 1000 };
#endif
enum { STEADY_MS = 10000, INDEX = 3 };

/* -- the clock, in the place of lib/base/clock.c ------------------------------------------------ */

static int64_t offset_ms;

int64_t
clock_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 + offset_ms * 1000;
}

int64_t
clock_now_ms(void)
{
	return clock_now_us() / 1000;
}

int64_t
clock_wall_ms(void)
{
	return clock_now_ms();
}

int
clock_left_ms(int64_t deadline_ms)
{
	int64_t left_ms = deadline_ms - clock_now_ms();

	return left_ms < 0 ? 0 : left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

/* -- a watch over a port where nobody listens --------------------------------------------------- */

static const struct target target = {
	.dbname = "host=127.0.0.1 port=1", .timeout_ms = 1000, .application = "pgha-agent"};
static const struct worker_task task = {
	.name = "n1", .target = &target, .facets = {&facet_role}, .timeout_ms = 1000, .interval_ms = 60000};

static struct event_base *base;
static int told_count;

static void
hear(void *context, size_t index, const struct worker_message *message)
{
	assert_ptr_equal(context, &told_count);
	assert_int_equal(index, INDEX);
	assert_int_equal(message->snapshot.faults[SNAPSHOT_ROLE].class, ERR_DOWN);
	told_count++;
}

/* Lets the loop run until the worker has told something; it has deadlines, and is replaced when it overruns
 * them. */
static void
await_message(const struct watch *watch)
{
	int before = told_count;

	while (told_count == before)
		assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
	assert_true(watch_pid(watch) > 0);
}

static void
end_worker(struct watch *watch)
{
	pid_t pid = watch_pid(watch);
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(watch_reap(watch, pid, status));
}

static void
assert_no_child(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* -- the test ---------------------------------------------------------------------------------- */

static void
die_many_times(struct watch *watch)
{
	int during;

	await_message(watch);
	during = descriptor_count();
	for (int i = 1; i <= DEATHS; i++) {
		pid_t former = watch_pid(watch);

		offset_ms += STEADY_MS;
		end_worker(watch);
		if (watch_pid(watch) == 0 || watch_pid(watch) == former)
			fail_msg("death %d: not replaced at once", i);
		await_message(watch);
		assert_int_equal(watch_count(watch).restarts, i);
		assert_int_equal(descriptor_count(), during);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), 0); /* one child, and no zombie */
	}
	assert_int_equal(watch_count(watch).probes, DEATHS + 1);
}

static void
many_restarts_leave_nothing(void **state)
{
	int before = descriptor_count();
	struct watch *watch;
	pid_t pid;

	(void)state;
	base = event_base_new();
	assert_non_null(base);
	watch = watch_open(base, &task, INDEX, hear, &told_count);
	assert_non_null(watch);
	die_many_times(watch);
	pid = watch_pid(watch);
	watch_close(watch);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	event_base_free(base);
	assert_int_equal(descriptor_count(), before);
	assert_no_child();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_restarts_leave_nothing),
	};

	log_set_level(LOG_LEVEL_ERROR); /* each death is a warning */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
