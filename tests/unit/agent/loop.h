/* loop.h: an event loop, a listening socket and clients of it, all in one process. */
#ifndef PGHA_TESTS_UNIT_AGENT_LOOP_H
#define PGHA_TESTS_UNIT_AGENT_LOOP_H

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/unit/agent/descriptors.h"

enum { LOOP_PATIENCE_MS = 5000 };

static struct {
	struct event_base *base;
	int listener;
	struct sockaddr_in address;
} loop;

static inline int
loop_open(void **state)
{
	socklen_t length = sizeof loop.address;

	(void)state;
	loop.base = event_base_new();
	loop.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	loop.address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	return bind(loop.listener, (struct sockaddr *)&loop.address, sizeof loop.address) == 0
			&& listen(loop.listener, 64) == 0
			&& getsockname(loop.listener, (struct sockaddr *)&loop.address, &length) == 0
		? 0
		: -1;
}

static inline int
loop_close(void **state)
{
	(void)state;
	event_base_free(loop.base);
	return close(loop.listener);
}

/* Sees to what there is, for so long. */
static inline void
loop_run(int ms)
{
	struct timeval moment = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	event_base_loopexit(loop.base, &moment);
	event_base_dispatch(loop.base);
}

/* Sees to what is there now, without waiting. */
static inline void
loop_turn(void)
{
	for (int i = 0; i < 3; i++)
		event_base_loop(loop.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

/* A client that has connected, and been accepted. */
static inline int
loop_connect(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&loop.address, sizeof loop.address), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	loop_turn();
	return fd;
}

static inline void
loop_say(int fd, const char *bytes, size_t length)
{
	assert_int_equal(send(fd, bytes, length, MSG_NOSIGNAL), (ssize_t)length);
}

/*
 * Reads until the other side ends, or for so long. Whether it ended; `to` gets what came, with a zero byte
 * behind it.
 */
static inline bool
loop_read(int fd, int within_ms, char *to, size_t size, size_t *ret_length)
{
	int64_t until_ms = clock_now_ms() + within_ms;
	size_t length = 0;
	bool is_ended = false;

	while (!is_ended && clock_now_ms() < until_ms) {
		ssize_t got = recv(fd, to + length, size - 1 - length, 0);

		if (got > 0)
			length += (size_t)got;
		is_ended = got == 0 || (got < 0 && errno == ECONNRESET);
		if (got < 0)
			loop_run(2);
	}
	to[length] = '\0';
	if (ret_length != NULL)
		*ret_length = length;
	return is_ended;
}

/* Whether the other side has ended the connection by now, after having said nothing. */
static inline bool
loop_is_closed(int fd)
{
	char byte;
	ssize_t got;

	loop_turn();
	got = recv(fd, &byte, 1, 0);
	return got == 0 || (got < 0 && errno == ECONNRESET);
}

#endif
