/*
 * snapshot_pack.h: a snapshot as the bytes that cross from one process to another on the same host: what was
 * obtained, and nothing of the room that is there for more. Pure.
 */
#ifndef PGHA_MODEL_SNAPSHOT_PACK_H
#define PGHA_MODEL_SNAPSHOT_PACK_H

#include <stddef.h>

#include "lib/model/snapshot.h"

/* No snapshot takes more bytes. */
enum { SNAPSHOT_PACK_MAX = sizeof(struct snapshot) + sizeof(unsigned) };

/* Writes into `to`, of SNAPSHOT_PACK_MAX bytes; returns how many. */
size_t snapshot_pack(const struct snapshot *snapshot, char *to);

/*
 * Reads what snapshot_pack() wrote into *ret, all of it. -1: they are other bytes. What they say is not
 * judged: see snapshot_is_sound().
 */
int snapshot_pack_read(const char *bytes, size_t length, struct snapshot *ret)
	__attribute__((warn_unused_result));

#endif
