#include "lib/collect/conf_number.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What a unit counts in the setting's own, the largest first. */
struct conf_unit {
	const char *name;
	double factor;
};

static const struct conf_unit megabytes[] = {
	{"TB", 1048576}, {"GB", 1024}, {"MB", 1}, {"kB", 1.0 / 1024}, {"B", 1.0 / 1048576}, {NULL, 0}};
static const struct conf_unit milliseconds[] = {{"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000},
	{"ms", 1}, {"us", 1.0 / 1000}, {NULL, 0}};
static const struct conf_unit seconds[] = {{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1},
	{"ms", 1.0 / 1000}, {"us", 1.0 / 1000000}, {NULL, 0}};

static const struct conf_unit *const units_of[] = {
	[CONF_NUMBER_PLAIN] = NULL,
	[CONF_NUMBER_MEGABYTES] = megabytes,
	[CONF_NUMBER_SECONDS] = seconds,
	[CONF_NUMBER_MILLISECONDS] = milliseconds,
};

/* To the nearest whole number, of two the even one, as rint() does, which is not in the C library proper. */
static double
rounded(double value)
{
	double below, rest;

	if (value > 4503599627370496.0 || value < -4503599627370496.0) /* 2^52: whole already */
		return value;
	below = (double)(int64_t)value;
	if (below > value)
		below--;
	rest = value - below;
	return rest > 0.5 || (rest == 0.5 && (int64_t)below % 2 != 0) ? below + 1 : below;
}

/* In the setting's own unit; a fraction is first rounded to the next smaller unit, as the server does. */
static double
converted(double value, const struct conf_unit *unit)
{
	value *= unit->factor;
	if (unit[1].name != NULL)
		value = rounded(value / unit[1].factor) * unit[1].factor;
	return value;
}

/* The unit at the end of a number. NULL: it is none that the setting knows. Case counts. */
static const struct conf_unit *
find_unit(const struct conf_unit *units, const char *text)
{
	size_t length = 0;

	if (units == NULL)
		return NULL;
	while (text[length] != '\0' && !isspace((unsigned char)text[length]))
		length++;
	for (const char *rest = text + length; *rest != '\0'; rest++)
		if (!isspace((unsigned char)*rest))
			return NULL;
	for (; units->name != NULL; units++)
		if (strlen(units->name) == length && strncmp(units->name, text, length) == 0)
			return units;
	return NULL;
}

/* A number as the server's parse_int() reads it, octal and hexadecimal ones too. False: it is none. */
static bool
read_number(const char *text, double *ret, const char **ret_rest)
{
	char *end;
	double value;

	errno = 0;
	value = (double)strtoll(text, &end, 0);
	if (*end == '.' || *end == 'e' || *end == 'E' || errno == ERANGE) {
		errno = 0;
		value = strtod(text, &end);
	}
	if (end == text || errno == ERANGE || value != value)
		return false;
	while (isspace((unsigned char)*end))
		end++;
	*ret = value;
	*ret_rest = end;
	return true;
}

bool
conf_number_read(const char *text, enum conf_number_unit unit, double *ret)
{
	const struct conf_unit *found;
	const char *rest;
	double number;

	if (!read_number(text, &number, &rest))
		return false;
	if (*rest != '\0') {
		found = find_unit(units_of[unit], rest);
		if (found == NULL)
			return false;
		number = converted(number, found);
	}
	*ret = rounded(number);
	return true;
}

void
conf_number_show(int value, enum conf_number_unit unit, struct text *to)
{
	const struct conf_unit *found = units_of[unit];

	while (found != NULL && value > 0 && found->factor > 1 && value % (int)found->factor != 0)
		found++;
	if (found == NULL || value <= 0)
		text_add(to, "%d", value);
	else
		text_add(to, "%d%s", value / (int)found->factor, found->name);
}
