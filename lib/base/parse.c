#include "lib/base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit_row {
	const char *name;
	enum unit unit;
	double multiplier;
	double divisor; /* 100ms must be the double nearest to 0.1, which 100 * 0.001 is not */
};

static const struct unit_row unit_rows[] = {
	{"%", UNIT_PERCENT, 1, 1},
	{"B", UNIT_BYTES, 1, 1},
	{"kB", UNIT_BYTES, 1024, 1},
	{"MB", UNIT_BYTES, 1048576, 1},
	{"GB", UNIT_BYTES, 1073741824, 1},
	{"TB", UNIT_BYTES, 1099511627776, 1},
	{"us", UNIT_SECONDS, 1, 1000000},
	{"ms", UNIT_SECONDS, 1, 1000},
	{"s", UNIT_SECONDS, 1, 1},
	{"min", UNIT_SECONDS, 60, 1},
	{"h", UNIT_SECONDS, 3600, 1},
	{"d", UNIT_SECONDS, 86400, 1},
};

static const struct unit_row no_unit = {"", UNIT_NONE, 1, 1};

/* The largest whole number that a double counts to, 8 PB: no limit of ours is above it. */
static const double largest = 9007199254740992.0;

static const struct unit_row *
unit_find(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof unit_rows / sizeof unit_rows[0]; i++)
		if (strlen(unit_rows[i].name) == length && strncasecmp(unit_rows[i].name, name, length) == 0)
			return &unit_rows[i];
	return NULL;
}

/* The length of a plain decimal number; strtod() alone would also take hex, inf and nan. */
static size_t
number_length(const char *text)
{
	size_t sign = text[0] == '-' || text[0] == '+';
	size_t whole = strspn(text + sign, "0123456789");
	size_t length = sign + whole;
	size_t fraction = text[length] == '.' ? strspn(text + length + 1, "0123456789") : 0;

	if (whole + fraction == 0)
		return 0;
	return text[length] == '.' ? length + 1 + fraction : length;
}

int
parse_quantity(const char **cursor, struct parse_quantity *ret, struct err *err)
{
	const char *text = *cursor;
	size_t length = number_length(text);
	const char *unit = text + length + strspn(text + length, " ");
	size_t unit_length = *unit == '%' ? 1 : 0;
	const struct unit_row *found;
	double value;

	if (length == 0 || length > 64)
		return err_set(err, ERR_USAGE, "no number at \"%s\"", text);
	value = strtod(text, NULL);
	while (isalpha((unsigned char)unit[unit_length]))
		unit_length++;
	found = unit_length == 0 ? &no_unit : unit_find(unit, unit_length);
	if (found == NULL) {
		err_set(err, ERR_USAGE, "unknown unit \"%.*s\"", (int)(unit_length < 32 ? unit_length : 32),
			unit);
		return err_hint(err, "units are B kB MB GB TB (powers of 1024), us ms s min h d");
	}
	value = value * found->multiplier / found->divisor;
	if (value > largest || value < -largest)
		return err_set(err, ERR_USAGE, "\"%.*s\" is out of range", (int)length, text);
	*ret = (struct parse_quantity){.value = value, .unit = found->unit};
	*cursor = unit_length == 0 ? text + length : unit + unit_length;
	return 0;
}

int
parse_duration_ms(const char *text, int64_t *ret_ms, struct err *err)
{
	static const double longest_seconds = 366.0 * 86400;
	const char *cursor = text;
	struct parse_quantity quantity;
	struct err cause;

	if (parse_quantity(&cursor, &quantity, &cause) != 0 || *cursor != '\0'
		|| (quantity.unit != UNIT_NONE && quantity.unit != UNIT_SECONDS)) {
		err_set(err, ERR_USAGE, "\"%s\" is not a duration", text);
		return err_hint(err, "write it like 500ms, 5s or 1min");
	}
	if (quantity.value < 0 || quantity.value > longest_seconds)
		return err_set(err, ERR_USAGE, "\"%s\" is out of range (0 to 366d)", text);
	*ret_ms = (int64_t)(quantity.value * 1000 + 0.5);
	return 0;
}

int
parse_integer(const char *text, int64_t min, int64_t max, int64_t *ret, struct err *err)
{
	const char *digits = text + (text[0] == '-');
	char *end;
	int64_t value;

	if (*digits == '\0' || digits[strspn(digits, "0123456789")] != '\0')
		return err_set(err, ERR_USAGE, "\"%s\" is not a whole number", text);
	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno != 0 || value < min || value > max)
		return err_set(err, ERR_USAGE, "\"%s\" is out of range (%" PRId64 " to %" PRId64 ")", text,
			min, max);
	*ret = value;
	return 0;
}
