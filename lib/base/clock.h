/*
 * clock.h: the two clocks. Deadlines are instants of the monotonic one, in milliseconds;
 * the wall clock only dates what was seen.
 */
#ifndef PGHA_BASE_CLOCK_H
#define PGHA_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t clock_now_ms(void);

/* Microseconds of CLOCK_MONOTONIC, for measuring. */
int64_t clock_now_us(void);

/* Milliseconds since 1970, by the wall clock. */
int64_t clock_wall_ms(void);

/* What is left until `deadline_ms` as poll() wants it: at least 0, at most INT_MAX. */
int clock_left_ms(int64_t deadline_ms);

#endif
