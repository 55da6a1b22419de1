#include "lib/collect/prepared.h"

#include <inttypes.h>
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

/* FNV-1a. */
static uint64_t
hash(const char *text)
{
	uint64_t value = 14695981039346656037U;

	for (; *text != '\0'; text++)
		value = (value ^ (unsigned char)*text) * 1099511628211U;
	return value;
}

enum prepared_way
prepared_send(struct prepared *prepared, const char *statement, char name[PREPARED_NAME_SIZE])
{
	size_t place = find(prepared, statement);
	bool is_known = place < PREPARED_MAX && prepared->statements[place] == statement;

	if (prepared->is_off || place == PREPARED_MAX)
		return PREPARED_NOT;
	if (!is_known)
		prepared->hashes[place] = hash(statement);
	snprintf(name, PREPARED_NAME_SIZE, "pgha_%016" PRIx64, prepared->hashes[place]);
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
