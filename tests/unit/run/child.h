/*
 * child.h: runs a function in a process of its own, for what would change or end the test program:
 * its descriptors, signals and timers. A child must not use cmocka's assertions, which would run
 * the rest of the tests in it; it tells what it found with its exit code.
 */
#ifndef PGHA_TESTS_UNIT_RUN_CHILD_H
#define PGHA_TESTS_UNIT_RUN_CHILD_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"

struct child {
	pid_t pid;
	int64_t start_ms;
};

/* What child_end() says of a child that had to be killed, and of one that died of a signal. */
enum { CHILD_HUNG = -1, CHILD_SIGNALLED = -2 };

/* No test here waits for longer; a machine that is busy may need a good part of it. */
enum { CHILD_PATIENCE_MS = 10000 };

/* `body` gets `context`; what it returns is the exit code. */
static inline struct child
child_start(int (*body)(void *context), void *context)
{
	struct child child = {.start_ms = clock_now_ms()};

	child.pid = fork();
	if (child.pid == 0)
		_exit(body(context));
	assert_true(child.pid > 0);
	return child;
}

/* Waits for its end and returns its exit code. One that does not end is killed. */
static inline int
child_end(const struct child *child)
{
	int pid_fd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	struct pollfd end = {.fd = pid_fd, .events = POLLIN};
	bool is_hung = poll(&end, 1, CHILD_PATIENCE_MS) != 1;
	int status;

	assert_true(pid_fd >= 0);
	close(pid_fd);
	if (is_hung)
		kill(child->pid, SIGKILL);
	assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
	return is_hung ? CHILD_HUNG : WIFEXITED(status) ? WEXITSTATUS(status) : CHILD_SIGNALLED;
}

static inline int
child_run(int (*body)(void *context), void *context)
{
	struct child child = child_start(body, context);

	return child_end(&child);
}

/* Fills a pipe until it takes nothing more, and leaves its writing end blocking. */
static inline void
child_fill_pipe(int fd)
{
	static const char bytes[4096];

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (write(fd, bytes, sizeof bytes) > 0)
		continue;
	while (write(fd, bytes, 1) > 0)
		continue;
	fcntl(fd, F_SETFL, 0);
}

#endif
