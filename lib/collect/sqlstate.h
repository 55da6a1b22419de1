/*
 * sqlstate.h: what PostgreSQL's errors mean for a health check. Pure.
 */
#ifndef PGHA_COLLECT_SQLSTATE_H
#define PGHA_COLLECT_SQLSTATE_H

#include "lib/base/err.h"

enum { SQLSTATE_SIZE = 6 };

/*
 * Fills `err` from a server's error: the class of fault by its SQLSTATE, its primary message and
 * its detail (which may be NULL), and a hint where there is a common remedy. SQLSTATEs without
 * a meaning of their own are a server that cannot answer: down. Returns -1.
 */
int sqlstate_fill(struct err *err, const char *sqlstate, const char *primary, const char *detail);

/*
 * Finds the error that a server sent during the start of a connection in libpq's message of
 * verbosity PQERRORS_VERBOSE ("...: FATAL:  53300: sorry, too many clients already\n..."): libpq
 * gives no other access to its SQLSTATE. The last one counts, where libpq tried twice.
 * Copies the SQLSTATE and fills `err`. 0, or -1 if the message holds none.
 */
int sqlstate_read(const char *message, char sqlstate[SQLSTATE_SIZE], struct err *err)
	__attribute__((warn_unused_result));

#endif
