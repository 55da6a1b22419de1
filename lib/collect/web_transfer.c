#include "lib/collect/web_transfer.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/collect/web_failure.h"

/* Nobody's headers are longer. */
enum { HEADERS_MAX = 64 * 1024 };

static size_t
take_bytes(char *bytes, size_t unit, size_t count, void *context)
{
	struct web_transfer *transfer = context;
	struct web_answer *answer = transfer->answer;
	size_t length = unit * count, wanted = answer->length + length + 1;
	char *grown;

	if (wanted > WEB_BODY_MAX) {
		transfer->is_too_long = true;
		return 0;
	}
	if (wanted > transfer->size) {
		size_t size = transfer->size * 2 > wanted ? transfer->size * 2 : wanted;

		grown = realloc(answer->body, size);
		if (grown == NULL)
			return 0;
		answer->body = grown;
		transfer->size = size;
	}
	memcpy(answer->body + answer->length, bytes, length);
	answer->length += length;
	answer->body[answer->length] = '\0';
	return length;
}

/*
 * Whether a line of the head says that the body is compressed on its way. Nobody asked for that, and the
 * library would unpack it all the same, layer by layer, a thousand times over in each, while no deadline is
 * looked at. (A Content-Encoding it leaves alone.)
 */
static bool
is_packed(const char *bytes, size_t length)
{
	static const char name[] = "Transfer-Encoding:", chunked[] = "chunked";
	size_t start = sizeof name - 1;

	if (length < start || strncasecmp(bytes, name, start) != 0)
		return false;
	while (start < length && (bytes[start] == ' ' || bytes[start] == '\t'))
		start++;
	while (length > start && isspace((unsigned char)bytes[length - 1]))
		length--;
	return length - start != sizeof chunked - 1
		|| strncasecmp(bytes + start, chunked, sizeof chunked - 1) != 0;
}

/*
 * Headers of every kind: of interim answers, and behind the last chunk, too, which the library keeps without
 * any limit of its own. One that alone is longer than 100 KB it does not hand over (CURLE_OUT_OF_MEMORY).
 */
static size_t
take_header(char *bytes, size_t unit, size_t count, void *context)
{
	struct web_transfer *transfer = context;
	size_t length = unit * count;

	transfer->header_bytes += length;
	transfer->is_too_long = transfer->header_bytes > HEADERS_MAX;
	transfer->is_packed = is_packed(bytes, length);
	return transfer->is_too_long || transfer->is_packed ? 0 : length;
}

#define SET(transfer, option, value) (transfer)->library->easy_setopt((transfer)->easy, (option), (value))

/* Whatever the environment, a .netrc or the library's defaults say. */
static void
set_manners(struct web_transfer *transfer)
{
	SET(transfer, CURLOPT_NOSIGNAL, 1L);
	SET(transfer, CURLOPT_PROXY, "");
	SET(transfer, CURLOPT_NOPROXY, "*");
	SET(transfer, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(transfer, CURLOPT_FOLLOWLOCATION, 0L);
#if LIBCURL_VERSION_NUM >= 0x075500
	SET(transfer, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	SET(transfer, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	SET(transfer, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(transfer, CURLOPT_HTTP09_ALLOWED, 0L);
	SET(transfer, CURLOPT_USERAGENT, "pgha-checks/" PGHA_VERSION);
	SET(transfer, CURLOPT_SSL_VERIFYPEER, 1L);
	SET(transfer, CURLOPT_SSL_VERIFYHOST, 2L);
	SET(transfer, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
}

static void
set_access(struct web_transfer *transfer, const struct web_access *access, const struct web_secret *secret)
{
	if (access->ca_file[0] != '\0')
		SET(transfer, CURLOPT_CAINFO, access->ca_file);
	if (access->cert_file[0] != '\0')
		SET(transfer, CURLOPT_SSLCERT, access->cert_file);
	if (access->key_file[0] != '\0')
		SET(transfer, CURLOPT_SSLKEY, access->key_file);
	/* Or OpenSSL would ask the terminal for the passphrase of a key, and wait, out of reach of every
	 * timer. */
	SET(transfer, CURLOPT_KEYPASSWD, "");
	if (secret == NULL)
		return;
	SET(transfer, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
	SET(transfer, CURLOPT_USERNAME, secret->user);
	SET(transfer, CURLOPT_PASSWORD, secret->password);
}

static void
set_request(struct web_transfer *transfer, const struct web_request *request)
{
	for (size_t i = 0; i < WEB_HEADERS_MAX && request->headers[i] != NULL; i++)
		transfer->headers = transfer->library->slist_append(transfer->headers, request->headers[i]);
	if (request->body != NULL) {
		transfer->headers = transfer->library->slist_append(
			transfer->headers, "Content-Type: application/json");
		SET(transfer, CURLOPT_POSTFIELDS, request->body);
	}
	SET(transfer, CURLOPT_URL, request->url);
	SET(transfer, CURLOPT_HTTPHEADER, transfer->headers);
	SET(transfer, CURLOPT_WRITEFUNCTION, take_bytes);
	SET(transfer, CURLOPT_WRITEDATA, transfer);
	SET(transfer, CURLOPT_HEADERFUNCTION, take_header);
	SET(transfer, CURLOPT_HEADERDATA, transfer);
	SET(transfer, CURLOPT_ERRORBUFFER, transfer->words);
	SET(transfer, CURLOPT_PRIVATE, transfer);
}

int
web_transfer_prepare(struct web_transfer *transfer, const struct web_access *access,
	const struct web_request *request, struct err *err)
{
	if (web_url_read(transfer->library, request->url, &transfer->url, err) != 0)
		return -1;
	transfer->easy = transfer->library->easy_init();
	if (transfer->easy == NULL)
		return err_set(err, ERR_DOWN, "out of memory");
	transfer->has_certificate = access->cert_file[0] != '\0';
	set_manners(transfer);
	set_access(transfer, access, request->secret);
	set_request(transfer, request);
	return 0;
}

/* As the library wants to be told: "HOST:PORT:A,B". */
void
web_transfer_tell_addresses(struct web_transfer *transfer, const struct resolve_result *found)
{
	char storage[WEB_URL_SIZE + 16 + RESOLVE_ADDRESSES * (RESOLVE_ADDRESS_SIZE + 3)];
	struct text text;

	text_init(&text, storage, sizeof storage);
	text_add(&text, "%s:%s:", transfer->url.host, transfer->url.port);
	for (size_t i = 0; i < found->count; i++) {
		bool is_v6 = strchr(found->addresses[i], ':') != NULL;

		text_add(&text, "%s%s%s%s", i == 0 ? "" : ",", is_v6 ? "[" : "", found->addresses[i],
			is_v6 ? "]" : "");
	}
	transfer->addresses = transfer->library->slist_append(NULL, storage);
	SET(transfer, CURLOPT_RESOLVE, transfer->addresses);
}

void
web_transfer_finish(struct web_transfer *transfer, CURLcode code, int64_t begun_us)
{
	struct web_answer *answer = transfer->answer;
	curl_off_t elapsed_us = 0;
	long status = 0;

	transfer->is_done = true;
	answer->elapsed_us = clock_now_us() - begun_us;
	if (code == CURLE_OK && answer->body == NULL) {
		answer->body = calloc(1, 1);
		if (answer->body == NULL)
			code = CURLE_OUT_OF_MEMORY;
	}
	if (code != CURLE_OK) {
		web_failure_explain(transfer, code, &answer->fault);
		return;
	}
	transfer->library->easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	answer->status = (int)status;
	if (transfer->library->easy_getinfo(transfer->easy, CURLINFO_TOTAL_TIME_T, &elapsed_us) == CURLE_OK)
		answer->elapsed_us = elapsed_us;
}

void
web_transfer_close(struct web_transfer *transfer)
{
	struct web_answer *answer = transfer->answer;

	if (transfer->easy != NULL)
		transfer->library->easy_cleanup(transfer->easy);
	transfer->library->slist_free_all(transfer->headers);
	transfer->library->slist_free_all(transfer->addresses);
	if (answer->fault.class == ERR_NONE)
		return;
	free(answer->body);
	answer->body = NULL;
	answer->length = 0;
}
