/*
 * pg_failure.h: why a connection could not be made, from what the server said and from how far it had come.
 */
#ifndef PGHA_COLLECT_PG_FAILURE_H
#define PGHA_COLLECT_PG_FAILURE_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/collect/message.h"
#include "lib/collect/wire.h"

/* What is known of an attempt that failed. */
struct pg_failure {
	const PGconn *conn;
	const char *where;     /* for people: "db1:5432" */
	enum wire_heard heard; /* what came last from there */
	ConnStatusType stage;  /* before the step that failed */
	bool is_choosy;        /* one of several hosts, which target_session_attrs may refuse */
	bool is_demanding;     /* see pg_target.h */
	bool is_let_in;        /* the server asked for no authentication */
};

/*
 * Fills `err` with the class of fault, the reason and a hint. `sqlstate` gets the server's, if it named one.
 * Returns -1.
 */
int
pg_failure_explain(const struct pg_failure *failure, char sqlstate[MESSAGE_SQLSTATE_SIZE], struct err *err);

/* The same where nothing came in time. */
int pg_failure_explain_timeout(const struct pg_failure *failure, struct err *err);

#endif
