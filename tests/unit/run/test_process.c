#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/run/process.h"
#include "tests/unit/run/child.h"

/* -- process_prepare() ------------------------------------------------------------------------- */

static bool
is_dev_null(int fd)
{
	struct stat status, null;

	return fstat(fd, &status) == 0 && stat("/dev/null", &null) == 0 && S_ISCHR(status.st_mode)
		&& status.st_rdev == null.st_rdev;
}

static ino_t
inode(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

static int
descriptor_count(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	while (directory != NULL && readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

/* Closes the descriptors whose bits are set, of three pipes, and looks at what becomes of all. */
static int
prepare_with_closed(void *context)
{
	unsigned closed = *(unsigned *)context;
	int pipes[3][2], before, expected_count;
	ino_t inodes[3];

	for (int fd = 0; fd <= 2; fd++) {
		if (pipe(pipes[fd]) != 0)
			return 10;
		dup2(pipes[fd][1], fd);
		inodes[fd] = inode(fd);
	}
	before = descriptor_count();
	expected_count = before;
	for (int fd = 0; fd <= 2; fd++)
		if ((closed & 1U << fd) != 0)
			close(fd);
	process_prepare();
	for (int fd = 0; fd <= 2; fd++)
		if ((closed & 1U << fd) != 0 ? !is_dev_null(fd) : inode(fd) != inodes[fd])
			return 20 + fd;
	if (descriptor_count() != expected_count)
		return 30;
	/* Reading from it ends at once, and writing goes nowhere. */
	for (int fd = 0; fd <= 2; fd++) {
		char byte;

		if ((closed & 1U << fd) != 0 && (read(fd, &byte, 1) != 0 || write(fd, "x", 1) != 1))
			return 40 + fd;
	}
	return open("/dev/null", O_RDONLY) > 2 ? 0 : 50;
}

static void
closed_standard_descriptors_become_dev_null_and_open_ones_stay(void **state)
{
	(void)state;
	for (unsigned closed = 0; closed < 8; closed++) {
		int found = child_run(prepare_with_closed, &closed);

		if (found != 0)
			fail_msg("with %x closed: %d", closed, found);
	}
}

static int
prepare_environment(void *context)
{
	static const char *const removed[] = {"PGOPTIONS", "PGDATESTYLE", "PGTZ", "PGGEQO"};
	static const char *const kept[] = {"PGHOST", "PGPASSFILE", "PGSERVICE", "PGPASSWORD", "LANG"};
	struct sigaction action;
	pid_t group = getpgrp();

	(void)context;
	for (size_t i = 0; i < sizeof removed / sizeof removed[0]; i++)
		setenv(removed[i], "x", 1);
	for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
		setenv(kept[i], "x", 1);
	process_prepare();
	for (size_t i = 0; i < sizeof removed / sizeof removed[0]; i++)
		if (getenv(removed[i]) != NULL)
			return 10 + (int)i;
	for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
		if (getenv(kept[i]) == NULL)
			return 20 + (int)i;
	if (sigaction(SIGPIPE, NULL, &action) != 0 || action.sa_handler != SIG_IGN)
		return 30;
	/* HAProxy ends a late check with SIGTERM, and waits for its own process group only. */
	if (sigaction(SIGTERM, NULL, &action) != 0 || action.sa_handler != SIG_DFL)
		return 31;
	return getpgrp() == group ? 0 : 32;
}

static void
settings_for_the_session_are_removed_and_sigpipe_is_ignored(void **state)
{
	(void)state;
	assert_int_equal(child_run(prepare_environment, NULL), 0);
}

/* -- process_write() --------------------------------------------------------------------------- */

enum { LARGE = 300000, SHORT_MS = 80 };

static int
write_large(void *context)
{
	static char bytes[LARGE];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * 31 >> 4);
	return process_write(*(int *)context, bytes, sizeof bytes, clock_now_ms() + CHILD_PATIENCE_MS) == 0
		? 0
		: 1;
}

static void
all_bytes_arrive_also_when_the_pipe_holds_fewer(void **state)
{
	static char got[LARGE + 1];
	size_t length = 0;
	int ends[2];
	struct child child;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	child = child_start(write_large, &ends[1]);
	close(ends[1]);
	for (ssize_t count;
		length < sizeof got && (count = read(ends[0], got + length, sizeof got - length)) > 0;)
		length += (size_t)count;
	close(ends[0]);
	assert_int_equal(child_end(&child), 0);
	assert_int_equal(length, LARGE);
	for (size_t i = 0; i < LARGE; i++)
		if (got[i] != (char)(i * 31 >> 4))
			fail_msg("byte %zu", i);
}

/* 0 when process_write() gave up, and not before its deadline when it had to wait for that. */
static int
write_in_vain(void *context)
{
	int64_t deadline_ms = clock_now_ms() + SHORT_MS;

	return process_write(*(int *)context, "answer", 6, deadline_ms) == -1 && clock_now_ms() >= deadline_ms
		? 0
		: 1;
}

static void
a_full_pipe_is_given_up_at_the_deadline(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	child_fill_pipe(ends[1]);
	assert_int_equal(child_run(write_in_vain, &ends[1]), 0);
	close(ends[0]);
	close(ends[1]);
}

/* What happened to be in errno from some earlier call must not decide anything. */
static int
write_in_vain_after_an_interruption(void *context)
{
	errno = EINTR;
	return write_in_vain(context);
}

static void
a_full_pipe_is_given_up_also_after_an_interrupted_call(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	child_fill_pipe(ends[1]);
	assert_int_equal(child_run(write_in_vain_after_an_interruption, &ends[1]), 0);
	close(ends[0]);
	close(ends[1]);
}

static int
write_to_nobody(void *context)
{
	process_prepare();
	errno = 0;
	return process_write(*(int *)context, "answer", 6, clock_now_ms() + CHILD_PATIENCE_MS / 2) == -1 ? 0
													 : 1;
}

static void
a_reader_that_is_gone_is_an_error_at_once(void **state)
{
	int ends[2], none = 987;
	struct child child;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	child = child_start(write_to_nobody, &ends[1]);
	assert_int_equal(child_end(&child), 0);
	assert_true(clock_now_ms() - child.start_ms < CHILD_PATIENCE_MS / 2);
	close(ends[1]);
	child = child_start(write_to_nobody, &none); /* closed descriptor */
	assert_int_equal(child_end(&child), 0);
}

static void
nothing_to_write_is_written(void **state)
{
	(void)state;
	assert_int_equal(process_write(-1, "", 0, 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closed_standard_descriptors_become_dev_null_and_open_ones_stay),
		cmocka_unit_test(settings_for_the_session_are_removed_and_sigpipe_is_ignored),
		cmocka_unit_test(all_bytes_arrive_also_when_the_pipe_holds_fewer),
		cmocka_unit_test(a_full_pipe_is_given_up_at_the_deadline),
		cmocka_unit_test(a_full_pipe_is_given_up_also_after_an_interrupted_call),
		cmocka_unit_test(a_reader_that_is_gone_is_an_error_at_once),
		cmocka_unit_test(nothing_to_write_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
