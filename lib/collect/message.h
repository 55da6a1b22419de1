/*
 * message.h: what the messages of PostgreSQL and of libpq mean for a health check. Pure.
 */
#ifndef PGHA_COLLECT_MESSAGE_H
#define PGHA_COLLECT_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

/* Five characters and a zero byte. */
enum { MESSAGE_SQLSTATE_SIZE = 6 };

/*
 * Fills `err` from a server's error: the class of fault by its SQLSTATE, its primary message and
 * its detail (which may be NULL), and a hint where there is a common remedy. SQLSTATEs without
 * a meaning of their own are a server that cannot answer: down. Returns -1.
 */
int message_fill(struct err *err, const char *sqlstate, const char *primary, const char *detail);

/*
 * Finds the error that a server sent during the start of a connection in libpq's message of
 * verbosity PQERRORS_VERBOSE ("...: FATAL:  53300: sorry, too many clients already\n..."): libpq
 * gives no other access to its SQLSTATE. The first one counts: what stands behind it is the
 * server's text, which may look like another.
 * Copies the SQLSTATE and fills `err`. 0, or -1 if the message holds none.
 */
int message_find_sqlstate(const char *message, char sqlstate[MESSAGE_SQLSTATE_SIZE], struct err *err)
	__attribute__((warn_unused_result));

/*
 * Whether libpq's message is about an attempt to connect ("connection to server ... failed: ...",
 * libpq 14 and later), not about a parameter that it refused before it tried.
 */
bool message_is_of_attempt(const char *message);

/*
 * Whether libpq's message is about a connection that broke, not about an answer that it refuses. In
 * between a server may have been heard, so the bytes alone do not tell. The words are those of libpq 14
 * to 18, which are not translated, since our programs never call setlocale().
 */
bool message_is_of_loss(const char *message);

/*
 * Copies the telling part of libpq's message about a failed connection: its first attempt's first
 * line, without the place ("connection to server at ... failed: "), which is said anyway.
 */
void message_copy_reason(const char *message, char *to, size_t size);

/*
 * Fills `err` with libpq's complaint about a connection string, but for what it quotes: behind a
 * misplaced blank or quote that can be a part of the password. Returns -1.
 */
int message_refuse_conninfo(struct err *err, const char *message);

#endif
