/* pgpool_own.h: what the backends of a pgpool-II say of themselves, put beside what pgpool says of them.
 * Pure. */
#ifndef PGHA_COLLECT_PGPOOL_OWN_H
#define PGHA_COLLECT_PGPOOL_OWN_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/model/snapshot.h"

/* One backend that was asked: its row, and what was seen of it. */
struct pgpool_own {
	struct snapshot_pgpool_backend *backend;
	const struct snapshot *seen;
};

/* Why a backend did not answer, or was not asked. */
void pgpool_own_fail(struct snapshot_pgpool_backend *backend, const struct err *fault);

/*
 * Keeps what each says of its role, its identity and its WAL receiver, or why it did not answer; and how far
 * it is behind the only primary of its own cluster: none where that is not known, or there are more.
 */
void pgpool_own_keep(const struct pgpool_own *own, size_t count);

/* Whether a host as pgpool names it leads each host to itself: a socket directory, a loopback address. */
bool pgpool_own_is_loopback(const char *host);

#endif
