#include "lib/agent/line.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/agent/gate.h"
#include "lib/base/clock.h"

/* How long the rest of a line may take, and how long a client may take to close after its answer. */
enum { MOMENT_MS = 50, LINGER_MS = 1000 };

enum { ROUNDS_MAX = 16 };

enum { REQUEST_MAX = 1024, ANSWER_MAX = 65536 + 32 };

struct client {
	TAILQ_ENTRY(client) others;
	struct line *line;
	struct event *event;
	int fd;
	bool is_answered;
	int64_t until_ms; /* for all of it */
	char *rest;       /* of the answer, when the client did not take it whole at once */
	size_t rest_at, rest_length;
	size_t length;
	char request[REQUEST_MAX];
};

TAILQ_HEAD(client_list, client);

struct line {
	struct event_base *base;
	struct line_manner manner;
	struct gate *gate;
	struct client_list clients;
	int64_t client_count;
};

static void on_event(evutil_socket_t fd, short events, void *context);

static void
end_client(struct client *client)
{
	TAILQ_REMOVE(&client->line->clients, client, others);
	client->line->client_count--;
	if (client->event != NULL)
		event_free(client->event);
	close(client->fd);
	free(client->rest);
	free(client);
}

static void
await(struct client *client, short events, int within_ms)
{
	struct timeval within = {.tv_sec = within_ms / 1000, .tv_usec = within_ms % 1000 * 1000};

	if (client->event != NULL)
		event_free(client->event);
	client->event = event_new(client->line->base, client->fd, events, on_event, client);
	if (client->event == NULL || event_add(client->event, &within) != 0)
		end_client(client);
}

/*
 * What a client still sends is read before closing: to close with something unread would reset the
 * connection and could take the answer back.
 */
static void
finish(struct client *client)
{
	char ignored[4096];
	ssize_t got = 1;

	shutdown(client->fd, SHUT_WR);
	/* One that sends without end would keep everybody else waiting. */
	for (int i = 0; i < ROUNDS_MAX && got > 0; i++)
		got = recv(client->fd, ignored, sizeof ignored, MSG_DONTWAIT);
	if (got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
		end_client(client);
	else
		await(client, EV_READ, LINGER_MS);
}

/* Sends; 0 when all is gone, 1 when some is left, -1 when the client is gone. */
static int
send_some(int fd, const char *bytes, size_t length, size_t *at)
{
	while (*at < length) {
		ssize_t sent = send(fd, bytes + *at, length - *at, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK ? 1 : -1;
		*at += (size_t)sent;
	}
	return 0;
}

static void
keep_rest(struct client *client, const char *bytes, size_t length)
{
	client->rest = malloc(length);
	if (client->rest == NULL) {
		end_client(client);
		return;
	}
	memcpy(client->rest, bytes, length);
	client->rest_length = length;
	await(client, EV_WRITE, (int)client->line->manner.patience_ms);
}

/* Makes one line of what came: to its end; with no byte that hides others; "?" where the end is missing. */
static void
end_line(struct client *client)
{
	bool is_ended = memchr(client->request, '\n', client->length) != NULL;
	bool is_cut = !is_ended
		&& (client->length == sizeof client->request - 1
			|| (client->line->manner.is_end_needed && client->length > 0));

	client->request[client->length] = '\0';
	for (char *at = client->request;
		(at = memchr(at, '\0', client->length - (size_t)(at - client->request))) != NULL;)
		*at = '?';
	client->request[strcspn(client->request, "\r\n")] = '\0';
	if (is_cut)
		memcpy(client->request, "?", sizeof "?");
}

static void
answer(struct client *client)
{
	struct line *line = client->line;
	char storage[ANSWER_MAX];
	struct text text;
	size_t at = 0;
	int status;

	client->is_answered = true;
	end_line(client);
	text_init(&text, storage, sizeof storage);
	line->manner.answerer(line->manner.context, client->request, &text);
	status = send_some(client->fd, text.bytes, text.length, &at);
	if (status == 0)
		finish(client);
	else if (status > 0)
		keep_rest(client, text.bytes + at, text.length - at);
	else
		end_client(client);
}

/* How long the rest of a line is waited for. */
static int
pause_ms(const struct client *client)
{
	int left_ms = clock_left_ms(client->until_ms) + 1;

	return client->line->manner.is_end_needed || left_ms < MOMENT_MS ? left_ms : MOMENT_MS;
}

static void
take_request(struct client *client)
{
	ssize_t got = recv(client->fd, client->request + client->length,
		sizeof client->request - 1 - client->length, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
		await(client, EV_READ, pause_ms(client));
		return;
	}
	if (got < 0) {
		end_client(client);
		return;
	}
	client->length += (size_t)got;
	if (got == 0 || clock_now_ms() >= client->until_ms
		|| memchr(client->request, '\n', client->length) != NULL
		|| client->length == sizeof client->request - 1)
		answer(client);
	else
		await(client, EV_READ, pause_ms(client));
}

static void
send_rest(struct client *client)
{
	int status = send_some(client->fd, client->rest, client->rest_length, &client->rest_at);

	if (status == 0)
		finish(client);
	else if (status > 0 && clock_now_ms() < client->until_ms)
		await(client, EV_WRITE, LINGER_MS);
	else
		end_client(client);
}

static void
on_event(evutil_socket_t fd, short events, void *context)
{
	struct client *client = context;

	(void)fd;
	if ((events & EV_WRITE) != 0)
		send_rest(client);
	else if (!client->is_answered && (events & EV_READ) != 0)
		take_request(client);
	else if (!client->is_answered)
		answer(client); /* no more has come of the line */
	else
		end_client(client); /* it has closed, or should have */
}

static void
on_client(void *context, int fd, const struct sockaddr *address, socklen_t length)
{
	struct line *line = context;
	struct client *client;

	(void)address;
	(void)length;
	client = line->client_count < line->manner.clients_max ? calloc(1, sizeof *client) : NULL;
	if (client == NULL) {
		close(fd);
		return;
	}
	client->line = line;
	client->fd = fd;
	client->until_ms = clock_now_ms() + line->manner.patience_ms;
	TAILQ_INSERT_TAIL(&line->clients, client, others);
	line->client_count++;
	if (line->manner.is_unasked)
		answer(client);
	else
		take_request(client);
}

struct line *
line_open(struct event_base *base, int listener, const struct line_manner *manner)
{
	struct line *line = calloc(1, sizeof *line);

	if (line == NULL)
		return NULL;
	line->base = base;
	line->manner = *manner;
	TAILQ_INIT(&line->clients);
	line->gate = gate_open(base, listener, manner->is_unasked ? 0 : manner->patience_ms,
		manner->waiting_max, on_client, line);
	if (line->gate == NULL) {
		free(line);
		return NULL;
	}
	return line;
}

void
line_accept(struct line *line)
{
	gate_accept(line->gate);
}

void
line_retire(struct line *line)
{
	gate_retire(line->gate);
}

void
line_close(struct line *line)
{
	struct client *client;

	if (line == NULL)
		return;
	gate_close(line->gate);
	while ((client = TAILQ_FIRST(&line->clients)) != NULL)
		end_client(client);
	free(line);
}
