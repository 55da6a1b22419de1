/*
 * pgbouncer_choice.h: which of PgBouncer's databases are looked at. Pure.
 */
#ifndef PGHA_COLLECT_PGBOUNCER_CHOICE_H
#define PGHA_COLLECT_PGBOUNCER_CHOICE_H

#include <stdbool.h>

/* Which databases are looked at. */
struct pgbouncer_choice {
	const char *only;     /* names with commas between; empty: all. Each must fit a database */
	const char *excluded; /* likewise; empty: none */
	const char *expected; /* one that a way is to lead through: read also where it is not looked at; or
				 empty */
	bool (*includes)(const char *list, const char *name); /* whether a name is in a list */
};

/* Whether a database is looked at; the console's own never is. */
bool pgbouncer_choice_is_chosen(const struct pgbouncer_choice *choice, const char *database);

/* Whether its rows are read: as it is looked at, or is the expected one, and then serves the way through
 * alone. */
bool pgbouncer_choice_is_read(const struct pgbouncer_choice *choice, const char *database);

#endif
