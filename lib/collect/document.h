/*
 * document.h: what other programs wrote as JSON, read as something that may be of any shape: a member of
 * another type than it should have is a fault of class protocol that names it. Pure. Functions that read a
 * member of something that is no object find none.
 */
#ifndef PGHA_COLLECT_DOCUMENT_H
#define PGHA_COLLECT_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct json_t;

/*
 * The next of the documents in a text, from `*offset` on, which moves behind it: a file may hold one after
 * the other. NULL in `*ret`: there are no more. The caller releases it.
 */
int document_next(const char *bytes, size_t length, size_t *offset, struct json_t **ret, struct err *err)
	__attribute__((warn_unused_result));

/*
 * The one document that a text is: anything behind it is a fault. To be released by the caller. A member that
 * comes twice is a fault as well, here and above: two programs would read it in two ways.
 */
int document_parse(const char *bytes, size_t length, struct json_t **ret, struct err *err)
	__attribute__((warn_unused_result));

/* Whether a document is a list; it is an object if not. */
bool document_is_list(const struct json_t *document);

void document_release(struct json_t *document);

/*
 * A member of an object. One that is not there, or null, is what stands for none: NULL, SNAPSHOT_NONE, false.
 * What is returned belongs to the object.
 */
int document_text(const struct json_t *object, const char *name, const char **ret, struct err *err)
	__attribute__((warn_unused_result));
int document_number(const struct json_t *object, const char *name, int64_t *ret, struct err *err)
	__attribute__((warn_unused_result));
int document_truth(const struct json_t *object, const char *name, bool *ret, struct err *err)
	__attribute__((warn_unused_result));
int document_list(const struct json_t *object, const char *name, struct json_t **ret, struct err *err)
	__attribute__((warn_unused_result));
int document_object(const struct json_t *object, const char *name, struct json_t **ret, struct err *err)
	__attribute__((warn_unused_result));

/* The items of a list (NULL: none), which belong to it. */
size_t document_count(const struct json_t *list);
struct json_t *document_item(const struct json_t *list, size_t index);

/* Milliseconds since 1970 from seconds, as far as there is a calendar for them: to the year 9999. */
int document_instant(int64_t seconds, const char *name, int64_t *ret_ms, struct err *err)
	__attribute__((warn_unused_result));

#endif
