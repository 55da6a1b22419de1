#include "lib/run/settings.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/model/lsn.h"
#include "lib/model/state.h"

/* What getopt_long() returns for the row at an index; above every character. */
enum { ROW_BASE = 1000 };

/* The rows of all groups in one sequence, as the arguments name them. */
struct reading {
	const struct settings_group *groups;
	size_t group_count;
	struct option long_options[SETTINGS_MAX + 1];
	char short_options[2 * SETTINGS_MAX + 2];
	bool is_given[SETTINGS_MAX];
	size_t row_count;
};

static bool
takes_value(const struct setting *row)
{
	return row->type != SETTING_FLAG && row->type != SETTING_COUNT;
}

static void *
member(const struct settings_group *group, const struct setting *row)
{
	return (char *)group->base + row->offset;
}

static int
set_word(const struct setting *row, const char *value, int *ret, struct err *err)
{
	char storage[sizeof err->hint];
	struct text list;

	text_init(&list, storage, sizeof storage);
	for (int i = 0; row->words[i] != NULL; i++) {
		if (strcmp(row->words[i], value) == 0) {
			*ret = i;
			return 0;
		}
		text_add(&list, "%s%s", i > 0 ? ", " : "", row->words[i]);
	}
	err_set(err, ERR_USAGE, "\"%s\" is not known", value);
	return err_hint(err, "it is one of %s", storage);
}

static int
set_state(const char *value, enum state *ret, struct err *err)
{
	enum state state = state_parse(value);

	if (state == STATE_COUNT) {
		err_set(err, ERR_USAGE, "\"%s\" is not a state", value);
		return err_hint(err, "states are ok, warning, critical and unknown");
	}
	*ret = state;
	return 0;
}

static int
set_value(const struct setting *row, const char *value, void *to, struct err *err)
{
	switch (row->type) {
	case SETTING_FLAG:
		*(bool *)to = true;
		return 0;
	case SETTING_COUNT:
		++*(int *)to;
		return 0;
	case SETTING_TEXT:
		if (text_copy(to, row->size, value) == 0)
			return 0;
		return err_set(err, ERR_USAGE, "the value is longer than %zu characters", row->size - 1);
	case SETTING_INTEGER:
		return parse_integer(value, row->min, row->max, to, err);
	case SETTING_DURATION:
		if (parse_duration_ms(value, to, err) != 0)
			return -1;
		return *(int64_t *)to > 0 ? 0 : err_set(err, ERR_USAGE, "\"%s\" is not above zero", value);
	case SETTING_STATE:
		return set_state(value, to, err);
	case SETTING_WORD:
		return set_word(row, value, to, err);
	case SETTING_LIMIT:
		return range_add_limit(to, value, row->accepted, row->plain, err);
	case SETTING_LSN:
		if (lsn_parse(value, to) == 0)
			return 0;
		err_set(err, ERR_USAGE, "\"%s\" is not a WAL position", value);
		return err_hint(err, "positions are written like 16/B374D848");
	}
	return 0;
}

int
settings_set(
	const struct settings_group *group, const struct setting *row, const char *value, struct err *err)
{
	if (set_value(row, value, member(group, row), err) == 0)
		return 0;
	return err_context(err, "option --%s", row->name);
}

int
settings_set_initial(const struct settings_group *groups, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < groups[i].count; j++) {
			const struct setting *row = &groups[i].rows[j];

			if (row->initial != NULL && settings_set(&groups[i], row, row->initial, err) != 0)
				return -1;
		}
	return 0;
}

/* The row at an index of the whole sequence, and its group. */
static const struct setting *
row_at(const struct reading *reading, size_t index, const struct settings_group **ret_group)
{
	const struct settings_group *group = reading->groups;

	while (index >= group->count) {
		index -= group->count;
		group++;
	}
	*ret_group = group;
	return &group->rows[index];
}

/* The row that getopt_long() means: by its own number, or by its letter. */
static size_t
index_of(const struct reading *reading, int option)
{
	const struct settings_group *group;
	size_t index = 0;

	if (option >= ROW_BASE)
		return (size_t)(option - ROW_BASE);
	while (row_at(reading, index, &group)->letter != option)
		index++;
	return index;
}

static void
prepare(struct reading *reading, const struct settings_group *groups, size_t count)
{
	struct text letters;

	memset(reading, 0, sizeof *reading);
	reading->groups = groups;
	reading->group_count = count;
	text_init(&letters, reading->short_options, sizeof reading->short_options);
	text_add(&letters, ":"); /* tells a missing value from an unknown option */
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < groups[i].count && reading->row_count < SETTINGS_MAX; j++) {
			const struct setting *row = &groups[i].rows[j];

			reading->long_options[reading->row_count] = (struct option){
				.name = row->name,
				.has_arg = takes_value(row) ? required_argument : no_argument,
				.val = ROW_BASE + (int)reading->row_count,
			};
			if (row->letter != 0)
				text_add(&letters, takes_value(row) ? "%c:" : "%c", row->letter);
			reading->row_count++;
		}
}

/* An option that getopt_long() could not read. */
static int
refuse(const struct reading *reading, int option, char **argv, struct err *err)
{
	const struct settings_group *group;
	const char *given = argv[optind - 1];
	int length = (int)strcspn(given, "="); /* what stands behind it may be a secret */

	if (option == ':')
		return err_set(err, ERR_USAGE, "option --%s needs a value",
			row_at(reading, index_of(reading, optopt), &group)->name);
	if (optopt >= ROW_BASE)
		return err_set(err, ERR_USAGE, "option --%s takes no value",
			row_at(reading, index_of(reading, optopt), &group)->name);
	if (optopt != 0)
		err_set(err, ERR_USAGE, "unknown option \"-%c\"", optopt);
	else
		err_set(err, ERR_USAGE, "unknown or ambiguous option \"%.*s\"", length, given);
	return err_hint(err, "--help lists the options");
}

static int
take(struct reading *reading, size_t index, const char *value, struct err *err)
{
	const struct settings_group *group;
	const struct setting *row = row_at(reading, index, &group);

	if (reading->is_given[index] && row->type != SETTING_COUNT && row->type != SETTING_LIMIT)
		return err_set(err, ERR_USAGE, "option --%s is given twice", row->name);
	reading->is_given[index] = true;
	return settings_set(group, row, value, err);
}

static const struct setting *
find(const struct settings_group *group, const char *name)
{
	for (size_t i = 0; i < group->count; i++)
		if (strcmp(group->rows[i].name, name) == 0)
			return &group->rows[i];
	return NULL;
}

/* Bytes and seconds are never negative, so that a range from zero on is open below. */
static struct range
open_below(struct range range, enum unit unit)
{
	if ((unit == UNIT_BYTES || unit == UNIT_SECONDS) && range.start <= 0)
		range.start = -INFINITY;
	return range;
}

/* A warning limit that some critical value passes would never warn first. */
static int
compare_limits(const struct settings_group *group, struct err *err)
{
	const struct setting *warning = find(group, "warning"), *critical = find(group, "critical");
	const struct limit *warn, *crit;

	if (warning == NULL || critical == NULL)
		return 0;
	warn = member(group, warning);
	crit = member(group, critical);
	for (enum unit unit = UNIT_NONE; unit < UNIT_COUNT; unit++) {
		struct range warning_range = open_below(warn->of[unit], unit);
		struct range critical_range = open_below(crit->of[unit], unit);

		if (!range_covers(&warning_range, &critical_range)) {
			char storage[128];
			struct text text;

			text_init(&text, storage, sizeof storage);
			range_describe(&warn->of[unit], unit, &text);
			text_add(&text, ") is looser than --critical (");
			range_describe(&crit->of[unit], unit, &text);
			err_set(err, ERR_USAGE, "option --warning (%s)", storage);
			return err_hint(err,
				"a value must call for a warning before it is critical: tighten -w or widen "
				"-c");
		}
	}
	return 0;
}

int
settings_read_arguments(const struct settings_group *groups, size_t count, int argc, char **argv,
	int *ret_first_operand, struct err *err)
{
	struct reading reading;
	int option;

	prepare(&reading, groups, count);
	optind = 0; /* glibc: start anew */
	opterr = 0;
	while ((option = getopt_long(argc, argv, reading.short_options, reading.long_options, NULL)) != -1)
		if (option == '?' || option == ':') {
			return refuse(&reading, option, argv, err);
		} else if (take(&reading, index_of(&reading, option), optarg, err) != 0) {
			return -1;
		}
	for (size_t i = 0; i < count; i++)
		if (compare_limits(&groups[i], err) != 0)
			return -1;
	*ret_first_operand = optind;
	return 0;
}

/* -- help -------------------------------------------------------------------------------------- */

enum { HELP_COLUMN = 30, HELP_WIDTH = 79 };

/* Appends words from `column` on, broken before the right edge. */
static void
write_wrapped(const char *words, size_t column, struct text *text)
{
	size_t at = column;

	while (*words != '\0') {
		size_t length = strcspn(words, " ");

		if (at > column && at + 1 + length > HELP_WIDTH) {
			text_add(text, "\n%*s", (int)column, "");
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

static void
write_row(const struct setting *row, struct text *text)
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
	write_wrapped(right, HELP_COLUMN, text);
}

void
settings_write_help(const struct settings_group *groups, size_t count, struct text *text)
{
	for (size_t i = 0; i < count; i++) {
		text_add(text, "\n%s:\n", groups[i].title);
		for (size_t j = 0; j < groups[i].count; j++)
			write_row(&groups[i].rows[j], text);
	}
}
