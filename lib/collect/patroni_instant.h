/* patroni_instant.h: an instant as Patroni writes it in JSON: "2026-05-02 03:59:59.123456+00:00". Pure. */
#ifndef PGHA_COLLECT_PATRONI_INSTANT_H
#define PGHA_COLLECT_PATRONI_INSTANT_H

#include <stdint.h>

/*
 * Milliseconds since 1970, the rest dropped; none for whatever else: before version 2 zones are told by name
 * ("UTC", "CEST"), which mean different things in different places. A "T" for the blank, a "Z" for the offset
 * and offsets of any length to the minute are understood.
 */
int64_t patroni_instant_parse(const char *text);

#endif
