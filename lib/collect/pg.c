#include "lib/collect/pg.h"

#include <errno.h>
#include <libpq-fe.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/collect/place.h"
#include "lib/collect/resolve.h"
#include "lib/collect/sqlstate.h"
#include "lib/model/version.h"

/* No answer to any of our questions is longer; what is, is not an answer. */
enum { RECEIVED_MAX = 1024 * 1024 };

/* A value that no parameter has, to make libpq apply all its rules and stop before connecting. */
#define STOP_MARK "pgha-stop-before-connecting"

struct pg {
	PGconn *conn;
	int64_t received;           /* bytes that came in, in all */
	bool settings_in_statement; /* a pooler refused them at the start of the connection */
	int64_t timeout_ms;
	char heard_state;           /* see listen_to_server() */
};

struct pg_row {
	const PGresult *result;
};

/* What libpq makes of a target before it connects. */
struct effective {
	struct place_list places;
	char options[1024];
	bool has_dbname; /* somebody named a database: option, environment or service */
};

/* -- keywords ---------------------------------------------------------------------------------- */

enum { KEYWORDS_MAX = 16 };

struct keywords {
	const char *names[KEYWORDS_MAX + 1];
	const char *values[KEYWORDS_MAX + 1];
	int count;
};

/* Later ones win over earlier ones; libpq passes over empty ones. */
static void
keyword_add(struct keywords *keywords, const char *name, const char *value)
{
	if (value == NULL || value[0] == '\0' || keywords->count == KEYWORDS_MAX)
		return;
	keywords->names[keywords->count] = name;
	keywords->values[keywords->count] = value;
	keywords->count++;
}

static struct keywords
keywords_of(const struct target *target)
{
	struct keywords keywords = {.count = 0};

	keyword_add(&keywords, "dbname", target->dbname); /* the first: only there libpq expands conninfo */
	keyword_add(&keywords, "host", target->host);
	keyword_add(&keywords, "port", target->port);
	keyword_add(&keywords, "user", target->user);
	keyword_add(&keywords, "fallback_application_name", target->application);
	keyword_add(&keywords, "client_encoding", "UTF8");
	return keywords;
}

/* -- what libpq makes of the target ------------------------------------------------------------ */

/* Copies libpq's effective value of one parameter. */
static int
copy_option(const PQconninfoOption *option, struct effective *ret)
{
	const char *value = option->val == NULL ? "" : option->val;

	if (strcmp(option->keyword, "host") == 0)
		return text_copy(ret->places.host, sizeof ret->places.host, value);
	if (strcmp(option->keyword, "hostaddr") == 0)
		return text_copy(ret->places.hostaddr, sizeof ret->places.hostaddr, value);
	if (strcmp(option->keyword, "port") == 0)
		return text_copy(ret->places.port, sizeof ret->places.port, value);
	if (strcmp(option->keyword, "options") == 0)
		return text_copy(ret->options, sizeof ret->options, value);
	if (strcmp(option->keyword, "dbname") == 0)
		ret->has_dbname = strcmp(value, STOP_MARK) != 0;
	return 0;
}

/* libpq has no way to be told "your default" for one host of a list. */
static bool
has_empty_host(const struct place_list *places)
{
	struct place place;

	for (size_t i = 0; i < place_count(places); i++) {
		place_at(places, i, &place);
		if (place.host[0] == '\0' && place.hostaddr[0] == '\0')
			return true;
	}
	return false;
}

static int
copy_options(PGconn *conn, const PQconninfoOption *options, struct effective *ret, struct err *err)
{
	const char *default_host = PQhost(conn); /* the socket directory that libpq was built with */

	for (; options->keyword != NULL; options++)
		if (copy_option(options, ret) != 0)
			return err_set(err, ERR_USAGE, "the connection parameter \"%s\" is too long", options->keyword);
	if (ret->places.host[0] == '\0' && ret->places.hostaddr[0] == '\0' && default_host != NULL)
		snprintf(ret->places.host, sizeof ret->places.host, "%s", default_host);
	if (has_empty_host(&ret->places))
		return err_set(err, ERR_USAGE, "one of several hosts is empty");
	if (ret->places.host[0] != '\0' && strchr(ret->places.host + 1, '@') != NULL) {
		/* What follows may be the end of a password. */
		err_set(err, ERR_USAGE, "a host name in the connection string holds \"@\" (not shown)");
		return err_hint(err, "in a URI, write an \"@\" of the password as %%40");
	}
	return 0;
}

/*
 * Says what libpq dislikes about a connection string, without what it quotes: after a wrong quote
 * or blank that can be a part of the password.
 */
static int
refuse_string(const char *message, struct err *err)
{
	const char *from = strchr(message, '"'), *to = strrchr(message, '"');

	if (from == NULL || to == from)
		err_set(err, ERR_USAGE, "bad connection string: %s", from == NULL ? message : "(not shown)");
	else
		err_set(err, ERR_USAGE, "bad connection string: %.*s\"...\"%s", (int)(from - message), message, to + 1);
	return err_hint(err, "it may hold a password, so it is not shown; quote values with blanks ('...') and "
			     "percent-encode special characters in a URI");
}

/*
 * Lets libpq apply all its rules (connection string, service, environment, defaults) and stop
 * before it connects, over a parameter that has no such value. There is no other way to learn
 * the hosts, which have to be tried one by one: PQconnectPoll() has no timeout of its own.
 */
static int
effective_of(const struct target *target, struct effective *ret, struct err *err)
{
	struct keywords keywords = keywords_of(target);
	PQconninfoOption *options;
	PGconn *conn;
	int status = -1;

	memset(ret, 0, sizeof *ret);
	keyword_add(&keywords, "user", STOP_MARK);     /* also the database's name when nobody named one */
	keyword_add(&keywords, "password", STOP_MARK); /* saves reading the password file twice */
	keyword_add(&keywords, "channel_binding", STOP_MARK);
	conn = PQconnectStartParams(keywords.names, keywords.values, 1);
	options = conn == NULL ? NULL : PQconninfo(conn);
	if (options == NULL)
		err_set(err, ERR_DOWN, "out of memory");
	else if (strstr(PQerrorMessage(conn), STOP_MARK) == NULL)
		refuse_string(PQerrorMessage(conn), err);
	else
		status = copy_options(conn, options, ret, err);
	PQconninfoFree(options);
	PQfinish(conn);
	return status;
}

/* -- waiting ----------------------------------------------------------------------------------- */

/* Waits until the socket is ready or the deadline passes; false then. */
static bool
wait_for(int fd, short events, int64_t deadline_ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};
	int ready, left;

	while ((left = clock_left_ms(deadline_ms)) > 0) {
		ready = poll(&poll_fd, 1, left);
		if (ready > 0)
			return true;
		if (ready < 0 && errno != EINTR && errno != EAGAIN)
			return false;
	}
	return false;
}

/* Counts what is about to be read. False once it is more than any answer of ours can be. */
static bool
count_received(struct pg *pg)
{
	int waiting = 0;

	if (ioctl(PQsocket(pg->conn), FIONREAD, &waiting) == 0)
		pg->received += waiting;
	return pg->received <= RECEIVED_MAX;
}

/* -- connecting -------------------------------------------------------------------------------- */

/* What the other side has said last. libpq tells these apart only in prose. */
enum heard {
	HEARD_NOTHING, /* refused, or not yet anything */
	HEARD_CLOSED,
	HEARD_STRANGE, /* not the PostgreSQL protocol */
	HEARD_NO_TLS,  /* "N": it does not offer TLS */
	HEARD_SERVER
};

/*
 * The bytes that an answer in this state of a connection may begin with, or NULL: any. "R" is an
 * authentication request, "E" an error, "v" a version, "S" and "N" answer a request for TLS.
 */
static const char *
first_bytes(const PGconn *conn)
{
	switch (PQstatus(conn)) {
	case CONNECTION_SSL_STARTUP:
		return "SNE\x15\x16"; /* or a TLS record, with sslnegotiation=direct */
	case CONNECTION_GSS_STARTUP:
		return "GNE";
	case CONNECTION_AWAITING_RESPONSE:
		return PQsslInUse((PGconn *)conn) ? NULL : "REvN";
	default:
		return NULL;
	}
}

/*
 * Looks at what is about to be read, without taking it. Only the first byte in each state is a
 * message's first: `heard_state` remembers the state that was looked at.
 */
static enum heard
listen_to_server(struct pg *pg)
{
	const char *allowed = first_bytes(pg->conn);
	char state = (char)PQstatus(pg->conn);
	char byte;
	ssize_t got = recv(PQsocket(pg->conn), &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
		return HEARD_CLOSED;
	if (got < 0 || allowed == NULL || pg->heard_state == state)
		return HEARD_SERVER;
	pg->heard_state = state;
	if (byte == '\0' || strchr(allowed, byte) == NULL)
		return HEARD_STRANGE;
	return byte == 'N' && state == CONNECTION_SSL_STARTUP ? HEARD_NO_TLS : HEARD_SERVER;
}

/* libpq's own words, without the place, which is said anyway, and without its second line. */
static void
copy_message(const char *message, char *to, size_t size)
{
	static const char before[] = " failed: ";
	const char *found = NULL;

	for (const char *at = message; (at = strstr(at, before)) != NULL; at += strlen(before))
		found = at;
	if (found != NULL)
		message = found + strlen(before);
	snprintf(to, size, "%.*s", (int)strcspn(message, "\n"), message);
}

/* Why a connection failed, from what the server said and from how far it had come. */
static int
explain_failure(struct pg *pg, const char *where, enum heard heard, char sqlstate[SQLSTATE_SIZE], struct err *err)
{
	const char *message = PQerrorMessage(pg->conn);
	char words[512];

	if (sqlstate_read(message, sqlstate, err) == 0)
		return -1;
	copy_message(message, words, sizeof words);
	if (PQconnectionNeedsPassword(pg->conn)) {
		err_set(err, ERR_SETUP, "%s asks for a password and none was found", where);
		return err_hint(err, "put it into the password file (~/.pgpass, or passfile= in -d)");
	}
	switch (heard) {
	case HEARD_STRANGE:
		err_set(err, ERR_PROTOCOL, "%s does not speak PostgreSQL's protocol", where);
		return err_hint(err, "is this the port of the database?");
	case HEARD_NO_TLS:
	case HEARD_SERVER: /* it answered, and libpq did not like the answer */
		return err_set(err, ERR_SETUP, "%s: %s", where, words);
	case HEARD_NOTHING:
	case HEARD_CLOSED:
		break;
	}
	return err_set(err, ERR_DOWN, "cannot connect to %s: %s", where, words);
}

static const char *
stage_name(const PGconn *conn)
{
	switch (PQstatus(conn)) {
	case CONNECTION_STARTED:
	case CONNECTION_NEEDED:
		return "connecting";
	case CONNECTION_MADE:
	case CONNECTION_AWAITING_RESPONSE:
		return "connected, waiting for its first answer";
	case CONNECTION_SSL_STARTUP:
	case CONNECTION_GSS_STARTUP:
		return "connected, agreeing on encryption";
	default:
		return "connected, authenticating";
	}
}

static void
ignore_notice(void *context, const PGresult *result)
{
	(void)context; /* libpq would print it to standard error */
	(void)result;
}

/* Drives a connection until it stands, fails or the deadline passes. */
static int
connect_until(struct pg *pg, const char *where, int64_t deadline_ms, char sqlstate[SQLSTATE_SIZE], struct err *err)
{
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;
	enum heard heard = HEARD_NOTHING;

	if (pg->conn == NULL)
		return err_set(err, ERR_DOWN, "out of memory");
	PQsetErrorVerbosity(pg->conn, PQERRORS_VERBOSE); /* its messages then hold the SQLSTATE */
	PQsetNoticeReceiver(pg->conn, ignore_notice, NULL);
	if (PQstatus(pg->conn) == CONNECTION_BAD)
		return explain_failure(pg, where, HEARD_NOTHING, sqlstate, err);
	while (next != PGRES_POLLING_OK) {
		short events = next == PGRES_POLLING_WRITING ? POLLOUT : POLLIN;

		if (next == PGRES_POLLING_FAILED)
			return explain_failure(pg, where, heard, sqlstate, err);
		if (!wait_for(PQsocket(pg->conn), events, deadline_ms))
			return err_set(err, ERR_TIMEOUT, "no answer from %s in time (%s)", where, stage_name(pg->conn));
		if (events == POLLIN)
			heard = listen_to_server(pg);
		if (!count_received(pg))
			return err_set(err, ERR_PROTOCOL, "%s sends without end", where);
		next = PQconnectPoll(pg->conn);
	}
	return 0;
}

/* What the session of a check sets for itself, whatever is set for its role. */
static void
write_session_options(const struct pg *pg, const struct effective *effective, struct text *text)
{
	text_add(text, "%s%s-c statement_timeout=%lld -c search_path= "
		       "-c default_transaction_isolation=read\\ committed",
		effective->options, effective->options[0] != '\0' ? " " : "", (long long)pg->timeout_ms);
}

/* One attempt at one address. */
static int
connect_once(struct pg *pg, const struct target *target, const struct effective *effective,
	const struct place *place, int64_t deadline_ms, char sqlstate[SQLSTATE_SIZE], struct err *err)
{
	struct keywords keywords = keywords_of(target);
	char options_storage[2048], where_storage[320];
	struct text options, where;

	text_init(&options, options_storage, sizeof options_storage);
	text_init(&where, where_storage, sizeof where_storage);
	place_write(place, &where);
	if (!pg->settings_in_statement)
		write_session_options(pg, effective, &options);
	if (!effective->has_dbname)
		keyword_add(&keywords, "dbname", "postgres"); /* and not libpq's default, the user's name */
	keyword_add(&keywords, "host", place->host);
	keyword_add(&keywords, "hostaddr", place->hostaddr);
	keyword_add(&keywords, "port", place->port);
	keyword_add(&keywords, "options", options.bytes);
	if (place_count(&effective->places) == 1)
		keyword_add(&keywords, "target_session_attrs", "any"); /* whether it fits is what we are to say */
	pg->received = 0;
	pg->heard_state = 0;
	pg->conn = PQconnectStartParams(keywords.names, keywords.values, 1);
	if (connect_until(pg, where.bytes, deadline_ms, sqlstate, err) == 0)
		return 0;
	PQfinish(pg->conn);
	pg->conn = NULL;
	return -1;
}

/*
 * One address. A pooler that does not know the parameter "options" refuses it as a violation of
 * the protocol (PgBouncer before 1.20); it is then asked without.
 */
static int
connect_address(struct pg *pg, const struct target *target, const struct effective *effective,
	const struct place *place, int64_t deadline_ms, struct err *err)
{
	char sqlstate[SQLSTATE_SIZE] = "";

	pg->settings_in_statement = false;
	if (connect_once(pg, target, effective, place, deadline_ms, sqlstate, err) == 0)
		return 0;
	if (strcmp(sqlstate, "08P01") != 0)
		return -1;
	pg->settings_in_statement = true;
	return connect_once(pg, target, effective, place, deadline_ms, sqlstate, err);
}

/* This one's share of the time that is left, when `count` are still to be tried. */
static int64_t
share_deadline(int64_t deadline_ms, size_t count)
{
	return clock_now_ms() + clock_left_ms(deadline_ms) / (int64_t)count;
}

/* Of two failures the one that tells more: who got an answer knows more than who got none. */
static void
keep_telling(struct err *kept, const struct err *err)
{
	static const int telling[ERR_CLASS_COUNT] = {
		[ERR_DOWN] = 1, [ERR_TIMEOUT] = 2, [ERR_PROTOCOL] = 3, [ERR_SETUP] = 4, [ERR_FULL] = 5, [ERR_USAGE] = 6};

	if (telling[err->class] > telling[kept->class])
		*kept = *err;
}

/* One host: every address that its name has. */
static int
connect_place(struct pg *pg, const struct target *target, const struct effective *effective,
	const struct place *place, int64_t deadline_ms, struct err *err)
{
	struct resolve_result found;
	struct err kept = {.class = ERR_NONE};

	if (!place_needs_lookup(place))
		return connect_address(pg, target, effective, place, deadline_ms, err);
	if (resolve_host(place->host, deadline_ms, &found, err) != 0)
		return -1;
	for (size_t i = 0; i < found.count; i++) {
		struct place address = *place;

		snprintf(address.hostaddr, sizeof address.hostaddr, "%s", found.addresses[i]);
		if (connect_address(pg, target, effective, &address, share_deadline(deadline_ms, found.count - i), err)
			== 0)
			return 0;
		keep_telling(&kept, err);
	}
	*err = kept;
	return -1;
}

/* Every host in turn. `place` gets the one that answered, or all. */
static int
connect_places(struct pg *pg, const struct target *target, const struct effective *effective,
	int64_t deadline_ms, struct text *place, struct err *err)
{
	size_t count = place_count(&effective->places);
	struct err kept = {.class = ERR_NONE};

	for (size_t i = 0; i < count; i++) {
		struct place at;
		struct text before = *place;

		place_at(&effective->places, i, &at);
		if (connect_place(pg, target, effective, &at, share_deadline(deadline_ms, count - i), err) == 0) {
			text_init(place, before.bytes, before.size);
			place_write(&at, place);
			return 0;
		}
		if (i > 0)
			text_add(place, ",");
		place_write(&at, place);
		keep_telling(&kept, err);
	}
	*err = kept;
	return -1;
}

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
pg_open(const struct target *target, int64_t deadline_ms, struct text *place, struct pg **ret, struct err *err)
{
	struct effective effective;
	struct pg *pg = calloc(1, sizeof *pg);

	if (pg == NULL)
		return err_set(err, ERR_DOWN, "out of memory");
	pg->timeout_ms = target->timeout_ms;
	if (effective_of(target, &effective, err) == 0
		&& connect_places(pg, target, &effective, deadline_ms, place, err) == 0
		&& verify_server(pg, err) == 0) {
		PQsetnonblocking(pg->conn, 1);
		*ret = pg;
		return 0;
	}
	pg_close(pg);
	return -1;
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

/* -- asking ------------------------------------------------------------------------------------ */

int
pg_row_columns(const struct pg_row *row)
{
	return PQnfields(row->result);
}

const char *
pg_row_name(const struct pg_row *row, int column)
{
	return PQfname(row->result, column);
}

const char *
pg_row_value(const struct pg_row *row, int column)
{
	return PQgetisnull(row->result, 0, column) ? NULL : PQgetvalue(row->result, 0, column);
}

/* Sends what is queued and receives until a result is complete. Then PQgetResult() does not wait. */
static int
await_result(struct pg *pg, int64_t deadline_ms, struct err *err)
{
	for (;;) {
		int unsent = PQflush(pg->conn);

		if (unsent < 0)
			break;
		if (unsent == 0 && !PQisBusy(pg->conn))
			return 0;
		if (!wait_for(PQsocket(pg->conn), (short)(unsent > 0 ? POLLIN | POLLOUT : POLLIN), deadline_ms))
			return err_set(err, ERR_TIMEOUT, "no answer to a query in time");
		if (!count_received(pg))
			return err_set(err, ERR_PROTOCOL, "the answer to a query is too long");
		if (PQconsumeInput(pg->conn) != 1)
			break;
	}
	return err_set(err, ERR_DOWN, "the server closed the connection during a query");
}

/* What is wrong with a result that should be one row; 0 when nothing is. */
static int
judge_result(const PGresult *result, struct err *err)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	switch (PQresultStatus(result)) {
	case PGRES_TUPLES_OK:
		if (PQntuples(result) == 1)
			return 0;
		return err_set(err, ERR_PROTOCOL, "a query returned %d rows instead of one", PQntuples(result));
	case PGRES_PIPELINE_ABORTED:
		return err_set(err, ERR_PROTOCOL, "a query was passed over after an error");
	case PGRES_FATAL_ERROR:
		if (sqlstate != NULL)
			return sqlstate_fill(err, sqlstate, PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY),
				PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL));
		/* A server that went away shows before this; here libpq could not follow the answer. */
		return err_set(err, ERR_PROTOCOL, "broken answer to a query: %s", PQresultErrorMessage(result));
	default:
		return err_set(err, ERR_PROTOCOL, "unexpected answer to a query (%s)",
			PQresStatus(PQresultStatus(result)));
	}
}

/* Takes all results of one statement; settings before it return no rows. */
static int
take_answer(struct pg *pg, size_t index, int64_t deadline_ms, const struct pg_reader *reader, struct err *err)
{
	PGresult *row = NULL, *result;
	struct err fault = {.class = ERR_NONE};

	for (;;) {
		if (await_result(pg, deadline_ms, err) != 0) {
			PQclear(row);
			return -1;
		}
		result = PQgetResult(pg->conn);
		if (result == NULL)
			break;
		if (fault.class == ERR_NONE && PQresultStatus(result) != PGRES_COMMAND_OK) {
			judge_result(result, &fault);
			PQclear(row);
			row = result;
		} else {
			PQclear(result);
		}
	}
	if (row == NULL)
		err_set(&fault, ERR_PROTOCOL, "a query returned nothing");
	if (fault.class == ERR_NONE)
		reader->take(reader->context, index, &(struct pg_row){.result = row}, NULL);
	else
		reader->take(reader->context, index, NULL, &fault);
	PQclear(row);
	return 0;
}

/* One statement with the simple protocol; poolers in transaction mode get the settings with it. */
static int
send_simple(struct pg *pg, const char *statement)
{
	char storage[4096];
	struct text text;

	if (!pg->settings_in_statement)
		return PQsendQuery(pg->conn, statement) == 1 ? 0 : -1;
	/* Together they are one implicit transaction, so SET LOCAL ends with it. */
	text_init(&text, storage, sizeof storage);
	text_add(&text, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = %lld; "
			"SET LOCAL search_path = ''; %s",
		(long long)pg->timeout_ms, statement);
	return !text.is_truncated && PQsendQuery(pg->conn, storage) == 1 ? 0 : -1;
}

/* Each statement in a round trip of its own. Returns how many were answered. */
static size_t
ask_in_turn(struct pg *pg, const char *const *statements, size_t count, int64_t deadline_ms,
	const struct pg_reader *reader, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		if (send_simple(pg, statements[i]) != 0) {
			err_set(err, ERR_DOWN, "cannot send a query");
			return i;
		}
		if (take_answer(pg, i, deadline_ms, reader, err) != 0)
			return i;
	}
	return count;
}

/* Takes the mark that ends a statement's part of the pipeline. */
static int
take_sync(struct pg *pg, int64_t deadline_ms, struct err *err)
{
	PGresult *result;
	bool is_sync;

	if (await_result(pg, deadline_ms, err) != 0)
		return -1;
	result = PQgetResult(pg->conn);
	is_sync = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
	PQclear(result);
	return is_sync ? 0 : err_set(err, ERR_PROTOCOL, "the answers to several queries are out of step");
}

/* All statements in one round trip, each behind a sync of its own. Returns how many were answered. */
static size_t
ask_pipelined(struct pg *pg, const char *const *statements, size_t count, int64_t deadline_ms,
	const struct pg_reader *reader, struct err *err)
{
	bool is_sent = PQenterPipelineMode(pg->conn) == 1;

	for (size_t i = 0; i < count && is_sent; i++)
		is_sent = PQsendQueryParams(pg->conn, statements[i], 0, NULL, NULL, NULL, NULL, 0) == 1
			&& PQpipelineSync(pg->conn) == 1;
	if (!is_sent) {
		err_set(err, ERR_DOWN, "cannot send queries");
		return 0;
	}
	for (size_t i = 0; i < count; i++)
		if (take_answer(pg, i, deadline_ms, reader, err) != 0 || take_sync(pg, deadline_ms, err) != 0)
			return i;
	PQexitPipelineMode(pg->conn);
	return count;
}

bool
pg_ask(struct pg *pg, const char *const *statements, size_t count, int64_t deadline_ms,
	const struct pg_reader *reader)
{
	bool is_pipelined = count > 1 && !pg->settings_in_statement;
	struct err err;
	size_t answered;

	pg->received = 0;
	answered = (is_pipelined ? ask_pipelined : ask_in_turn)(pg, statements, count, deadline_ms, reader, &err);
	for (size_t i = answered; i < count; i++)
		reader->take(reader->context, i, NULL, &err);
	return answered == count;
}
