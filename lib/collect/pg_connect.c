#include "lib/collect/pg_connect.h"

#include <libpq-fe.h>
#include <poll.h>
#include <string.h>

#include "lib/collect/attempt.h"
#include "lib/collect/flow.h"
#include "lib/collect/message.h"
#include "lib/collect/pg_failure.h"
#include "lib/collect/pg_keywords.h"
#include "lib/collect/pg_session.h"
#include "lib/collect/pg_target.h"
#include "lib/collect/wire.h"

/* What an attempt at one address needs. */
struct connecting {
	struct pg *pg;
	const struct target *target;
	struct pg_target effective;
};

/* One attempt at one address. */
struct attempt {
	const struct connecting *connecting;
	enum wire_phase heard_phase; /* the one whose first byte was looked at */
	struct pg_failure failure;   /* what is known of it, should it fail */
};

static enum wire_phase
phase_of(const struct attempt *attempt)
{
	PGconn *conn = attempt->connecting->pg->conn;

	switch (PQstatus(conn)) {
	case CONNECTION_SSL_STARTUP:
		return attempt->connecting->effective.is_direct ? WIRE_ANY : WIRE_TLS_REQUEST;
	case CONNECTION_GSS_STARTUP:
		return WIRE_GSS_REQUEST;
	case CONNECTION_AWAITING_RESPONSE:
		return PQsslInUse(conn) ? WIRE_ANY : WIRE_STARTUP;
	default:
		return WIRE_ANY;
	}
}

/* Listens to what is about to be read. Only the first byte of a phase is a message's first. */
static enum wire_heard
listen_to_server(struct attempt *attempt)
{
	enum wire_phase phase = phase_of(attempt);
	enum wire_heard heard = wire_listen(
		PQsocket(attempt->failure.conn), attempt->heard_phase == phase ? WIRE_ANY : phase);

	attempt->heard_phase = phase;
	if (heard == WIRE_LET_IN)
		attempt->failure.is_let_in = true;
	return heard == WIRE_LET_IN ? WIRE_SERVER : heard;
}

static void
ignore_notice(void *context, const PGresult *result)
{
	(void)context; /* libpq would print it to standard error */
	(void)result;
}

/* Drives a connection that has begun until it stands, fails or the deadline passes. */
static int
drive(struct attempt *attempt, int64_t deadline_ms, char sqlstate[MESSAGE_SQLSTATE_SIZE], struct err *err)
{
	struct pg *pg = attempt->connecting->pg;
	struct pg_failure *failure = &attempt->failure;
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;

	while (next != PGRES_POLLING_OK) {
		short events = next == PGRES_POLLING_WRITING ? POLLOUT : POLLIN;

		if (next == PGRES_POLLING_FAILED)
			return pg_failure_explain(failure, sqlstate, err);
		if (!flow_await(PQsocket(pg->conn), events, deadline_ms))
			return pg_failure_explain_timeout(failure, err);
		if (events == POLLIN)
			failure->heard = listen_to_server(attempt);
		/* libpq might wait for more of the same. */
		if (failure->heard == WIRE_STRANGE || failure->heard == WIRE_ERROR)
			return pg_failure_explain(failure, sqlstate, err);
		if (!flow_before_read(&pg->flow, PQsocket(pg->conn)))
			return err_set(err, ERR_PROTOCOL, "%s sends without end", failure->where);
		failure->stage = PQstatus(pg->conn);
		next = PQconnectPoll(pg->conn);
		flow_after_read(&pg->flow, PQsocket(pg->conn));
	}
	return 0;
}

static int
connect_until(
	struct attempt *attempt, int64_t deadline_ms, char sqlstate[MESSAGE_SQLSTATE_SIZE], struct err *err)
{
	PGconn *conn = attempt->connecting->pg->conn;

	if (conn == NULL)
		return err_set(err, ERR_DOWN, "out of memory");
	PQsetErrorVerbosity(conn, PQERRORS_VERBOSE); /* its messages then hold the SQLSTATE */
	PQsetNoticeReceiver(conn, ignore_notice, NULL);
	if (PQstatus(conn) == CONNECTION_BAD && !message_is_of_attempt(PQerrorMessage(conn)))
		return pg_target_refuse(attempt->connecting->target, PQerrorMessage(conn), err);
	if (PQstatus(conn) == CONNECTION_BAD)
		return pg_failure_explain(&attempt->failure, sqlstate, err);
	return drive(attempt, deadline_ms, sqlstate, err);
}

/* What the session of a check sets for itself, whatever is set for its role. */
static void
write_session_options(const struct pg *pg, const struct pg_target *effective, struct text *text)
{
	text_add(text,
		"%s%s-c statement_timeout=%lld -c search_path= "
		"-c default_transaction_isolation=read\\ committed",
		effective->options, effective->options[0] != '\0' ? " " : "", (long long)pg->timeout_ms);
}

/* Has libpq begin to connect to one address. */
static PGconn *
begin(const struct connecting *connecting, const struct place *place)
{
	const struct pg_target *effective = &connecting->effective;
	const struct pg *pg = connecting->pg;
	struct pg_keywords keywords = pg_keywords_of(connecting->target);
	char options_storage[2048];
	struct text options;

	text_init(&options, options_storage, sizeof options_storage);
	if (!pg->settings_in_statement && !pg->is_console)
		write_session_options(pg, effective, &options);
	if (!effective->has_dbname)
		pg_keywords_add(
			&keywords, "dbname", "postgres"); /* and not libpq's default, the user's name */
	pg_keywords_add(&keywords, "host", place->host);
	pg_keywords_add(&keywords, "hostaddr", place->hostaddr);
	pg_keywords_add(&keywords, "port", place->port);
	pg_keywords_add(&keywords, "options", options.bytes);
	if (place_count(&effective->places) == 1) /* whether it fits is what we are to say */
		pg_keywords_add(&keywords, "target_session_attrs", "any");
	return PQconnectStartParams(keywords.names, keywords.values, 1);
}

/* One attempt at one address. */
static int
connect_once(const struct connecting *connecting, const struct place *place, int64_t deadline_ms,
	char sqlstate[MESSAGE_SQLSTATE_SIZE], struct err *err)
{
	struct pg *pg = connecting->pg;
	char where_storage[320];
	struct text where;
	struct attempt attempt = {.connecting = connecting, .heard_phase = WIRE_ANY};

	text_init(&where, where_storage, sizeof where_storage);
	place_write(place, &where);
	pg->flow = (struct flow){0};
	pg->conn = begin(connecting, place);
	attempt.failure = (struct pg_failure){.conn = pg->conn,
		.where = where.bytes,
		.heard = WIRE_NOTHING,
		.stage = CONNECTION_NEEDED,
		.is_choosy = place_count(&connecting->effective.places) > 1,
		.is_demanding = connecting->effective.is_demanding};
	if (connect_until(&attempt, deadline_ms, sqlstate, err) == 0)
		return 0;
	PQfinish(pg->conn);
	pg->conn = NULL;
	return -1;
}

/*
 * One address, as attempt_places() tries them. A pooler that does not know the parameter "options"
 * refuses it as a violation of the protocol (PgBouncer before 1.20); it is then asked without.
 */
static int
connect_address(void *context, const struct place *place, int64_t deadline_ms, struct err *err)
{
	struct connecting *connecting = context;
	char sqlstate[MESSAGE_SQLSTATE_SIZE] = "";

	connecting->pg->settings_in_statement = connecting->target->is_pooled;
	if (connect_once(connecting, place, deadline_ms, sqlstate, err) == 0)
		return 0;
	if (strcmp(sqlstate, "08P01") != 0 || connecting->target->is_pooled)
		return -1;
	if (connecting->target->is_console) {
		/* PgBouncer has this one code for whatever it refuses, and never refuses its console for want
		 * of room. */
		err->class = ERR_SETUP;
		return -1;
	}
	connecting->pg->settings_in_statement = true;
	return connect_once(connecting, place, deadline_ms, sqlstate, err);
}

int
pg_connect(
	struct pg *pg, const struct target *target, int64_t deadline_ms, struct text *place, struct err *err)
{
	struct connecting connecting = {.pg = pg, .target = target};

	if (pg_target_read(target, &connecting.effective, err) != 0)
		return -1;
	return attempt_places(
		&connecting.effective.places, deadline_ms, connect_address, &connecting, place, err);
}
