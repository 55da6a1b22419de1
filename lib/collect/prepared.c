#include "lib/collect/prepared.h"

#include <stdio.h>
#include <string.h>

/* Where a statement is, or where there is room for it; PREPARED_MAX: nowhere. */
static size_t
find(const struct prepared *prepared, const char *statement)
{
	size_t i = 0;

	while (i < PREPARED_MAX && prepared->statements[i] != NULL && prepared->statements[i] != statement)
		i++;
	return i;
}

enum prepared_way
prepared_send(struct prepared *prepared, const char *statement, char name[PREPARED_NAME_SIZE])
{
	size_t place = find(prepared, statement);
	bool is_known = place < PREPARED_MAX && prepared->statements[place] == statement;

	if (prepared->is_off || place == PREPARED_MAX)
		return PREPARED_NOT;
	snprintf(name, PREPARED_NAME_SIZE, "pgha_%zu", place);
	prepared->statements[place] = statement;
	if (!is_known)
		return PREPARED_NOT;
	if (prepared->is_prepared[place])
		return PREPARED_ONCE;
	prepared->is_prepared[place] = true;
	return PREPARED_NOW;
}

void
prepared_forget(struct prepared *prepared, const char *statement)
{
	size_t place = find(prepared, statement);

	if (place < PREPARED_MAX)
		prepared->is_prepared[place] = false;
}

bool
prepared_is_lost(const char *sqlstate)
{
	/* invalid_sql_statement_name and duplicate_prepared_statement */
	return sqlstate != NULL && (strcmp(sqlstate, "26000") == 0 || strcmp(sqlstate, "42P05") == 0);
}
