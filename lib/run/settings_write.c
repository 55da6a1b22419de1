/* Settings written: as files have them, and as --help shows them. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/lsn.h"
#include "lib/model/state.h"
#include "lib/run/mask.h"
#include "lib/run/settings.h"

/* Appends words from `column` on, broken before `width`; a new line begins with `start` and blanks. */
static void
write_wrapped(const char *words, size_t column, size_t width, const char *start, struct text *text)
{
	size_t at = column;

	while (*words != '\0') {
		size_t length = strcspn(words, " ");

		if (at > column && at + 1 + length > width) {
			text_add(text, "\n%-*s", (int)column, start);
			at = column;
		} else if (at > column) {
			text_add(text, " ");
			at++;
		}
		text_add_bytes(text, words, length);
		at += length;
		words += length + strspn(words + length, " ");
	}
	text_add(text, "\n");
}

/* -- values ------------------------------------------------------------------------------------ */

struct scale {
	const char *name;
	double multiplier, divisor; /* as lib/base/parse.c computes: the same double must come out */
};

static const struct scale byte_scales[] = {
	{"TB", 1099511627776, 1},
	{"GB", 1073741824, 1},
	{"MB", 1048576, 1},
	{"kB", 1024, 1},
	{"B", 1, 1},
	{NULL, 0, 0},
};

static const struct scale time_scales[] = {
	{"d", 86400, 1},
	{"h", 3600, 1},
	{"min", 60, 1},
	{"s", 1, 1},
	{"ms", 1, 1000},
	{"us", 1, 1000000},
	{NULL, 0, 0},
};

static const struct scale percent_scales[] = {{"%", 1, 1}, {NULL, 0, 0}};
static const struct scale no_scales[] = {{"", 1, 1}, {NULL, 0, 0}};

static const struct scale *const scales[UNIT_COUNT] = {
	[UNIT_NONE] = no_scales,
	[UNIT_BYTES] = byte_scales,
	[UNIT_SECONDS] = time_scales,
	[UNIT_PERCENT] = percent_scales,
};

/* What a quantity is counted in: bytes, seconds, per cent. */
static const char *const base_names[UNIT_COUNT] = {
	[UNIT_NONE] = "",
	[UNIT_BYTES] = "B",
	[UNIT_SECONDS] = "s",
	[UNIT_PERCENT] = "%",
};

/* With as few decimals as tell it from every other number. */
static void
write_decimals(double value, struct text *text)
{
	char digits[64]; /* 63 characters; parse_quantity() reads no more than 64 */

	for (int decimals = 0; decimals < (int)sizeof digits; decimals++) {
		int length = snprintf(digits, sizeof digits, "%.*f", decimals, value);

		if (length < 0 || (size_t)length >= sizeof digits || strtod(digits, NULL) == value)
			break;
	}
	text_add(text, "%s", digits);
}

/* round() would cost every program that shows help the loading of libm. 0 beyond what doubles count to. */
static double
nearest_whole(double value)
{
	if (value > 9007199254740992.0 || value < -9007199254740992.0)
		return 0;
	return (double)(int64_t)(value < 0 ? value - 0.5 : value + 0.5);
}

/* In the largest unit in which it is a whole number. */
static void
write_quantity(double value, enum unit unit, struct text *text)
{
	if (value != 0)
		for (const struct scale *scale = scales[unit]; scale->name != NULL; scale++) {
			double number = nearest_whole(value / scale->multiplier * scale->divisor);

			if (number * scale->multiplier / scale->divisor == value) {
				text_add(text, "%.0f%s", number, scale->name);
				return;
			}
		}
	write_decimals(value == 0 ? 0 : value, text); /* never "-0" */
	text_add(text, "%s", base_names[unit]);
}

static void
write_range(const struct range *range, enum unit unit, struct text *text)
{
	text_add(text, "%s", range->is_inverted ? "@" : "");
	if (range->start == -INFINITY) {
		text_add(text, "~:");
	} else if (range->start != 0 || range->end == INFINITY) {
		write_quantity(range->start, unit, text);
		text_add(text, ":");
	}
	if (range->end != INFINITY)
		write_quantity(range->end, unit, text);
}

/* The range of the unit at `index` among those that are set. */
static bool
write_limit(const struct limit *limit, size_t index, struct text *text)
{
	for (enum unit unit = UNIT_NONE; unit < UNIT_COUNT; unit++)
		if (limit->of[unit].is_set && index-- == 0) {
			write_range(&limit->of[unit], unit, text);
			return true;
		}
	return false;
}

static bool
write_duration(int64_t duration_ms, struct text *text)
{
	if (duration_ms <= 0)
		return false;
	write_quantity((double)duration_ms / 1000, UNIT_SECONDS, text);
	return true;
}

static bool
write_text(const struct setting *row, const char *value, struct text *text)
{
	size_t start = text->length;

	if (value[0] == '\0')
		return false;
	if (row->is_secret)
		mask_write(value, text);
	else
		text_add(text, "%s", value);
	for (char *byte = text->bytes + start; *byte != '\0'; byte++)
		if (((unsigned char)*byte < 0x20 && *byte != '\t') || *byte == 0x7F)
			*byte = '?'; /* a second line would be a setting */
	return true;
}

static bool
write_integer(const struct setting *row, int64_t value, struct text *text)
{
	if (value < row->min || value > row->max)
		return false;
	text_add(text, "%" PRId64, value);
	return true;
}

static bool
write_word(const struct setting *row, int value, struct text *text)
{
	for (int i = 0; row->words[i] != NULL; i++)
		if (i == value) {
			text_add(text, "%s", row->words[i]);
			return true;
		}
	return false;
}

static bool
write_lsn(uint64_t lsn, struct text *text)
{
	char storage[LSN_TEXT_SIZE];

	if (lsn == LSN_NONE)
		return false;
	text_add(text, "%s", lsn_format(lsn, storage));
	return true;
}

bool
settings_write_value(
	const struct settings_group *group, const struct setting *row, size_t index, struct text *text)
{
	const void *from = settings_member(group, row);

	if (row->type == SETTING_LIMIT)
		return write_limit(from, index, text);
	if (index > 0)
		return false;
	switch (row->type) {
	case SETTING_FLAG:
		text_add(text, "%s", *(const bool *)from ? "yes" : "no");
		return true;
	case SETTING_COUNT:
		text_add(text, "%d", *(const int *)from);
		return true;
	case SETTING_TEXT:
		return write_text(row, from, text);
	case SETTING_INTEGER:
		return write_integer(row, *(const int64_t *)from, text);
	case SETTING_DURATION:
		return write_duration(*(const int64_t *)from, text);
	case SETTING_STATE:
		text_add(text, "%s", state_word(*(const enum state *)from));
		return true;
	case SETTING_WORD:
		return write_word(row, *(const int *)from, text);
	case SETTING_LSN:
		return write_lsn(*(const uint64_t *)from, text);
	case SETTING_SIZE:
		if (*(const int64_t *)from <= 0)
			return false;
		write_quantity((double)*(const int64_t *)from, UNIT_BYTES, text);
		return true;
	case SETTING_LIST:
		return write_text(row, from, text);
	case SETTING_LIMIT: /* above */
		break;
	}
	return false;
}

/* -- sections of files ------------------------------------------------------------------------- */

enum { FILE_WIDTH = 100 };

const char *
settings_write_key(const struct setting *row, char to[SETTINGS_KEY_SIZE])
{
	struct text text;

	text_init(&text, to, SETTINGS_KEY_SIZE);
	text_add(&text, "%s", row->name);
	for (char *byte = to; *byte != '\0'; byte++)
		if (*byte == '-')
			*byte = '_';
	return to;
}

/* Appends "key = " and the value at `index`, or nothing. */
static bool
write_line(const struct settings_group *group, const struct setting *row, size_t index, struct text *text)
{
	struct text before = *text;
	char key[SETTINGS_KEY_SIZE];

	text_add(text, "%s = ", settings_write_key(row, key));
	if (settings_write_value(group, row, index, text)) {
		text_add(text, "\n");
		return true;
	}
	*text = before;
	text->bytes[text->length] = '\0';
	return false;
}

/* Whether the last line is one of the section, not its header: then a blank one comes between. */
static bool
is_behind_row(const struct text *text)
{
	size_t line = text->length;

	while (line > 0 && (line == text->length || text->bytes[line - 1] != '\n'))
		line--;
	return text->length > 0 && text->bytes[line] != '[';
}

static bool
may_be_empty(const struct setting *row)
{
	return row->type == SETTING_TEXT || row->type == SETTING_LIMIT || row->type == SETTING_LIST;
}

void
settings_write_section(const struct settings_group *group, bool is_documented, struct text *text)
{
	char key[SETTINGS_KEY_SIZE];

	for (size_t i = 0; i < group->count; i++) {
		const struct setting *row = &group->rows[i];
		size_t index = 0;

		if (is_documented) {
			text_add(text, "%s; ", is_behind_row(text) ? "\n" : "");
			write_wrapped(row->help, 2, FILE_WIDTH, ";", text);
		}
		while (write_line(group, row, index, text))
			index++;
		/* Empty where there is a default was somebody's will: to listen nowhere, say. */
		if (index == 0 && (is_documented || (may_be_empty(row) && row->initial != NULL)))
			text_add(text, "%s%s =\n", row->initial == NULL ? ";" : "",
				settings_write_key(row, key));
	}
}

/* -- help -------------------------------------------------------------------------------------- */

enum { HELP_COLUMN = 30, HELP_WIDTH = 79 };

static void
write_option(const struct setting *row, struct text *text)
{
	char left[80], right[512];
	struct text option, help;

	text_init(&option, left, sizeof left);
	text_init(&help, right, sizeof right);
	text_add(&option, row->letter != 0 ? "  -%c, " : "      ", row->letter);
	text_add(&option, "--%s%s%s", row->name, row->argument != NULL ? " " : "",
		row->argument != NULL ? row->argument : "");
	text_add(&help, "%s", row->help);
	if (row->initial != NULL)
		text_add(&help, " (default: %s)", row->initial);
	text_add(text, "%-*s", HELP_COLUMN, left);
	if (option.length >= HELP_COLUMN)
		text_add(text, "\n%*s", HELP_COLUMN, "");
	write_wrapped(right, HELP_COLUMN, HELP_WIDTH, "", text);
}

void
settings_write_help(const struct settings_group *groups, size_t count, struct text *text)
{
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || strcmp(groups[i].title, groups[i - 1].title) != 0)
			text_add(text, "\n%s:\n", groups[i].title);
		for (size_t j = 0; j < groups[i].count; j++)
			write_option(&groups[i].rows[j], text);
	}
}
