/* pgpool_near.h: whether a pgpool-II that was connected to runs on this host. */
#ifndef PGHA_COLLECT_PGPOOL_NEAR_H
#define PGHA_COLLECT_PGPOOL_NEAR_H

#include <stdbool.h>

/*
 * Whether the other end of a connected socket is on this host: a Unix socket, a loopback address, or an
 * address of this host, to which the kernel connects from that same address. False where that cannot be told.
 */
bool pgpool_near_is_here(int socket);

#endif
