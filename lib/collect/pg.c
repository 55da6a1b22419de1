#include "lib/collect/pg.h"

#include <libpq-fe.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/collect/flow.h"
#include "lib/collect/pg_connect.h"
#include "lib/collect/pg_session.h"
#include "lib/collect/pg_target.h"
#include "lib/model/version.h"

/* Whether what answered is a server that the checks know. */
static int
verify_server(const struct pg *pg, struct err *err)
{
	const char *version = PQparameterStatus(pg->conn, "server_version");

	if (version != NULL && strstr(version, "/bouncer") != NULL) {
		err_set(err, ERR_PROTOCOL, "this is PgBouncer's admin console, not a database");
		return err_hint(err, "name a database that PgBouncer serves with -d");
	}
	if (PQserverVersion(pg->conn) < VERSION_OLDEST)
		return err_set(err, ERR_SETUP, "PostgreSQL %s is too old: 14 and later are known",
			version == NULL ? "of unknown version" : version);
	return 0;
}

int
pg_open(const struct target *target, int64_t deadline_ms, struct text *place, struct pg **ret,
	struct err *err)
{
	struct pg *pg = calloc(1, sizeof *pg);

	if (pg == NULL)
		return err_set(err, ERR_DOWN, "out of memory");
	pg->is_console = target->is_console;
	/* As far as statement_timeout counts. */
	pg->timeout_ms = target->timeout_ms < INT_MAX ? target->timeout_ms : INT_MAX;
	if (pg_connect(pg, target, deadline_ms, place, err) == 0
		&& (target->is_console || verify_server(pg, err) == 0)) {
		PQsetnonblocking(pg->conn, 1);
		*ret = pg;
		return 0;
	}
	pg_close(pg);
	return -1;
}

int
pg_verify(const struct target *target, struct err *err)
{
	struct pg_target effective;

	return pg_target_read(target, &effective, err);
}

void
pg_close(struct pg *pg)
{
	if (pg == NULL)
		return;
	PQfinish(pg->conn);
	free(pg);
}

int
pg_version(const struct pg *pg)
{
	return PQserverVersion(pg->conn);
}

const char *
pg_version_text(const struct pg *pg)
{
	const char *version = PQparameterStatus(pg->conn, "server_version");

	return version == NULL ? "" : version;
}

const char *
pg_user(const struct pg *pg)
{
	const char *user = PQuser(pg->conn);

	return user == NULL ? "" : user;
}

int
pg_socket(const struct pg *pg)
{
	return PQsocket(pg->conn);
}

bool
pg_is_lost(struct pg *pg)
{
	/* Notices and parameter changes come unasked too; what ends the session, ends the socket. */
	return flow_waiting_bytes(PQsocket(pg->conn)) > FLOW_MAX || PQconsumeInput(pg->conn) != 1
		|| PQstatus(pg->conn) != CONNECTION_OK;
}

/* -- rows -------------------------------------------------------------------------------------- */

int
pg_row_columns(const struct pg_row *row)
{
	return PQnfields(row->result);
}

int
pg_row_find(const struct pg_row *row, const char *name)
{
	return PQfnumber(row->result, name);
}

const char *
pg_row_value(const struct pg_row *row, int column)
{
	const PGresult *result = row->result;

	return PQgetisnull(result, row->number, column) ? NULL : PQgetvalue(result, row->number, column);
}

size_t
pg_row_count(const struct pg_row *row)
{
	return (size_t)PQntuples(row->result);
}

struct pg_row
pg_row_at(const struct pg_row *row, size_t number)
{
	return (struct pg_row){.result = row->result, .number = (int)number};
}
