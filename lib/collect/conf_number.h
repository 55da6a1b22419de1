/*
 * conf_number.h: numbers in a postgresql.conf, as the server reads them (parse_int() of guc.c) and shows
 * them. Pure.
 */
#ifndef PGHA_COLLECT_CONF_NUMBER_H
#define PGHA_COLLECT_CONF_NUMBER_H

#include <stdbool.h>

#include "lib/base/text.h"

/* What a setting counts in; a number without a unit counts in that. */
enum conf_number_unit {
	CONF_NUMBER_PLAIN, /* no unit may be given */
	CONF_NUMBER_MEGABYTES,
	CONF_NUMBER_SECONDS,
	CONF_NUMBER_MILLISECONDS
};

/*
 * Reads a whole value: decimal, octal ("010" is 8) or hexadecimal, with a fraction, with a unit in just the
 * case that the server has it. Gives it in the setting's own unit, rounded as the server rounds. False: it is
 * none.
 */
bool conf_number_read(const char *text, enum conf_number_unit unit, double *ret);

/* Appends it in the largest unit that leaves no fraction: 60000 ms are "1min". Zero and less have no unit. */
void conf_number_show(int value, enum conf_number_unit unit, struct text *to);

#endif
