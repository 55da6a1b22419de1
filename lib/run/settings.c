#include "lib/run/settings.h"

#include <getopt.h>
#include <math.h>
#include <string.h>

void *
settings_member(const struct settings_group *group, const struct setting *row)
{
	return (char *)group->base + row->offset;
}

/* Whether a name is that of the row, whichever way its words are joined. */
static bool
is_named(const struct setting *row, const char *name)
{
	size_t i = 0;

	while (name[i] != '\0' && row->name[i] == (name[i] == '_' ? '-' : name[i]))
		i++;
	return name[i] == '\0' && row->name[i] == '\0';
}

const struct setting *
settings_find(const struct settings_group *groups, size_t count, const char *name,
	const struct settings_group **ret_group)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < groups[i].count; j++)
			if (is_named(&groups[i].rows[j], name)) {
				if (ret_group != NULL)
					*ret_group = &groups[i];
				return &groups[i].rows[j];
			}
	return NULL;
}

/* Notes that a row is given. Only limits, lists and, as options, counts may be given again: false if not. */
static bool
note_given(bool *is_given, const struct settings_group *group, const struct setting *row)
{
	bool was_given = *is_given;

	*is_given = true;
	if (row->type != SETTING_LIMIT && row->type != SETTING_LIST)
		return !was_given;
	if (!was_given) /* what stood there until now is a default */
		memset(settings_member(group, row), 0, row->size);
	return true;
}

/* -- limits against each other ----------------------------------------------------------------- */

/* Bytes and seconds are never negative, so that a range from zero on is open below. */
static struct range
open_below(struct range range, enum unit unit)
{
	if ((unit == UNIT_BYTES || unit == UNIT_SECONDS) && range.start <= 0)
		range.start = -INFINITY;
	return range;
}

/* `dashes`: of options "--", of the keys of a file "". */
static int
refuse_limits(const struct limit *warning, const struct limit *critical, enum unit unit, const char *dashes,
	struct err *err)
{
	char storage[128];
	struct text text;

	text_init(&text, storage, sizeof storage);
	range_describe(&warning->of[unit], unit, &text);
	text_add(&text, ") is looser than %scritical (", dashes);
	range_describe(&critical->of[unit], unit, &text);
	err_set(err, ERR_USAGE, "%s %swarning (%s)", dashes[0] != '\0' ? "option" : "setting", dashes,
		storage);
	return err_hint(err, "a value must call for a warning before it is critical: tighten %s or widen %s",
		dashes[0] != '\0' ? "-w" : "warning", dashes[0] != '\0' ? "-c" : "critical");
}

/*
 * A warning limit that some critical value passes would never warn first. If it is a default, nobody meant
 * it: then it goes.
 */
static int
compare_limits(const struct settings_group *group, const char *dashes, struct err *err)
{
	const struct setting *warning = settings_find(group, 1, "warning", NULL);
	const struct setting *critical = settings_find(group, 1, "critical", NULL);
	struct limit *warn;
	const struct limit *crit;

	if (warning == NULL || critical == NULL)
		return 0;
	warn = settings_member(group, warning);
	crit = settings_member(group, critical);
	for (enum unit unit = UNIT_NONE; unit < UNIT_COUNT; unit++) {
		struct range warning_range = open_below(warn->of[unit], unit);
		struct range critical_range = open_below(crit->of[unit], unit);

		if (range_covers(&warning_range, &critical_range))
			continue;
		if (warn->is_initial && !crit->is_initial)
			warn->of[unit].is_set = false;
		else
			return refuse_limits(warn, crit, unit, dashes, err);
	}
	return 0;
}

static int
compare_all(const struct settings_group *groups, size_t count, const char *dashes, struct err *err)
{
	for (size_t i = 0; i < count; i++)
		if (compare_limits(&groups[i], dashes, err) != 0)
			return -1;
	return 0;
}

/* -- files ------------------------------------------------------------------------------------- */

static int
refuse_unknown(const struct settings_group *groups, size_t count, const char *name, struct err *err)
{
	const char *nearest = settings_nearest(groups, count, name);
	char storage[sizeof err->hint], key[SETTINGS_KEY_SIZE];
	struct text list;

	err_set(err, ERR_USAGE, "unknown setting \"%s\"", name);
	if (nearest != NULL)
		return err_hint(err, "did you mean \"%s\"?",
			settings_write_key(settings_find(groups, count, nearest, NULL), key));
	text_init(&list, storage, sizeof storage);
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < groups[i].count; j++)
			text_add(&list, "%s%s", list.length > 0 ? ", " : "",
				settings_write_key(&groups[i].rows[j], key));
	return err_hint(err, "known here are %s", storage);
}

/* The place of a row that was found, among those of all groups. */
static size_t
place_of(const struct settings_group *groups, const struct settings_group *group, const struct setting *row)
{
	size_t place = (size_t)(row - group->rows);

	for (; groups < group; groups++)
		place += groups->count;
	return place;
}

int
settings_take(struct settings_given *given, const struct settings_group *groups, size_t count,
	const char *name, const char *value, struct err *err)
{
	const struct settings_group *group = NULL;
	const struct setting *row = settings_find(groups, count, name, &group);
	char key[SETTINGS_KEY_SIZE];
	size_t place;

	if (row == NULL)
		return refuse_unknown(groups, count, name, err);
	settings_write_key(row, key);
	place = place_of(groups, group, row);
	if (place >= SETTINGS_MAX)
		return err_set(err, ERR_USAGE, "setting \"%s\" is beyond the first %d of its tables", key,
			SETTINGS_MAX);
	if (!note_given(&given->is_given[place], group, row))
		return err_set(err, ERR_USAGE, "setting \"%s\" is given twice", key);
	if (row->type == SETTING_LIMIT && value[0] == '\0')
		return 0;
	if (settings_set_value(group, row, value, err) == 0)
		return 0;
	return err_context(err, "setting \"%s\"", key);
}

int
settings_check_section(const struct settings_group *groups, size_t count, struct err *err)
{
	if (compare_all(groups, count, "", err) != 0)
		return -1;
	return settings_needs_verify(groups, count, NULL, err);
}

/* -- the command line -------------------------------------------------------------------------- */

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

/* For a long option; `length` is that of its name, with the dashes. */
static int
hint_long(const struct reading *reading, const char *given, size_t length, struct err *err)
{
	char name[SETTINGS_KEY_SIZE];
	struct text text;
	const char *nearest;

	text_init(&text, name, sizeof name);
	text_add_bytes(&text, given + 2, length - 2);
	nearest = settings_nearest(reading->groups, reading->group_count, name);
	if (nearest == NULL)
		return err_hint(err, "--help lists the options");
	return err_hint(err, "did you mean --%s? --help lists the options", nearest);
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
	if (optopt != 0) {
		err_set(err, ERR_USAGE, "unknown option \"-%c\"", optopt);
		return err_hint(err, "--help lists the options");
	}
	err_set(err, ERR_USAGE, "unknown or ambiguous option \"%.*s\"", length, given);
	return hint_long(reading, given, (size_t)length, err);
}

static int
take(struct reading *reading, size_t index, const char *value, struct err *err)
{
	const struct settings_group *group;
	const struct setting *row = row_at(reading, index, &group);

	if (!note_given(&reading->is_given[index], group, row) && row->type != SETTING_COUNT)
		return err_set(err, ERR_USAGE, "option --%s is given twice", row->name);
	/* What is not looked at says nothing bad. */
	if (row->is_source && takes_value(row) && value[0] == '\0') {
		err_set(err, ERR_USAGE, "option --%s is empty", row->name);
		return err_hint(err, "it says where to look: was it a variable that is not set?");
	}
	if (row->type == SETTING_FLAG)
		*(bool *)settings_member(group, row) = true;
	else if (row->type == SETTING_COUNT)
		++*(int *)settings_member(group, row);
	else
		return settings_set(group, row, value, err);
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
	if (compare_all(groups, count, "--", err) != 0
		|| settings_needs_verify(groups, count, reading.is_given, err) != 0)
		return -1;
	*ret_first_operand = optind;
	return 0;
}
