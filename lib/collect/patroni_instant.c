#include "lib/collect/patroni_instant.h"

#include <stddef.h>
#include <string.h>

#include "lib/model/snapshot_parts.h"

/* Days from 1970-01-01 to a date. The year begins in March, so that a leap day ends it. */
static int64_t
days_to(int64_t year, int64_t month, int64_t day)
{
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	if (month <= 2)
		year--;
	return year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719468;
}

/* Reads exactly `length` digits; -1: there are others. */
static int64_t
digits(const char **cursor, size_t length)
{
	int64_t value = 0;

	for (size_t i = 0; i < length; i++, ++*cursor) {
		if (**cursor < '0' || **cursor > '9')
			return -1;
		value = value * 10 + (**cursor - '0');
	}
	return value;
}

/* The same behind one of `separators`, at most `max`. */
static int64_t
part(const char **cursor, const char *separators, size_t length, int64_t max)
{
	int64_t value;

	if (separators[0] != '\0') {
		if (**cursor == '\0' || strchr(separators, **cursor) == NULL)
			return -1;
		++*cursor;
	}
	value = digits(cursor, length);
	return value > max ? -1 : value;
}

/* The first three digits behind a point, if there is one. */
static int64_t
milliseconds(const char **cursor)
{
	int64_t value = 0, unit = 100;

	if (**cursor != '.')
		return 0;
	for (++*cursor; **cursor >= '0' && **cursor <= '9'; ++*cursor, unit /= 10)
		value += unit * (**cursor - '0');
	return value;
}

/* "+02:00", "-03:30", "+00", "Z": minutes east. -1 behind `ret`: another shape. */
static int
offset_minutes(const char *text, int64_t *ret)
{
	int64_t sign = text[0] == '-' ? -1 : 1, hours, minutes = 0;

	*ret = 0;
	if (strcmp(text, "Z") == 0)
		return 0;
	hours = part(&text, "+-", 2, 15);
	if (hours >= 0 && *text != '\0')
		minutes = part(&text, ":", 2, 59);
	if (hours < 0 || minutes < 0 || *text != '\0')
		return -1;
	*ret = sign * (hours * 60 + minutes);
	return 0;
}

int64_t
patroni_instant_parse(const char *text)
{
	int64_t year = part(&text, "", 4, 9999), month = year < 0 ? -1 : part(&text, "-", 2, 12);
	int64_t day = month < 0 ? -1 : part(&text, "-", 2, 31);
	int64_t hour = day < 0 ? -1 : part(&text, " T", 2, 23),
		minute = hour < 0 ? -1 : part(&text, ":", 2, 59);
	int64_t second = minute < 0 ? -1 : part(&text, ":", 2, 60), fraction, offset;

	if (second < 0 || year < 1970 || month < 1 || day < 1)
		return SNAPSHOT_NONE;
	fraction = milliseconds(&text);
	if (offset_minutes(text, &offset) != 0)
		return SNAPSHOT_NONE;
	return (((days_to(year, month, day) * 24 + hour) * 60 + minute - offset) * 60 + second) * 1000
		+ fraction;
}
