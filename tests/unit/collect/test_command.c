#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/collect/command.h"

enum { BOUND = 100000, LONG_MS = 10000 };

/* Runs a line of shell; the shell is the program that is tested here. */
static int
run_for(const char *line, int64_t limit_ms, struct command_output *output, struct err *err)
{
	const char *const argv[] = {"/bin/sh", "-c", line, NULL};

	memset(output, 0, sizeof *output);
	memset(err, 0, sizeof *err);
	return command_run(argv, BOUND, clock_now_ms() + limit_ms, output, err);
}

static void
assert_says(const char *line, const char *expected)
{
	struct command_output output;
	struct err err;

	if (run_for(line, LONG_MS, &output, &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(output.bytes, expected);
	assert_int_equal(output.length, strlen(expected));
	command_release(&output);
}

static void
assert_fails(const char *line, int64_t limit_ms, enum err_class class)
{
	struct command_output output;
	int64_t start_ms = clock_now_ms();
	struct err err;

	assert_int_equal(run_for(line, limit_ms, &output, &err), -1);
	assert_int_equal(err.class, class);
	assert_true(clock_now_ms() - start_ms < limit_ms + 2000);
	assert_null(output.bytes);
}

static int
descriptor_count(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(directory);
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

/* -- what it writes, and how it ends ------------------------------------------------------------- */

static void
output_complaint_and_exit_code_are_taken(void **state)
{
	struct command_output output;
	struct err err;

	(void)state;
	assert_int_equal(run_for("echo one; echo two; echo 'bad\tthing' >&2; echo more >&2; exit 7", LONG_MS,
				 &output, &err),
		0);
	assert_string_equal(output.bytes, "one\ntwo\n");
	assert_string_equal(output.complaint, "bad thing");
	assert_int_equal(output.exit_code, 7);
	command_release(&output);
	assert_null(output.bytes);
	command_release(&output);
}

static void
of_a_traceback_the_last_line_is_told(void **state)
{
	struct command_output output;
	struct err err;

	(void)state;
	assert_int_equal(run_for("printf 'Traceback (most recent call last):\\n  File x\\nImportError: no "
				 "barman\\n' >&2",
				 LONG_MS, &output, &err),
		0);
	assert_string_equal(output.complaint, "ImportError: no barman");
	command_release(&output);
}

static void
nothing_written_is_an_empty_text(void **state)
{
	(void)state;
	assert_says("exit 0", "");
}

static void
arguments_are_not_interpreted(void **state)
{
	const char *const argv[] = {"echo", "$(id) `id` * \"; exit 1", NULL};
	struct command_output output;
	struct err err;

	(void)state;
	assert_int_equal(command_run(argv, BOUND, clock_now_ms() + LONG_MS, &output, &err), 0);
	assert_string_equal(output.bytes, "$(id) `id` * \"; exit 1\n");
	command_release(&output);
}

static void
the_bound_is_kept(void **state)
{
	struct command_output output;
	struct err err;

	(void)state;
	assert_int_equal(run_for("head -c 100000 /dev/zero", LONG_MS, &output, &err), 0);
	assert_int_equal(output.length, BOUND);
	command_release(&output);
	assert_fails("head -c 100001 /dev/zero", LONG_MS, ERR_PROTOCOL);
	assert_fails("cat /dev/zero", LONG_MS, ERR_PROTOCOL);
}

static void
endless_complaints_end_at_the_deadline(void **state)
{
	(void)state;
	assert_fails("cat /dev/zero >&2", 300, ERR_TIMEOUT);
}

static void
many_complaints_do_not_block_it(void **state)
{
	(void)state;
	assert_says("head -c 1000000 /dev/zero >&2; echo done", "done\n");
}

static void
death_of_a_signal_is_a_fault(void **state)
{
	(void)state;
	assert_fails("kill -KILL $$", LONG_MS, ERR_PROTOCOL);
}

/* -- programs that cannot be run ----------------------------------------------------------------- */

static void
a_program_that_is_not_there_is_named(void **state)
{
	const char *const argv[] = {"pgha-no-such-program", NULL};
	struct command_output output;
	struct err err;

	(void)state;
	assert_int_equal(command_run(argv, BOUND, clock_now_ms() + LONG_MS, &output, &err), -1);
	assert_int_equal(err.class, ERR_SETUP);
	assert_string_equal(err.text, "there is no program \"pgha-no-such-program\"");
	assert_non_null(strstr(err.hint, "PATH"));
}

static void
a_file_that_is_no_program_is_named(void **state)
{
	const char *const argv[] = {"/etc/passwd", NULL};
	struct command_output output;
	struct err err;

	(void)state;
	assert_int_equal(command_run(argv, BOUND, clock_now_ms() + LONG_MS, &output, &err), -1);
	assert_int_equal(err.class, ERR_SETUP);
	assert_string_equal(err.text, "cannot run \"/etc/passwd\": Permission denied");
}

/* -- the deadline, and who is left --------------------------------------------------------------- */

/* Whether a process that a line of shell noted in a file is there. */
static bool
is_alive(const char *path)
{
	FILE *file = fopen(path, "r");
	int pid = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	fclose(file);
	return kill(pid, 0) == 0;
}

/* Killed it is a zombie until its new parent looks. */
static void
assert_gone(const char *path)
{
	for (int i = 0; i < 200 && is_alive(path); i++)
		usleep(10000);
	assert_false(is_alive(path));
}

static void
with_a_file(void (*test)(const char *path))
{
	char path[] = "/tmp/pgha-test-command-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	test(path);
	unlink(path);
}

static void
run_with_descendant(const char *path)
{
	char line[256];

	snprintf(line, sizeof line, "sleep 100 & echo $! >%s; wait", path);
	assert_fails(line, 300, ERR_TIMEOUT);
	assert_gone(path);
}

static void
at_the_deadline_its_descendants_end_too(void **state)
{
	(void)state;
	with_a_file(run_with_descendant);
}

static void
leave_descendant(const char *path)
{
	char line[256];

	snprintf(line, sizeof line, "sleep 100 & echo $! >%s; echo done", path);
	assert_says(line, "done\n");
	assert_gone(path);
}

static void
who_is_left_behind_is_ended_and_not_waited_for(void **state)
{
	(void)state;
	with_a_file(leave_descendant);
}

static void
who_left_its_group_is_not_waited_for(void **state)
{
	int64_t start_ms = clock_now_ms();

	(void)state;
	assert_says("setsid sleep 3 & echo done", "done\n");
	assert_true(clock_now_ms() - start_ms < 2500);
}

static void
closing_its_output_is_not_ending(void **state)
{
	(void)state;
	assert_fails("exec >&- 2>&-; sleep 100", 300, ERR_TIMEOUT);
}

static void
ignoring_sigterm_does_not_help(void **state)
{
	(void)state;
	assert_fails("trap '' TERM INT HUP; while :; do sleep 1; done", 300, ERR_TIMEOUT);
}

static void
a_deadline_that_has_passed_is_kept(void **state)
{
	(void)state;
	assert_fails("sleep 100", 0, ERR_TIMEOUT);
}

/* -- what it is given ---------------------------------------------------------------------------- */

static void
it_reads_nothing(void **state)
{
	(void)state;
	assert_says("cat; readlink /proc/self/fd/0", "/dev/null\n");
}

static void
it_has_a_group_of_its_own(void **state)
{
	(void)state;
	assert_says("test $(ps -o pgid= -p $$) = $$ && echo own", "own\n");
}

static void
it_gets_no_other_descriptor(void **state)
{
	int fd = open("/dev/zero", O_RDONLY); /* without close-on-exec */

	(void)state;
	assert_true(fd > 2);
	assert_says("for fd in /proc/$$/fd/*; do echo ${fd##*/}; done | grep -v '^[012]$' "
		    "| while read fd; do readlink /proc/$$/fd/$fd; done | grep -v '^/proc\\|^pipe'",
		"");
	close(fd);
}

static void
signals_are_as_a_program_expects_them(void **state)
{
	sigset_t blocked, before;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	/* But for two that the C library keeps to itself, and that no program sets: 32 and 33. */
	assert_says(
		"for name in SigBlk SigIgn; do mask=$(sed -n \"s/^$name:[^0-9a-f]*//p\" /proc/self/status); "
		"echo $((0x$mask & ~0x180000000)); done",
		"0\n0\n");
	sigprocmask(SIG_SETMASK, &before, NULL);
	signal(SIGPIPE, SIG_DFL);
}

#ifndef __SANITIZE_ADDRESS__ /* sanitizers need more than any limit */
static void
its_memory_is_not_limited_as_ours(void **state)
{
	struct rlimit before, low;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_DATA, &before), 0);
	low = before;
	low.rlim_cur = 64 * 1024 * 1024;
	assert_int_equal(setrlimit(RLIMIT_DATA, &low), 0);
	assert_says("test $(ulimit -Sd) = $(ulimit -Hd) && echo all", "all\n");
	assert_int_equal(setrlimit(RLIMIT_DATA, &before), 0);
}
#endif

/* -- what is left in this process ---------------------------------------------------------------- */

/* Who was killed is waited for a moment only, in which it needs a processor: three tries for a busy machine.
 */
static void
no_descriptor_and_no_zombie_is_left(void **state)
{
	int before = descriptor_count(), left = 1;

	(void)state;
	for (int i = 0; i < 3 && left > 0; i++) {
		assert_says("echo x", "x\n");
		assert_fails("sleep 100", 100, ERR_TIMEOUT);
		assert_fails("cat /dev/zero", LONG_MS, ERR_PROTOCOL);
		a_program_that_is_not_there_is_named(NULL);
		assert_int_equal(descriptor_count(), before);
		for (left = 0; waitpid(-1, NULL, left == 0 ? WNOHANG : 0) != -1; left++)
			continue;
		assert_int_equal(errno, ECHILD);
	}
	assert_int_equal(left, 0);
}

static void
it_works_where_children_are_not_waited_for(void **state)
{
	struct command_output output;
	struct err err;

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	assert_int_equal(run_for("echo x; exit 3", LONG_MS, &output, &err), 0);
	signal(SIGCHLD, SIG_DFL);
	assert_string_equal(output.bytes, "x\n");
	assert_int_equal(output.exit_code, COMMAND_EXIT_UNKNOWN);
	command_release(&output);
}

static void
reap(int number)
{
	(void)number;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
}

static void
it_works_where_a_handler_waits_for_any_child(void **state)
{
	struct command_output output;
	struct err err;

	(void)state;
	signal(SIGCHLD, reap);
	assert_int_equal(run_for("echo x; exit 3", LONG_MS, &output, &err), 0);
	signal(SIGCHLD, SIG_DFL);
	assert_string_equal(output.bytes, "x\n");
	assert_true(output.exit_code == COMMAND_EXIT_UNKNOWN || output.exit_code == 3);
	command_release(&output);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_complaint_and_exit_code_are_taken),
		cmocka_unit_test(of_a_traceback_the_last_line_is_told),
		cmocka_unit_test(nothing_written_is_an_empty_text),
		cmocka_unit_test(arguments_are_not_interpreted),
		cmocka_unit_test(the_bound_is_kept),
		cmocka_unit_test(endless_complaints_end_at_the_deadline),
		cmocka_unit_test(many_complaints_do_not_block_it),
		cmocka_unit_test(death_of_a_signal_is_a_fault),
		cmocka_unit_test(a_program_that_is_not_there_is_named),
		cmocka_unit_test(a_file_that_is_no_program_is_named),
		cmocka_unit_test(at_the_deadline_its_descendants_end_too),
		cmocka_unit_test(who_is_left_behind_is_ended_and_not_waited_for),
		cmocka_unit_test(who_left_its_group_is_not_waited_for),
		cmocka_unit_test(closing_its_output_is_not_ending),
		cmocka_unit_test(ignoring_sigterm_does_not_help),
		cmocka_unit_test(a_deadline_that_has_passed_is_kept),
		cmocka_unit_test(it_reads_nothing),
		cmocka_unit_test(it_has_a_group_of_its_own),
		cmocka_unit_test(it_gets_no_other_descriptor),
		cmocka_unit_test(signals_are_as_a_program_expects_them),
#ifndef __SANITIZE_ADDRESS__
		cmocka_unit_test(its_memory_is_not_limited_as_ours),
#endif
		cmocka_unit_test(no_descriptor_and_no_zombie_is_left),
		cmocka_unit_test(it_works_where_children_are_not_waited_for),
		cmocka_unit_test(it_works_where_a_handler_waits_for_any_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
