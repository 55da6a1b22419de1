/*
 * parse.h: numbers and quantities as people write them, strictly: no rest is ignored, no
 * unit guessed. The process never calls setlocale(), so the decimal point is always a point.
 */
#ifndef PGHA_BASE_PARSE_H
#define PGHA_BASE_PARSE_H

#include <stdint.h>

#include "lib/base/err.h"

/* What a quantity measures. A plain number carries no unit and measures whatever is asked for. */
enum unit { UNIT_NONE, UNIT_BYTES, UNIT_SECONDS, UNIT_PERCENT, UNIT_COUNT };

struct parse_quantity {
	double value; /* in bytes, seconds or per cent */
	enum unit unit;
};

/*
 * Reads a number with an optional unit at `*cursor` and moves the cursor behind it.
 * Units are PostgreSQL's, in any case: B kB MB GB TB (powers of 1024), us ms s min h d, and %.
 * -1 with class usage when there is no number or the unit is unknown.
 */
int parse_quantity(const char **cursor, struct parse_quantity *ret, struct err *err)
	__attribute__((warn_unused_result));

/* A duration such as `5s`, `500ms`, `1min`; a plain number counts seconds. All of `text`. */
int parse_duration_ms(const char *text, int64_t *ret_ms, struct err *err) __attribute__((warn_unused_result));

/* A whole decimal number from `min` to `max`. All of `text`. */
int parse_integer(const char *text, int64_t min, int64_t max, int64_t *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
