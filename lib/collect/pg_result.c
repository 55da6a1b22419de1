#include "lib/collect/pg_result.h"

#include <poll.h>

#include "lib/collect/flow.h"
#include "lib/collect/message.h"
#include "lib/collect/pg_session.h"
#include "lib/collect/wire.h"

int
pg_result_await(struct pg *pg, int64_t deadline_ms, struct err *err)
{
	enum wire_heard heard = WIRE_NOTHING;

	for (;;) {
		int unsent = PQflush(pg->conn);

		if (unsent < 0)
			break;
		if (unsent == 0 && !PQisBusy(pg->conn))
			return 0;
		if (!flow_await(
			    PQsocket(pg->conn), (short)(unsent > 0 ? POLLIN | POLLOUT : POLLIN), deadline_ms))
			return err_set(err, ERR_TIMEOUT, "no answer to a query in time");
		if (!flow_before_read(&pg->flow, PQsocket(pg->conn)))
			return err_set(err, ERR_PROTOCOL, "the answer to a query is too long");
		heard = wire_listen(PQsocket(pg->conn), WIRE_ANY);
		if (PQconsumeInput(pg->conn) != 1)
			break;
		flow_after_read(&pg->flow, PQsocket(pg->conn));
	}
	/* libpq closes the connection too, when it cannot follow what it has just read. */
	if (heard == WIRE_SERVER && !message_is_of_loss(PQerrorMessage(pg->conn)))
		return err_set(err, ERR_PROTOCOL, "broken answer to a query");
	return err_set(err, ERR_DOWN, "the server closed the connection during a query");
}

int
pg_result_judge(const PGresult *result, bool is_list, struct err *err)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	switch (PQresultStatus(result)) {
	case PGRES_TUPLES_OK:
		if (is_list || PQntuples(result) == 1)
			return 0;
		return err_set(
			err, ERR_PROTOCOL, "a query returned %d rows instead of one", PQntuples(result));
	case PGRES_PIPELINE_ABORTED:
		return err_set(err, ERR_PROTOCOL, "a query was passed over after an error");
	case PGRES_FATAL_ERROR:
		if (sqlstate != NULL)
			return message_fill(err, sqlstate,
				PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY),
				PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL));
		/* A server that went away shows before this; here libpq could not follow the answer. */
		return err_set(
			err, ERR_PROTOCOL, "broken answer to a query: %s", PQresultErrorMessage(result));
	default:
		return err_set(err, ERR_PROTOCOL, "unexpected answer to a query (%s)",
			PQresStatus(PQresultStatus(result)));
	}
}

bool
pg_result_is_copy(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}
