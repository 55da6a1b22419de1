#include "lib/agent/watch.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/agent/plan.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

/* A worker that dies is replaced at once; one that dies again and again, after pauses that double. */
enum { RESTART_FIRST_MS = 100, RESTART_MAX_MS = 5000, STEADY_MS = 10000 };

/* How much longer than its own deadlines allow a worker may be silent: it is then stuck in what has none. */
enum { PATIENCE_MS = 1000 };

struct watch {
	struct event_base *base;
	char name[PLAN_NAME_SIZE];
	struct target target;
	void *limits;
	struct worker_task task; /* of what is above */
	size_t index;
	watch_listener *listener;
	void *context;
	pid_t pid; /* 0: none runs */
	int fd;
	struct event *readable;
	struct event *timer; /* the worker's overrun, or the next start */
	int64_t started_ms;
	int quick_ends; /* deaths in a row that came soon after the start */
	struct watch_counts counts;
};

static void start(struct watch *watch);

static void
set_timer(struct watch *watch, int64_t after_ms)
{
	struct timeval after = {.tv_sec = after_ms / 1000, .tv_usec = after_ms % 1000 * 1000};

	evtimer_add(watch->timer, &after);
}

static int64_t
overrun_ms(const struct watch *watch)
{
	int64_t pause_ms = watch->task.pause_max_ms > watch->task.interval_ms ? watch->task.pause_max_ms
									      : watch->task.interval_ms;

	return watch->task.timeout_ms + pause_ms + PATIENCE_MS;
}

static void
close_channel(struct watch *watch)
{
	if (watch->readable != NULL)
		event_free(watch->readable);
	watch->readable = NULL;
	if (watch->fd >= 0)
		close(watch->fd);
	watch->fd = -1;
}

/* Its end is heard of by SIGCHLD. */
static void
end_worker(struct watch *watch)
{
	close_channel(watch);
	if (watch->pid > 0)
		kill(watch->pid, SIGKILL);
}

/* More than fit into the channel come only from a worker that has gone mad. */
enum { MESSAGES_MAX = 64 };

/*
 * Only the newest of what has come is told: when this process stood still for a while, the older ones tell
 * of a time that is over, and could still say yes.
 */
static void
on_message(evutil_socket_t fd, short events, void *context)
{
	struct watch *watch = context;
	struct worker_message messages[2]; /* the newest, and what is being taken */
	const struct worker_message *newest = NULL;
	int taken = 0;

	(void)events;
	for (int i = 0; i < MESSAGES_MAX && (taken = worker_take(fd, &messages[i % 2])) > 0; i++) {
		watch->counts.probes++;
		newest = &messages[i % 2];
	}
	if (newest != NULL) {
		set_timer(watch, overrun_ms(watch));
		watch->listener(watch->context, watch->index, newest);
	}
	if (taken < 0)
		end_worker(watch);
}

static void
on_timer(evutil_socket_t fd, short events, void *context)
{
	struct watch *watch = context;

	(void)fd;
	(void)events;
	if (watch->pid == 0) {
		start(watch);
		return;
	}
	log_write(LOG_LEVEL_ERROR,
		"the worker of %s has been silent for %lld ms: killed; was it stuck in %s?", watch->task.name,
		(long long)overrun_ms(watch),
		watch->task.target != NULL ? "a password file or a name service"
					   : "a tool, a file or a mount");
	end_worker(watch);
}

static void
schedule_start(struct watch *watch)
{
	int64_t pause_ms = RESTART_FIRST_MS;

	for (int i = 1; i < watch->quick_ends && pause_ms < RESTART_MAX_MS; i++)
		pause_ms *= 2;
	set_timer(watch, pause_ms < RESTART_MAX_MS ? pause_ms : RESTART_MAX_MS);
}

static void
start(struct watch *watch)
{
	struct err err;

	watch->started_ms = clock_now_ms();
	if (worker_start(&watch->task, &watch->pid, &watch->fd, &err) != 0) {
		log_write(LOG_LEVEL_ERROR, "the worker of %s: %s", watch->task.name, err.text);
		watch->pid = 0;
		watch->quick_ends++;
		schedule_start(watch);
		return;
	}
	watch->readable = event_new(watch->base, watch->fd, EV_READ | EV_PERSIST, on_message, watch);
	if (watch->readable == NULL || event_add(watch->readable, NULL) != 0)
		end_worker(watch); /* and again, when it is reaped */
	set_timer(watch, overrun_ms(watch));
}

/* The task outlives whoever gave it, since a worker may have to be started again. False for want of memory.
 */
static bool
copy_task(struct watch *watch, const struct worker_task *task)
{
	watch->task = *task;
	snprintf(watch->name, sizeof watch->name, "%s", task->name);
	watch->task.name = watch->name;
	if (task->target != NULL) {
		watch->target = *task->target;
		watch->task.target = &watch->target;
	}
	if (task->check == NULL)
		return true;
	watch->limits = malloc(task->check->limits_size);
	if (watch->limits == NULL)
		return false;
	memcpy(watch->limits, task->limits, task->check->limits_size);
	watch->task.limits = watch->limits;
	return true;
}

static void
forget(struct watch *watch)
{
	if (watch->timer != NULL)
		event_free(watch->timer);
	free(watch->limits);
	free(watch);
}

struct watch *
watch_open(struct event_base *base, const struct worker_task *task, size_t index, watch_listener *listener,
	void *context)
{
	struct watch *watch = calloc(1, sizeof *watch);

	if (watch == NULL)
		return NULL;
	*watch = (struct watch){
		.base = base, .index = index, .listener = listener, .context = context, .fd = -1};
	watch->timer = evtimer_new(base, on_timer, watch);
	if (watch->timer == NULL || !copy_task(watch, task)) {
		forget(watch);
		return NULL;
	}
	start(watch);
	return watch;
}

static void
log_end(const struct watch *watch, int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return; /* it made room for a fresh one */
	if (WIFSIGNALED(status))
		log_write(LOG_LEVEL_WARNING, "the worker of %s was ended by signal %d (%s)", watch->task.name,
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		log_write(LOG_LEVEL_WARNING, "the worker of %s ended with code %d", watch->task.name,
			WEXITSTATUS(status));
}

bool
watch_reap(struct watch *watch, pid_t pid, int status)
{
	if (watch == NULL || watch->pid != pid)
		return false;
	log_end(watch, status);
	close_channel(watch);
	watch->pid = 0;
	watch->counts.restarts++;
	if (clock_now_ms() - watch->started_ms >= STEADY_MS)
		watch->quick_ends = 0;
	if (watch->quick_ends++ == 0)
		start(watch);
	else
		schedule_start(watch);
	return true;
}

/* Of targets, where they are; of sources, where the check was told to look, whatever its limits. */
static bool
is_same_place(const struct worker_task *a, const struct worker_task *b)
{
	if (a->target != NULL && b->target != NULL)
		return strcmp(a->target->dbname, b->target->dbname) == 0
			&& memcmp(a->facets, b->facets, sizeof a->facets) == 0;
	return a->target == NULL && b->target == NULL && a->check == b->check
		&& plan_is_same_source(a->check, a->limits, b->limits);
}

bool
watch_suits(const struct watch *watch, const struct worker_task *task)
{
	return strcmp(watch->name, task->name) == 0 && is_same_place(&watch->task, task)
		&& watch->task.timeout_ms == task->timeout_ms && watch->task.interval_ms == task->interval_ms
		&& watch->task.pause_max_ms == task->pause_max_ms;
}

void
watch_move(struct watch *watch, size_t index)
{
	watch->index = index;
}

void
watch_hurry(const struct watch *watch)
{
	static const char now = '!';

	/* One that is busy hears of it when it is done, and of a second one not at all. */
	if (watch->fd >= 0)
		(void)!send(watch->fd, &now, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

struct watch_counts
watch_count(const struct watch *watch)
{
	return watch->counts;
}

pid_t
watch_pid(const struct watch *watch)
{
	return watch->pid;
}

void
watch_close(struct watch *watch)
{
	if (watch == NULL)
		return;
	end_worker(watch);
	forget(watch);
}
