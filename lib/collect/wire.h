/*
 * wire.h: what the other side has just said, by its first byte, without taking it.
 *
 * libpq tells a closed connection, a stranger and a server that it does not like apart only in
 * prose. The first bytes are fixed by PostgreSQL's protocol ("Message Formats"): R asks for
 * authentication, E is an error, v a version, N a notice; a request for TLS is answered by S
 * or N, one for GSSAPI by G or N.
 */
#ifndef PGHA_COLLECT_WIRE_H
#define PGHA_COLLECT_WIRE_H

enum wire_phase {
	WIRE_TLS_REQUEST,
	WIRE_GSS_REQUEST,
	WIRE_STARTUP,
	WIRE_ANY /* inside TLS, or past the first message: nothing can be said of a byte */
};

enum wire_heard {
	WIRE_NOTHING, /* refused, or nothing said yet */
	WIRE_CLOSED,
	WIRE_STRANGE, /* not the PostgreSQL protocol */
	WIRE_ERROR,   /* a server's last words, where libpq does not read them */
	WIRE_LET_IN,  /* a server that asks for no authentication */
	WIRE_SERVER
};

/* Looks at the bytes that are about to be read from `fd`; they are the first of their phase. */
enum wire_heard wire_listen(int fd, enum wire_phase phase);

#endif
