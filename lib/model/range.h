/*
 * range.h: Nagios threshold ranges with units, and the limits that are made of them.
 *
 * The grammar is [@][start:][end] of the Monitoring Plugins guidelines: an alert is due when
 * the value lies outside [start, end], or with "@" inside; start is 0 when left out and
 * "~" is minus infinity; a missing end is infinity.
 */
#ifndef PGHA_MODEL_RANGE_H
#define PGHA_MODEL_RANGE_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/parse.h"
#include "lib/base/text.h"

struct range {
	bool is_set;
	bool is_inverted; /* "@": alert inside */
	double start;     /* in bytes, seconds or per cent */
	double end;
};

/* One limit for each unit that a check measures: `-c 16MB -c 30s` sets two. */
struct limit {
	struct range of[UNIT_COUNT];
	bool is_initial; /* nobody gave it: it is the default */
};

/*
 * Reads one range. Numbers with different units in one range are refused; a plain number
 * beside one with a unit counts in that unit's base (bytes, seconds). `ret_unit` is UNIT_NONE
 * when no number has a unit.
 */
int range_parse(const char *text, struct range *ret, enum unit *ret_unit, struct err *err)
	__attribute__((warn_unused_result));

/* Whether `value` calls for an alert. A range that is not set never does. */
bool range_alerts(const struct range *range, double value);

/*
 * Whether every value that alerts `critical` alerts `warning` too. If not, -w is looser than
 * -c and would never be seen on its own where it should be. True if either is not set.
 */
bool range_covers(const struct range *warning, const struct range *critical);

/* Appends the range as performance data has it: base units, no unit signs ("~:16777216"). */
void range_write(const struct range *range, struct text *text);

/*
 * Appends a number as the performance data's grammar has it: digits and a point, never an exponent;
 * whole, or with up to six decimals.
 */
void range_write_number(double value, struct text *text);

/* Appends when it alerts, for people: "above 16 MB", "below 2", "outside 1 s to 5 s". */
void range_describe(const struct range *range, enum unit unit, struct text *text);

/* Appends a quantity for people: "16 MB", "1.5 GB", "300 ms", "2.1 min", "75%". */
void range_write_quantity(double value, enum unit unit, struct text *text);

/*
 * Adds the range in `text` to a limit. `accepted` holds a bit (1 << unit) for each unit that
 * the check measures, and a plain number means `plain`. Setting one unit twice is refused.
 */
int range_add_limit(struct limit *limit, const char *text, unsigned accepted, enum unit plain,
	struct err *err) __attribute__((warn_unused_result));

#endif
