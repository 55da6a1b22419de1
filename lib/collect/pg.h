/*
 * pg.h: PostgreSQL under a deadline. Only the files behind this header, pg*.c, know libpq.
 *
 * Deadlines are instants of clock_now_ms(). Nothing here blocks past them but what libpq reads
 * from files (service, password and certificate files); against those the process has its
 * last-resort timer.
 */
#ifndef PGHA_COLLECT_PG_H
#define PGHA_COLLECT_PG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/model/target.h"

struct pg;

/* A row of an answer; for the functions below only. */
struct pg_row {
	const void *result;
	int number;
};

/*
 * Connects. The environment, service file and password file work as in psql; several hosts, and
 * several addresses of one, are tried in turn, each with its share of the time that is left; of
 * their errors the most telling is reported.
 *
 * The session gets a statement timeout, an empty search_path and read committed, so that what
 * is set for its role changes nothing. These go with the start of the connection; a pooler that
 * refuses that is asked again without, and gets them with every statement instead.
 *
 * `place` (an empty text) gets where that is, for people: "127.0.0.1:5432"; on failure all that were
 * tried. On success *ret is the caller's, to be closed. -1 with class down, timeout, full, setup,
 * protocol, or usage when the connection string is wrong (whose text is never repeated: it may
 * hold a password). A wrong connection string says so here, not earlier.
 */
int pg_open(const struct target *target, int64_t deadline_ms, struct text *place, struct pg **ret,
	struct err *err) __attribute__((warn_unused_result));

/*
 * Whether libpq can make something of a target, without connecting: what pg_open() would refuse as usage.
 * Reads the service file if the target names a service.
 */
int pg_verify(const struct target *target, struct err *err) __attribute__((warn_unused_result));

/* Ends the session without waiting for the server. Accepts NULL. */
void pg_close(struct pg *pg);

/* PQserverVersion(): 150004. */
int pg_version(const struct pg *pg);

/* What it says its version is: "15.8", "1.18.0/bouncer"; the connection's own. */
const char *pg_version_text(const struct pg *pg);

/* Whom it is connected as, by every rule of libpq; the connection's own. */
const char *pg_user(const struct pg *pg);

/*
 * What is given the answer of each statement, in their order: its rows, or NULL and why not. There is
 * exactly one row unless is_list (may be NULL) says of the statement that any number is right.
 */
struct pg_reader {
	void (*take)(void *context, size_t index, const struct pg_row *row, const struct err *fault);
	bool (*is_list)(void *context, size_t index);
	void *context;
};

/*
 * Asks `count` statements: all in one round trip
 * where the connection can (pipeline), and each on its own, so that the failure of one leaves
 * the others. The reader is called once for each, also after the deadline has passed.
 * False when the connection is of no more use.
 */
bool pg_ask(struct pg *pg, const char *const *statements, size_t count, int64_t deadline_ms,
	const struct pg_reader *reader);

/*
 * The socket of the connection, for waiting until the server says something unasked, and what that is:
 * whether the connection is of no more use. Does not wait.
 */
int pg_socket(const struct pg *pg);
bool pg_is_lost(struct pg *pg);

/* How many rows an answer has; the other functions read the first until pg_row_at() is used. */
size_t pg_row_count(const struct pg_row *row);
struct pg_row pg_row_at(const struct pg_row *row, size_t number);

/*
 * The columns of a row: how many, the one of that name (-1: none), and the value of one as text
 * (NULL: SQL's NULL).
 */
int pg_row_columns(const struct pg_row *row);
int pg_row_find(const struct pg_row *row, const char *name);
const char *pg_row_value(const struct pg_row *row, int column);

#endif
