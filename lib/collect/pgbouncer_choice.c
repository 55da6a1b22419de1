#include "lib/collect/pgbouncer_choice.h"

#include <string.h>

/* The database that the console is, which has rows like any other. */
static const char console[] = "pgbouncer";

bool
pgbouncer_choice_is_chosen(const struct pgbouncer_choice *choice, const char *database)
{
	if (strcmp(database, console) == 0)
		return false;
	if (choice->excluded[0] != '\0' && choice->includes(choice->excluded, database))
		return false;
	return choice->only[0] == '\0' || choice->includes(choice->only, database);
}

bool
pgbouncer_choice_is_read(const struct pgbouncer_choice *choice, const char *database)
{
	return pgbouncer_choice_is_chosen(choice, database) || strcmp(choice->expected, database) == 0;
}
