#include "lib/run/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"

/*
 * libpq makes room for a message of whatever length the other side announces, and reads on while
 * more comes in. An answer of ours needs a few kB. Sanitizers need more than any limit.
 */
static void
limit_memory(void)
{
#ifndef __SANITIZE_ADDRESS__
	enum { MEMORY_BYTES = 64 * 1024 * 1024 };
	struct rlimit limit;

	if (getrlimit(RLIMIT_DATA, &limit) == 0 && limit.rlim_cur > MEMORY_BYTES) {
		limit.rlim_cur = MEMORY_BYTES;
		setrlimit(RLIMIT_DATA, &limit);
	}
#endif
}

void
process_prepare(void)
{
	/* libpq would send them as settings of the session. */
	static const char *const variables[] = {"PGOPTIONS", "PGDATESTYLE", "PGTZ", "PGGEQO"};
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
	signal(SIGPIPE, SIG_IGN);
	limit_memory();
	for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
		unsetenv(variables[i]);
}

static bool
wait_for(int fd, short events, int64_t deadline_ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};
	int ready;

	do
		ready = poll(&poll_fd, 1, clock_left_ms(deadline_ms));
	while (ready < 0 && errno == EINTR);
	return ready > 0;
}

int
process_write(int fd, const char *bytes, size_t length, int64_t deadline_ms)
{
	while (length > 0) {
		ssize_t written;

		if (!wait_for(fd, POLLOUT, deadline_ms))
			return -1;
		/* A pipe that poll() calls writable takes PIPE_BUF bytes at once without blocking. */
		written = write(fd, bytes, length < PIPE_BUF ? length : PIPE_BUF);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return -1;
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

static bool
is_socket(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

bool
process_is_head_request(int64_t deadline_ms)
{
	char request[4096];
	size_t length = 0;

	if (!is_socket(STDIN_FILENO))
		return false;
	while (length < sizeof request - 1 && wait_for(STDIN_FILENO, POLLIN, deadline_ms)) {
		ssize_t got = read(STDIN_FILENO, request + length, sizeof request - 1 - length);

		if (got <= 0)
			break;
		length += (size_t)got;
		request[length] = '\0';
		if (strstr(request, "\r\n\r\n") != NULL || strstr(request, "\n\n") != NULL)
			break;
	}
	request[length] = '\0';
	return text_starts(request, "HEAD ");
}

void
process_finish_response(int64_t deadline_ms)
{
	enum { MOMENT_MS = 200 };
	int64_t until_ms = clock_now_ms() + MOMENT_MS;
	char ignored[4096];

	if (!is_socket(STDOUT_FILENO))
		return;
	shutdown(STDOUT_FILENO, SHUT_WR);
	if (until_ms > deadline_ms)
		until_ms = deadline_ms;
	while (wait_for(STDOUT_FILENO, POLLIN, until_ms))
		if (read(STDOUT_FILENO, ignored, sizeof ignored) <= 0)
			break;
}
