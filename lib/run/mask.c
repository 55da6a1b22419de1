#include "lib/run/mask.h"

#include <string.h>
#include <strings.h>

static const char blanks[] = " \t\n\v\f\r";

/* The length of a value as libpq's conninfo_parse() reads it: quoted, or up to a blank. */
static size_t
whole_length(const char *value)
{
	bool is_quoted = value[0] == '\'';
	size_t length = is_quoted;

	for (; value[length] != '\0'; length++) {
		if (is_quoted ? value[length] == '\'' : strchr(blanks, value[length]) != NULL)
			return length + is_quoted;
		if (value[length] == '\\' && value[length + 1] != '\0')
			length++;
	}
	return length;
}

/*
 * The same with what cannot be the next "keyword=value": the rest of a secret with a blank or a quote in it
 * that should have been quoted.
 */
static size_t
value_length(const char *value)
{
	size_t length = whole_length(value);

	while (value[length] != '\0') {
		size_t gap = strspn(value + length, blanks);
		size_t word = strcspn(value + length + gap, blanks);

		if (gap > 0 && (word == 0 || memchr(value + length + gap, '=', word) != NULL))
			break;
		length += gap + word;
	}
	return length;
}

/* The length of a secret keyword at `at` with its "=", or 0. "sslpassword" is one by its end. */
static size_t
keyword_length(const char *at)
{
	static const char *const keywords[] = {
		"password", "scram_client_key", "scram_server_key", "oauth_client_secret"};

	for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
		size_t length = strlen(keywords[i]);

		if (strncasecmp(at, keywords[i], length) != 0)
			continue;
		length += strspn(at + length, blanks);
		if (at[length] == '=')
			return length + 1 + strspn(at + length + 1, blanks);
	}
	return 0;
}

/* The same for a parameter of a URI, at its "?" or "&", when "%" hides what its name is. */
static size_t
encoded_length(const char *at)
{
	size_t name = strcspn(at + 1, "=&");

	if ((*at != '?' && *at != '&') || at[1 + name] != '=' || memchr(at + 1, '%', name) == NULL)
		return 0;
	return name + 2;
}

/*
 * From "://" up to and with the colon before a password in a URI's authority, or 0. libpq ends it at the
 * first "@", but one with an "@" that should have been "%40" must not show its second half.
 */
static size_t
authority_length(const char *at)
{
	const char *colon, *end;

	if (!text_starts(at, "://"))
		return 0;
	colon = strchr(at + 3, ':');
	end = strrchr(at, '@');
	return colon == NULL || end == NULL || end < colon ? 0 : (size_t)(colon + 1 - at);
}

void
mask_write(const char *conninfo, struct text *text)
{
	const char *scheme = strstr(conninfo, "://");
	bool is_uri = scheme != NULL && strcspn(conninfo, "=") > (size_t)(scheme - conninfo);

	for (const char *at = conninfo; *at != '\0';) {
		size_t authority = authority_length(at);
		size_t keyword = keyword_length(at);

		if (keyword == 0 && is_uri)
			keyword = encoded_length(at);
		if (authority + keyword == 0) {
			text_add_bytes(text, at++, 1);
			continue;
		}
		text_add_bytes(text, at, authority + keyword);
		text_add(text, "***");
		at += authority + keyword;
		if (authority != 0)
			at = strrchr(at, '@');
		else
			at += is_uri ? strcspn(at, "&") : value_length(at);
	}
}
