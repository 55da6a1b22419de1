/*
 * text.h: text of bounded length, built piece by piece in storage that the caller owns.
 *
 * Nothing here allocates. Text that does not fit is cut at a character boundary and marked,
 * so that a hostile server can make an answer shorter, never larger.
 */
#ifndef PGHA_BASE_TEXT_H
#define PGHA_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct text {
	char *bytes;       /* always ends in a zero byte */
	size_t length;     /* without that byte */
	size_t size;       /* of the storage */
	bool is_truncated; /* something did not fit */
};

/* Starts an empty text in `storage` of `size` bytes (at least 1). The storage must outlive it. */
void text_init(struct text *text, char *storage, size_t size);

/* Appends; what does not fit is left out and marks the text as truncated. */
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void
text_add_list(struct text *text, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));
void text_add_bytes(struct text *text, const char *bytes, size_t length);

/*
 * Copies what a server or a file said into `to` (of `size` bytes) so that it can stand in one
 * line of any format: control characters and runs of white space become one blank, `|` (the
 * separator of Nagios) becomes `/`, bytes that are not UTF-8 become `?`, the ends are trimmed,
 * and what is too long is cut at a character boundary and ends in "...".
 */
void text_clean(char *to, size_t size, const char *from);

/*
 * `name` as SQL and PgBouncer's console take it: as it is where it is plain (lower case, digits, "_"), else
 * in double quotes, so that a command that is shown with it can be pasted.
 */
void text_identifier(char *to, size_t size, const char *name);

/* `word` where a shell takes it as it is for an argument, else `instead`: it may have come from a server. */
const char *text_shell_word(const char *word, const char *instead);

/* Copies all of `from` into `to` if it fits in `size` bytes; else leaves `to` alone. 0 or -1. */
int text_copy(char *to, size_t size, const char *from) __attribute__((warn_unused_result));

/* Whether `text` begins with `prefix`. */
bool text_starts(const char *text, const char *prefix);

/* The item at `index` of a comma-separated list, cut to `size`; "" where there is none. */
void text_item(const char *list, size_t index, char *to, size_t size);

/* How many items a comma-separated list has; an empty list has one, empty, as libpq sees it. */
size_t text_item_count(const char *list);

#endif
