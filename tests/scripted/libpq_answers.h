/* libpq_answers.h: the part of libpq.h that takes statements and gives results. */
#ifndef PGHA_TESTS_SCRIPTED_LIBPQ_ANSWERS_H
#define PGHA_TESTS_SCRIPTED_LIBPQ_ANSWERS_H

#include "tests/scripted/libpq.h"

enum { COLUMNS_MAX = 64 };

void __real_PQclear(PGresult *result);
char *__real_PQresultErrorField(const PGresult *result, int field);

/* Counts a call and says whether it is the one that fails. */
static inline bool
fails(int *count, int failing)
{
	return ++*count == failing;
}

DOUBLE(int, PQenterPipelineMode, PGconn *conn)
{
	return fails(&seen.enters, script.failing_enter) ? 0 : 1;
}

DOUBLE(int, PQexitPipelineMode, PGconn *conn)
{
	return 1;
}

DOUBLE(int, PQpipelineSync, PGconn *conn)
{
	return fails(&seen.syncs, script.failing_sync) ? 0 : 1;
}

DOUBLE(int, PQsendQuery, PGconn *conn, const char *query)
{
	snprintf(seen.query, sizeof seen.query, "%s", query);
	seen.is_busy = true;
	return fails(&seen.queries, script.failing_query) ? 0 : 1;
}

DOUBLE(int, PQsendQueryParams, PGconn *conn, const char *query, int count, const Oid *types,
	const char *const *values, const int *lengths, const int *formats, int result_format)
{
	snprintf(seen.query, sizeof seen.query, "%s", query);
	seen.is_busy = true;
	return fails(&seen.params, script.failing_params) ? 0 : 1;
}

DOUBLE(int, PQsendPrepare, PGconn *conn, const char *name, const char *query, int count, const Oid *types)
{
	snprintf(seen.prepared, sizeof seen.prepared, "%s", name);
	seen.preparations++;
	seen.is_busy = true;
	return 1;
}

DOUBLE(int, PQsendQueryPrepared, PGconn *conn, const char *name, int count, const char *const *values,
	const int *lengths, const int *formats, int result_format)
{
	snprintf(seen.executed, sizeof seen.executed, "%s", name);
	seen.executions++;
	seen.is_busy = true;
	return 1;
}

DOUBLE(int, PQflush, PGconn *conn)
{
	return fails(&seen.flushes, script.failing_flush) ? -1 : script.is_unsent ? 1 : 0;
}

DOUBLE(int, PQisBusy, PGconn *conn)
{
	return script.is_always_busy || seen.is_busy;
}

DOUBLE(int, PQconsumeInput, PGconn *conn)
{
	seen.is_busy = false; /* each result takes one reading */
	return fails(&seen.consumes, script.failing_consume) ? 0 : 1;
}

/* Gives a result the columns that the script has for its next row, and so many rows of them. */
static inline void
add_rows(PGresult *result, int count)
{
	const char *row = seen.rows < 4 ? script.rows[seen.rows++] : NULL;
	PGresAttDesc columns[COLUMNS_MAX] = {{.name = NULL}};
	char storage[2048], *rest = storage, *values[COLUMNS_MAX];
	int column_count = 0;

	snprintf(storage, sizeof storage, "%s", row == NULL ? "answer=42" : row);
	for (char *name; column_count < COLUMNS_MAX && (name = strsep(&rest, ",")) != NULL; column_count++) {
		values[column_count] = name;
		columns[column_count] = (PGresAttDesc){.name = strsep(&values[column_count], "="),
			.typid = 25,
			.typlen = -1,
			.atttypmod = -1};
	}
	PQsetResultAttrs(result, column_count, columns);
	for (int i = 0; i < count; i++)
		for (int j = 0; j < column_count; j++)
			PQsetvalue(result, i, j, values[j], values[j] == NULL ? -1 : (int)strlen(values[j]));
}

static inline PGresult *
make_result(char kind)
{
	static const char kinds[] = "r02csaeldfoibEBw1";
	static const ExecStatusType statuses[] = {PGRES_TUPLES_OK, PGRES_TUPLES_OK, PGRES_TUPLES_OK,
		PGRES_COMMAND_OK, PGRES_PIPELINE_SYNC, PGRES_PIPELINE_ABORTED, PGRES_FATAL_ERROR,
		PGRES_FATAL_ERROR, PGRES_FATAL_ERROR, PGRES_FATAL_ERROR, PGRES_COPY_OUT, PGRES_COPY_IN,
		PGRES_COPY_BOTH, PGRES_EMPTY_QUERY, PGRES_BAD_RESPONSE, PGRES_NONFATAL_ERROR,
		PGRES_SINGLE_TUPLE};
	PGresult *result = PQmakeEmptyPGresult(NULL, statuses[strchr(kinds, kind) - kinds]);

	if (kind == 'r' || kind == '2' || kind == '0')
		add_rows(result, kind == 'r' ? 1 : kind - '0');
	if (strchr("eld", kind) != NULL) {
		seen.with_sqlstate = result;
		seen.sqlstate = kind == 'l' ? "26000" : kind == 'd' ? "42P05" : "42501";
	}
	return result;
}

DOUBLE(PGresult *, PQgetResult, PGconn *conn)
{
	char kind = script.results == NULL ? '\0' : *script.results;
	PGresult *result;

	seen.has_blocked = seen.has_blocked || script.is_always_busy || seen.is_busy || script.is_unsent;
	seen.is_busy = kind != '\0';
	if (kind == '\0' || kind == 'n' || ++seen.gets >= ENDLESS) {
		script.results += kind == 'n';
		return NULL;
	}
	/* Asked again, libpq says again that it copies, until somebody copies. */
	if (strchr("oib", kind) == NULL)
		script.results++;
	result = make_result(kind);
	seen.results_made++;
	return result;
}

DOUBLE(char *, PQresultErrorField, const PGresult *result, int field)
{
	const struct {
		int field;
		const char *value;
	} values[] = {{PG_DIAG_SQLSTATE, seen.sqlstate}, {PG_DIAG_MESSAGE_PRIMARY, "permission denied"}};

	for (size_t i = 0; result == seen.with_sqlstate && i < sizeof values / sizeof values[0]; i++)
		if (values[i].field == field)
			return (char *)values[i].value;
	return __real_PQresultErrorField(result, field);
}

DOUBLE(void, PQclear, PGresult *result)
{
	seen.results_cleared += result != NULL;
	if (result != NULL && result == seen.with_sqlstate)
		seen.with_sqlstate = NULL;
	__real_PQclear(result);
}

#endif
