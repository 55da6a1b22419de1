/*
 * flow.h: what flows through a socket that libpq reads: waiting for it under a deadline, and counting what
 * comes in, so that nobody can send without end.
 */
#ifndef PGHA_COLLECT_FLOW_H
#define PGHA_COLLECT_FLOW_H

#include <stdbool.h>
#include <stdint.h>

/* No answer to any of our questions is longer; what is, is not an answer. */
enum { FLOW_MAX = 1024 * 1024 };

/* Starts zeroed, with the connection. */
struct flow {
	int64_t counted_from; /* bytes that had come in, in all, when the counting began */
	int64_t read_bytes;   /* of a Unix socket, see flow_after_read() */
	int waiting_bytes;    /* before it is read */
};

/* Waits until the socket is ready for one of `events` (as of poll()) or the deadline passes; false then. */
bool flow_await(int fd, short events, int64_t deadline_ms);

/* How many bytes wait in the socket to be read. */
int flow_waiting_bytes(int fd);

/* Begins to count anew: for the next answer. */
void flow_restart(struct flow *flow, int fd);

/* To be called before a read: false once more came in since the counting began than FLOW_MAX. */
bool flow_before_read(struct flow *flow, int fd);

/* And behind it. */
void flow_after_read(struct flow *flow, int fd);

#endif
