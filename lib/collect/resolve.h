/*
 * resolve.h: host names to addresses, under a deadline. getaddrinfo() has none, and libpq calls it
 * within its non-blocking functions, so names are resolved here before libpq sees them.
 */
#ifndef PGHA_COLLECT_RESOLVE_H
#define PGHA_COLLECT_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

enum { RESOLVE_ADDRESSES = 8, RESOLVE_ADDRESS_SIZE = 64 };

struct resolve_result {
	size_t count; /* at most this many are tried; a name with more is served by the first */
	char addresses[RESOLVE_ADDRESSES][RESOLVE_ADDRESS_SIZE]; /* numeric */
};

/*
 * The addresses of `host`, in the resolver's order, before `deadline_ms` (monotonic); an address is its own
 * at once. -1 with class timeout or down. A look-up that outlives the deadline goes on in a thread of the C
 * library; whoever asks for that name next waits for the same one.
 */
int resolve_host(const char *host, int64_t deadline_ms, struct resolve_result *ret, struct err *err)
	__attribute__((warn_unused_result));

/*
 * The same in steps, for several at once: begin() starts a look-up (NULL: out of memory), has_ended() says
 * whether it is through, and end() takes what it found, or gives it up with class timeout, and frees it.
 */
struct resolve_lookup;
struct resolve_lookup *resolve_begin(const char *host);
bool resolve_has_ended(struct resolve_lookup *lookup);
int resolve_end(struct resolve_lookup *lookup, struct resolve_result *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
