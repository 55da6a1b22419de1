/*
 * column.h: the columns of what a pooler or manager answers, by name, because they differ by version. A column
 * that is not there, or NULL, is what stands for none: "", SNAPSHOT_NONE, false. Values of another shape are
 * faults of class protocol that name the column.
 */
#ifndef PGHA_COLLECT_COLUMN_H
#define PGHA_COLLECT_COLUMN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/collect/pg.h"

bool column_is_there(const struct pg_row *row, const char *name);

/* Cleaned as text_clean() does, and cut to `size`. */
void column_text(const struct pg_row *row, const char *name, char *to, size_t size);

int column_integer(const struct pg_row *row, const char *name, int64_t *ret, struct err *err)
	__attribute__((warn_unused_result));

/* "0", "1", "t", "f", "true", "yes", ... */
int column_truth(const struct pg_row *row, const char *name, bool *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
