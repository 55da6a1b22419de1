/*
 * settings.h: reads settings from their one table, for the command line.
 *
 * Duplicates, partial numbers, unknown names and missing values are errors that name the option
 * and the value.
 */
#ifndef PGHA_RUN_SETTINGS_H
#define PGHA_RUN_SETTINGS_H

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

/* Sets one from text. -1 with class usage and a text that names the setting and the value. */
int settings_set(const struct settings_group *group, const struct setting *row, const char *value,
	struct err *err) __attribute__((warn_unused_result));

/*
 * Reads the options of a command line; what is not an option is left behind
 * `*ret_first_operand`. Refuses an option that is given twice, unless it counts or adds up, and a
 * warning limit that is looser than the critical one.
 */
int settings_read_arguments(const struct settings_group *groups, size_t count, int argc, char **argv,
	int *ret_first_operand, struct err *err) __attribute__((warn_unused_result));

/* Appends the rows as --help shows them, in 80 columns. */
void settings_write_help(const struct settings_group *groups, size_t count, struct text *text);

#endif
