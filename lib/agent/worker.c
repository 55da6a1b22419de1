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
#include "lib/model/snapshot_pack.h"

/* What ends connection after connection is asked at once, then after this, then twice that, and so on. */
enum { HURRY_MS = 25, HURRIES_MAX = 5 };

/*
 * After so many failures in a row a worker makes room for a fresh one: look-ups of names that had to be
 * abandoned keep their memory, and a name server may be away for days.
 */
enum { FAILURES_MAX = 1000 };

/* When it was seen, and the snapshot, packed. */
enum { MESSAGE_MAX = sizeof(int64_t) + SNAPSHOT_PACK_MAX };

/* -- the worker's side ------------------------------------------------------------------------- */

struct worker {
	const struct worker_task *task;
	int channel;
	struct collect_session session;
	int failure_count; /* probes in a row that left no connection */
	int hurry_count;   /* probes in a row that came early, because the connection was lost */
	bool has_looked;   /* at a source; what that saw follows */
	struct snapshot before;
};

/* A server that is away is asked again after the interval, then twice that, and so on. */
static int64_t
pause_ms(const struct worker *worker)
{
	int64_t pause_ms = worker->task->interval_ms, longest_ms = worker->task->pause_max_ms;

	if (longest_ms < pause_ms)
		longest_ms = pause_ms;
	for (int i = 1; i < worker->failure_count && pause_ms < longest_ms; i++)
		pause_ms *= 2;
	return pause_ms < longest_ms ? pause_ms : longest_ms;
}

/* A message that the other side has no room for is out of date before it is read: the next one counts. */
static void
report(struct worker *worker, const struct snapshot *snapshot, int64_t seen_ms)
{
	char bytes[MESSAGE_MAX];
	size_t length = sizeof seen_ms + snapshot_pack(snapshot, bytes + sizeof seen_ms);

	memcpy(bytes, &seen_ms, sizeof seen_ms);
	while (send(worker->channel, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

/* A look that did not see what the check is about leaves the one before in its place. */
static void
remember(struct worker *worker, const struct snapshot *snapshot)
{
	if (!snapshot_has(snapshot, worker->task->check->facets[0]->part))
		return;
	worker->before = *snapshot;
	worker->has_looked = true;
}

/* What was seen is as old as the question: the answer may have been held up behind it. */
static void
probe(struct worker *worker, int64_t start_ms)
{
	const struct worker_task *task = worker->task;
	struct snapshot snapshot;

	if (task->target == NULL) {
		/* A source that was configured is there to be looked at; what is wrong with it, it says
		 * itself. */
		struct check_look look = {.before = worker->has_looked ? &worker->before : NULL,
			.deadline_ms = start_ms + task->timeout_ms};

		if (task->check->collect(task->limits, &look, &snapshot)) {
			report(worker, &snapshot, start_ms);
			remember(worker, &snapshot);
		}
		return;
	}
	collect_probe(&worker->session, task->facets, start_ms + task->timeout_ms, &snapshot);
	worker->failure_count = worker->session.pg == NULL ? worker->failure_count + 1 : 0;
	report(worker, &snapshot, snapshot_has(&snapshot, SNAPSHOT_ROLE) ? start_ms : clock_now_ms());
}

/*
 * When the next probe is due after the server has ended the connection between two: at once, since it has
 * died, is going down, or an administrator ended just this session. If that happens again and again, less so.
 */
static int64_t
hurry(struct worker *worker, int64_t next_ms)
{
	int64_t now_ms = clock_now_ms(), pause_ms = worker->hurry_count == 0 ? 0 : HURRY_MS;

	for (int i = 1; i < worker->hurry_count && i < HURRIES_MAX; i++)
		pause_ms *= 2;
	worker->hurry_count++;
	return now_ms + pause_ms < next_ms ? now_ms + pause_ms : next_ms;
}

/* All that is ever sent to a worker is that it should look now. False: the agent is gone. */
static bool
is_hurried(int channel)
{
	char bytes[8];
	ssize_t got = recv(channel, bytes, sizeof bytes, MSG_DONTWAIT);

	/* Of several requests one look is enough. */
	while (got > 0 && recv(channel, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
		;
	return got > 0;
}

/* Waits for the next probe. False when the agent is gone. */
static bool
wait_until(struct worker *worker, int64_t next_ms)
{
	bool is_early = false;

	for (;;) {
		struct pollfd fds[] = {{.fd = worker->channel, .events = POLLIN},
			{.fd = collect_socket(&worker->session), .events = POLLIN}};
		int left_ms = clock_left_ms(next_ms);

		if (left_ms == 0) {
			if (!is_early)
				worker->hurry_count = 0;
			return true;
		}
		if (poll(fds, 2, left_ms) < 0 && errno != EINTR)
			return false;
		if (fds[0].revents != 0)
			return is_hurried(worker->channel);
		if (fds[1].revents != 0 && collect_is_lost(&worker->session)) {
			collect_close(&worker->session);
			next_ms = hurry(worker, next_ms);
			is_early = true;
		}
	}
}

static void
run(const struct worker_task *task, int channel)
{
	struct collect_memory memory = {.snapshot.obtained = 0};
	struct worker worker = {
		.task = task, .channel = channel, .session = {.target = task->target, .memory = &memory}};
	int64_t start_ms;

	do {
		start_ms = clock_now_ms();
		probe(&worker, start_ms);
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
	char bytes[MESSAGE_MAX];
	int64_t seen_ms;
	ssize_t got;

	do
		got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_TRUNC);
	while (got < 0 && errno == EINTR);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	/* It parses what strangers send: what it says is not trusted to be well formed either. */
	if (got < (ssize_t)sizeof seen_ms || got > (ssize_t)sizeof bytes)
		return -1;
	memcpy(&seen_ms, bytes, sizeof seen_ms);
	if (snapshot_pack_read(bytes + sizeof seen_ms, (size_t)got - sizeof seen_ms, &ret->snapshot) != 0
		|| !snapshot_is_sound(&ret->snapshot) || seen_ms < 0 || seen_ms > clock_now_ms())
		return -1;
	snapshot_clean(&ret->snapshot);
	ret->seen_ms = seen_ms;
	return 1;
}
