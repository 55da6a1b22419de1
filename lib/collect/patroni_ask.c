#include "lib/collect/patroni_ask.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/patroni_json.h"
#include "lib/collect/patroni_view.h"

/* Who refuses, moves or has nothing there is not the API that was meant, or does not want us. */
enum {
	STATUS_OK = 200,
	STATUS_UNAUTHORIZED = 401,
	STATUS_FORBIDDEN = 403,
	STATUS_NONE = 404,
	STATUS_NO = 503
};

/* -- the URLs -------------------------------------------------------------------------------------- */

/* Room is left for the longest path that is asked for. */
enum { PATH_MAX_LENGTH = 16 };

static int
take_url(const char *item, size_t length, struct patroni_ask *ask, struct err *err)
{
	char *url = ask->urls[ask->url_count];

	if (length >= WEB_URL_SIZE - PATH_MAX_LENGTH)
		return err_set(err, ERR_USAGE, "a URL of Patroni has more than %d characters",
			WEB_URL_SIZE - PATH_MAX_LENGTH - 1);
	memcpy(url, item, length);
	url[length] = '\0';
	/* It would be shown as the target. */
	if (strchr(url, '@') != NULL) {
		err_set(err, ERR_USAGE, "a URL of Patroni holds a user or password");
		return err_hint(err, "they belong into a file (auth-file)");
	}
	length = patroni_view_url_length(url);
	if (length == 0) {
		err_set(err, ERR_USAGE, "\"%s\" is not a URL that can be asked", url);
		return err_hint(err, "write it like http://10.0.0.11:8008");
	}
	url[length] = '\0';
	ask->url_count++;
	return 0;
}

static int
take_urls(const char *urls, struct patroni_ask *ask, struct err *err)
{
	ask->url_count = 0;
	for (;; urls++) {
		size_t length = strcspn(urls, ",");

		if (ask->url_count == PATRONI_ASK_URLS_MAX)
			return err_set(err, ERR_USAGE, "more than %d URLs of Patroni are given",
				PATRONI_ASK_URLS_MAX);
		if (take_url(urls, length, ask, err) != 0)
			return -1;
		urls += length;
		if (*urls == '\0')
			return 0;
	}
}

int
patroni_ask_begin(const char *urls, const struct web_access *access, struct patroni_ask *ret, struct err *err)
{
	ret->access = access;
	ret->has_secret = access->auth_file[0] != '\0';
	if (take_urls(urls, ret, err) != 0)
		return -1;
	return ret->has_secret ? web_read_secret(access->auth_file, false, &ret->secret, err) : 0;
}

/* The length of scheme, host and port. */
static size_t
origin_length(const char *url)
{
	const char *host = strstr(url, "://");

	host = host == NULL ? url : host + 3;
	return (size_t)(host - url) + strcspn(host, "/?#");
}

static bool
is_given_origin(const struct patroni_ask *ask, const char *url)
{
	size_t length = origin_length(url);

	for (size_t i = 0; i < ask->url_count; i++)
		if (origin_length(ask->urls[i]) == length && strncasecmp(ask->urls[i], url, length) == 0)
			return true;
	return false;
}

struct web_request
patroni_ask_request(
	const struct patroni_ask *ask, const char *url, const char *path, char storage[WEB_URL_SIZE])
{
	struct web_request request = {.url = storage};

	snprintf(storage, WEB_URL_SIZE, "%s%s", url, path);
	if (ask->has_secret && is_given_origin(ask, url))
		request.secret = &ask->secret;
	return request;
}

/* -- answers --------------------------------------------------------------------------------------- */

static int
refuse_status(int status, const char *url, struct err *err)
{
	if (status == STATUS_UNAUTHORIZED) {
		err_set(err, ERR_SETUP, "%s wants a user and password (status 401)", url);
		return err_hint(
			err, "Patroni asks nobody for them who only looks: is there a proxy before it?");
	}
	if (status == STATUS_FORBIDDEN) {
		err_set(err, ERR_SETUP, "%s refuses us (status 403)", url);
		return err_hint(err, "does restapi.verify_client ask for a client certificate, or a proxy?");
	}
	err_set(err, ERR_PROTOCOL, "%s answers with status %d", url, status);
	if (status / 100 == 3)
		return err_hint(err, "redirects are not followed: give the URL that it leads to");
	return err_hint(err, "is this the URL of Patroni's REST API, as restapi.connect_address has it?");
}

int
patroni_ask_verify(const struct web_answer *answer, const char *url, int status, struct err *err)
{
	if (answer->fault.class == ERR_NONE)
		return answer->status == status ? 0 : refuse_status(answer->status, url, err);
	*err = answer->fault;
	return -1;
}

int
patroni_ask_read(
	const struct web_answer *answer, const char *url, struct snapshot_patroni *ret, struct err *err)
{
	bool has_lock = answer->status == STATUS_OK;

	if (patroni_ask_verify(answer, url, has_lock ? STATUS_OK : STATUS_NO, err) != 0)
		return -1;
	if (patroni_json_member(answer->body, answer->length, ret, err) != 0) {
		if (err->hint[0] == '\0')
			err_hint(err, "is this the URL of Patroni's REST API?");
		return err_context(err, "%s", url);
	}
	ret->has_lock = has_lock;
	return 0;
}

int
patroni_ask_member(const struct patroni_ask *ask, const char *url, int64_t deadline_ms,
	struct snapshot_patroni *ret, struct err *err)
{
	char storage[WEB_URL_SIZE];
	struct web_request request = patroni_ask_request(ask, url, "/leader", storage);
	struct web_answer answer;
	int status;

	web_ask(ask->access, &request, 1, deadline_ms, NULL, NULL, &answer);
	status = patroni_ask_read(&answer, url, ret, err);
	web_release(&answer, 1);
	return status;
}
