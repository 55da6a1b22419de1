#include "lib/collect/pg_failure.h"

/* What was heard, as far as it tells something about the failure. */
static enum wire_heard
heard_in_the_end(const struct pg_failure *failure)
{
	enum wire_heard heard = failure->heard;

	if (heard == WIRE_SERVER && message_is_of_loss(PQerrorMessage(failure->conn)))
		return WIRE_CLOSED; /* it went away behind what we heard */
	/* Once let in, a client that insists on nothing refuses only what it cannot read. */
	if (heard == WIRE_SERVER && !failure->is_demanding
		&& (failure->stage == CONNECTION_AUTH_OK || failure->is_let_in))
		return WIRE_STRANGE;
	return heard;
}

int
pg_failure_explain(const struct pg_failure *failure, char sqlstate[MESSAGE_SQLSTATE_SIZE], struct err *err)
{
	const char *message = PQerrorMessage(failure->conn), *where = failure->where;
	char words[512];

	if (message_find_sqlstate(message, sqlstate, err) == 0)
		return -1;
	message_copy_reason(message, words, sizeof words);
	if (PQconnectionNeedsPassword(failure->conn)) {
		err_set(err, ERR_SETUP, "%s asks for a password and none was found", where);
		return err_hint(err, "put it into the password file (~/.pgpass, or passfile= in -d)");
	}
	if (failure->is_choosy && PQparameterStatus(failure->conn, "server_version") != NULL)
		return err_set(
			err, ERR_DOWN, "%s is not what target_session_attrs asks for: %s", where, words);
	switch (heard_in_the_end(failure)) {
	case WIRE_STRANGE:
		err_set(err, ERR_PROTOCOL, "%s does not speak PostgreSQL's protocol", where);
		return err_hint(err, "is this the port of the database?");
	case WIRE_LET_IN:
	case WIRE_SERVER: /* it answered, and libpq did not like the answer */
		err_set(err, ERR_SETUP, "%s: %s", where, words);
		if (failure->stage == CONNECTION_SSL_STARTUP)
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
stage_name(ConnStatusType stage)
{
	switch (stage) {
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

int
pg_failure_explain_timeout(const struct pg_failure *failure, struct err *err)
{
	ConnStatusType stage = PQstatus(failure->conn);
	bool is_connected = stage != CONNECTION_STARTED && stage != CONNECTION_NEEDED;

	err_set(err, ERR_TIMEOUT, "no answer from %s in time (%s)", failure->where, stage_name(stage));
	return err_hint(err,
		is_connected
			? "it accepts connections but does not answer: is the server frozen or overloaded?"
			: "is the host up, and does a firewall drop what is sent to it?");
}
