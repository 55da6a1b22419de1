/*
 * conf_line.h: one line of a postgresql.conf, as the server's own scanner reads it (guc-file.l, the same in
 *14 to 18). Pure.
 *
 *	name = value    # comment
 *	name value
 *
 * A value that is not a plain word or number stands in quotes, in which '' is a quote and \ escapes as in
 * C. Without quotes a value cannot hold blanks, commas, quotes or, being a number with a fraction, a unit. No
 * value goes on in the next line.
 */
#ifndef PGHA_COLLECT_CONF_LINE_H
#define PGHA_COLLECT_CONF_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

/* Sizes with the zero byte. The server's values have no bound; a longer one is cut, and is_cut tells. */
enum { CONF_LINE_NAME = 128, CONF_LINE_VALUE = 4096 };

struct conf_line {
	bool is_empty; /* blank or a comment: nothing else is filled */
	bool is_cut;
	char name[CONF_LINE_NAME]; /* as written; "a.b" is a setting of an extension */
	char value[CONF_LINE_VALUE];
};

/*
 * Reads a line of `length` bytes, which does not have its "\n" any more. -1 with class usage where the server
 * would call it a syntax error; the text never repeats what stands there, which may be a password.
 */
int conf_line_read(const char *line, size_t length, struct conf_line *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
