/*
 * libpq.h: a scripted libpq, for what no real server can be made to do. The linker's --wrap leads the
 * calls of lib/collect/pg*.c here; results are libpq's own. What those must give back is counted.
 * Here are the script and connecting; libpq_answers.h has asking.
 *
 * A test fills `script`, calls pg.h, and asks scripted_problem() what went wrong beside it.
 */
#ifndef PGHA_TESTS_SCRIPTED_LIBPQ_H
#define PGHA_TESTS_SCRIPTED_LIBPQ_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ATTEMPTS_MAX = 8, KEYWORDS_SEEN = 24, ENDLESS = 1000 };

/* One PQconnectStartParams() that is to connect. All zero: it connects to PostgreSQL 15. */
struct scripted_attempt {
	bool is_null;   /* it returns NULL */
	bool is_bad;    /* CONNECTION_BAD at once */
	bool is_silent; /* nothing ever comes from the server */
	bool needs_password;
	const char *polls;    /* PQconnectPoll() in turn: r(eading), w(riting), o(k), f(ailed); NULL: "o" */
	ConnStatusType stage; /* PQstatus() until it is "o"; 0: CONNECTION_STARTED */
	const char *said;     /* what the server has said by then; NULL: a byte */
	const char *message;  /* PQerrorMessage() */
	const char *version;  /* parameter server_version; NULL: "15.4" */
	int version_number;   /* 0: 150004 */
};

static struct {
	/* The connection that only has libpq apply its rules. */
	bool is_rules_null, is_info_null;
	const char *rules_message; /* instead of the complaint that pg_target.c provokes */
	const char *dbname;        /* that libpq found by itself; NULL: as given */

	struct scripted_attempt attempts[ATTEMPTS_MAX];

	/*
	 * PQgetResult() in turn, NULL behind the end: n(ull), r(ow), 0 and 2 rows, c(ommand ok), s(ync),
	 * a(borted pipeline), e(rror 42501), l(ost 26000), d(uplicate 42P05), f(atal error without SQLSTATE),
	 * o, i, b: COPY out, in,
	 * both; and what no server should send: E(mpty query), B(ad response), w(arning), 1 (single row).
	 */
	const char *results;
	const char *rows[4]; /* of "r" in turn: "name=value,name" (the last is NULL); NULL: "answer=42" */
	bool is_always_busy;
	/* The call that fails, counted from 1; 0: none does. */
	int failing_flush, failing_consume, failing_query, failing_params, failing_sync, failing_enter;
	bool is_unsent; /* PQflush() never gets rid of what is queued */
} script;

struct pg_conn {
	const struct scripted_attempt *attempt; /* NULL: the one for the rules */
	char mark[64];                          /* what the complaint about the rules quotes */
	int ends[2];                            /* of a socket pair; libpq's is the second */
	const char *next_poll;
	bool is_connected;
};

static struct {
	int started, finished, infos, infos_freed, results_made, results_cleared, attempts;
	int flushes, consumes, queries, params, syncs, enters, gets, rows;
	int preparations, executions; /* PQsendPrepare(), PQsendQueryPrepared(), and what they named last */
	char prepared[32], executed[32];
	bool is_busy;
	bool has_blocked; /* PQgetResult() was called while it would have waited */
	bool is_nonblocking;
	PQnoticeReceiver notice_receiver;
	const PGresult *with_sqlstate;
	const char *sqlstate; /* its */
	char query[16384];    /* the last one sent */
	/* The keywords of the last attempt. */
	char names[KEYWORDS_SEEN][32], values[KEYWORDS_SEEN][256];
	int keyword_count;
} seen;

static inline void
scripted_reset(void)
{
	memset(&script, 0, sizeof script);
	memset(&seen, 0, sizeof seen);
}

/* What was not given back, or NULL. */
static inline const char *
scripted_problem(void)
{
	return seen.started != seen.finished                ? "a connection was not finished, or twice"
		: seen.results_made != seen.results_cleared ? "a result was not cleared"
		: seen.infos != seen.infos_freed            ? "a list of parameters was not freed"
		: seen.has_blocked                          ? "PQgetResult() was called where it waits"
		: seen.gets >= ENDLESS                      ? "PQgetResult() was called without end"
							    : NULL;
}

/* The value that counts of a keyword of the last attempt; "" when it was not given. */
static inline const char *
scripted_keyword(const char *name)
{
	for (int i = seen.keyword_count - 1; i >= 0; i--)
		if (strcmp(seen.names[i], name) == 0)
			return seen.values[i];
	return "";
}

/* A double takes what the real one takes, and most of it says nothing here. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

/* Declares the double before it is defined, as the compiler wants it of what is not static. */
#define DOUBLE(type, name, ...)                                                                              \
	type __wrap_##name(__VA_ARGS__);                                                                     \
	type __wrap_##name(__VA_ARGS__)

/* -- connecting -------------------------------------------------------------------------------- */

static inline void
keep_keywords(const char *const *names, const char *const *values)
{
	for (seen.keyword_count = 0; names[seen.keyword_count] != NULL && seen.keyword_count < KEYWORDS_SEEN;
		seen.keyword_count++) {
		snprintf(seen.names[seen.keyword_count], sizeof seen.names[0], "%s",
			names[seen.keyword_count]);
		snprintf(seen.values[seen.keyword_count], sizeof seen.values[0], "%s",
			values[seen.keyword_count]);
	}
}

DOUBLE(PGconn *, PQconnectStartParams, const char *const *names, const char *const *values, int expand)
{
	bool is_for_rules;
	const char *said = "x";
	PGconn *conn;

	keep_keywords(names, values);
	/* A value that it does not have makes libpq stop before it connects. */
	is_for_rules = strstr(scripted_keyword("sslmode"), "stop") != NULL;
	if (is_for_rules ? script.is_rules_null : script.attempts[seen.attempts].is_null) {
		seen.attempts += !is_for_rules;
		return NULL;
	}
	conn = calloc(1, sizeof *conn);
	if (conn == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, conn->ends) != 0)
		abort();
	seen.started++;
	if (is_for_rules) {
		snprintf(conn->mark, sizeof conn->mark, "%s", scripted_keyword("sslmode"));
		return conn;
	}
	conn->attempt = &script.attempts[seen.attempts++];
	conn->next_poll = conn->attempt->polls == NULL ? "o" : conn->attempt->polls;
	if (conn->attempt->said != NULL)
		said = conn->attempt->said;
	if (!conn->attempt->is_silent && write(conn->ends[0], said, strlen(said)) < 0)
		abort();
	return conn;
}

DOUBLE(void, PQfinish, PGconn *conn)
{
	if (conn == NULL)
		return;
	seen.finished++;
	close(conn->ends[0]);
	close(conn->ends[1]);
	free(conn);
}

DOUBLE(PQconninfoOption *, PQconninfo, PGconn *conn)
{
	static const char *const names[] = {"host", "hostaddr", "port", "options", "dbname"};
	enum { COUNT = sizeof names / sizeof names[0] };
	PQconninfoOption *options;

	if (script.is_info_null)
		return NULL;
	options = calloc(COUNT + 1, sizeof *options);
	if (options == NULL)
		abort();
	seen.infos++;
	for (int i = 0; i < COUNT; i++) {
		const char *value = scripted_keyword(names[i]);

		if (strcmp(names[i], "dbname") == 0)
			value = script.dbname != NULL ? script.dbname
				: value[0] != '\0'    ? value
						      : scripted_keyword("user");
		options[i].keyword = (char *)names[i];
		options[i].val = value[0] == '\0' ? NULL : (char *)value;
	}
	return options;
}

DOUBLE(void, PQconninfoFree, PQconninfoOption *options)
{
	seen.infos_freed += options != NULL;
	free(options);
}

DOUBLE(char *, PQhost, const PGconn *conn)
{
	return (char *)"/run/postgresql";
}

DOUBLE(char *, PQerrorMessage, const PGconn *conn)
{
	static char message[128];

	if (conn->attempt != NULL)
		return (char *)(conn->attempt->message == NULL ? "" : conn->attempt->message);
	if (script.rules_message != NULL)
		return (char *)script.rules_message;
	snprintf(message, sizeof message, "invalid sslmode value: \"%s\"\n", conn->mark);
	return message;
}

DOUBLE(ConnStatusType, PQstatus, const PGconn *conn)
{
	if (conn->attempt == NULL || conn->attempt->is_bad)
		return CONNECTION_BAD;
	if (conn->is_connected)
		return CONNECTION_OK;
	return conn->attempt->stage == CONNECTION_OK ? CONNECTION_STARTED : conn->attempt->stage;
}

DOUBLE(PostgresPollingStatusType, PQconnectPoll, PGconn *conn)
{
	char next = *conn->next_poll;

	if (conn->next_poll[1] != '\0') /* the last one stays */
		conn->next_poll++;
	conn->is_connected = next == 'o';
	return next == 'o'    ? PGRES_POLLING_OK
		: next == 'r' ? PGRES_POLLING_READING
		: next == 'w' ? PGRES_POLLING_WRITING
			      : PGRES_POLLING_FAILED;
}

DOUBLE(int, PQsocket, const PGconn *conn)
{
	return conn->ends[1];
}

DOUBLE(int, PQsslInUse, PGconn *conn)
{
	return 0;
}

DOUBLE(int, PQconnectionNeedsPassword, const PGconn *conn)
{
	return conn->attempt->needs_password;
}

DOUBLE(int, PQserverVersion, const PGconn *conn)
{
	return conn->attempt->version_number == 0 ? 150004 : conn->attempt->version_number;
}

DOUBLE(const char *, PQparameterStatus, const PGconn *conn, const char *name)
{
	if (strcmp(name, "server_version") != 0 || !conn->is_connected)
		return NULL;
	return conn->attempt->version == NULL ? "15.4" : conn->attempt->version;
}

DOUBLE(PGVerbosity, PQsetErrorVerbosity, PGconn *conn, PGVerbosity verbosity)
{
	return PQERRORS_DEFAULT;
}

DOUBLE(PQnoticeReceiver, PQsetNoticeReceiver, PGconn *conn, PQnoticeReceiver receiver, void *context)
{
	seen.notice_receiver = receiver;
	return NULL;
}

DOUBLE(int, PQsetnonblocking, PGconn *conn, int is_nonblocking)
{
	seen.is_nonblocking = is_nonblocking == 1;
	return 0;
}

#include "tests/scripted/libpq_answers.h"

#endif
