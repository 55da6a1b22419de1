#include "lib/collect/pgpool_near.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

union endpoint {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage storage;
};

static bool
is_here_v4(const struct sockaddr_in *own, const struct sockaddr_in *other)
{
	return (ntohl(other->sin_addr.s_addr) >> 24) == IN_LOOPBACKNET
		|| own->sin_addr.s_addr == other->sin_addr.s_addr;
}

static bool
is_here_v6(const struct sockaddr_in6 *own, const struct sockaddr_in6 *other)
{
	return memcmp(&own->sin6_addr, &other->sin6_addr, sizeof own->sin6_addr) == 0;
}

bool
pgpool_near_is_here(int socket)
{
	union endpoint own, other;
	socklen_t own_size = sizeof own, other_size = sizeof other;

	memset(&own, 0, sizeof own);
	memset(&other, 0, sizeof other);
	if (getsockname(socket, &own.any, &own_size) != 0
		|| getpeername(socket, &other.any, &other_size) != 0)
		return false;
	switch (other.any.sa_family) {
	case AF_UNIX:
		return true;
	case AF_INET:
		return is_here_v4(&own.v4, &other.v4);
	case AF_INET6:
		return is_here_v6(&own.v6, &other.v6);
	default:
		return false;
	}
}
