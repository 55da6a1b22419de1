#include "lib/run/lastresort.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Read by the handler, written only while the signal is blocked. */
static const char *last_answer;
static size_t last_length;
static int last_exit_code;

static timer_t timer;
static volatile sig_atomic_t is_armed;

/* Writes as much as the reader takes without waiting: a writable pipe has room for PIPE_BUF bytes. */
static void
write_what_goes(const char *bytes, size_t length)
{
	struct pollfd output = {.fd = STDOUT_FILENO, .events = POLLOUT};

	while (length > 0 && poll(&output, 1, 0) == 1 && (output.revents & POLLOUT) != 0) {
		ssize_t written = write(STDOUT_FILENO, bytes, length < PIPE_BUF ? length : PIPE_BUF);

		if (written <= 0)
			return;
		bytes += written;
		length -= (size_t)written;
	}
}

/* Only functions that a signal handler may call. */
static void
answer_and_exit(int signal_number)
{
	char unread[512];

	(void)signal_number;
	if (last_length > 0) {
		write_what_goes(last_answer, last_length);
		/* On a socket (inetd): to close with an unread request would reset the connection. */
		shutdown(STDOUT_FILENO, SHUT_WR);
		while (recv(STDOUT_FILENO, unread, sizeof unread, MSG_DONTWAIT) == sizeof unread)
			;
	}
	_exit(last_exit_code);
}

static int
create_timer(void)
{
	struct sigaction action = {.sa_handler = answer_and_exit};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};

	if (sigaction(SIGALRM, &action, NULL) != 0 || timer_create(CLOCK_MONOTONIC, &event, &timer) != 0)
		return -1;
	is_armed = 1;
	return 0;
}

int
lastresort_arm(int64_t deadline_ms, const char *answer, size_t length, int exit_code, struct err *err)
{
	struct itimerspec when = {
		.it_value = {.tv_sec = deadline_ms / 1000, .tv_nsec = deadline_ms % 1000 * 1000000L}};
	sigset_t alarm_only;

	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm_only, NULL);
	last_answer = answer;
	last_length = length;
	last_exit_code = exit_code;
	if ((!is_armed && create_timer() != 0) || timer_settime(timer, TIMER_ABSTIME, &when, NULL) != 0)
		return err_set(err, ERR_USAGE, "cannot set a timer");
	sigprocmask(SIG_UNBLOCK, &alarm_only, NULL);
	return 0;
}
