#include "lib/agent/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "lib/agent/line.h"
#include "lib/agent/listen.h"
#include "lib/base/log.h"

/* Descriptors beside those of clients: listeners, workers, and what libraries open now and then. */
enum { DESCRIPTORS_RESERVED = 160, WAITING_MAX = 16384, WAITING_MIN = 64 };

/* A listener that is answered with one line. */
struct served_line {
	struct serve *serve;
	struct line *line;
	char question[PLAN_NAME_SIZE]; /* of a port that answers unasked */
};

struct serve {
	struct event_base *base;
	const struct plan *plan; /* while it is opened */
	struct serve_answerer answerer;
	struct listen_points points;
	struct http *http;
	struct served_line lines[LISTEN_MAX];
	size_t line_count;
};

static void
answer_agent_check(void *context, const char *line, struct text *answer)
{
	const struct served_line *served = context;
	const struct serve_answerer *answerer = &served->serve->answerer;

	answerer->agent_check(
		answerer->context, served->question[0] != '\0' ? served->question : line, answer);
}

static void
answer_command(void *context, const char *line, struct text *answer)
{
	const struct served_line *served = context;
	const struct serve_answerer *answerer = &served->serve->answerer;

	answerer->command(answerer->context, line, answer);
}

/*
 * How many silent clients may wait at each listener: what is left of the descriptors, of which as many as are
 * allowed are taken.
 */
static size_t
waiting_max(const struct serve *serve)
{
	struct rlimit limit = {.rlim_cur = 1024};
	size_t gates = serve->points.count > 0 ? serve->points.count : 1, left;
	rlim_t spoken = gates * (rlim_t)serve->plan->listen.max_connections + DESCRIPTORS_RESERVED;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	left = limit.rlim_cur > spoken ? (size_t)(limit.rlim_cur - spoken) / gates : 0;
	if (left < WAITING_MIN)
		log_write(LOG_LEVEL_WARNING,
			"only %llu descriptors are allowed for max_connections = %lld; raise LimitNOFILE",
			(unsigned long long)limit.rlim_cur, (long long)serve->plan->listen.max_connections);
	return left < WAITING_MIN ? WAITING_MIN : left > WAITING_MAX ? WAITING_MAX : left;
}

static int
open_http(struct serve *serve, size_t waiting, struct err *err)
{
	const struct plan_listen *listen = &serve->plan->listen;
	struct http_manner manner = {.connections_max = listen->max_connections,
		.waiting_max = waiting,
		.request_timeout_ms = listen->request_timeout_ms,
		.certificate_path = listen->tls_certificate,
		.key_path = listen->tls_key,
		.client_ca_path = listen->tls_client_ca};
	struct http_answerer answerer = {.answer = serve->answerer.http,
		.generation = serve->answerer.generation,
		.context = serve->answerer.context};

	if (http_open(serve->base, &manner, &answerer, &serve->http, err) != 0)
		return -1;
	for (size_t i = 0; i < serve->points.count; i++)
		if (serve->points.of[i].kind == LISTEN_HTTP
			&& http_listen(serve->http, serve->points.of[i].fd) != 0)
			return err_set(err, ERR_USAGE, "too many addresses for HTTP, or out of memory");
	return 0;
}

static int
open_line(struct serve *serve, const struct listen_point *point, size_t waiting, struct err *err)
{
	struct served_line *served = &serve->lines[serve->line_count];
	struct line_manner manner = {.is_unasked = point->kind == LISTEN_CHECK,
		.is_end_needed = point->kind == LISTEN_SOCKET,
		.patience_ms = serve->plan->listen.request_timeout_ms,
		.waiting_max = waiting,
		.clients_max = serve->plan->listen.max_connections,
		.answerer = point->kind == LISTEN_SOCKET ? answer_command : answer_agent_check,
		.context = served};

	served->serve = serve;
	snprintf(served->question, sizeof served->question, "%s", point->check);
	served->line = line_open(serve->base, point->fd, &manner);
	if (served->line == NULL)
		return err_set(err, ERR_USAGE, "out of memory");
	serve->line_count++;
	return 0;
}

static int
begin(struct serve *serve, const struct serve *former, struct err *err)
{
	size_t waiting;

	if (listen_open(serve->plan, former == NULL ? NULL : &former->points, &serve->points, err) != 0)
		return -1;
	waiting = waiting_max(serve);
	for (size_t i = 0; i < serve->points.count; i++)
		if (serve->points.of[i].kind != LISTEN_HTTP
			&& open_line(serve, &serve->points.of[i], waiting, err) != 0)
			return -1;
	return open_http(serve, waiting, err);
}

/* Frees all but the listening sockets. */
static void
release(struct serve *serve)
{
	http_close(serve->http);
	for (size_t i = 0; i < serve->line_count; i++)
		line_close(serve->lines[i].line);
	free(serve);
}

int
serve_open(struct event_base *base, const struct plan *plan, const struct serve *former,
	const struct serve_answerer *answerer, struct serve **ret, struct err *err)
{
	struct serve *serve = calloc(1, sizeof *serve);

	if (serve == NULL)
		return err_set(err, ERR_USAGE, "out of memory");
	serve->base = base;
	serve->plan = plan;
	serve->answerer = *answerer;
	if (begin(serve, former, err) != 0) {
		listen_close(&serve->points, former == NULL ? NULL : &former->points);
		release(serve);
		return -1;
	}
	*ret = serve;
	return 0;
}

void
serve_accept(struct serve *serve)
{
	http_accept(serve->http);
	for (size_t i = 0; i < serve->line_count; i++)
		line_accept(serve->lines[i].line);
}

const struct http *
serve_http(const struct serve *serve)
{
	return serve->http;
}

void
serve_retire(struct serve *serve, const struct serve *successor)
{
	http_retire(serve->http);
	for (size_t i = 0; i < serve->line_count; i++)
		line_retire(serve->lines[i].line);
	listen_close(&serve->points, &successor->points);
}

void
serve_close(struct serve *serve)
{
	if (serve == NULL)
		return;
	listen_close(&serve->points, NULL);
	release(serve);
}
