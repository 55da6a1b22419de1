/*
 * settings.h: reads settings from their one table, for the command line and for files, and writes
 * them as --help and as files have them.
 *
 * Duplicates, partial numbers, unknown names and missing values are errors that name the setting
 * and the value. A row "max-age" is the option --max-age and the key max_age.
 */
#ifndef PGHA_RUN_SETTINGS_H
#define PGHA_RUN_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/model/setting.h"

/* Rows that belong together, and the struct that they fill. */
struct settings_group {
	const char *title; /* for --help */
	const struct setting *rows;
	size_t count;
	void *base;
};

/* At most this many rows in all groups of a program together. */
enum { SETTINGS_MAX = 64 };

/* Sets every row that has one to its initial value. -1 if a row of the table is wrong. */
int settings_set_initial(const struct settings_group *groups, size_t count, struct err *err)
	__attribute__((warn_unused_result));

/*
 * Sets one from text; a flag and a count too, as settings_take() reads them. -1 with class usage and a
 * text that names the option and the value; settings_set_value() leaves the name to its caller.
 */
int settings_set(const struct settings_group *group, const struct setting *row, const char *value,
	struct err *err) __attribute__((warn_unused_result));
int settings_set_value(const struct settings_group *group, const struct setting *row, const char *value,
	struct err *err) __attribute__((warn_unused_result));

/*
 * Reads the options of a command line; what is not an option is left behind
 * `*ret_first_operand`. Refuses an option that is given twice, unless it counts or adds up, a warning
 * limit that is looser than the critical one, and what has no effect without an option that is not given.
 */
int settings_read_arguments(const struct settings_group *groups, size_t count, int argc, char **argv,
	int *ret_first_operand, struct err *err) __attribute__((warn_unused_result));

/* Where the value of a row is, in the struct of its group. */
void *settings_member(const struct settings_group *group, const struct setting *row);

/* -- files ------------------------------------------------------------------------------------- */

/* What one section of a file has given so far. Starts zeroed, a fresh one for each section. */
struct settings_given {
	bool is_given[SETTINGS_MAX]; /* by the place of the row among those of all groups */
};

/*
 * The row of that name and, if `ret_group` is not NULL, its group; NULL when there is none, and then
 * `*ret_group` stays as it is. "_" and "-" are the same in `name`. Names are never abbreviated here.
 */
const struct setting *settings_find(const struct settings_group *groups, size_t count, const char *name,
	const struct settings_group **ret_group);

/*
 * Sets `name` to `value`, both as a file has them (or the query of a URI). As an option does, but:
 *   - a flag is yes or no, on or off, true or false, 1 or 0, in any case; a count is a whole number;
 *   - an empty value leaves a text empty and a limit unset; anything else refuses it;
 *   - a limit that is given takes the place of what was set before this section; given again, with
 *     another unit, it adds up.
 * -1 with class usage: `setting "max_age": ...`, or for an unknown name a hint with the nearest one.
 */
int settings_take(struct settings_given *given, const struct settings_group *groups, size_t count,
	const char *name, const char *value, struct err *err) __attribute__((warn_unused_result));

/*
 * What can be told only when a section is whole: that no group has a warning limit that is looser
 * than its critical one, and nothing has no effect. -1 with class usage.
 */
int settings_check_section(const struct settings_group *groups, size_t count, struct err *err)
	__attribute__((warn_unused_result));

/*
 * That no setting was given which has no effect without another one, or with one; see struct setting. -1 with
 * class usage. `is_given` is by the place of the row among those of all groups, as options are given; NULL:
 * given is what is not at its default, as in a file.
 */
int settings_needs_verify(const struct settings_group *groups, size_t count, const bool *is_given,
	struct err *err) __attribute__((warn_unused_result));

/* -- near misses ------------------------------------------------------------------------------- */

/*
 * The known name that `name` was probably meant to be, or NULL when none is near. Near is a distance of
 * at most a third of the length of `name`, at least 1 and at most 3, where a letter added, left out,
 * changed or swapped with its neighbour counts 1: two slips in "intervall_ms" are still that word, two
 * in "lag" may be anything. Case does not count, nor "_" for "-". The first of several equals.
 */
const char *settings_nearest(const struct settings_group *groups, size_t count, const char *name);

/* The same among words; the list ends in NULL. */
const char *settings_nearest_word(const char *const *words, const char *word);

/* -- writing ----------------------------------------------------------------------------------- */

/* Room for the key of a row, and its zero byte. */
enum { SETTINGS_KEY_SIZE = 64 };

/* The name of a row as files write it, with "_". Returns `to`. */
const char *settings_write_key(const struct setting *row, char to[SETTINGS_KEY_SIZE]);

/*
 * Appends the value in effect as a file has it, so that settings_take() makes the same of it: "250ms",
 * "16MB", "yes". A limit has one value for each unit that is set, each a line of its own, therefore
 * `index` from 0 on; the others have one at most. False, and nothing appended, when there is no value at
 * `index`: the setting is empty, or at its zero where that is not a value of its own.
 *
 * A secret's passwords are written as "***". A file cannot hold a text with control characters (written
 * as "?"), with ";" at its start or behind a blank, with blanks at its ends, or beyond a line.
 */
bool settings_write_value(
	const struct settings_group *group, const struct setting *row, size_t index, struct text *text);

/*
 * Appends all rows of a group as lines "key = value", without a section's header. If `is_documented`,
 * each follows its help as a comment, in 100 columns, and one that is empty is there as ";key =";
 * else that is left out. A text that is empty although it has a default is written as "key =". Several groups
 * may make one section.
 */
void settings_write_section(const struct settings_group *group, bool is_documented, struct text *text);

/* Appends the rows as --help shows them, in 80 columns. */
void settings_write_help(const struct settings_group *groups, size_t count, struct text *text);

#endif
