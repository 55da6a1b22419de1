/*
 * pg_keywords.h: the keywords and values that libpq connects by. Pure.
 */
#ifndef PGHA_COLLECT_PG_KEYWORDS_H
#define PGHA_COLLECT_PG_KEYWORDS_H

#include "lib/model/target.h"

enum { PG_KEYWORDS_MAX = 16 };

/* As PQconnectStartParams() takes them, which ends at the first name that is NULL. */
struct pg_keywords {
	const char *names[PG_KEYWORDS_MAX + 1];
	const char *values[PG_KEYWORDS_MAX + 1];
	int count;
};

/* What a target says. It must outlive them. */
struct pg_keywords pg_keywords_of(const struct target *target);

/* Adds one; later ones win over earlier ones. An empty value, or NULL, leaves what there is. */
void pg_keywords_add(struct pg_keywords *keywords, const char *name, const char *value);

#endif
