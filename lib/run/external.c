#include "lib/run/external.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/parse.h"
#include "lib/base/text.h"

static int
take_port(const char *port, const char *where, struct target *target, struct err *err)
{
	int64_t ignored;

	if (target->port[0] != '\0') /* an option said so */
		return 0;
	if (parse_integer(port, 1, 65535, &ignored, err) != 0) {
		err_context(err, "the server's port, %s", where);
		return err_hint(err,
			"HAProxy's external-check passes proxy address and port, server address and port");
	}
	snprintf(target->port, sizeof target->port, "%s", port);
	return 0;
}

/* Splits /run/postgresql/.s.PGSQL.5432 into its directory and its number. */
static int
take_socket(const char *path, struct target *target, struct err *err)
{
	static const char prefix[] = "/.s.PGSQL.";
	const char *name = strrchr(path, '/');

	if (!text_starts(name, prefix) || name == path || strlen(path) >= sizeof target->host) {
		err_set(err, ERR_USAGE, "\"%s\" is not the path of a PostgreSQL socket", path);
		return err_hint(err, "it ends in /.s.PGSQL.5432, or another port");
	}
	snprintf(target->host, sizeof target->host, "%.*s", (int)(name - path), path);
	return take_port(name + strlen(prefix), "at the end of operand 3", target, err);
}

int
external_take(char *const operands[EXTERNAL_OPERANDS], struct target *target, struct err *err)
{
	const char *address = operands[2], *port = operands[3];

	if (target->host[0] == '\0') {
		if (address[0] == '\0')
			return err_set(err, ERR_USAGE, "the server's address, operand 3, is empty");
		if (address[0] == '/')
			return take_socket(address, target, err);
		if (text_copy(target->host, sizeof target->host, address) != 0)
			return err_set(err, ERR_USAGE, "the server's address, operand 3, is too long");
	}
	return strcmp(port, "NOT_USED") == 0 ? 0 : take_port(port, "operand 4", target, err);
}
