#include "lib/agent/http.h"

#include <event2/event.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/agent/gate.h"
#include "lib/agent/http_certificate.h"
#include "lib/agent/http_client.h"
#include "lib/agent/http_kept.h"
#include "lib/agent/http_response.h"

/* Room of one connection for the request line and all headers. More is answered with 414 or 431. */
enum { CONNECTION_BYTES = 8192 };

enum { LISTENERS_MAX = 16, ROUNDS_MAX = 16 };

struct http {
	struct event_base *base;
	struct http_manner manner;
	struct http_answerer answerer;
	struct MHD_Daemon *daemon;
	struct event *ready, *timer;
	struct gate *gates[LISTENERS_MAX];
	size_t gate_count;
	int64_t client_count;
	struct http_kept kept;
	struct http_certificate tls;
	char body[HTTP_BODY_MAX];
};

/* -- answers ----------------------------------------------------------------------------------- */

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

static enum MHD_Result
answer_request(struct http *http, struct MHD_Connection *connection, const char *path,
	const struct http_client_request *request)
{
	struct parameters parameters = {.count = 0};
	struct http_request asked = {.path = path, .parameters = parameters.of};
	struct http_answer answer = {.code = MHD_HTTP_INTERNAL_SERVER_ERROR};
	const struct http_answerer *answerer = &http->answerer;
	const struct http_kept_answer *kept = http_kept_find(
		&http->kept, request->uri, answerer->generation(answerer->context));

	if (kept != NULL)
		return MHD_queue_response(connection, kept->code, kept->response);
	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, take_parameter, &parameters);
	if (parameters.is_too_many)
		return http_response_send_text(
			connection, MHD_HTTP_BAD_REQUEST, "too many parameters\n", NULL);
	asked.count = parameters.count;
	text_init(&answer.body, http->body, sizeof http->body);
	answerer->answer(answerer->context, &asked, &answer);
	http_kept_add(&http->kept, request->uri, &answer);
	return http_response_send(connection, (unsigned)answer.code, http_response_make(&answer));
}

/* -- requests ---------------------------------------------------------------------------------- */

/* Whether the client showed a certificate of the authorities that are let in. */
static bool
is_let_in(const struct http *http, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info;
	unsigned status = 0;

	if (http->tls.client_ca == NULL)
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
	struct http_client_request *request = *request_data;
	struct http *http = context;

	(void)version;
	(void)upload;
	if (request == NULL)
		return MHD_NO; /* no memory for it */
	if (has_body(connection))
		return http_response_send_text(
			connection, MHD_HTTP_CONTENT_TOO_LARGE, "no question here has a body\n", NULL);
	if (!request->is_begun) { /* MHD wants the answer at the second call */
		request->is_begun = true;
		return MHD_YES;
	}
	*upload_size = 0;
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 && strcmp(method, "OPTIONS") != 0)
		return http_response_send_text(
			connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET, HEAD and OPTIONS\n", allowed);
	if (request->is_cut)
		return http_response_send_text(
			connection, MHD_HTTP_BAD_REQUEST, "a zero byte in the address\n", NULL);
	if (!is_let_in(http, connection))
		return http_response_send_text(
			connection, MHD_HTTP_FORBIDDEN, "a client certificate is needed\n", NULL);
	return answer_request(http, connection, path, request);
}

/* The request line is there. Whatever is returned comes back with every call about this request. */
static void *
on_uri(void *context, const char *uri, struct MHD_Connection *connection)
{
	struct http_client *client = http_client_of(connection);
	const struct http *http = context;

	if (client == NULL)
		return NULL;
	return http_client_begin_request(client, uri, http->manner.request_timeout_ms);
}

static void
on_completed(void *context, struct MHD_Connection *connection, void **request_data,
	enum MHD_RequestTerminationCode code)
{
	struct http_client *client = http_client_of(connection);

	(void)context;
	(void)code;
	*request_data = NULL;
	if (client != NULL)
		http_client_end_request(client);
}

/* -- connections ------------------------------------------------------------------------------- */

static void
on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
	enum MHD_ConnectionNotificationCode code)
{
	struct http *http = context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		http->client_count++;
		*socket_context = http_client_open(http->base, connection, http->manner.request_timeout_ms);
		return;
	}
	http->client_count--;
	http_client_close(*socket_context);
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

	if (http->tls.certificate == NULL
		&& send(fd, busy, sizeof busy - 1, MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
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
		{MHD_OPTION_HTTPS_MEM_CERT, 0, http->tls.certificate},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, http->tls.key},
		{http->tls.client_ca == NULL ? MHD_OPTION_END : MHD_OPTION_HTTPS_MEM_TRUST, 0,
			http->tls.client_ca},
		{MHD_OPTION_END, 0, NULL},
	};
	struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
	unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG
		| (http->tls.certificate == NULL ? 0 : MHD_USE_TLS);

	return MHD_start_daemon(flags, 0, NULL, NULL, on_request, http, MHD_OPTION_EXTERNAL_LOGGER,
		ignore_message, NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, http, MHD_OPTION_URI_LOG_CALLBACK, on_uri, http,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)http->manner.connections_max, MHD_OPTION_ARRAY,
		http->tls.certificate == NULL ? none : tls, MHD_OPTION_END);
}

static int
start(struct http *http, struct err *err)
{
	const union MHD_DaemonInfo *info;

	if (http_certificate_read(&http->tls, &http->manner, err) != 0)
		return -1;
	http->daemon = start_daemon(http);
	if (http->daemon == NULL) {
		err_set(err, ERR_USAGE, "[listen]: cannot serve HTTP%s",
			http->tls.certificate == NULL ? "" : " with this certificate and key");
		return http->tls.certificate == NULL
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
	http_kept_release(&http->kept);
	if (http->ready != NULL)
		event_free(http->ready);
	if (http->timer != NULL)
		event_free(http->timer);
	if (http->daemon != NULL)
		MHD_stop_daemon(http->daemon);
	http_certificate_release(&http->tls);
	free(http);
}
