#include "lib/collect/web_url.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/web_library.h"

/* A part of a URL as it stands there; "" where it has none. */
static void
copy_part(const struct web_library *library, CURLU *url, CURLUPart part, char *to, size_t size)
{
	char *value = NULL;

	to[0] = '\0';
	if (library->url_get(url, part, &value, part == CURLUPART_PORT ? CURLU_DEFAULT_PORT : 0) == CURLUE_OK)
		snprintf(to, size, "%s", value);
	library->free(value);
}

/* Without the path, which is none that somebody wrote. */
static int
refuse(const char *url, struct err *err)
{
	const char *rest = strstr(url, "://");
	size_t length = rest == NULL ? strlen(url) : (size_t)(rest - url) + 3 + strcspn(rest + 3, "/");

	if (strchr(url, '@') != NULL) {
		err_set(err, ERR_USAGE, "a URL holds a user or password (not shown)");
		return err_hint(err, "they belong into a file (auth-file)");
	}
	err_set(err, ERR_USAGE, "\"%.*s\" is not a URL that can be asked", (int)length, url);
	return err_hint(err, "write it like http://HOST:PORT, an IPv6 address in brackets");
}

int
web_url_read(const struct web_library *library, const char *url, struct web_url *ret, struct err *err)
{
	char scheme[16], user[16], password[16];
	struct web_url found;
	CURLU *parsed;

	if (strlen(url) >= WEB_URL_SIZE)
		return err_set(err, ERR_USAGE, "a URL has more than %d characters", WEB_URL_SIZE - 1);
	parsed = library->url();
	if (parsed == NULL || library->url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK) {
		library->url_cleanup(parsed);
		return refuse(url, err);
	}
	copy_part(library, parsed, CURLUPART_SCHEME, scheme, sizeof scheme);
	copy_part(library, parsed, CURLUPART_HOST, found.host, sizeof found.host);
	copy_part(library, parsed, CURLUPART_PORT, found.port, sizeof found.port);
	copy_part(library, parsed, CURLUPART_USER, user, sizeof user);
	copy_part(library, parsed, CURLUPART_PASSWORD, password, sizeof password);
	library->url_cleanup(parsed);
	if ((strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) || user[0] != '\0'
		|| password[0] != '\0' || found.host[0] == '\0')
		return refuse(url, err);
	snprintf(found.place, sizeof found.place, "%.8s://%.200s:%.8s", scheme, found.host, found.port);
	*ret = found;
	return 0;
}

bool
web_url_has_name(const struct web_url *url)
{
	struct in_addr ignored;

	return url->host[0] != '[' && inet_pton(AF_INET, url->host, &ignored) != 1;
}

bool
web_url_is_secured(const struct web_url *url)
{
	return text_starts(url->place, "https:");
}
