#include "lib/collect/wire.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

enum wire_heard
wire_listen(int fd, enum wire_phase phase)
{
	static const char *const first_bytes[] = {
		[WIRE_TLS_REQUEST] = "SNE\x15\x16",
		[WIRE_GSS_REQUEST] = "GNE",
		[WIRE_STARTUP] = "REvN",
		[WIRE_ANY] = NULL,
	};
	char byte;
	ssize_t got = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return WIRE_SERVER; /* nothing to look at: what was said stands */
	if (got <= 0)
		return WIRE_CLOSED;
	if (first_bytes[phase] != NULL && (byte == '\0' || strchr(first_bytes[phase], byte) == NULL))
		return WIRE_STRANGE;
	return WIRE_SERVER;
}
