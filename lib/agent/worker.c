#include "lib/agent/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/agent/child.h"
#include "lib/base/clock.h"
#include "lib/collect/collect.h"

/* A server that is away is asked again after the interval, then twice that, and so on up to this. */
enum { PAUSE_MAX_MS = 1000 };

/*
 * After so many failures in a row a worker makes room for a fresh one: look-ups of names that had to be abandoned
 * keep their memory, and a name server may be away for days.
 */
enum { FAILURES_MAX = 1000 };

/* -- the worker's side ------------------------------------------------------------------------- */

struct worker {
	const struct worker_task *task;
	int channel;
	struct collect_session session;
	int failure_count; /* probes in a row that left no connection */
	bool is_hurried;   /* the last probe came early, because the connection was lost */
};

static int64_t
pause_ms(const struct worker *worker)
{
	int64_t pause_ms = worker->task->interval_ms;
	int64_t longest_ms = pause_ms > PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS;

	for (int i = 1; i < worker->failure_count && pause_ms < longest_ms; i++)
		pause_ms *= 2;
	return pause_ms < longest_ms ? pause_ms : longest_ms;
}

/* A message that the other side has no room for is out of date before it is read: the next one counts. */
static void
report(struct worker *worker, const struct snapshot *snapshot)
{
	struct worker_message message;

	memset(&message, 0, sizeof message); /* also what lies between the members */
	message.seen_ms = clock_now_ms();
	message.snapshot = *snapshot;
	while (send(worker->channel, &message, sizeof message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0
		&& errno == EINTR)
		;
}

static void
probe(struct worker *worker)
{
	struct snapshot snapshot;

	collect_probe(&worker->session, worker->task->facets,
		clock_now_ms() + worker->task->target->timeout_ms, &snapshot);
	worker->failure_count = worker->session.pg == NULL ? worker->failure_count + 1 : 0;
	report(worker, &snapshot);
}

/*
 * Waits for the next probe, which is due at once when the server ends the connection meanwhile: then it has
 * died, is going down, or an administrator ended just this session. At once only once: what takes a
 * connection and ends it again and again is asked at the usual pace. False when the agent is gone.
 */
static bool
wait_until(struct worker *worker, int64_t next_ms)
{
	for (;;) {
		struct pollfd fds[] = {{.fd = worker->channel, .events = POLLIN},
			{.fd = collect_socket(&worker->session), .events = POLLIN}};
		int left_ms = clock_left_ms(next_ms);

		if (left_ms == 0) {
			worker->is_hurried = false;
			return true;
		}
		if (poll(fds, 2, left_ms) < 0 && errno != EINTR)
			return false;
		if (fds[0].revents != 0) /* nothing is ever sent to a worker */
			return false;
		if (fds[1].revents != 0 && collect_is_lost(&worker->session)) {
			collect_close(&worker->session);
			if (!worker->is_hurried) {
				worker->is_hurried = true;
				return true;
			}
		}
	}
}

static void
run(const struct worker_task *task, int channel)
{
	struct worker worker = {.task = task, .channel = channel, .session = {.target = task->target}};
	int64_t start_ms;

	do {
		start_ms = clock_now_ms();
		probe(&worker);
	} while (wait_until(&worker, start_ms + pause_ms(&worker)) && worker.failure_count < FAILURES_MAX);
	collect_close(&worker.session);
}

/* -- the agent's side -------------------------------------------------------------------------- */

static void
work(void *context, int channel)
{
	const struct worker_task *task = context;
	char title[16];

	snprintf(title, sizeof title, "pgha %s", task->name);
	prctl(PR_SET_NAME, title);
	run(task, channel);
}

int
worker_start(const struct worker_task *task, pid_t *ret_pid, int *ret_fd, struct err *err)
{
	return child_start(work, (void *)task, CHILD_DIES_WITH_PARENT, ret_pid, ret_fd, err);
}

int
worker_take(int fd, struct worker_message *ret)
{
	struct worker_message message;
	ssize_t got;

	do
		got = recv(fd, &message, sizeof message, MSG_DONTWAIT | MSG_TRUNC);
	while (got < 0 && errno == EINTR);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	/* It parses what strangers send: what it says is not trusted to be well formed either. */
	if (got != sizeof message || !snapshot_is_sound(&message.snapshot)
		|| message.seen_ms > clock_now_ms())
		return -1;
	*ret = message;
	return 1;
}
