#include "lib/collect/flow.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "lib/base/clock.h"

/* libpq's buffer seldom has more room than that. */
enum { READ_BYTES = 65536 };

bool
flow_await(int fd, short events, int64_t deadline_ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};
	int ready, left;

	while ((left = clock_left_ms(deadline_ms)) > 0) {
		ready = poll(&poll_fd, 1, left);
		if (ready > 0)
			return true;
		if (ready < 0 && errno != EINTR && errno != EAGAIN)
			return false;
	}
	return false;
}

int
flow_waiting_bytes(int fd)
{
	int waiting = 0;

	return ioctl(fd, FIONREAD, &waiting) == 0 ? waiting : 0;
}

/* How many bytes came in since the connection began, as the kernel counts them for TCP, and we for Unix
 * sockets. */
static int64_t
arrived_bytes(const struct flow *flow, int fd)
{
	struct tcp_info info;
	socklen_t size = sizeof info;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0
		&& size >= offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received)
		return (int64_t)info.tcpi_bytes_received;
	return flow->read_bytes;
}

void
flow_restart(struct flow *flow, int fd)
{
	flow->counted_from = arrived_bytes(flow, fd);
}

bool
flow_before_read(struct flow *flow, int fd)
{
	flow->waiting_bytes = flow_waiting_bytes(fd);
	return arrived_bytes(flow, fd) - flow->counted_from <= FLOW_MAX;
}

/*
 * Counts what was read from a Unix socket since so many bytes were waiting there. Where as many wait again,
 * the other side goes on sending, and how many were read does not show: a share is assumed.
 */
void
flow_after_read(struct flow *flow, int fd)
{
	int left = flow_waiting_bytes(fd);

	if (left < flow->waiting_bytes)
		flow->read_bytes += flow->waiting_bytes - left;
	else
		flow->read_bytes += flow->waiting_bytes < READ_BYTES ? flow->waiting_bytes : READ_BYTES;
	flow->waiting_bytes = 0;
}
