/*
 * gate.h: lets in those who speak. A client that has connected and says nothing waits here, where it costs
 * a descriptor and nothing else; when there are too many, the one that has waited longest makes room. So
 * however many silent ones there are, one that speaks is served.
 */
#ifndef PGHA_AGENT_GATE_H
#define PGHA_AGENT_GATE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct event_base;
struct gate;

/* A client that has spoken, or, at a gate without waiting, has connected. The descriptor is the taker's. */
typedef void gate_taker(void *context, int fd, const struct sockaddr *address, socklen_t length);

/*
 * After gate_accept(), accepts on `listener` (which stays the caller's) and hands each client to `taker`:
 * once it has sent something, or at once if `patience_ms` is 0. One that stays silent for patience_ms is
 * closed. At most `waiting_max` wait. NULL for want of memory.
 */
struct gate *gate_open(struct event_base *base, int listener, int64_t patience_ms, size_t waiting_max,
	gate_taker *taker, void *context) __attribute__((warn_unused_result));

/* Begins to accept; until then clients wait where the kernel keeps them. */
void gate_accept(struct gate *gate);

/* Stops accepting; those who wait may still speak. */
void gate_retire(struct gate *gate);

/* Closes those who wait, and stops accepting. Accepts NULL. */
void gate_close(struct gate *gate);

#endif
