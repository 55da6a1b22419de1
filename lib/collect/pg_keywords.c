#include "lib/collect/pg_keywords.h"

#include <stddef.h>

void
pg_keywords_add(struct pg_keywords *keywords, const char *name, const char *value)
{
	if (value == NULL || value[0] == '\0' || keywords->count == PG_KEYWORDS_MAX)
		return;
	keywords->names[keywords->count] = name;
	keywords->values[keywords->count] = value;
	keywords->count++;
}

struct pg_keywords
pg_keywords_of(const struct target *target)
{
	struct pg_keywords keywords = {.count = 0};

	/* The first: only there libpq expands conninfo. */
	pg_keywords_add(&keywords, "dbname", target->dbname);
	pg_keywords_add(&keywords, "dbname", target->database);
	pg_keywords_add(&keywords, "host", target->host);
	pg_keywords_add(&keywords, "port", target->port);
	pg_keywords_add(&keywords, "user", target->user);
	pg_keywords_add(&keywords, "fallback_application_name", target->application);
	pg_keywords_add(&keywords, "client_encoding", "UTF8");
	return keywords;
}
