#include "lib/agent/http_client.h"

#include <event2/event.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/text.h"

/* A client between two requests of one connection, such as Prometheus, may be silent for so long. */
enum { IDLE_MS = 75000 };

/* What is left for an answer to leave, when its client has ended its side. */
enum { FAREWELL_MS = 100 };

struct http_client {
	struct event *deadline;
	int fd;
	struct http_client_request request;
};

static void
set_deadline(struct http_client *client, int64_t after_ms)
{
	struct timeval after = {.tv_sec = after_ms / 1000, .tv_usec = after_ms % 1000 * 1000};

	if (client->deadline != NULL) /* for want of memory, MHD's own limits are what is left */
		evtimer_add(client->deadline, &after);
}

static void
on_deadline(evutil_socket_t fd, short events, void *context)
{
	struct http_client *client = context;

	(void)fd;
	(void)events;
	shutdown(client->fd, SHUT_RDWR);
}

struct http_client *
http_client_open(struct event_base *base, struct MHD_Connection *connection, int64_t timeout_ms)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct http_client *client = info == NULL ? NULL : calloc(1, sizeof *client);

	if (client == NULL)
		return NULL;
	client->fd = info->connect_fd;
	client->deadline = evtimer_new(base, on_deadline, client);
	set_deadline(client, timeout_ms);
	return client;
}

struct http_client *
http_client_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info == NULL ? NULL : info->socket_context;
}

struct http_client_request *
http_client_begin_request(struct http_client *client, const char *uri, int64_t timeout_ms)
{
	struct http_client_request *request = &client->request;

	set_deadline(client, timeout_ms);
	*request = (struct http_client_request){.is_cut = strstr(uri, "%00") != NULL};
	if (text_copy(request->uri, sizeof request->uri, uri) != 0)
		request->uri[0] = '\0';
	return request;
}

/*
 * A client that has ended its side together with its request will ask nothing more. MHD, whose epoll is
 * edge-triggered, does not hear of an end that came with data.
 */
void
http_client_end_request(struct http_client *client)
{
	char byte;

	if (recv(client->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		set_deadline(client, FAREWELL_MS);
	else
		set_deadline(client, IDLE_MS);
}

void
http_client_close(struct http_client *client)
{
	if (client == NULL)
		return;
	if (client->deadline != NULL)
		event_free(client->deadline);
	free(client);
}
