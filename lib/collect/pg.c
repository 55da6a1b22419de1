#include "lib/collect/pg.h"

#include <errno.h>
#include <libpq-fe.h>
#include <limits.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/collect/attempt.h"
#include "lib/collect/message.h"
#include "lib/collect/prepared.h"
#include "lib/collect/wire.h"
#include "lib/model/version.h"

/* No answer to any of our questions is longer; what is, is not an answer. */
enum { RECEIVED_MAX = 1024 * 1024 };

/* A value that no parameter has, to make libpq apply all its rules and stop before connecting. */
#define STOP_MARK "pgha-stop-before-connecting"

struct pg {
	PGconn *conn;
	const struct target *target; /* while connecting */
	int64_t received;            /* bytes that had come in, in all, when the counting began */
	int64_t arrived;             /* bytes of a Unix socket, see note_read() */
	int waiting;                 /* before it is read */
	bool settings_in_statement;  /* a pooler refused them at the start of the connection */
	int64_t timeout_ms;
	bool is_console;             /* see struct target */
	bool is_choosy;              /* one of several hosts, which target_session_attrs may refuse */
	bool is_demanding;           /* see struct effective */
	bool is_let_in;              /* the server asked for no authentication */
	bool is_direct;              /* TLS without asking for it first */
	enum wire_phase heard_phase; /* the one whose first byte was looked at */
	struct prepared prepared;
};

/* What libpq makes of a target before it connects. */
struct effective {
	struct place_list places;
	char options[1024];
	bool is_direct;    /* sslnegotiation=direct (17 and later): TLS comes first */
	bool is_demanding; /* the client insists on something that a server may not do */
	bool has_dbname;   /* somebody named a database: option, environment or service */
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
	keyword_add(&keywords, "dbname", target->database);
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
	if (strcmp(option->keyword, "sslnegotiation") == 0)
		ret->is_direct = strcmp(value, "direct") == 0;
	if (strcmp(option->keyword, "channel_binding") == 0 || strcmp(option->keyword, "sslcertmode") == 0)
		ret->is_demanding = ret->is_demanding || strcmp(value, "require") == 0;
	if (strcmp(option->keyword, "require_auth") == 0)
		ret->is_demanding = ret->is_demanding || value[0] != '\0';
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
			return err_set(err, ERR_USAGE, "the connection parameter \"%s\" is too long",
				options->keyword);
	if (ret->places.host[0] == '\0' && ret->places.hostaddr[0] == '\0' && default_host != NULL)
		snprintf(ret->places.host, sizeof ret->places.host, "%s", default_host);
	if (has_empty_host(&ret->places))
		return err_set(err, ERR_USAGE, "one of several hosts is empty");
	if (place_verify_ports(ret->places.port, err) != 0) {
		/* In a URI whose password holds a slash, it ends up here. */
		err_set(err, ERR_USAGE, "a port in the connection settings is not a number (not shown)");
		return err_hint(err, "see -d and PGPORT; in a URI, write a \"/\" of the password as %%2F");
	}
	if (ret->places.host[0] != '\0' && strchr(ret->places.host + 1, '@') != NULL) {
		/* What follows may be the end of a password. */
		err_set(err, ERR_USAGE, "a host name in the connection string holds \"@\" (not shown)");
		return err_hint(err, "in a URI, write an \"@\" of the password as %%40");
	}
	return 0;
}

/* Where in a connection string a slip of the pen can put a password that libpq then shows. */
static bool
is_suspicious(const PQconninfoOption *option, bool is_uri)
{
	static const char *const shown[] = {"host", "hostaddr", "port", "user", "dbname", "service"};

	for (size_t i = 0; option->val != NULL && i < sizeof shown / sizeof shown[0]; i++)
		if (strcmp(option->keyword, shown[i]) == 0
			&& (strpbrk(option->val, ";=") != NULL
				|| (is_uri && strcmp(shown[i], "dbname") == 0
					&& strchr(option->val, '@') != NULL)))
			return true;
	return false;
}

/*
 * Refuses a connection string that does not parse, or that libpq reads otherwise than it was meant:
 * "host=db1;password=..." is one long host name to it, and would stand in its messages.
 */
static int
verify_string(const char *string, struct err *err)
{
	bool is_uri = text_starts(string, "postgresql://") || text_starts(string, "postgres://");
	char *complaint = NULL;
	PQconninfoOption *options;
	bool is_bad = false;

	if (!is_uri && strchr(string, '=') == NULL) {
		if (strstr(string, ":/") == NULL)
			return 0;
		err_set(err, ERR_USAGE, "the database name looks like a URI, and is none (not shown)");
		return err_hint(err, "URIs begin with postgresql://");
	}
	options = PQconninfoParse(string, &complaint);
	if (options == NULL) {
		message_refuse_conninfo(err, complaint == NULL ? "out of memory" : complaint);
		PQfreemem(complaint);
		return -1;
	}
	for (const PQconninfoOption *option = options; option->keyword != NULL; option++)
		is_bad = is_bad || is_suspicious(option, is_uri);
	PQconninfoFree(options);
	if (!is_bad)
		return 0;
	err_set(err, ERR_USAGE,
		"the connection string is not what it seems (not shown, it may hold a password)");
	return err_hint(err,
		"keyword=value pairs are separated by blanks; in a URI write @ / : of a password as %%40 "
		"%%2F %%3A");
}

/* What libpq refuses before it connects. Only a connection string can hold a password. */
static int
refuse(const struct target *target, const char *message, struct err *err)
{
	if (strchr(target->dbname, '=') != NULL || strstr(target->dbname, "://") != NULL)
		return message_refuse_conninfo(err, message);
	err_set(err, ERR_USAGE, "%s", message);
	return err_hint(err, "it comes from the options, the environment (PG...) or a service file");
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
	if (verify_string(target->dbname, err) != 0)
		return -1;
	keyword_add(&keywords, "user", STOP_MARK);     /* also the database's name when nobody named one */
	keyword_add(&keywords, "password", STOP_MARK); /* saves reading the password file twice */
	keyword_add(&keywords, "sslmode", STOP_MARK);
	conn = PQconnectStartParams(keywords.names, keywords.values, 1);
	options = conn == NULL ? NULL : PQconninfo(conn);
	if (options == NULL)
		err_set(err, ERR_DOWN, "out of memory");
	else if (strstr(PQerrorMessage(conn), STOP_MARK) == NULL)
		refuse(target, PQerrorMessage(conn), err);
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

/* What was not read yet. */
static int
waiting_bytes(const struct pg *pg)
{
	int waiting = 0;

	return ioctl(PQsocket(pg->conn), FIONREAD, &waiting) == 0 ? waiting : 0;
}

/* libpq's buffer seldom has more room than that. */
enum { READ_BYTES = 65536 };

/*
 * Counts what was read from a Unix socket since pg->waiting were waiting there. Where as many wait again, the
 * other side goes on sending, and how many were read does not show: a share is assumed.
 */
static void
note_read(struct pg *pg)
{
	int left = waiting_bytes(pg);

	if (left < pg->waiting)
		pg->arrived += pg->waiting - left;
	else
		pg->arrived += pg->waiting < READ_BYTES ? pg->waiting : READ_BYTES;
	pg->waiting = 0;
}

/* How many bytes came in since the connection began, as the kernel counts them for TCP, and we for Unix
 * sockets. */
static int64_t
arrived_bytes(const struct pg *pg)
{
	struct tcp_info info;
	socklen_t size = sizeof info;

	if (getsockopt(PQsocket(pg->conn), IPPROTO_TCP, TCP_INFO, &info, &size) == 0
		&& size >= offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received)
		return (int64_t)info.tcpi_bytes_received;
	return pg->arrived;
}

/* Before a read: false once more came in since the counting began than any answer of ours can be. */
static bool
count_received(struct pg *pg)
{
	pg->waiting = waiting_bytes(pg);
	return arrived_bytes(pg) - pg->received <= RECEIVED_MAX;
}

/* -- connecting -------------------------------------------------------------------------------- */

static enum wire_phase
phase_of(const struct pg *pg)
{
	switch (PQstatus(pg->conn)) {
	case CONNECTION_SSL_STARTUP:
		return pg->is_direct ? WIRE_ANY : WIRE_TLS_REQUEST;
	case CONNECTION_GSS_STARTUP:
		return WIRE_GSS_REQUEST;
	case CONNECTION_AWAITING_RESPONSE:
		return PQsslInUse(pg->conn) ? WIRE_ANY : WIRE_STARTUP;
	default:
		return WIRE_ANY;
	}
}

/* Listens to what is about to be read. Only the first byte of a phase is a message's first. */
static enum wire_heard
listen_to_server(struct pg *pg)
{
	enum wire_phase phase = phase_of(pg);
	enum wire_heard heard = wire_listen(PQsocket(pg->conn), pg->heard_phase == phase ? WIRE_ANY : phase);

	pg->heard_phase = phase;
	if (heard == WIRE_LET_IN)
		pg->is_let_in = true;
	return heard == WIRE_LET_IN ? WIRE_SERVER : heard;
}

/* Why a connection failed, from what the server said and from how far it had come. */
static int
explain_failure(struct pg *pg, const char *where, enum wire_heard heard, ConnStatusType stage,
	char sqlstate[MESSAGE_SQLSTATE_SIZE], struct err *err)
{
	const char *message = PQerrorMessage(pg->conn);
	char words[512];

	if (message_find_sqlstate(message, sqlstate, err) == 0)
		return -1;
	message_copy_reason(message, words, sizeof words);
	if (PQconnectionNeedsPassword(pg->conn)) {
		err_set(err, ERR_SETUP, "%s asks for a password and none was found", where);
		return err_hint(err, "put it into the password file (~/.pgpass, or passfile= in -d)");
	}
	if (heard == WIRE_SERVER && message_is_of_loss(message))
		heard = WIRE_CLOSED; /* it went away behind what we heard */
	if (pg->is_choosy && PQparameterStatus(pg->conn, "server_version") != NULL)
		return err_set(
			err, ERR_DOWN, "%s is not what target_session_attrs asks for: %s", where, words);
	/* Once let in, a client that insists on nothing refuses only what it cannot read. */
	if (heard == WIRE_SERVER && !pg->is_demanding && (stage == CONNECTION_AUTH_OK || pg->is_let_in))
		heard = WIRE_STRANGE;
	switch (heard) {
	case WIRE_STRANGE:
		err_set(err, ERR_PROTOCOL, "%s does not speak PostgreSQL's protocol", where);
		return err_hint(err, "is this the port of the database?");
	case WIRE_LET_IN:
	case WIRE_SERVER: /* it answered, and libpq did not like the answer */
		err_set(err, ERR_SETUP, "%s: %s", where, words);
		if (stage == CONNECTION_SSL_STARTUP)
			err_hint(err,
				"see sslmode and sslrootcert here, and ssl and its certificate on the "
				"server");
		return -1;
	case WIRE_ERROR:
		return err_set(err, ERR_DOWN, "%s is going down", where);
	case WIRE_CLOSED:
		return err_set(err, ERR_DOWN, "cannot connect to %s: %s", where, words);
	case WIRE_NOTHING:
		break;
	}
	err_set(err, ERR_DOWN, "cannot connect to %s: %s", where, words);
	return err_hint(err, "does PostgreSQL run there, and listen on that address and port?");
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

/* Why nothing came in time, and where to look. */
static int
explain_timeout(PGconn *conn, const char *where, struct err *err)
{
	bool is_connected = PQstatus(conn) != CONNECTION_STARTED && PQstatus(conn) != CONNECTION_NEEDED;

	err_set(err, ERR_TIMEOUT, "no answer from %s in time (%s)", where, stage_name(conn));
	return err_hint(err,
		is_connected
			? "it accepts connections but does not answer: is the server frozen or overloaded?"
			: "is the host up, and does a firewall drop what is sent to it?");
}

static void
ignore_notice(void *context, const PGresult *result)
{
	(void)context; /* libpq would print it to standard error */
	(void)result;
}

/* Drives a connection until it stands, fails or the deadline passes. */
static int
connect_until(struct pg *pg, const char *where, int64_t deadline_ms, char sqlstate[MESSAGE_SQLSTATE_SIZE],
	struct err *err)
{
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;
	enum wire_heard heard = WIRE_NOTHING;
	ConnStatusType stage = CONNECTION_NEEDED; /* before the step that failed */

	if (pg->conn == NULL)
		return err_set(err, ERR_DOWN, "out of memory");
	PQsetErrorVerbosity(pg->conn, PQERRORS_VERBOSE); /* its messages then hold the SQLSTATE */
	PQsetNoticeReceiver(pg->conn, ignore_notice, NULL);
	if (PQstatus(pg->conn) == CONNECTION_BAD && !message_is_of_attempt(PQerrorMessage(pg->conn)))
		return refuse(pg->target, PQerrorMessage(pg->conn), err);
	if (PQstatus(pg->conn) == CONNECTION_BAD)
		return explain_failure(pg, where, WIRE_NOTHING, CONNECTION_NEEDED, sqlstate, err);
	while (next != PGRES_POLLING_OK) {
		short events = next == PGRES_POLLING_WRITING ? POLLOUT : POLLIN;

		if (next == PGRES_POLLING_FAILED)
			return explain_failure(pg, where, heard, stage, sqlstate, err);
		if (!wait_for(PQsocket(pg->conn), events, deadline_ms))
			return explain_timeout(pg->conn, where, err);
		if (events == POLLIN)
			heard = listen_to_server(pg);
		if (heard == WIRE_STRANGE || heard == WIRE_ERROR) /* libpq might wait for more of the same */
			return explain_failure(pg, where, heard, stage, sqlstate, err);
		if (!count_received(pg))
			return err_set(err, ERR_PROTOCOL, "%s sends without end", where);
		stage = PQstatus(pg->conn);
		next = PQconnectPoll(pg->conn);
		note_read(pg);
	}
	return 0;
}

/* What the session of a check sets for itself, whatever is set for its role. */
static void
write_session_options(const struct pg *pg, const struct effective *effective, struct text *text)
{
	text_add(text,
		"%s%s-c statement_timeout=%lld -c search_path= "
		"-c default_transaction_isolation=read\\ committed",
		effective->options, effective->options[0] != '\0' ? " " : "", (long long)pg->timeout_ms);
}

/* What an attempt at one address needs. */
struct connecting {
	struct pg *pg;
	const struct target *target;
	struct effective effective;
};

/* One attempt at one address. */
static int
connect_once(const struct connecting *connecting, const struct place *place, int64_t deadline_ms,
	char sqlstate[MESSAGE_SQLSTATE_SIZE], struct err *err)
{
	const struct effective *effective = &connecting->effective;
	struct pg *pg = connecting->pg;
	struct keywords keywords = keywords_of(connecting->target);
	char options_storage[2048], where_storage[320];
	struct text options, where;

	text_init(&options, options_storage, sizeof options_storage);
	text_init(&where, where_storage, sizeof where_storage);
	place_write(place, &where);
	if (!pg->settings_in_statement && !connecting->target->is_console)
		write_session_options(pg, effective, &options);
	if (!effective->has_dbname)
		keyword_add(&keywords, "dbname", "postgres"); /* and not libpq's default, the user's name */
	keyword_add(&keywords, "host", place->host);
	keyword_add(&keywords, "hostaddr", place->hostaddr);
	keyword_add(&keywords, "port", place->port);
	keyword_add(&keywords, "options", options.bytes);
	pg->is_choosy = place_count(&effective->places) > 1;
	if (!pg->is_choosy)
		keyword_add(
			&keywords, "target_session_attrs", "any"); /* whether it fits is what we are to say */
	pg->received = pg->arrived = pg->waiting = 0;
	pg->heard_phase = WIRE_ANY;
	pg->is_let_in = false;
	pg->is_direct = effective->is_direct;
	pg->is_demanding = effective->is_demanding;
	pg->conn = PQconnectStartParams(keywords.names, keywords.values, 1);
	if (connect_until(pg, where.bytes, deadline_ms, sqlstate, err) == 0)
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
	struct connecting connecting = {.pg = pg, .target = target};

	if (pg == NULL)
		return err_set(err, ERR_DOWN, "out of memory");
	pg->target = target;
	pg->is_console = target->is_console;
	/* As far as statement_timeout counts. */
	pg->timeout_ms = target->timeout_ms < INT_MAX ? target->timeout_ms : INT_MAX;
	if (effective_of(target, &connecting.effective, err) == 0
		&& attempt_places(&connecting.effective.places, deadline_ms, connect_address, &connecting,
			   place, err)
			== 0
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
	struct effective effective;

	return effective_of(target, &effective, err);
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
	return waiting_bytes(pg) > RECEIVED_MAX || PQconsumeInput(pg->conn) != 1
		|| PQstatus(pg->conn) != CONNECTION_OK;
}

/* -- asking ------------------------------------------------------------------------------------ */

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

/* Sends what is queued and receives until a result is complete. Then PQgetResult() does not wait. */
static int
await_result(struct pg *pg, int64_t deadline_ms, struct err *err)
{
	enum wire_heard heard = WIRE_NOTHING;

	for (;;) {
		int unsent = PQflush(pg->conn);

		if (unsent < 0)
			break;
		if (unsent == 0 && !PQisBusy(pg->conn))
			return 0;
		if (!wait_for(
			    PQsocket(pg->conn), (short)(unsent > 0 ? POLLIN | POLLOUT : POLLIN), deadline_ms))
			return err_set(err, ERR_TIMEOUT, "no answer to a query in time");
		if (!count_received(pg))
			return err_set(err, ERR_PROTOCOL, "the answer to a query is too long");
		heard = wire_listen(PQsocket(pg->conn), WIRE_ANY);
		if (PQconsumeInput(pg->conn) != 1)
			break;
		note_read(pg);
	}
	/* libpq closes the connection too, when it cannot follow what it has just read. */
	if (heard == WIRE_SERVER && !message_is_of_loss(PQerrorMessage(pg->conn)))
		return err_set(err, ERR_PROTOCOL, "broken answer to a query");
	return err_set(err, ERR_DOWN, "the server closed the connection during a query");
}

/* What is wrong with a result that should be one row, or a list of them; 0 when nothing is. */
static int
judge_result(const PGresult *result, bool is_list, struct err *err)
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

/* A server that begins to copy is asked for the next result in vain, again and again. */
static bool
is_copy(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

/* What pg_ask() was asked. */
struct question {
	const char *const *statements;
	size_t count;
	int64_t deadline_ms;
	const struct pg_reader *reader;
	unsigned preparations; /* a bit for each statement that is prepared first */
	unsigned executions;   /* a bit for each that is executed by its name */
	unsigned lost;         /* a bit for each statement that is not prepared any more where it was */
};

/* Hands over the answer to a statement, unless it has to be asked again: what was prepared is not there. */
static void
tell(struct question *question, size_t index, const PGresult *row, const struct err *fault)
{
	const struct pg_reader *reader = question->reader;
	const char *sqlstate = row == NULL ? NULL : PQresultErrorField(row, PG_DIAG_SQLSTATE);

	if ((question->executions & 1U << index) != 0 && prepared_is_lost(sqlstate))
		question->lost |= 1U << index;
	else if (fault->class == ERR_NONE)
		reader->take(reader->context, index, &(struct pg_row){.result = row}, NULL);
	else
		reader->take(reader->context, index, NULL, fault);
}

/*
 * Takes all results of one statement; settings before it, and its preparation, return no rows. What follows
 * an error tells nothing more.
 */
static int
take_answer(struct pg *pg, struct question *question, size_t index, struct err *err)
{
	const struct pg_reader *reader = question->reader;
	bool is_list = reader->is_list != NULL && reader->is_list(reader->context, index);
	PGresult *row = NULL, *result;
	struct err fault = {.class = ERR_NONE};
	bool is_preparation = (question->preparations & 1U << index) != 0;

	for (int ends_left = is_preparation ? 2 : 1; ends_left > 0;) {
		if (await_result(pg, question->deadline_ms, err) != 0) {
			if (fault.class != ERR_NONE)
				*err = fault; /* what the server said first tells more than how it ended */
			PQclear(row);
			return -1;
		}
		result = PQgetResult(pg->conn);
		if (result == NULL) {
			if (ends_left == 2 && fault.class != ERR_NONE)
				prepared_forget(&pg->prepared, question->statements[index]);
			ends_left--;
			continue;
		}
		if (is_copy(result)) {
			PQclear(result);
			PQclear(row);
			return err_set(err, ERR_PROTOCOL, "unexpected answer to a query (COPY)");
		}
		if (fault.class == ERR_NONE && PQresultStatus(result) != PGRES_COMMAND_OK) {
			bool is_second = row != NULL && !(pg->is_console && PQntuples(row) == 0);

			/* pgpool-II answers SHOW POOL_VERSION with nothing first. */
			if (judge_result(result, is_list, &fault) == 0 && is_second)
				err_set(&fault, ERR_PROTOCOL, "a query returned two answers");
			PQclear(row);
			row = result;
		} else {
			PQclear(result);
		}
	}
	if (row == NULL)
		err_set(&fault, ERR_PROTOCOL, "a query returned nothing");
	tell(question, index, row, &fault);
	PQclear(row);
	return 0;
}

/* One statement with the simple protocol; poolers in transaction mode get the settings with it. */
static int
send_simple(struct pg *pg, const char *statement)
{
	char storage[16384]; /* the longest statement has a third of that */
	struct text text;

	if (!pg->settings_in_statement)
		return PQsendQuery(pg->conn, statement) == 1 ? 0 : -1;
	/* Together they are one implicit transaction, so SET LOCAL ends with it. */
	text_init(&text, storage, sizeof storage);
	text_add(&text,
		"SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = %lld; "
		"SET LOCAL search_path = ''; %s",
		(long long)pg->timeout_ms, statement);
	return !text.is_truncated && PQsendQuery(pg->conn, storage) == 1 ? 0 : -1;
}

/* Each statement in a round trip of its own. `answered` counts those whose answer was taken. */
static int
ask_in_turn(struct pg *pg, struct question *question, size_t *answered, struct err *err)
{
	for (; *answered < question->count; ++*answered) {
		if (send_simple(pg, question->statements[*answered]) != 0)
			return err_set(err, ERR_DOWN, "cannot send a query");
		if (take_answer(pg, question, *answered, err) != 0)
			return -1;
	}
	return 0;
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

/* Queues one statement, which is prepared when it comes again, and the mark that ends its part. */
static bool
queue_statement(struct pg *pg, struct question *question, size_t index)
{
	const char *statement = question->statements[index];
	char name[PREPARED_NAME_SIZE];
	bool is_sent = true;

	switch (prepared_send(&pg->prepared, statement, name)) {
	case PREPARED_NOT:
		return PQsendQueryParams(pg->conn, statement, 0, NULL, NULL, NULL, NULL, 0) == 1
			&& PQpipelineSync(pg->conn) == 1;
	case PREPARED_NOW:
		question->preparations |= 1U << index;
		is_sent = PQsendPrepare(pg->conn, name, statement, 0, NULL) == 1;
		break;
	case PREPARED_ONCE:
		break;
	}
	question->executions |= 1U << index;
	return is_sent && PQsendQueryPrepared(pg->conn, name, 0, NULL, NULL, NULL, 0) == 1
		&& PQpipelineSync(pg->conn) == 1;
}

/* A pooler led to another server connection, which has not what was prepared: from here on without. */
static int
ask_lost(struct pg *pg, struct question *question, struct err *err)
{
	unsigned lost = question->lost;

	pg->prepared.is_off = true;
	question->preparations = question->executions = 0;
	for (size_t i = 0; i < question->count; i++) {
		if ((lost & 1U << i) == 0)
			continue;
		if (send_simple(pg, question->statements[i]) != 0)
			err_set(err, ERR_DOWN, "cannot send a query");
		else if (take_answer(pg, question, i, err) == 0)
			continue;
		for (; i < question->count; i++)
			if ((lost & 1U << i) != 0)
				question->reader->take(question->reader->context, i, NULL, err);
		return -1;
	}
	return 0;
}

/* All statements in one round trip, each behind a sync of its own. */
static int
ask_pipelined(struct pg *pg, struct question *question, size_t *answered, struct err *err)
{
	bool is_sent = PQenterPipelineMode(pg->conn) == 1;

	for (size_t i = 0; i < question->count && is_sent; i++)
		is_sent = queue_statement(pg, question, i);
	if (!is_sent)
		return err_set(err, ERR_DOWN, "cannot send queries");
	while (*answered < question->count) {
		if (take_answer(pg, question, *answered, err) != 0)
			return -1;
		++*answered;
		if (take_sync(pg, question->deadline_ms, err) != 0)
			return -1;
	}
	PQexitPipelineMode(pg->conn);
	return question->lost == 0 ? 0 : ask_lost(pg, question, err);
}

bool
pg_ask(struct pg *pg, const char *const *statements, size_t count, int64_t deadline_ms,
	const struct pg_reader *reader)
{
	struct question question = {
		.statements = statements, .count = count, .deadline_ms = deadline_ms, .reader = reader};
	bool is_pipelined = count > 1 && !pg->settings_in_statement && !pg->is_console;
	size_t answered = 0;
	struct err err;
	int status;

	pg->received = arrived_bytes(pg);
	status = (is_pipelined ? ask_pipelined : ask_in_turn)(pg, &question, &answered, &err);
	for (; answered < count; answered++)
		reader->take(reader->context, answered, NULL, &err);
	return status == 0;
}
