/*
 * ini.h: reads a configuration file, by inih, and tells each error with its file and line.
 *
 *   [section name]
 *   key = value     ; a comment begins with ";" behind a blank, or with ";" or "#" as a line's first
 * character
 *
 * Stricter than inih, which cuts long lines in two, appends indented lines to the value before, ignores
 * what stands behind a section's "]", and goes on after an error. Here all of these are errors and the
 * first one ends the reading. Names and values are trimmed; blanks within a section's name become one.
 * Windows line ends and a byte order mark are taken. A line may have 198 characters (inih's Debian build
 * has room for no more), the file 64 KiB, and a section stands in it once.
 *
 * Errors are of class usage, "FILE:LINE: ..."; they never repeat a line, which may hold a password.
 */
#ifndef PGHA_RUN_INI_H
#define PGHA_RUN_INI_H

#include <stddef.h>

#include "lib/base/err.h"

/*
 * What is called, in the order of the file. Strings are valid during the call. A call that returns other
 * than 0 has filled `err`, which then gets the file and the line in front.
 */
struct ini_reader {
	/* A section begins, keys or not. `name` is never empty. */
	int (*section)(void *context, const char *name, struct err *err);
	/* A key of the section; `name` is never empty, `value` may be. */
	int (*key)(void *context, const char *name, const char *value, struct err *err);
	/* The section is whole; an error is told with the line of its header. May be NULL. */
	int (*section_end)(void *context, struct err *err);
	void *context;
};

/*
 * Reads the file at `path`, which must be a regular one: opening a pipe would wait for its writer. An
 * error about the whole file has no line ("FILE: cannot be read: Permission denied").
 */
int ini_read(const char *path, const struct ini_reader *reader, struct err *err)
	__attribute__((warn_unused_result));

/* The same from memory; `name` stands for the file in errors. */
int ini_read_text(const char *text, const char *name, const struct ini_reader *reader, struct err *err)
	__attribute__((warn_unused_result));

#endif
