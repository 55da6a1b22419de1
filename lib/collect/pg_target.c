#include "lib/collect/pg_target.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/message.h"
#include "lib/collect/pg_keywords.h"

/* A value that no parameter has, to make libpq apply all its rules and stop before connecting. */
#define STOP_MARK "pgha-stop-before-connecting"

/* Copies libpq's effective value of one parameter. */
static int
copy_option(const PQconninfoOption *option, struct pg_target *ret)
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
copy_options(PGconn *conn, const PQconninfoOption *options, struct pg_target *ret, struct err *err)
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

int
pg_target_refuse(const struct target *target, const char *message, struct err *err)
{
	/* Only a connection string can hold a password. */
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
int
pg_target_read(const struct target *target, struct pg_target *ret, struct err *err)
{
	struct pg_keywords keywords = pg_keywords_of(target);
	PQconninfoOption *options;
	PGconn *conn;
	int status = -1;

	memset(ret, 0, sizeof *ret);
	if (verify_string(target->dbname, err) != 0)
		return -1;
	pg_keywords_add(&keywords, "user", STOP_MARK); /* also the database's name when nobody named one */
	pg_keywords_add(&keywords, "password", STOP_MARK); /* saves reading the password file twice */
	pg_keywords_add(&keywords, "sslmode", STOP_MARK);
	conn = PQconnectStartParams(keywords.names, keywords.values, 1);
	options = conn == NULL ? NULL : PQconninfo(conn);
	if (options == NULL)
		err_set(err, ERR_DOWN, "out of memory");
	else if (strstr(PQerrorMessage(conn), STOP_MARK) == NULL)
		pg_target_refuse(target, PQerrorMessage(conn), err);
	else
		status = copy_options(conn, options, ret, err);
	PQconninfoFree(options);
	PQfinish(conn);
	return status;
}
