#include "lib/collect/web.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/collect/web_names.h"

/* -- the library ------------------------------------------------------------------------------- */

/*
 * What is used of libcurl. Linked, it would bring forty more libraries into every check, which cost more than
 * all else that a check does; so it is opened when a request is made.
 */
#define LIBRARY_CALLS(CALL)                                                                                  \
	CALL(easy_init)                                                                                      \
	CALL(easy_setopt)                                                                                    \
	CALL(easy_getinfo)                                                                                   \
	CALL(easy_cleanup)                                                                                   \
	CALL(easy_strerror)                                                                                  \
	CALL(multi_init)                                                                                     \
	CALL(multi_add_handle)                                                                               \
	CALL(multi_remove_handle)                                                                            \
	CALL(multi_perform)                                                                                  \
	CALL(multi_poll) CALL(multi_info_read) CALL(multi_cleanup) CALL(slist_append) CALL(slist_free_all)   \
		CALL(url) CALL(url_set) CALL(url_get) CALL(url_cleanup) CALL(free) CALL(global_init)

#define DECLARE_CALL(name) __typeof__(curl_##name) *name;

struct library {
	LIBRARY_CALLS(DECLARE_CALL)
};

/* The macros of curl.h check the types of options where they are called by their own names. */
#undef curl_easy_setopt
#undef curl_easy_getinfo

static const char library_file[] = "libcurl.so.4";

/* It stays open until the process ends: opening it again costs nothing. */
static int
open_library(struct library *library, struct err *err)
{
	void *handle = dlopen(library_file, RTLD_NOW | RTLD_LOCAL);
	bool is_whole = handle != NULL;

#define FIND_CALL(name)                                                                                      \
	if (is_whole) {                                                                                      \
		*(void **)&library->name = dlsym(handle, "curl_" #name);                                     \
		is_whole = library->name != NULL;                                                            \
	}
	LIBRARY_CALLS(FIND_CALL)
	if (is_whole && library->global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		return 0;
	err_set(err, ERR_SETUP, "cannot load %s, which HTTP is asked with", library_file);
	return err_hint(err, "install libcurl (on Debian: apt-get install libcurl4)");
}

/* -- secrets ----------------------------------------------------------------------------------- */

/* The first line of a file that only its owner may read, as libpq wants its password file. */
static int
read_line(const char *path, char *line, size_t size, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t got = -1;
	struct stat status;

	if (fd < 0 || fstat(fd, &status) != 0) {
		err_set(err, ERR_SETUP, "cannot read \"%s\": %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (!S_ISREG(status.st_mode) || (status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		close(fd);
		err_set(err, ERR_SETUP, "\"%s\" is no file that only its owner may read", path);
		return err_hint(err, "it holds a password: chmod 600, and give it to the user who asks");
	}
	do
		got = read(fd, line, size - 1);
	while (got < 0 && errno == EINTR);
	close(fd);
	if (got < 0)
		return err_set(err, ERR_SETUP, "cannot read \"%s\": %s", path, strerror(errno));
	line[got] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	return 0;
}

int
web_read_secret(const char *path, bool is_token, struct web_secret *ret, struct err *err)
{
	char line[sizeof ret->user + sizeof ret->password];
	size_t length;

	if (read_line(path, line, sizeof line, err) != 0)
		return -1;
	length = is_token ? 0 : strcspn(line, ":");
	memset(ret, 0, sizeof *ret);
	if ((!is_token && line[length] != ':') || length >= sizeof ret->user
		|| text_copy(ret->password, sizeof ret->password, line + length + (is_token ? 0 : 1)) != 0
		|| ret->password[0] == '\0') {
		err_set(err, ERR_SETUP, "\"%s\" does not hold one line %s (not shown)", path,
			is_token ? "with a token" : "USER:PASSWORD");
		return -1;
	}
	memcpy(ret->user, line, length);
	return 0;
}

/* -- one request ------------------------------------------------------------------------------- */

/* Nobody's headers are longer. */
enum { HEADERS_MAX = 64 * 1024 };

struct transfer {
	const struct library *library;
	CURL *easy;
	struct curl_slist *headers;
	struct curl_slist *addresses; /* what its host's name was found to be */
	struct web_answer *answer;
	size_t size; /* of the storage of answer->body */
	size_t header_bytes;
	bool is_too_long;
	bool is_packed; /* in a way that is not unpacked here */
	bool is_done;
	bool has_certificate; /* one to show */
	bool is_unnamed;      /* its host is looked up, at name_place */
	size_t name_place;
	char host[WEB_URL_SIZE];
	char port[16];
	char words[CURL_ERROR_SIZE];
	char place[WEB_URL_SIZE]; /* "http://db1:8008", for messages */
};

static size_t
take_bytes(char *bytes, size_t unit, size_t count, void *context)
{
	struct transfer *transfer = context;
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
	struct transfer *transfer = context;
	size_t length = unit * count;

	transfer->header_bytes += length;
	transfer->is_too_long = transfer->header_bytes > HEADERS_MAX;
	transfer->is_packed = is_packed(bytes, length);
	return transfer->is_too_long || transfer->is_packed ? 0 : length;
}

/* A part of a URL as it stands there; "" where it has none. */
static void
copy_part(const struct library *library, CURLU *url, CURLUPart part, char *to, size_t size)
{
	char *value = NULL;

	to[0] = '\0';
	if (library->url_get(url, part, &value, part == CURLUPART_PORT ? CURLU_DEFAULT_PORT : 0) == CURLUE_OK)
		snprintf(to, size, "%s", value);
	library->free(value);
}

static int
refuse_url(const char *url, struct err *err)
{
	err_set(err, ERR_USAGE, "\"%s\" is not a URL that can be asked",
		strchr(url, '@') == NULL ? url : "...");
	return err_hint(err,
		"write it like http://10.0.0.11:8008; a user and password belong into a file "
		"(--...auth-file)");
}

/* The addresses of a host as the library wants to be told: "HOST:PORT:A,B". */
static void
tell_addresses(struct transfer *transfer, const struct resolve_result *found)
{
	char storage[WEB_URL_SIZE + 16 + RESOLVE_ADDRESSES * (RESOLVE_ADDRESS_SIZE + 3)];
	struct text text;

	text_init(&text, storage, sizeof storage);
	text_add(&text, "%s:%s:", transfer->host, transfer->port);
	for (size_t i = 0; i < found->count; i++) {
		bool is_v6 = strchr(found->addresses[i], ':') != NULL;

		text_add(&text, "%s%s%s%s", i == 0 ? "" : ",", is_v6 ? "[" : "", found->addresses[i],
			is_v6 ? "]" : "");
	}
	transfer->addresses = transfer->library->slist_append(NULL, storage);
}

static bool
is_address(const char *host)
{
	struct in_addr ignored;

	return host[0] == '[' || inet_pton(AF_INET, host, &ignored) == 1;
}

/* Takes the URL apart, refuses what is not ours to ask. */
static int
prepare_url(struct transfer *transfer, const char *url, struct err *err)
{
	const struct library *library = transfer->library;
	CURLU *parsed = library->url();
	char scheme[16], user[16], password[16];

	if (parsed == NULL || library->url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK) {
		library->url_cleanup(parsed);
		return refuse_url(url, err);
	}
	copy_part(library, parsed, CURLUPART_SCHEME, scheme, sizeof scheme);
	copy_part(library, parsed, CURLUPART_HOST, transfer->host, sizeof transfer->host);
	copy_part(library, parsed, CURLUPART_PORT, transfer->port, sizeof transfer->port);
	copy_part(library, parsed, CURLUPART_USER, user, sizeof user);
	copy_part(library, parsed, CURLUPART_PASSWORD, password, sizeof password);
	library->url_cleanup(parsed);
	if ((strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) || user[0] != '\0'
		|| password[0] != '\0' || transfer->host[0] == '\0')
		return refuse_url(url, err);
	snprintf(transfer->place, sizeof transfer->place, "%.8s://%.200s:%.8s", scheme, transfer->host,
		transfer->port);
	return 0;
}

#define SET(transfer, option, value) (transfer)->library->easy_setopt((transfer)->easy, (option), (value))

/* Whatever the environment, a .netrc or the library's defaults say. */
static void
set_manners(struct transfer *transfer)
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
set_access(struct transfer *transfer, const struct web_access *access, const struct web_secret *secret)
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
set_request(struct transfer *transfer, const struct web_request *request)
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

/* Makes a transfer ready to start, but for the addresses of its host. */
static int
prepare(struct transfer *transfer, const struct web_access *access, const struct web_request *request,
	struct err *err)
{
	if (strlen(request->url) >= WEB_URL_SIZE)
		return err_set(err, ERR_USAGE, "a URL has more than %d characters", WEB_URL_SIZE - 1);
	if (prepare_url(transfer, request->url, err) != 0)
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

/* -- what became of it ------------------------------------------------------------------------- */

static bool
is_over_tls(const struct transfer *transfer)
{
	return text_starts(transfer->place, "https:");
}

/* A refusal comes a round trip after the handshake; what ends later was under way, and died. */
enum { REFUSAL_MAX_US = 500000 };

/*
 * Whether the connection ended between the handshake and the first byte of an answer. In TLS 1.3 a server
 * refuses the certificate of its client only then, and the reset that follows may be faster than what it says
 * of that. With a certificate to show it would be no more than a guess.
 */
static bool
is_refused_unheard(const struct transfer *transfer)
{
	curl_off_t shaken_us = 0, ended_us = 0;

	if (!is_over_tls(transfer) || transfer->has_certificate || transfer->header_bytes > 0)
		return false;
	transfer->library->easy_getinfo(transfer->easy, CURLINFO_APPCONNECT_TIME_T, &shaken_us);
	transfer->library->easy_getinfo(transfer->easy, CURLINFO_TOTAL_TIME_T, &ended_us);
	return shaken_us > 0 && ended_us - shaken_us < REFUSAL_MAX_US;
}

static int
explain_end(const struct transfer *transfer, const char *words, struct err *err)
{
	if (is_refused_unheard(transfer)) {
		err_set(err, ERR_SETUP, "TLS with %s: closed right after the handshake", transfer->place);
		return err_hint(err, "does it want a client certificate (cert-file)?");
	}
	if (words[0] == '\0')
		err_set(err, ERR_DOWN, "%s closed the connection without an answer", transfer->place);
	else
		err_set(err, ERR_DOWN, "cannot reach %s: %s", transfer->place, words);
	return err_hint(err,
		is_over_tls(transfer) ? "does it run there, and listen on that address and port?"
				      : "does it run there, and is it http that it speaks, not https?");
}

static int
explain_tls(const struct transfer *transfer, const char *words, struct err *err)
{
	err_set(err, ERR_SETUP, "TLS with %s: %s", transfer->place, words);
	if (strstr(words, "unable to set private key") != NULL)
		return err_hint(err,
			"is the key in that file (else: key-file), and without a passphrase? nobody is there "
			"to give one");
	if (strstr(words, "wrong version number") != NULL || strstr(words, "SSL_ERROR_SYSCALL") != NULL)
		return err_hint(err, "does it speak TLS there? if not, write http://");
	return err_hint(
		err, "see the options ca-file, cert-file and key-file, and the name in its certificate");
}

static int
explain(const struct transfer *transfer, CURLcode code, struct err *err)
{
	const char *words = transfer->words[0] != '\0' ? transfer->words
						       : transfer->library->easy_strerror(code);
	const char *place = transfer->place;
	long number = 0;

	/* In TLS 1.3 a server refuses the certificate of its client only after the handshake. */
	if ((code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR) && strstr(words, "alert") != NULL)
		code = CURLE_SSL_CERTPROBLEM;
	if (code == CURLE_RECV_ERROR
		&& (strstr(words, "Too large response headers") != NULL
			|| strstr(words, "chunked-encoding") != NULL))
		code = CURLE_WEIRD_SERVER_REPLY;
	if (transfer->is_too_long)
		return err_set(err, ERR_PROTOCOL, "the answer of %s is longer than %d KB", place,
			WEB_BODY_MAX / 1024);
	if (transfer->is_packed)
		return err_set(err, ERR_PROTOCOL, "%s answers in an encoding that nobody asked for", place);
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
		/* The library's words name the place once more, and not always the reason. */
		transfer->library->easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &number);
		if (number != 0)
			words = strerror((int)number);
		err_set(err, ERR_DOWN, "cannot reach %s: %s", place, words);
		return err_hint(err, "does it run there, and listen on that address and port?");
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		return explain_end(transfer, words, err);
	case CURLE_GOT_NOTHING:
		return explain_end(transfer, "", err);
	case CURLE_OPERATION_TIMEDOUT:
		err_set(err, ERR_TIMEOUT, "no answer from %s in time", place);
		return err_hint(err,
			"is it frozen, or does it wait for its server or store? does a firewall drop what is "
			"sent?");
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
		return explain_tls(transfer, words, err);
	case CURLE_OUT_OF_MEMORY: /* hardly that: a line of the headers is too long */
		return err_set(err, ERR_PROTOCOL, "%s answers with a header that is too long", place);
	default:
		err_set(err, ERR_PROTOCOL, "%s does not answer as HTTP should: %s", place, words);
		return err_hint(err, "is this the right port?");
	}
}

static void
finish(struct transfer *transfer, CURLcode code, int64_t begun_us)
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
		explain(transfer, code, &answer->fault);
		return;
	}
	transfer->library->easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	answer->status = (int)status;
	if (transfer->library->easy_getinfo(transfer->easy, CURLINFO_TOTAL_TIME_T, &elapsed_us) == CURLE_OK)
		answer->elapsed_us = elapsed_us;
}

/* -- all of them ------------------------------------------------------------------------------- */

struct batch {
	const struct library *library;
	CURLM *multi;
	struct web_names *names;
	struct transfer *transfers;
	size_t count;
	size_t open_count;
	int64_t begun_us;
	bool (*is_enough)(void *context, size_t index, const struct web_answer *answer);
	void *context;
};

/* -- names, then transfers -- */

static void
fail(struct batch *batch, struct transfer *transfer)
{
	transfer->is_done = true;
	transfer->answer->elapsed_us = clock_now_us() - batch->begun_us;
	batch->open_count--;
}

static void
launch(struct batch *batch, struct transfer *transfer)
{
	if (batch->library->multi_add_handle(batch->multi, transfer->easy) == CURLM_OK)
		return;
	err_set(&transfer->answer->fault, ERR_DOWN, "out of memory");
	fail(batch, transfer);
}

/* What became of its host's name is known, or is not waited for any more. */
static void
take_name(struct batch *batch, struct transfer *transfer)
{
	struct resolve_result found;

	transfer->is_unnamed = false;
	if (web_names_take(batch->names, transfer->name_place, &found, &transfer->answer->fault) != 0) {
		fail(batch, transfer);
		return;
	}
	tell_addresses(transfer, &found);
	SET(transfer, CURLOPT_RESOLVE, transfer->addresses);
	launch(batch, transfer);
}

/* Starts those whose names are found by now. */
static void
take_names(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct transfer *transfer = &batch->transfers[i];

		if (transfer->is_unnamed && web_names_has_ended(batch->names, transfer->name_place))
			take_name(batch, transfer);
	}
}

/* Takes what has ended. Whether one of them was all that is needed. */
static bool
take_ended(struct batch *batch)
{
	bool is_enough = false;
	CURLMsg *message;
	int left;

	while ((message = batch->library->multi_info_read(batch->multi, &left)) != NULL) {
		struct transfer *transfer = NULL;
		size_t index;

		if (message->msg != CURLMSG_DONE)
			continue;
		batch->library->easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		index = (size_t)(transfer - batch->transfers);
		finish(transfer, message->data.result, batch->begun_us);
		batch->open_count--;
		if (batch->is_enough != NULL && batch->is_enough(batch->context, index, transfer->answer))
			is_enough = true;
	}
	return is_enough;
}

/* A look-up wakes nobody when it ends: while there is one it is looked at so often. */
enum { NAMES_TURN_MS = 5 };

static int
next_turn_ms(const struct batch *batch, int64_t deadline_ms)
{
	int left_ms = clock_left_ms(deadline_ms);

	return left_ms > NAMES_TURN_MS && !web_names_have_ended(batch->names) ? NAMES_TURN_MS : left_ms;
}

/* Drives them until all have ended, one of them was enough, or the deadline passes. True: it was enough. */
static bool
drive(struct batch *batch, int64_t deadline_ms)
{
	int running;

	for (;;) {
		int turn_ms = next_turn_ms(batch, deadline_ms);

		take_names(batch); /* also what has ended since the turn was measured */
		if (batch->library->multi_perform(batch->multi, &running) != CURLM_OK)
			return false;
		if (take_ended(batch))
			return true;
		if (batch->open_count == 0 || clock_left_ms(deadline_ms) == 0)
			return false;
		if (batch->library->multi_poll(batch->multi, NULL, 0, turn_ms, NULL) != CURLM_OK)
			return false;
	}
}

static void
close_transfer(struct batch *batch, struct transfer *transfer)
{
	if (transfer->easy != NULL) {
		batch->library->multi_remove_handle(batch->multi, transfer->easy);
		batch->library->easy_cleanup(transfer->easy);
	}
	batch->library->slist_free_all(transfer->headers);
	batch->library->slist_free_all(transfer->addresses);
	if (transfer->answer->fault.class != ERR_NONE) {
		free(transfer->answer->body);
		transfer->answer->body = NULL;
		transfer->answer->length = 0;
	}
}

/* Says of each that has not ended why, and lets go of them all. */
static void
close_batch(struct batch *batch, bool was_enough)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct transfer *transfer = &batch->transfers[i];
		bool was_open = !transfer->is_done;

		if (transfer->is_unnamed)
			take_name(batch, transfer);
		if (!transfer->is_done)
			finish(transfer, CURLE_OPERATION_TIMEDOUT, batch->begun_us);
		transfer->answer->is_open = was_open && was_enough;
	}
	for (size_t i = 0; i < batch->count; i++)
		close_transfer(batch, &batch->transfers[i]);
	web_names_free(batch->names);
	batch->library->multi_cleanup(batch->multi);
	free(batch->transfers);
}

static void
start(struct batch *batch, const struct web_access *access, const struct web_request *requests,
	struct web_answer *answers)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct transfer *transfer = &batch->transfers[i];

		transfer->library = batch->library;
		transfer->answer = &answers[i];
		if (prepare(transfer, access, &requests[i], &answers[i].fault) != 0) {
			transfer->is_done = true;
			continue;
		}
		batch->open_count++;
		transfer->is_unnamed = !is_address(transfer->host);
		if (transfer->is_unnamed)
			transfer->name_place = web_names_add(batch->names, transfer->host);
		else
			launch(batch, transfer);
	}
}

void
web_ask(const struct web_access *access, const struct web_request *requests, size_t count,
	int64_t deadline_ms, bool (*is_enough)(void *context, size_t index, const struct web_answer *answer),
	void *context, struct web_answer *answers)
{
	struct library library;
	struct batch batch = {.library = &library,
		.count = count,
		.begun_us = clock_now_us(),
		.is_enough = is_enough,
		.context = context};
	struct err err = {.class = ERR_NONE};

	memset(answers, 0, count * sizeof answers[0]);
	if (open_library(&library, &err) == 0) {
		batch.transfers = calloc(count + 1, sizeof batch.transfers[0]);
		batch.names = web_names_new(count);
		batch.multi = batch.transfers == NULL || batch.names == NULL ? NULL : library.multi_init();
		if (batch.multi == NULL)
			err_set(&err, ERR_DOWN, "out of memory");
	}
	if (err.class != ERR_NONE) {
		free(batch.transfers);
		web_names_free(batch.names);
		for (size_t i = 0; i < count; i++)
			answers[i].fault = err;
		return;
	}
	start(&batch, access, requests, answers);
	close_batch(&batch, drive(&batch, deadline_ms));
}

void
web_release(struct web_answer *answers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(answers[i].body);
		answers[i].body = NULL;
		answers[i].length = 0;
	}
}
