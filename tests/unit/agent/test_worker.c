#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/agent/child.h"
#include "lib/agent/worker.h"
#include "lib/base/clock.h"
#include "lib/collect/facets.h"
#include "lib/model/snapshot_pack.h"
#include "tests/unit/agent/descriptors.h"

enum { PATIENCE_MS = 10000, RESTARTS = 1000 };

/* Nobody listens on port 1. */
static const struct target refusing = {
	.host = "127.0.0.1", .port = "1", .user = "pgha", .dbname = "postgres", .timeout_ms = 1000};

static const struct worker_task task = {.name = "n1",
	.target = &refusing,
	.facets = {&facet_role, &facet_standby},
	.timeout_ms = 1000,
	.interval_ms = 20,
	.pause_max_ms = 1000};

static bool
is_readable(int fd, int within_ms)
{
	struct pollfd readable = {.fd = fd, .events = POLLIN};

	return poll(&readable, 1, within_ms) == 1;
}

static void
expect_no_children(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* The process' end, for which is waited a bounded time. */
static int
reaped(pid_t pid)
{
	int64_t until_ms = clock_now_ms() + PATIENCE_MS;
	int status = 0;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (clock_now_ms() > until_ms)
			fail_msg("the process does not end");
		poll(NULL, 0, 2);
	}
	return status;
}

static void
start(const struct worker_task *of, pid_t *ret_pid, int *ret_fd)
{
	struct err err;

	if (worker_start(of, ret_pid, ret_fd, &err) != 0)
		fail_msg("%s", err.text);
	assert_true(*ret_pid > 0 && *ret_fd >= 0);
}

/* -- what it sees ------------------------------------------------------------------------------ */

static void
what_it_sees_crosses_as_whole_messages(void **state)
{
	int64_t start_ms = clock_now_ms(), last_ms = 0;
	struct worker_message message;
	pid_t pid;
	int fd;

	(void)state;
	start(&task, &pid, &fd);
	for (int i = 0; i < 3; i++) {
		assert_true(is_readable(fd, PATIENCE_MS));
		assert_int_equal(worker_take(fd, &message), 1);
		assert_true(message.seen_ms >= start_ms && message.seen_ms >= last_ms
			&& message.seen_ms <= clock_now_ms());
		last_ms = message.seen_ms;
		assert_int_equal(message.snapshot.obtained, 0);
		assert_int_equal(message.snapshot.faults[SNAPSHOT_ROLE].class, ERR_DOWN);
		assert_int_equal(message.snapshot.faults[SNAPSHOT_STANDBY].class, ERR_DOWN);
		assert_string_equal(message.snapshot.target, "127.0.0.1:1");
	}
	close(fd);
	assert_true(WIFEXITED(reaped(pid)));
	expect_no_children();
}

/* What comes from a worker within that time. */
static int
messages_of(const struct worker_task *of, int within_ms)
{
	int64_t until_ms = clock_now_ms() + within_ms;
	struct worker_message message;
	int count = 0, fd;
	pid_t pid;

	start(of, &pid, &fd);
	while (clock_now_ms() < until_ms)
		if (is_readable(fd, 50))
			count += worker_take(fd, &message) == 1;
	close(fd);
	reaped(pid);
	return count;
}

static void
a_server_that_is_away_is_asked_after_growing_pauses(void **state)
{
	struct worker_task other = task;

	(void)state;
	/* After 20, 40, 80, 160, 320 ms; without growing it were 35. */
	assert_in_range(messages_of(&task, 700), 2, 8);
	/* After 20, 40, 40, ... */
	other.pause_max_ms = 40;
	assert_in_range(messages_of(&other, 700), 9, 19);
	other.interval_ms = 100; /* never sooner than one that is there */
	assert_in_range(messages_of(&other, 700), 2, 8);
}

/* -- a server that is there -------------------------------------------------------------------- */

enum manner { ENDS_SESSIONS, ANSWERS_LATE };
enum { LATE_MS = 300 };

/* Reads one message: its type, which the first of a session has not, its length and its body. */
static bool
read_message(int fd, bool has_type, uint32_t *ret_code)
{
	unsigned char head[5], body[4096];
	uint32_t length;

	if (recv(fd, head + !has_type, has_type ? 5 : 4, MSG_WAITALL) <= 0)
		return false;
	memcpy(&length, head + 1, 4);
	length = ntohl(length) - 4;
	if (length > sizeof body || (length > 0 && recv(fd, body, length, MSG_WAITALL) != (ssize_t)length))
		return false;
	memcpy(ret_code, body, 4);
	*ret_code = has_type ? head[0] : ntohl(*ret_code);
	return true;
}

/* One session, as a PostgreSQL that has no TLS, and is in recovery. */
static void
play_server(int fd, enum manner manner)
{
	static const char hello[] = "R\0\0\0\10\0\0\0\0S\0\0\0\30server_version\00015.4\0Z\0\0\0\5I";
	static const char *const names[] = {"in_recovery", "is_read_only", "wal_file", "wal_lsn"};
	static const char row[] = "D\0\0\0\32\0\4\0\0\0\1t\0\0\0\3off\377\377\377\377\377\377\377\377"
				  "C\0\0\0\15SELECT 1\0Z\0\0\0\5I";
	static const char rest[18] = {
		[9] = 25, [10] = -1, [11] = -1, [12] = -1, [13] = -1, [14] = -1, [15] = -1};
	char columns[256] = "T\0\0\0\0\0\4";
	size_t length = 7;
	uint32_t code = 0;

	while (read_message(fd, false, &code) && code > 0x40000) /* the wish for an encrypted session */
		send(fd, "N", 1, MSG_NOSIGNAL);
	send(fd, hello, sizeof hello - 1, MSG_NOSIGNAL);
	poll(NULL, 0, 5);
	if (manner == ENDS_SESSIONS)
		return;
	for (size_t i = 0; i < 4; i++) {
		length += (size_t)snprintf(columns + length, sizeof columns - length, "%s", names[i]) + 1;
		memcpy(columns + length, rest, sizeof rest);
		length += sizeof rest;
	}
	columns[4] = (char)(length - 1);
	while (read_message(fd, true, &code) && code == 'Q') {
		poll(NULL, 0, LATE_MS);
		send(fd, columns, length, MSG_NOSIGNAL);
		send(fd, row, sizeof row - 1, MSG_NOSIGNAL);
	}
}

/* A process that serves one session after the other; `to` is then who reaches it. */
static pid_t
start_server(enum manner manner, struct target *to)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	*to = refusing;
	snprintf(to->port, sizeof to->port, "%d", ntohs(address.sin_port));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails does not end it */
	while (pid == 0) {
		int fd = accept(listener, NULL, NULL);

		play_server(fd, manner);
		close(fd);
	}
	close(listener);
	return pid;
}

static void
end_server(pid_t pid)
{
	kill(pid, SIGKILL);
	reaped(pid);
}

static void
what_ends_every_session_is_asked_at_once_and_then_less_and_less(void **state)
{
	struct target target;
	pid_t server = start_server(ENDS_SESSIONS, &target);
	struct worker_task lazy = {.name = "n1",
		.target = &target,
		.timeout_ms = 1000,
		.interval_ms = 60000,
		.pause_max_ms = 1000};

	(void)state;
	/* After 0, 0, 25, 50, 100, 200 and 400 ms, and the moments that the sessions last. */
	assert_in_range(messages_of(&lazy, 1000), 4, 9);
	end_server(server);
}

static void
what_was_seen_is_as_old_as_the_question(void **state)
{
	struct target target;
	pid_t pid, server = start_server(ANSWERS_LATE, &target);
	struct worker_task other = {.name = "n1",
		.target = &target,
		.facets = {&facet_role},
		.timeout_ms = 1000,
		.interval_ms = 60000,
		.pause_max_ms = 1000};
	struct worker_message message;
	int fd;

	(void)state;
	start(&other, &pid, &fd);
	assert_true(is_readable(fd, PATIENCE_MS));
	assert_int_equal(worker_take(fd, &message), 1);
	if (!snapshot_has(&message.snapshot, SNAPSHOT_ROLE))
		fail_msg("%s (%s)", message.snapshot.faults[SNAPSHOT_ROLE].text,
			message.snapshot.faults[SNAPSHOT_ROLE].hint);
	assert_true(message.snapshot.role.in_recovery);
	assert_true(clock_now_ms() - message.seen_ms >= LATE_MS);
	close(fd);
	reaped(pid);
	end_server(server);
}

static void
it_ends_when_its_channel_does(void **state)
{
	struct worker_task lazy = task;
	int64_t start_ms;
	pid_t pid;
	int fd;

	(void)state;
	lazy.interval_ms = 3600000; /* it must not wait for the next probe */
	start(&lazy, &pid, &fd);
	assert_true(is_readable(fd, PATIENCE_MS));
	start_ms = clock_now_ms();
	close(fd);
	assert_true(WIFEXITED(reaped(pid)));
	assert_true(clock_now_ms() - start_ms < 2000);
}

static void
it_looks_at_once_when_it_is_told_to(void **state)
{
	struct worker_task lazy = task;
	struct worker_message message;
	pid_t pid;
	int fd;

	(void)state;
	lazy.interval_ms = 3600000;
	start(&lazy, &pid, &fd);
	assert_true(is_readable(fd, PATIENCE_MS));
	assert_int_equal(worker_take(fd, &message), 1);
	assert_false(is_readable(fd, 50));
	assert_int_equal(send(fd, "!", 1, MSG_NOSIGNAL), 1);
	assert_true(is_readable(fd, PATIENCE_MS));
	assert_int_equal(worker_take(fd, &message), 1);
	close(fd);
	assert_true(WIFEXITED(reaped(pid)));
}

static void
it_is_not_held_up_by_who_does_not_read(void **state)
{
	struct worker_task quick = task;
	struct worker_message message;
	pid_t pid;
	int fd, count = 0;

	(void)state;
	quick.interval_ms = 1;
	start(&quick, &pid, &fd);
	poll(NULL, 0, 300);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	while (worker_take(fd, &message) == 1)
		count++;
	assert_true(count >= 1);
	close(fd);
	reaped(pid);
}

/* -- what comes from it ------------------------------------------------------------------------ */

/* A channel whose other end is in our hand. */
static void
open_channel(int ends[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
}

static struct worker_message
good_message(void)
{
	struct worker_message message;

	memset(&message, 0, sizeof message);
	message.seen_ms = clock_now_ms();
	snapshot_init(&message.snapshot);
	return message;
}

/* The bytes that a worker sends. */
static size_t
pack_message(const struct worker_message *message, char *to)
{
	memcpy(to, &message->seen_ms, sizeof message->seen_ms);
	return sizeof message->seen_ms + snapshot_pack(&message->snapshot, to + sizeof message->seen_ms);
}

static char packed[sizeof(int64_t) + SNAPSHOT_PACK_MAX + 1];

static void
expect_taken(const void *bytes, size_t length, int expected)
{
	struct worker_message message = {.seen_ms = -7};
	int ends[2];

	open_channel(ends);
	assert_int_equal(worker_take(ends[0], &message), 0);
	assert_int_equal(send(ends[1], bytes, length, 0), (ssize_t)length);
	assert_int_equal(worker_take(ends[0], &message), expected);
	if (expected != 1)
		assert_true(message.seen_ms == -7);
	close(ends[0]);
	close(ends[1]);
}

static void
a_message_is_taken_whole_or_refused(void **state)
{
	struct worker_message message = good_message();
	size_t length;

	(void)state;
	snapshot_mark(&message.snapshot, SNAPSHOT_ROLE);
	message.snapshot.senders.total = 2;
	snapshot_mark(&message.snapshot, SNAPSHOT_SENDERS);
	length = pack_message(&message, packed);
	assert_true(length < 4096);
	packed[length] = 0;
	expect_taken(packed, length, 1);
	for (size_t cut = 1; cut <= length; cut += 7)
		expect_taken(packed, length - cut, -1);
	expect_taken(packed, 1, -1);
	expect_taken(packed, 0, -1);
	expect_taken(packed, length + 1, -1);
}

static void
expect_refused(const struct worker_message *message)
{
	expect_taken(packed, pack_message(message, packed), -1);
}

static void
what_cannot_be_read_safely_is_refused(void **state)
{
	struct worker_message message;

	(void)state;
	message = good_message();
	memset(message.snapshot.target, 'x', sizeof message.snapshot.target);
	expect_refused(&message);
	message = good_message();
	message.snapshot.obtained = 1U << SNAPSHOT_PART_COUNT;
	expect_refused(&message);
	memset(packed, 0xFF, sizeof packed);
	memset(packed, 0, sizeof(int64_t));
	expect_taken(packed, sizeof packed - 1, -1);
	message = good_message();
	message.seen_ms += 60000; /* it would be believed for a minute longer */
	expect_refused(&message);
}

/* It may be written to a terminal, or into a page. */
static void
what_is_taken_is_made_clean(void **state)
{
	struct worker_message message = good_message();
	size_t length;
	int ends[2];

	(void)state;
	open_channel(ends);
	strcpy(message.snapshot.target, "a\n\033b");
	length = pack_message(&message, packed);
	assert_int_equal(send(ends[1], packed, length, 0), (ssize_t)length);
	assert_int_equal(worker_take(ends[0], &message), 1);
	assert_string_equal(message.snapshot.target, "a b");
	close(ends[0]);
	close(ends[1]);
}

static void
the_end_of_a_channel_is_the_end(void **state)
{
	struct worker_message message;
	int ends[2];

	(void)state;
	open_channel(ends);
	close(ends[1]);
	assert_int_equal(worker_take(ends[0], &message), -1);
	close(ends[0]);
}

/* -- the process ------------------------------------------------------------------------------- */

static void
a_thousand_restarts_leave_nothing_behind(void **state)
{
	int before = descriptor_count();

	(void)state;
	for (int i = 0; i < RESTARTS; i++) {
		pid_t pid;
		int fd, status;

		start(&task, &pid, &fd);
		if (i % 10 == 0)
			assert_true(is_readable(fd, PATIENCE_MS));
		kill(pid, SIGKILL);
		status = reaped(pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		close(fd);
	}
	assert_int_equal(descriptor_count(), before);
	expect_no_children();
}

/* What a child was given, told through its channel. */
struct report {
	int descriptors; /* beside the standard streams and the channel */
	bool is_int_ignored, is_hup_ignored, is_term_usual, is_chld_usual;
	bool is_any_blocked;
};

static bool
has_handler(int number, void (*handler)(int))
{
	struct sigaction action;

	return sigaction(number, NULL, &action) == 0 && action.sa_handler == handler;
}

static void
look_around(void *context, int channel)
{
	struct report report = {.descriptors = 0};
	sigset_t blocked;

	(void)context;
	for (int fd = 3; fd < 1024; fd++)
		if (fd != channel && write(fd, "", 0) != -1)
			report.descriptors++;
		else if (fd != channel && errno != EBADF)
			report.descriptors++;
	report.is_int_ignored = has_handler(SIGINT, SIG_IGN);
	report.is_hup_ignored = has_handler(SIGHUP, SIG_IGN);
	report.is_term_usual = has_handler(SIGTERM, SIG_DFL);
	report.is_chld_usual = has_handler(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_SETMASK, NULL, &blocked);
	for (int number = 1; number < 32; number++)
		report.is_any_blocked = report.is_any_blocked || sigismember(&blocked, number) == 1;
	if (send(channel, &report, sizeof report, 0) < 0)
		_exit(1);
}

static void
on_signal(int number)
{
	(void)number;
}

static void
a_child_has_its_channel_and_nothing_else_of_ours(void **state)
{
	int extra[8], fd;
	struct report report;
	struct err err;
	pid_t pid;

	(void)state;
	for (int i = 0; i < 8; i++)
		extra[i] = dup(1);
	signal(SIGTERM, on_signal);
	signal(SIGCHLD, on_signal);
	assert_int_equal(child_start(look_around, NULL, CHILD_DIES_WITH_PARENT, &pid, &fd, &err), 0);
	assert_true(is_readable(fd, PATIENCE_MS));
	assert_int_equal(recv(fd, &report, sizeof report, 0), sizeof report);
	assert_int_equal(report.descriptors, 0);
	assert_true(report.is_int_ignored && report.is_hup_ignored && report.is_term_usual
		&& report.is_chld_usual);
	assert_false(report.is_any_blocked);
	assert_int_equal(reaped(pid), 0);
	close(fd);
	for (int i = 0; i < 8; i++)
		close(extra[i]);
	signal(SIGTERM, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	assert_true(has_handler(SIGTERM, SIG_DFL));
}

static void
sleep_on(void *context, int channel)
{
	(void)context;
	(void)channel;
	for (;;)
		pause();
}

/* Starts one in a process between, which dies at once; returns whether it is still there a moment later. */
static bool
outlives(enum child_bond bond)
{
	int pipe_ends[2];
	char byte;
	pid_t between;
	bool is_alive;

	assert_int_equal(pipe(pipe_ends), 0);
	between = fork();
	assert_true(between >= 0);
	if (between == 0) {
		struct err err;
		pid_t pid;
		int fd;

		dup2(pipe_ends[1], 2); /* standard streams stay with a child */
		close(pipe_ends[0]);
		close(pipe_ends[1]);
		if (child_start(sleep_on, NULL, bond, &pid, &fd, &err) != 0)
			_exit(1);
		poll(NULL, 0, 100);
		if (write(2, &pid, sizeof pid) != sizeof pid)
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	close(pipe_ends[1]);
	reaped(between);
	assert_int_equal(read(pipe_ends[0], &between, sizeof between), sizeof between);
	is_alive = !is_readable(pipe_ends[0], bond == CHILD_DIES_WITH_PARENT ? PATIENCE_MS : 300);
	if (is_alive)
		kill(between, SIGKILL);
	assert_true(is_readable(pipe_ends[0], PATIENCE_MS));
	assert_int_equal(read(pipe_ends[0], &byte, 1), 0);
	close(pipe_ends[0]);
	return is_alive;
}

static void
a_child_dies_with_its_parent_or_not_as_it_was_said(void **state)
{
	(void)state;
	assert_false(outlives(CHILD_DIES_WITH_PARENT));
	assert_true(outlives(CHILD_OUTLIVES_PARENT));
}

static void
when_no_process_can_be_started_nothing_is_left_open(void **state)
{
	struct rlimit limit, none;
	int before = descriptor_count(), fd = -7;
	struct err err = {.class = ERR_NONE};
	pid_t pid = -7;

	(void)state;
	/* No descriptor for the channel: the limit is what is open already. */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(worker_start(&task, &pid, &fd, &err), -1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(err.class, ERR_USAGE);
	assert_non_null(strstr(err.text, "cannot make a channel to a process"));
	assert_true(pid == -7 && fd == -7);
	assert_int_equal(descriptor_count(), before);
	expect_no_children();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_sees_crosses_as_whole_messages),
		cmocka_unit_test(a_server_that_is_away_is_asked_after_growing_pauses),
		cmocka_unit_test(what_ends_every_session_is_asked_at_once_and_then_less_and_less),
		cmocka_unit_test(what_was_seen_is_as_old_as_the_question),
		cmocka_unit_test(what_is_taken_is_made_clean),
		cmocka_unit_test(it_ends_when_its_channel_does),
		cmocka_unit_test(it_looks_at_once_when_it_is_told_to),
		cmocka_unit_test(it_is_not_held_up_by_who_does_not_read),
		cmocka_unit_test(a_message_is_taken_whole_or_refused),
		cmocka_unit_test(what_cannot_be_read_safely_is_refused),
		cmocka_unit_test(the_end_of_a_channel_is_the_end),
		cmocka_unit_test(a_thousand_restarts_leave_nothing_behind),
		cmocka_unit_test(a_child_has_its_channel_and_nothing_else_of_ours),
		cmocka_unit_test(a_child_dies_with_its_parent_or_not_as_it_was_said),
		cmocka_unit_test(when_no_process_can_be_started_nothing_is_left_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
