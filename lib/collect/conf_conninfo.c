#include "lib/collect/conf_conninfo.h"

#include <string.h>

#include "lib/base/text.h"

static const char *
skip_blanks(const char *next)
{
	return next + strspn(next, " \t\n\r\f\v");
}

/* Moves behind a value. Returns whether it is whole; an empty one has no length. */
static bool
skip_value(const char **cursor, size_t *ret_length)
{
	const char *next = *cursor;
	bool is_quoted = *next == '\'';

	*ret_length = 0;
	next += is_quoted;
	while (*next != '\0' && (is_quoted ? *next != '\'' : strchr(" \t\n\r\f\v", *next) == NULL)) {
		next += *next == '\\' && next[1] != '\0' ? 2 : 1;
		(*ret_length)++;
	}
	if (is_quoted && *next == '\0')
		return false;
	*cursor = next + is_quoted;
	return true;
}

static bool
has_pair(const char *next, const char *keyword)
{
	size_t keyword_length = strlen(keyword), value_length;

	for (next = skip_blanks(next); *next != '\0'; next = skip_blanks(next)) {
		size_t length = strcspn(next, "= \t\n\r\f\v");
		bool is_it = length == keyword_length && strncmp(next, keyword, length) == 0;

		next = skip_blanks(next + length);
		if (*next != '=')
			return false;
		next = skip_blanks(next + 1);
		if (!skip_value(&next, &value_length))
			return false;
		if (is_it && value_length > 0)
			return true;
	}
	return false;
}

/* In what follows the "?" of a URI. */
static bool
has_parameter(const char *next, const char *keyword)
{
	size_t length = strlen(keyword);

	for (; *next != '\0'; next += strcspn(next, "&"), next += *next == '&')
		if (strncmp(next, keyword, length) == 0 && next[length] == '=')
			return next[length + 1] != '\0' && next[length + 1] != '&';
	return false;
}

/* In "user:password@host:port,[::1]:port": neither a password nor what is in an address's brackets is a port.
 */
static bool
has_authority_port(const char *next, size_t length)
{
	bool is_bracketed = false, has_port = false;

	for (const char *end = next + length; next < end; next++) {
		if (*next == '@')
			has_port = false;
		is_bracketed = *next == '[' || (is_bracketed && *next != ']');
		if (*next == ':' && !is_bracketed && next + 1 < end && next[1] != ',')
			has_port = true;
	}
	return has_port;
}

bool
conf_conninfo_has(const char *conninfo, const char *keyword)
{
	const char *rest = NULL;

	if (text_starts(conninfo, "postgresql://"))
		rest = conninfo + strlen("postgresql://");
	else if (text_starts(conninfo, "postgres://"))
		rest = conninfo + strlen("postgres://");
	if (rest == NULL)
		return has_pair(conninfo, keyword);
	if (strcmp(keyword, "port") == 0 && has_authority_port(rest, strcspn(rest, "/?")))
		return true;
	rest += strcspn(rest, "/?");
	if (*rest == '/') {
		size_t path_length = strcspn(rest + 1, "?");

		if (path_length > 0 && strcmp(keyword, "dbname") == 0)
			return true;
		rest += 1 + path_length;
	}
	return *rest == '?' && has_parameter(rest + 1, keyword);
}
