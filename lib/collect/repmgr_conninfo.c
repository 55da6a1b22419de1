#include "lib/collect/repmgr_conninfo.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/text.h"

/* What libpq takes for white space. */
#define BLANKS " \t\n\r\f\v"

static int
refuse(struct err *err, const char *why)
{
	return err_set(err, ERR_SETUP, "its conninfo %s", why);
}

/* Keeps a value where it is one of the three; an empty one is none. */
static int
keep(const char *keyword, const char *value, struct place *place, struct err *err)
{
	int status = 0;

	if (strcmp(keyword, "host") == 0)
		status = text_copy(place->host, sizeof place->host, value);
	else if (strcmp(keyword, "hostaddr") == 0)
		status = text_copy(place->hostaddr, sizeof place->hostaddr, value);
	else if (strcmp(keyword, "port") == 0)
		status = text_copy(place->port, sizeof place->port, value);
	return status == 0 ? 0 : refuse(err, "names a host or port that is too long");
}

/* -- keywords ----------------------------------------------------------------------------------- */

/* Moves behind a value, and copies as much of it as fits: none of ours is longer. */
static bool
take_value(const char **cursor, char *to, size_t size)
{
	const char *next = *cursor;
	bool is_quoted = *next == '\'';
	size_t length = 0;

	next += is_quoted;
	while (*next != '\0' && (is_quoted ? *next != '\'' : strchr(BLANKS, *next) == NULL)) {
		next += *next == '\\' && next[1] != '\0';
		if (length + 1 < size)
			to[length++] = *next;
		next++;
	}
	to[length] = '\0';
	if (is_quoted && *next == '\0')
		return false;
	*cursor = next + is_quoted;
	return true;
}

static int
read_keywords(const char *next, struct place *place, struct err *err)
{
	char keyword[32], value[512];
	struct text text;

	for (next += strspn(next, BLANKS); *next != '\0'; next += strspn(next, BLANKS)) {
		size_t length = strcspn(next, "=" BLANKS);

		text_init(&text, keyword, sizeof keyword);
		text_add_bytes(&text, next, length);
		next += length;
		next += strspn(next, BLANKS);
		if (*next != '=')
			return refuse(err, "is no connection string");
		next += 1 + strspn(next + 1, BLANKS);
		if (!take_value(&next, value, sizeof value))
			return refuse(err, "is no connection string");
		if (keep(keyword, value, place, err) != 0)
			return -1;
	}
	return 0;
}

/* -- URIs --------------------------------------------------------------------------------------- */

static int
hexadecimal(char digit)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *found = digit == '\0' ? NULL : strchr(digits, digit);

	return found == NULL ? -1 : (int)((found - digits) % 16);
}

/* Copies `length` bytes with %2F and its like decoded. */
static int
decode(const char *from, size_t length, char *to, size_t size, struct err *err)
{
	size_t count = 0;

	for (size_t i = 0; i < length; i++) {
		char byte = from[i];

		if (byte == '%') {
			int high = i + 2 < length ? hexadecimal(from[i + 1]) : -1;
			int low = high < 0 ? -1 : hexadecimal(from[i + 2]);

			if (low < 0 || (high == 0 && low == 0))
				return refuse(err, "is no connection string");
			byte = (char)(high * 16 + low);
			i += 2;
		}
		if (count + 1 >= size)
			return refuse(err, "names a host or port that is too long");
		to[count++] = byte;
	}
	to[count] = '\0';
	return 0;
}

/* "host:port", "[address]:port", or a part of it. */
static int
read_authority(const char *from, size_t length, struct place *place, struct err *err)
{
	const char *host = from, *end = from + length, *host_end = memchr(from, ':', length);

	if (length > 0 && *from == '[') {
		host = from + 1;
		host_end = memchr(from, ']', length);
		if (host_end == NULL)
			return refuse(err, "is no connection string");
	}
	if (host_end == NULL)
		host_end = end;
	if (decode(host, (size_t)(host_end - host), place->host, sizeof place->host, err) != 0)
		return -1;
	host_end += host != from;
	if (host_end < end && *host_end != ':')
		return refuse(err, "is no connection string");
	return host_end < end
		? decode(host_end + 1, (size_t)(end - host_end - 1), place->port, sizeof place->port, err)
		: 0;
}

/* What follows the "?": a host may be there as well. */
static int
read_parameters(const char *next, struct place *place, struct err *err)
{
	while (*next != '\0') {
		size_t length = strcspn(next, "&"), name_length = strcspn(next, "=&");
		char keyword[32], value[256];
		struct text text;

		text_init(&text, keyword, sizeof keyword);
		text_add_bytes(&text, next, name_length);
		if (name_length < length
			&& (strcmp(keyword, "host") == 0 || strcmp(keyword, "hostaddr") == 0
				|| strcmp(keyword, "port") == 0)
			&& (decode(next + name_length + 1, length - name_length - 1, value, sizeof value, err)
					!= 0
				|| keep(keyword, value, place, err) != 0))
			return -1;
		next += length;
		next += *next == '&';
	}
	return 0;
}

static int
read_uri(const char *next, struct place *place, struct err *err)
{
	size_t user_length = strcspn(next, "@/"), length;

	if (next[user_length] == '@')
		next += user_length + 1;
	length = strcspn(next, "/?");
	if (memchr(next, ',', length) != NULL)
		return refuse(err, "names several hosts");
	if (read_authority(next, length, place, err) != 0)
		return -1;
	next += length;
	next += strcspn(next, "?");
	return *next == '?' ? read_parameters(next + 1, place, err) : 0;
}

int
repmgr_conninfo_place(const char *conninfo, struct place *ret, struct err *err)
{
	struct place place = {.host = ""};
	int status;

	if (text_starts(conninfo, "postgresql://"))
		status = read_uri(conninfo + strlen("postgresql://"), &place, err);
	else if (text_starts(conninfo, "postgres://"))
		status = read_uri(conninfo + strlen("postgres://"), &place, err);
	else
		status = read_keywords(conninfo, &place, err);
	if (status != 0)
		return -1;
	if (place.host[0] == '\0' && place.hostaddr[0] == '\0')
		return refuse(err, "names no host");
	if (strchr(place.host, ',') != NULL || strchr(place.hostaddr, ',') != NULL)
		return refuse(err, "names several hosts");
	if (place.port[0] == '\0' && text_copy(place.port, sizeof place.port, "5432") != 0)
		return -1;
	*ret = place;
	return 0;
}
