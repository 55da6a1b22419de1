#include "lib/model/range.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* One end of a range: a number with an optional unit. The unit must agree with the other end's. */
static int
read_end(const char **cursor, double *ret, enum unit *unit, struct err *err)
{
	struct parse_quantity quantity;

	if (parse_quantity(cursor, &quantity, err) != 0)
		return -1;
	if (quantity.unit != UNIT_NONE && *unit != UNIT_NONE && quantity.unit != *unit)
		return err_set(err, ERR_USAGE, "its two ends have different units");
	if (quantity.unit != UNIT_NONE)
		*unit = quantity.unit;
	*ret = quantity.value;
	return 0;
}

static int
read_range(const char *cursor, struct range *ret, enum unit *ret_unit, struct err *err)
{
	struct range range = {.is_set = true, .start = 0, .end = INFINITY};
	enum unit unit = UNIT_NONE;
	bool has_start = strchr(cursor, ':') != NULL;

	if (*cursor == '@') {
		range.is_inverted = true;
		cursor++;
	}
	if (text_starts(cursor, "~:")) {
		range.start = -INFINITY;
		cursor += 2;
	} else if (has_start && *cursor != ':') {
		if (read_end(&cursor, &range.start, &unit, err) != 0)
			return -1;
		if (*cursor != ':')
			return err_set(err, ERR_USAGE, "unexpected \"%s\"", cursor);
		cursor++;
	} else if (has_start) {
		return err_set(err, ERR_USAGE, "nothing stands before the colon");
	}
	if ((*cursor != '\0' || !has_start) && read_end(&cursor, &range.end, &unit, err) != 0)
		return -1;
	if (*cursor != '\0')
		return err_set(err, ERR_USAGE, "unexpected \"%s\"", cursor);
	if (range.start > range.end)
		return err_set(err, ERR_USAGE, "its start is above its end");
	*ret = range;
	*ret_unit = unit;
	return 0;
}

int
range_parse(const char *text, struct range *ret, enum unit *ret_unit, struct err *err)
{
	if (read_range(text, ret, ret_unit, err) == 0)
		return 0;
	err_context(err, "\"%s\" is not a range", text);
	if (err->hint[0] == '\0')
		err_hint(err,
			"ranges are written 10, 10:, ~:10, 10:20 or @10:20, with units like 16MB or 30s");
	return -1;
}

bool
range_alerts(const struct range *range, double value)
{
	bool is_inside = value >= range->start && value <= range->end;

	return range->is_set && is_inside == range->is_inverted;
}

bool
range_covers(const struct range *warning, const struct range *critical)
{
	if (!warning->is_set || !critical->is_set)
		return true;
	if (!warning->is_inverted && !critical->is_inverted)
		return warning->start >= critical->start && warning->end <= critical->end;
	if (warning->is_inverted && critical->is_inverted)
		return warning->start <= critical->start && warning->end >= critical->end;
	if (critical->is_inverted) /* critical inside, warning outside */
		return critical->end < warning->start || critical->start > warning->end;
	/* Critical outside, warning inside: each side where the critical range ends must lie within. */
	return (critical->start == -INFINITY
		       || (warning->start == -INFINITY && warning->end >= critical->start))
		&& (critical->end == INFINITY
			|| (warning->end == INFINITY && warning->start <= critical->end));
}

void
range_write_number(double value, struct text *text)
{
	char digits[64];
	size_t length = (size_t)snprintf(digits, sizeof digits, "%.6f", value);

	if (length >= sizeof digits) /* beyond any figure of ours */
		length = sizeof digits - 1;
	while (digits[length - 1] == '0')
		length--;
	if (digits[length - 1] == '.')
		length--;
	digits[length] = '\0';
	text_add(text, "%s", strcmp(digits, "-0") == 0 ? "0" : digits);
}

void
range_write(const struct range *range, struct text *text)
{
	if (range->is_inverted)
		text_add(text, "@");
	if (range->start == -INFINITY)
		text_add(text, "~:");
	else if (range->start != 0 || range->end == INFINITY) {
		range_write_number(range->start, text);
		text_add(text, ":");
	}
	if (range->end != INFINITY)
		range_write_number(range->end, text);
}

/* At most one decimal, and none where it is zero: "1.5", "16". */
static void
write_short(double value, const char *unit, struct text *text)
{
	char digits[32];
	size_t length = (size_t)snprintf(digits, sizeof digits, "%.1f", value);

	if (length < sizeof digits && strcmp(digits + length - 2, ".0") == 0)
		digits[length - 2] = '\0';
	text_add(text, "%s %s", digits, unit);
}

static void
write_bytes(double bytes, struct text *text)
{
	static const char *const names[] = {"B", "kB", "MB", "GB", "TB"};
	size_t step = 0;

	/* 1023.95 and more would be rounded to "1024". */
	while (fabs(bytes) >= 1023.95 && step + 1 < sizeof names / sizeof names[0]) {
		bytes /= 1024;
		step++;
	}
	write_short(bytes, names[step], text);
}

static void
write_seconds(double seconds, struct text *text)
{
	if (seconds == 0)
		text_add(text, "0 s");
	else if (fabs(seconds) < 0.99995) /* more would be rounded to "1000 ms" */
		write_short(seconds * 1000, "ms", text);
	else if (fabs(seconds) < 120)
		write_short(seconds, "s", text);
	else if (fabs(seconds) < 7200)
		write_short(seconds / 60, "min", text);
	else if (fabs(seconds) < 172800)
		write_short(seconds / 3600, "h", text);
	else
		write_short(seconds / 86400, "d", text);
}

void
range_write_quantity(double value, enum unit unit, struct text *text)
{
	if (unit == UNIT_BYTES)
		write_bytes(value, text);
	else if (unit == UNIT_SECONDS)
		write_seconds(value, text);
	else
		text_add(text, unit == UNIT_PERCENT ? "%.10g%%" : "%.10g", value);
}

/* The words before the ends of a range, by whether it alerts inside and which ends it has. */
static const char *
describe_kind(bool is_inverted, bool has_start, bool has_end)
{
	static const char *const words[2][2][2] = {
		{{"never", "above "}, {"below ", "outside "}},
		{{"always", "up to "}, {"from ", "within "}},
	};

	return words[is_inverted][has_start][has_end];
}

void
range_describe(const struct range *range, enum unit unit, struct text *text)
{
	bool has_end = range->end != INFINITY;
	/* What is measured is seldom negative: "10" alerts above 10, and below 0, which goes without saying.
	 */
	bool is_plain = range->start == 0 && has_end && !range->is_inverted;
	bool has_start = range->start != -INFINITY && !is_plain;

	text_add(text, "%s", describe_kind(range->is_inverted, has_start, has_end));
	if (has_start)
		range_write_quantity(range->start, unit, text);
	if (has_start && has_end)
		text_add(text, " to ");
	if (has_end)
		range_write_quantity(range->end, unit, text);
}

static const char *
unit_example(enum unit unit)
{
	static const char *const examples[UNIT_COUNT] = {
		"a number such as 2", "bytes such as 16MB", "a time such as 30s", "a percentage such as 80%"};

	return examples[unit];
}

int
range_add_limit(struct limit *limit, const char *text, unsigned accepted, enum unit plain, struct err *err)
{
	struct range range;
	enum unit unit;

	if (range_parse(text, &range, &unit, err) != 0)
		return -1;
	if (unit == UNIT_NONE)
		unit = plain;
	if ((accepted & 1U << unit) == 0) {
		char storage[sizeof err->hint];
		struct text list;

		text_init(&list, storage, sizeof storage);
		for (enum unit other = UNIT_NONE; other < UNIT_COUNT; other++)
			if ((accepted & 1U << other) != 0)
				text_add(&list, "%s%s", list.length > 0 ? " or " : "", unit_example(other));
		err_set(err, ERR_USAGE, "\"%s\" has a unit that this check does not measure", text);
		return err_hint(err, "give %s", storage);
	}
	if (limit->of[unit].is_set)
		return err_set(err, ERR_USAGE, "\"%s\" sets a limit that was set before", text);
	limit->of[unit] = range;
	return 0;
}
