#include "lib/agent/http.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/agent/gate.h"

/* A client between two requests of one connection, such as Prometheus, may be silent for so long. */
enum { IDLE_MS = 75000 };

/* What is left for an answer to leave, when its client has ended its side. */
enum { FAREWELL_MS = 100 };

/* Room of one connection for the request line and all headers. More is answered with 414 or 431. */
enum { CONNECTION_BYTES = 8192 };

/* Answers that are kept until the facts change; a question that finds no place is answered anew each time. */
enum { KEPT_MAX = 64, KEPT_URI_MAX = 256 };

enum { LISTENERS_MAX = 16, ROUNDS_MAX = 16 };

struct kept {
	char uri[KEPT_URI_MAX];
	unsigned code;
	struct MHD_Response *response;
};

/*
 * A request in the making; what MHD hands to each call about it. It is no memory of its own: MHD tells
 * nobody of the end of a request that it refuses itself.
 */
struct request {
	bool is_begun;
	bool is_cut;            /* holds a zero byte, behind which nothing would be seen */
	char uri[KEPT_URI_MAX]; /* as it was sent; "" if it is longer */
};

/* A connection that has sent something. */
struct client {
	struct http *http;
	struct event *deadline;
	int fd;
	struct request request; /* one at a time */
};

struct http {
	struct event_base *base;
	struct http_manner manner;
	struct http_answerer answerer;
	struct MHD_Daemon *daemon;
	struct event *ready, *timer;
	struct gate *gates[LISTENERS_MAX];
	size_t gate_count;
	int64_t client_count;
	uint64_t generation; /* of what is kept */
	struct kept kept[KEPT_MAX];
	size_t kept_count;
	char *certificate, *key, *client_ca; /* their texts */
	char body[HTTP_BODY_MAX];
};

/* -- answers ----------------------------------------------------------------------------------- */

static void
forget_answers(struct http *http)
{
	for (size_t i = 0; i < http->kept_count; i++)
		MHD_destroy_response(http->kept[i].response);
	http->kept_count = 0;
}

static void
set_header(struct MHD_Response *response, const char *name, const char *value)
{
	if (value != NULL && MHD_add_response_header(response, name, value) != MHD_YES)
		return; /* for want of memory; the answer itself stands */
}

static struct MHD_Response *
make_response(const struct http_answer *answer)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		answer->body.length, answer->body.bytes, MHD_RESPMEM_MUST_COPY);

	if (response == NULL)
		return NULL;
	set_header(response, "Content-Type", answer->media_type);
	set_header(response, "Cache-Control", "no-store");
	set_header(response, "X-Content-Type-Options", "nosniff");
	set_header(response, "Content-Security-Policy", answer->policy);
	return response;
}

/* Queues and lets go; what is kept is held by one more reference. */
static enum MHD_Result
send_answer(struct MHD_Connection *connection, unsigned code, struct MHD_Response *response)
{
	enum MHD_Result result = response == NULL ? MHD_NO : MHD_queue_response(connection, code, response);

	if (response != NULL)
		MHD_destroy_response(response);
	return result;
}

static enum MHD_Result
send_text(struct MHD_Connection *connection, unsigned code, const char *words, const char *allow)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		strlen(words), (void *)words, MHD_RESPMEM_MUST_COPY);

	if (response != NULL) {
		set_header(response, "Content-Type", "text/plain; charset=utf-8");
		set_header(response, "Allow", allow);
	}
	return send_answer(connection, code, response);
}

struct parameters {
	struct question_parameter of[HTTP_PARAMETERS_MAX];
	size_t count;
	bool is_too_many;
};

static enum MHD_Result
take_parameter(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct parameters *parameters = context;

	(void)kind;
	if (parameters->count == HTTP_PARAMETERS_MAX) {
		parameters->is_too_many = true;
		return MHD_NO;
	}
	parameters->of[parameters->count++] = (struct question_parameter){
		.name = name, .value = value == NULL ? "yes" : value};
	return MHD_YES;
}

static struct kept *
find_kept(struct http *http, const struct request *request)
{
	uint64_t generation = http->answerer.generation(http->answerer.context);

	if (generation != http->generation)
		forget_answers(http);
	http->generation = generation;
	for (size_t i = 0; i < http->kept_count; i++)
		if (strcmp(http->kept[i].uri, request->uri) == 0)
			return &http->kept[i];
	return NULL;
}

static void
keep(struct http *http, const struct request *request, const struct http_answer *answer)
{
	struct kept *kept = &http->kept[http->kept_count];

	if (!answer->is_stable || request->uri[0] == '\0' || http->kept_count == KEPT_MAX)
		return;
	kept->response = make_response(answer);
	if (kept->response == NULL)
		return;
	kept->code = (unsigned)answer->code;
	memcpy(kept->uri, request->uri, sizeof kept->uri);
	http->kept_count++;
}

static enum MHD_Result
answer_request(
	struct http *http, struct MHD_Connection *connection, const char *path, const struct request *request)
{
	struct parameters parameters = {.count = 0};
	struct http_request asked = {.path = path, .parameters = parameters.of};
	struct http_answer answer = {.code = MHD_HTTP_INTERNAL_SERVER_ERROR};
	struct kept *kept = find_kept(http, request);

	if (kept != NULL)
		return MHD_queue_response(connection, kept->code, kept->response);
	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, take_parameter, &parameters);
	if (parameters.is_too_many)
		return send_text(connection, MHD_HTTP_BAD_REQUEST, "too many parameters\n", NULL);
	asked.count = parameters.count;
	text_init(&answer.body, http->body, sizeof http->body);
	http->answerer.answer(http->answerer.context, &asked, &answer);
	keep(http, request, &answer);
	return send_answer(connection, (unsigned)answer.code, make_response(&answer));
}

/* -- requests ---------------------------------------------------------------------------------- */

/* Whether the client showed a certificate of the authorities that are let in. */
static bool
is_let_in(const struct http *http, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info;
	unsigned status = 0;

	if (http->client_ca == NULL)
		return true;
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	return info != NULL
		&& gnutls_certificate_verify_peers2(info->tls_session, &status) == GNUTLS_E_SUCCESS
		&& status == 0;
}

static bool
has_body(struct MHD_Connection *connection)
{
	const char *length = MHD_lookup_connection_value(
		connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return (length != NULL && strcmp(length, "0") != 0)
		|| MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_TRANSFER_ENCODING)
		!= NULL;
}

static enum MHD_Result
on_request(void *context, struct MHD_Connection *connection, const char *path, const char *method,
	const char *version, const char *upload, size_t *upload_size, void **request_data)
{
	static const char allowed[] = "GET, HEAD, OPTIONS";
	struct request *request = *request_data;
	struct http *http = context;

	(void)version;
	(void)upload;
	if (request == NULL)
		return MHD_NO; /* no memory for it */
	if (has_body(connection))
		return send_text(
			connection, MHD_HTTP_CONTENT_TOO_LARGE, "no question here has a body\n", NULL);
	if (!request->is_begun) { /* MHD wants the answer at the second call */
		request->is_begun = true;
		return MHD_YES;
	}
	*upload_size = 0;
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 && strcmp(method, "OPTIONS") != 0)
		return send_text(
			connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET, HEAD and OPTIONS\n", allowed);
	if (request->is_cut)
		return send_text(connection, MHD_HTTP_BAD_REQUEST, "a zero byte in the address\n", NULL);
	if (!is_let_in(http, connection))
		return send_text(connection, MHD_HTTP_FORBIDDEN, "a client certificate is needed\n", NULL);
	return answer_request(http, connection, path, request);
}

static void
set_deadline(struct client *client, int64_t after_ms)
{
	struct timeval after = {.tv_sec = after_ms / 1000, .tv_usec = after_ms % 1000 * 1000};

	if (client->deadline != NULL) /* for want of memory, MHD's own limits are what is left */
		evtimer_add(client->deadline, &after);
}

/* The request line is there. Whatever is returned comes back with every call about this request. */
static void *
on_uri(void *context, const char *uri, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct client *client = info == NULL ? NULL : info->socket_context;
	struct http *http = context;

	if (client == NULL)
		return NULL;
	set_deadline(client, http->manner.request_timeout_ms);
	client->request = (struct request){.is_cut = strstr(uri, "%00") != NULL};
	if (text_copy(client->request.uri, sizeof client->request.uri, uri) != 0)
		client->request.uri[0] = '\0';
	return &client->request;
}

/*
 * A client that has ended its side together with its request will ask nothing more. MHD, whose epoll is
 * edge-triggered, does not hear of an end that came with data.
 */
static void
await_next(struct client *client)
{
	char byte;

	if (recv(client->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		set_deadline(client, FAREWELL_MS);
	else
		set_deadline(client, IDLE_MS);
}

static void
on_completed(void *context, struct MHD_Connection *connection, void **request_data,
	enum MHD_RequestTerminationCode code)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	(void)context;
	(void)code;
	*request_data = NULL;
	if (info != NULL && info->socket_context != NULL)
		await_next(info->socket_context);
}

/* -- connections ------------------------------------------------------------------------------- */

static void
on_deadline(evutil_socket_t fd, short events, void *context)
{
	struct client *client = context;

	(void)fd;
	(void)events;
	shutdown(client->fd, SHUT_RDWR); /* MHD hears of it and closes */
}

static void
begin_client(struct http *http, struct MHD_Connection *connection, void **socket_context)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct client *client = calloc(1, sizeof *client);

	*socket_context = client;
	http->client_count++;
	if (client == NULL || info == NULL)
		return;
	client->http = http;
	client->fd = info->connect_fd;
	client->deadline = evtimer_new(http->base, on_deadline, client);
	set_deadline(client, http->manner.request_timeout_ms);
}

static void
on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
	enum MHD_ConnectionNotificationCode code)
{
	struct http *http = context;
	struct client *client = *socket_context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		begin_client(http, connection, socket_context);
		return;
	}
	http->client_count--;
	if (client != NULL && client->deadline != NULL)
		event_free(client->deadline);
	free(client);
	*socket_context = NULL;
}

/* Lets MHD do what is due, and sets the timer to when something will be. */
static void
run(struct http *http)
{
	MHD_UNSIGNED_LONG_LONG within_ms;

	MHD_run(http->daemon);
	if (MHD_get_timeout(http->daemon, &within_ms) == MHD_YES) {
		struct timeval within = {.tv_sec = (time_t)(within_ms / 1000),
			.tv_usec = (suseconds_t)(within_ms % 1000 * 1000)};

		evtimer_add(http->timer, &within);
	}
}

static void
on_ready(evutil_socket_t fd, short events, void *context)
{
	(void)fd;
	(void)events;
	run(context);
}

/* One too many: told so at once, and in plain words only where those are understood. */
static void
refuse(const struct http *http, int fd)
{
	static const char busy[]
		= "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 21\r\n"
		  "Connection: close\r\n\r\ntoo many connections\n";
	char ignored[4096];

	if (http->certificate == NULL && send(fd, busy, sizeof busy - 1, MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
		shutdown(fd, SHUT_WR);
		/* What is unread would reset the connection; but one that sends without end holds up others.
		 */
		for (int i = 0; i < ROUNDS_MAX && recv(fd, ignored, sizeof ignored, MSG_DONTWAIT) > 0; i++)
			;
	}
	close(fd);
}

static void
on_client(void *context, int fd, const struct sockaddr *address, socklen_t length)
{
	struct http *http = context;

	if (http->client_count >= http->manner.connections_max) {
		refuse(http, fd);
		return;
	}
	if (MHD_add_connection(http->daemon, fd, address, length) == MHD_YES) /* closes it when it fails */
		run(http);
}

/* -- life -------------------------------------------------------------------------------------- */

static int
read_text(const char *path, char **ret, struct err *err)
{
	enum { FILE_MAX = 256 * 1024 };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *bytes = fd < 0 ? NULL : malloc(FILE_MAX + 1);
	ssize_t got = bytes == NULL ? -1 : read(fd, bytes, FILE_MAX + 1);
	int why = errno;

	if (fd >= 0)
		close(fd);
	if (got < 0 || got > FILE_MAX) {
		free(bytes);
		return err_set(err, ERR_USAGE, "[listen]: cannot read \"%s\": %s", path,
			got > FILE_MAX ? "it is larger than 256 kB" : strerror(why));
	}
	bytes[got] = '\0';
	*ret = bytes;
	return 0;
}

static int
read_certificates(struct http *http, struct err *err)
{
	const struct http_manner *manner = &http->manner;

	if (manner->certificate_path[0] == '\0')
		return 0;
	if (read_text(manner->certificate_path, &http->certificate, err) != 0
		|| read_text(manner->key_path, &http->key, err) != 0)
		return -1;
	return manner->client_ca_path[0] == '\0' ? 0
						 : read_text(manner->client_ca_path, &http->client_ca, err);
}

/* MHD prints what goes wrong with single clients; that is theirs. */
static void
ignore_message(void *context, const char *format, va_list arguments)
{
	(void)context;
	(void)format;
	(void)arguments;
}

static struct MHD_Daemon *
start_daemon(struct http *http)
{
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, http->certificate},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, http->key},
		{http->client_ca == NULL ? MHD_OPTION_END : MHD_OPTION_HTTPS_MEM_TRUST, 0, http->client_ca},
		{MHD_OPTION_END, 0, NULL},
	};
	struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
	unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG
		| (http->certificate == NULL ? 0 : MHD_USE_TLS);

	return MHD_start_daemon(flags, 0, NULL, NULL, on_request, http, MHD_OPTION_EXTERNAL_LOGGER,
		ignore_message, NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, http, MHD_OPTION_URI_LOG_CALLBACK, on_uri, http,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)http->manner.connections_max, MHD_OPTION_ARRAY,
		http->certificate == NULL ? none : tls, MHD_OPTION_END);
}

static int
start(struct http *http, struct err *err)
{
	const union MHD_DaemonInfo *info;

	if (read_certificates(http, err) != 0)
		return -1;
	http->daemon = start_daemon(http);
	if (http->daemon == NULL) {
		err_set(err, ERR_USAGE, "[listen]: cannot serve HTTP%s",
			http->certificate == NULL ? "" : " with this certificate and key");
		return http->certificate == NULL
			? -1
			: err_hint(err, "are both PEM files, and do they belong together?");
	}
	info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	http->timer = evtimer_new(http->base, on_ready, http);
	http->ready = info == NULL
		? NULL
		: event_new(http->base, info->epoll_fd, EV_READ | EV_PERSIST, on_ready, http);
	if (http->timer == NULL || http->ready == NULL || event_add(http->ready, NULL) != 0)
		return err_set(err, ERR_USAGE, "out of memory");
	return 0;
}

int
http_open(struct event_base *base, const struct http_manner *manner, const struct http_answerer *answerer,
	struct http **ret, struct err *err)
{
	struct http *http = calloc(1, sizeof *http);

	if (http == NULL)
		return err_set(err, ERR_USAGE, "out of memory");
	http->base = base;
	http->manner = *manner;
	http->answerer = *answerer;
	if (start(http, err) != 0) {
		http_close(http);
		return -1;
	}
	*ret = http;
	return 0;
}

int
http_listen(struct http *http, int listener)
{
	struct gate *gate;

	if (http->gate_count == LISTENERS_MAX)
		return -1;
	gate = gate_open(http->base, listener, http->manner.request_timeout_ms, http->manner.waiting_max,
		on_client, http);
	if (gate == NULL)
		return -1;
	http->gates[http->gate_count++] = gate;
	return 0;
}

int64_t
http_connection_count(const struct http *http)
{
	return http->client_count;
}

void
http_accept(struct http *http)
{
	for (size_t i = 0; i < http->gate_count; i++)
		gate_accept(http->gates[i]);
}

void
http_retire(struct http *http)
{
	for (size_t i = 0; i < http->gate_count; i++)
		gate_retire(http->gates[i]);
}

void
http_close(struct http *http)
{
	if (http == NULL)
		return;
	for (size_t i = 0; i < http->gate_count; i++)
		gate_close(http->gates[i]);
	forget_answers(http);
	if (http->ready != NULL)
		event_free(http->ready);
	if (http->timer != NULL)
		event_free(http->timer);
	if (http->daemon != NULL)
		MHD_stop_daemon(http->daemon);
	free(http->certificate);
	free(http->key);
	free(http->client_ca);
	free(http);
}
