#include "lib/collect/wire.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/* One byte of type, four of length; an authentication request has four more for its kind. */
enum { HEADER_SIZE = 5, REQUEST_SIZE = 9 };

/* A request for TLS or GSSAPI is answered by one byte and nothing behind it. */
static bool
is_answer(const unsigned char *bytes, size_t length, char yes)
{
	return (bytes[0] == (unsigned char)yes || bytes[0] == 'N') && length == 1;
}

/* An error or a notice with a length that one can have. */
static bool
is_message(const unsigned char *bytes, size_t length)
{
	return length >= HEADER_SIZE && (bytes[0] == 'E' || bytes[0] == 'N') && bytes[1] == 0
		&& bytes[2] == 0;
}

/*
 * What a server says on its way down, before it was asked for anything but TLS: an error, or the warning
 * of a process that ends because another has crashed; both also behind its "N". libpq reads none of
 * them here.
 */
static bool
is_farewell(const unsigned char *bytes, size_t length, enum wire_phase phase)
{
	if (phase == WIRE_STARTUP)
		return bytes[0] == 'N' && is_message(bytes, length);
	return bytes[0] == 'E' || is_message(bytes, length)
		|| (bytes[0] == 'N' && is_message(bytes + 1, length - 1));
}

/* A message's type and, as far as it is there, its length, which libpq holds to the same bounds. */
static bool
is_startup_message(const unsigned char *bytes, size_t length)
{
	uint32_t said = (uint32_t)bytes[1] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 8
		| bytes[4];

	if (strchr("REv", bytes[0]) == NULL || bytes[0] == '\0')
		return false;
	return length < HEADER_SIZE || bytes[0] == 'E' || (said >= 8 && said <= 2000);
}

/* AuthenticationOk, which asks for nothing. */
static bool
is_let_in(const unsigned char *bytes, size_t length)
{
	static const unsigned char authentication_ok[REQUEST_SIZE] = {'R', 0, 0, 0, 8, 0, 0, 0, 0};

	return length == REQUEST_SIZE && memcmp(bytes, authentication_ok, REQUEST_SIZE) == 0;
}

enum wire_heard
wire_listen(int fd, enum wire_phase phase)
{
	unsigned char bytes[REQUEST_SIZE] = {0};
	ssize_t got = recv(fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
	bool is_known = true;

	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return WIRE_SERVER; /* nothing to look at: what was said stands */
	if (got <= 0)
		return WIRE_CLOSED;
	if (phase != WIRE_ANY && is_farewell(bytes, (size_t)got, phase))
		return WIRE_ERROR;
	if (phase == WIRE_TLS_REQUEST)
		is_known = is_answer(bytes, (size_t)got, 'S');
	else if (phase == WIRE_GSS_REQUEST)
		is_known = is_answer(bytes, (size_t)got, 'G');
	else if (phase == WIRE_STARTUP)
		is_known = is_startup_message(bytes, (size_t)got);
	if (phase == WIRE_STARTUP && is_let_in(bytes, (size_t)got))
		return WIRE_LET_IN;
	return is_known ? WIRE_SERVER : WIRE_STRANGE;
}
