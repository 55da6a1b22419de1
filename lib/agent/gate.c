#include "lib/agent/gate.h"

#include <event2/event.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

struct waiting {
	TAILQ_ENTRY(waiting) others; /* the longest waiting first */
	struct gate *gate;
	struct event *event;
	int fd;
	socklen_t length;
	struct sockaddr_storage address;
};

TAILQ_HEAD(waiting_list, waiting);

struct gate {
	struct event_base *base;
	struct evconnlistener *listener;
	struct event *again;
	struct timeval patience;
	size_t waiting_count, waiting_max;
	struct waiting_list waiting;
	gate_taker *taker;
	void *context;
};

/* Takes a client out of those who wait; its descriptor is left open. */
static void
forget(struct waiting *waiting)
{
	TAILQ_REMOVE(&waiting->gate->waiting, waiting, others);
	waiting->gate->waiting_count--;
	event_free(waiting->event);
	free(waiting);
}

static void
dismiss(struct waiting *waiting)
{
	int fd = waiting->fd;

	forget(waiting);
	close(fd);
}

static void
on_event(evutil_socket_t fd, short events, void *context)
{
	struct waiting waiting = *(struct waiting *)context;

	forget(context);
	if ((events & EV_READ) != 0)
		waiting.gate->taker(
			waiting.gate->context, fd, (const struct sockaddr *)&waiting.address, waiting.length);
	else
		close(fd);
}

static void
have_wait(struct gate *gate, int fd, const struct sockaddr *address, socklen_t length)
{
	struct waiting *waiting = malloc(sizeof *waiting);

	if (waiting == NULL) {
		close(fd);
		return;
	}
	if (gate->waiting_count >= gate->waiting_max)
		dismiss(TAILQ_FIRST(&gate->waiting));
	*waiting = (struct waiting){.gate = gate, .fd = fd, .length = length};
	memcpy(&waiting->address, address,
		length < sizeof waiting->address ? length : sizeof waiting->address);
	waiting->event = event_new(gate->base, fd, EV_READ, on_event, waiting);
	if (waiting->event == NULL || event_add(waiting->event, &gate->patience) != 0) {
		if (waiting->event != NULL)
			event_free(waiting->event);
		free(waiting);
		close(fd);
		return;
	}
	TAILQ_INSERT_TAIL(&gate->waiting, waiting, others);
	gate->waiting_count++;
}

static void
on_connect(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int length,
	void *context)
{
	struct gate *gate = context;

	(void)listener;
	if (gate->patience.tv_sec == 0 && gate->patience.tv_usec == 0)
		gate->taker(gate->context, fd, address, (socklen_t)length);
	else
		have_wait(gate, fd, address, (socklen_t)length);
}

static void
on_again(evutil_socket_t fd, short events, void *context)
{
	struct gate *gate = context;

	(void)fd;
	(void)events;
	if (gate->listener != NULL)
		evconnlistener_enable(gate->listener);
}

/*
 * No descriptor is left, most likely: those who wait make room. If nobody does, accepting rests for a moment,
 * or it would be tried without end.
 */
static void
on_error(struct evconnlistener *listener, void *context)
{
	static const struct timeval moment = {.tv_usec = 100000};
	struct gate *gate = context;

	(void)listener;
	if (!TAILQ_EMPTY(&gate->waiting)) {
		dismiss(TAILQ_FIRST(&gate->waiting));
		return;
	}
	evconnlistener_disable(gate->listener);
	evtimer_add(gate->again, &moment);
}

struct gate *
gate_open(struct event_base *base, int listener, int64_t patience_ms, size_t waiting_max, gate_taker *taker,
	void *context)
{
	struct gate *gate = calloc(1, sizeof *gate);

	if (gate == NULL)
		return NULL;
	*gate = (struct gate){.base = base,
		.patience = {.tv_sec = patience_ms / 1000, .tv_usec = patience_ms % 1000 * 1000},
		.waiting_max = waiting_max > 0 ? waiting_max : 1,
		.taker = taker,
		.context = context};
	TAILQ_INIT(&gate->waiting);
	gate->listener = evconnlistener_new(
		base, on_connect, gate, LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_DISABLED, 0, listener);
	gate->again = evtimer_new(base, on_again, gate);
	if (gate->listener == NULL || gate->again == NULL) {
		gate_close(gate);
		return NULL;
	}
	evconnlistener_set_error_cb(gate->listener, on_error);
	return gate;
}

void
gate_accept(struct gate *gate)
{
	evconnlistener_enable(gate->listener);
}

void
gate_retire(struct gate *gate)
{
	if (gate->listener != NULL)
		evconnlistener_free(gate->listener);
	gate->listener = NULL;
}

void
gate_close(struct gate *gate)
{
	struct waiting *waiting;

	if (gate == NULL)
		return;
	while ((waiting = TAILQ_FIRST(&gate->waiting)) != NULL)
		dismiss(waiting);
	gate_retire(gate);
	if (gate->again != NULL)
		event_free(gate->again);
	free(gate);
}
