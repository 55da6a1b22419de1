#include "lib/collect/message.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"

struct meaning {
	const char *prefix; /* of a SQLSTATE: two characters stand for a whole class */
	enum err_class class;
	const char *hint;
};

/* The first that fits counts: a code stands before its class. */
static const struct meaning meanings[] = {
	/* PgBouncer says 08P01 for nearly everything, a dead server behind it included. */
	{"08", ERR_DOWN, NULL},
	{"0A", ERR_PROTOCOL, NULL},
	{"22", ERR_SETUP, NULL},
	{"25", ERR_PROTOCOL, NULL},
	{"26", ERR_PROTOCOL, NULL},
	{"28", ERR_SETUP, "check the role, its password (passfile, PGPASSWORD) and the server's pg_hba.conf"},
	{"3D", ERR_SETUP, "name a database that exists (-d, or dbname= in a connection string)"},
	{"42501", ERR_SETUP, "grant the role of this check what it needs, see monitoring-role.sql"},
	{"3F", ERR_SETUP, NULL},
	{"42", ERR_SETUP, NULL},
	{"53300", ERR_FULL,
		"end idle sessions or raise the limit that the message names; reserved_connections (16 and "
		"later) keeps slots for monitoring"},
	/* The statement timeout that we asked for, or a cancel. */
	{"57014", ERR_TIMEOUT,
		"the server needs longer than this check has: see what it waits for (wait_event in "
		"pg_stat_activity), or give it longer with -t"},
	{"", ERR_DOWN, NULL},
};

static const struct meaning *
meaning_of(const char *sqlstate)
{
	const struct meaning *meaning = meanings;

	while (!text_starts(sqlstate, meaning->prefix))
		meaning++;
	return meaning;
}

int
message_fill(struct err *err, const char *sqlstate, const char *primary, const char *detail)
{
	const struct meaning *meaning = meaning_of(sqlstate);

	if (detail == NULL || detail[0] == '\0')
		err_set(err, meaning->class, "%s", primary);
	else
		err_set(err, meaning->class, "%s (%s)", primary, detail);
	if (err->text[0] == '\0')
		err_set(err, meaning->class, "an error without a message, SQLSTATE %s", sqlstate);
	if (meaning->hint != NULL)
		err_hint(err, "%s", meaning->hint);
	return -1;
}

/* ":  53300: " at `text`: whatever the severity's language, libpq writes the code like this. */
static bool
is_code(const char *text)
{
	if (!text_starts(text, ":  "))
		return false;
	for (int i = 3; i < 8; i++)
		if (!isdigit((unsigned char)text[i]) && !isupper((unsigned char)text[i]))
			return false;
	return text_starts(text + 8, ": ");
}

/* Copies the rest of the line at `from`. */
static void
copy_line(const char *from, char *to, size_t size)
{
	snprintf(to, size, "%.*s", (int)strcspn(from, "\n"), from);
}

int
message_find_sqlstate(const char *message, char sqlstate[MESSAGE_SQLSTATE_SIZE], struct err *err)
{
	static const char detail_label[] = "\nDETAIL:  ";
	char primary[1024], detail[1024] = "";
	const char *code = NULL, *label;

	for (const char *at = message; code == NULL && (at = strchr(at, ':')) != NULL; at++)
		if (is_code(at))
			code = at;
	if (code == NULL)
		return -1;
	snprintf(sqlstate, MESSAGE_SQLSTATE_SIZE, "%.5s", code + 3);
	copy_line(code + 10, primary, sizeof primary);
	label = strstr(code, detail_label);
	if (label != NULL)
		copy_line(label + strlen(detail_label), detail, sizeof detail);
	message_fill(err, sqlstate, primary, detail);
	return 0;
}

/* Stands between the place and the reason. */
static const char failed[] = " failed: ";

bool
message_is_of_attempt(const char *message)
{
	return strstr(message, failed) != NULL;
}

bool
message_is_of_loss(const char *message)
{
	static const char *const words[] = {
		"SSL SYSCALL error",
		"SSL connection has been closed unexpectedly",
		"connection not open",
		"could not receive data from server",
		"could not send ",
		"server closed the connection unexpectedly",
	};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strstr(message, words[i]) != NULL)
			return true;
	return false;
}

void
message_copy_reason(const char *message, char *to, size_t size)
{
	const char *reason = strstr(message, failed);

	copy_line(reason == NULL ? message : reason + strlen(failed), to, size);
}

int
message_refuse_conninfo(struct err *err, const char *message)
{
	const char *from = strchr(message, '"'), *to = strrchr(message, '"');

	if (from == NULL)
		err_set(err, ERR_USAGE, "bad connection string: %s", message);
	else
		err_set(err, ERR_USAGE, "bad connection string: %.*s\"...\"%s", (int)(from - message),
			message, to == from ? "" : to + 1);
	return err_hint(err,
		"it may hold a password, so it is not shown; quote values with blanks ('...') and "
		"percent-encode special characters in a URI");
}
