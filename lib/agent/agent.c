#include "lib/agent/agent.h"

#include <event2/event.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/agent/agent_log.h"
#include "lib/agent/command.h"
#include "lib/agent/drain.h"
#include "lib/agent/duty.h"
#include "lib/agent/http.h"
#include "lib/agent/service.h"
#include "lib/agent/web.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

enum { BEAT_MAX_MS = 500, BEATS_PER_AGE = 4 };

struct agent {
	const char *path;
	const struct check *const *table;
	const char *version;
	char host_name[PLAN_NAME_SIZE];
	int64_t started_ms;
	struct event_base *base;
	struct event *signals[5];
	struct event *age_timer; /* when facts grow too old */
	struct event *beat_timer;
	struct event *retire_timer;
	bool is_ready;
	int64_t beaten_ms; /* when the watchdog was last told */
	int exit_code;
	struct duty *duty;
	struct serve *retired; /* of the plan before: its clients are still answered, for a while */
};

/* -- what changes ------------------------------------------------------------------------------ */

static void
on_change(void *context, const struct board_change *change)
{
	struct agent *agent = context;
	const struct plan *plan = &agent->duty->plan;

	agent_log_change(plan, change);
	for (size_t i = 0; i < plan->track_count; i++)
		if (plan->tracks[i].check_index == change->check_index)
			track_set(agent->duty->track, i, change->is_yes);
}

static void
set_age_timer(struct agent *agent)
{
	int64_t left_ms = agent->duty->board.view_until_ms - clock_now_ms();
	struct timeval left = {.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000};

	if (agent->duty->board.view_until_ms == INT64_MAX)
		evtimer_del(agent->age_timer);
	else if (left_ms <= 0)
		event_active(agent->age_timer, EV_TIMEOUT, 0);
	else
		evtimer_add(agent->age_timer, &left);
}

static void
on_age(evutil_socket_t fd, short events, void *context)
{
	struct agent *agent = context;

	(void)fd;
	(void)events;
	board_age(&agent->duty->board, clock_now_ms(), on_change, agent);
	set_age_timer(agent);
}

/* -- the operator's switch --------------------------------------------------------------------- */

/* What cannot be looked at stays as it was: a drain must not end by an error. */
static void
look_at_switches(struct agent *agent)
{
	struct duty *duty = agent->duty;

	for (size_t i = 0; i < duty->plan.check_count; i++) {
		enum drain_look look = drain_look(&duty->plan, i);

		if (look != DRAIN_UNKNOWN)
			board_drain(&duty->board, i, look == DRAIN_ON, clock_now_ms(), on_change, agent);
	}
}

static int
drain(void *context, size_t check_index, bool is_drained, struct err *err)
{
	struct agent *agent = context;

	if (drain_set(&agent->duty->plan, check_index, is_drained, err) != 0)
		return -1;
	look_at_switches(agent);
	return 0;
}

/* -- what workers report ----------------------------------------------------------------------- */

static void
write_status(const struct agent *agent, struct text *text)
{
	for (size_t i = 0; i < agent->duty->plan.check_count; i++)
		text_add(text, "%s%s: %s", i > 0 ? ", " : "", agent->duty->plan.checks[i].name,
			agent->duty->board.checks[i].is_yes ? "yes" : "no");
}

/*
 * Whoever asks while the agent starts is answered when there is something to say, milliseconds later: a no
 * in between would take a server out for nothing.
 */
static void
serve_first(struct agent *agent)
{
	char storage[512];
	struct text status;

	if (agent->is_ready)
		return;
	agent->is_ready = true;
	serve_accept(agent->duty->serve);
	text_init(&status, storage, sizeof storage);
	write_status(agent, &status);
	service_ready(status.bytes);
}

/* What a manager said before the server's role changed, or it was restarted, does not fit it: it is asked
 * again. */
static void
follow_role(struct agent *agent, const struct snapshot *snapshot)
{
	const struct snapshot *before = &agent->duty->board.targets[0].snapshot;

	if (snapshot_has(snapshot, SNAPSHOT_ROLE)
		&& (!snapshot_has(before, SNAPSHOT_ROLE)
			|| snapshot->role.in_recovery != before->role.in_recovery
			|| snapshot->identity.started_ms != before->identity.started_ms))
		workers_hurry_witnesses(agent->duty->workers, &agent->duty->plan);
}

static void
on_message(void *context, size_t index, const struct worker_message *message)
{
	struct agent *agent = context;

	if (index == 0) {
		look_at_switches(agent);
		follow_role(agent, &message->snapshot);
	}
	if (index >= PLAN_TARGETS)
		board_take_source(&agent->duty->board, index - PLAN_TARGETS, &message->snapshot,
			message->seen_ms, clock_now_ms(), on_change, agent);
	else
		board_take(&agent->duty->board, index, &message->snapshot, message->seen_ms, clock_now_ms(),
			on_change, agent);
	set_age_timer(agent);
	if (agent->duty->board.is_begun)
		serve_first(agent);
}

/* -- who is served ----------------------------------------------------------------------------- */

/* What those who answer read, after it was seen to what has grown too old meanwhile. */
static struct agent_facts
facts_of(struct agent *agent)
{
	struct duty *duty = agent->duty;

	board_age(&duty->board, clock_now_ms(), on_change, agent);
	return (struct agent_facts){.plan = &duty->plan,
		.board = &duty->board,
		.workers = duty->workers,
		.http = duty->serve == NULL ? NULL : serve_http(duty->serve),
		.name = duty->plan.agent.name[0] != '\0' ? duty->plan.agent.name : agent->host_name,
		.version = agent->version,
		.started_ms = agent->started_ms,
		.drain = drain,
		.context = agent};
}

static void
answer_http(void *context, const struct http_request *request, struct http_answer *answer)
{
	struct agent_facts facts = facts_of(context);

	web_answer(&facts, request, answer);
}

static uint64_t
generation(void *context)
{
	struct agent *agent = context;

	board_age(&agent->duty->board, clock_now_ms(), on_change, agent);
	return agent->duty->board.generation;
}

static void
answer_agent_check(void *context, const char *line, struct text *answer)
{
	struct agent_facts facts = facts_of(context);

	command_answer_haproxy(&facts, line, answer);
}

static void
answer_command(void *context, const char *line, struct text *answer)
{
	struct agent_facts facts = facts_of(context);

	command_answer(&facts, line, answer);
}

/* What the configuration asks for now, in the place of what there is, if anything. */
static struct duty *
open_duty(struct agent *agent, struct err *err)
{
	struct serve_answerer answerer = {.http = answer_http,
		.generation = generation,
		.agent_check = answer_agent_check,
		.command = answer_command,
		.context = agent};

	return duty_open(agent->base, agent->path, agent->table, agent->duty, &answerer, err);
}

/* -- timers and signals ------------------------------------------------------------------------ */

static void
on_retire(evutil_socket_t fd, short events, void *context)
{
	struct agent *agent = context;

	(void)fd;
	(void)events;
	serve_close(agent->retired);
	agent->retired = NULL;
}

/* Lets go of a duty whose place another one has taken. */
static void
retire(struct agent *agent, struct duty *former)
{
	int64_t grace_ms = former->plan.listen.request_timeout_ms;
	struct timeval grace = {.tv_sec = grace_ms / 1000 + 1, .tv_usec = grace_ms % 1000 * 1000};

	serve_close(agent->retired); /* of two reloads in a row */
	agent->retired = duty_retire(former, agent->duty);
	evtimer_add(agent->retire_timer, &grace);
}

static void
set_beat_timer(struct agent *agent)
{
	int64_t every_ms = agent->duty->plan.agent.max_age_ms / BEATS_PER_AGE;
	int64_t watchdog_ms = service_watchdog_ms() / 2;
	struct timeval every;

	if (every_ms > BEAT_MAX_MS)
		every_ms = BEAT_MAX_MS;
	if (watchdog_ms > 0 && watchdog_ms < every_ms)
		every_ms = watchdog_ms;
	every = (struct timeval){.tv_sec = every_ms / 1000, .tv_usec = every_ms % 1000 * 1000};
	evtimer_add(agent->beat_timer, &every);
}

static void
reap(struct agent *agent)
{
	struct duty *duty = agent->duty;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		bool is_writer = duty->track != NULL && track_reap(duty->track, pid);

		if (!is_writer && duty->workers != NULL)
			workers_reap(duty->workers, pid, status);
	}
}

/* What is left undone would be a lie: the service manager may try anew, from the start. */
static void
give_up(struct agent *agent, const struct err *err)
{
	log_write(LOG_LEVEL_ERROR, "%s", err->text);
	agent->exit_code = 1;
	event_base_loopbreak(agent->base);
}

/* Another duty takes the place of the one that is. */
static void
take_over(struct agent *agent, struct duty *duty)
{
	struct duty *former = agent->duty;
	struct err err;

	log_set_level((enum log_level)duty->plan.agent.log);
	agent->duty = duty;
	if (agent->is_ready)
		serve_accept(duty->serve);
	if (duty_start_workers(duty, agent->base, former, on_message, agent, &err) != 0)
		give_up(agent, &err);
	board_settle(&duty->board, clock_now_ms(), on_change, agent);
	look_at_switches(agent);
	/* The former writer ends first: two would write the same files. */
	retire(agent, former);
	if (duty_start_track(duty, &err) != 0)
		give_up(agent, &err);
	set_age_timer(agent);
	log_write(LOG_LEVEL_INFO, "the configuration \"%s\" is taken", agent->path);
}

static void
reload(struct agent *agent)
{
	struct duty *duty;
	struct err err;

	service_reloading();
	duty = open_duty(agent, &err);
	if (duty == NULL)
		log_write(LOG_LEVEL_ERROR, "the configuration is not taken, the former one stays: %s%s%s",
			err.text, err.hint[0] != '\0' ? "; " : "", err.hint);
	else
		take_over(agent, duty);
	if (agent->is_ready)
		service_ready("");
}

static void
on_signal(evutil_socket_t number, short events, void *context)
{
	struct agent *agent = context;

	(void)events;
	switch (number) {
	case SIGCHLD:
		reap(agent);
		break;
	case SIGHUP:
		reload(agent);
		break;
	case SIGUSR1:
		agent_log_state(&agent->duty->board, agent->duty->workers, serve_http(agent->duty->serve));
		break;
	default:
		log_write(LOG_LEVEL_INFO, "told to stop by %s", strsignal((int)number));
		event_base_loopbreak(agent->base);
		break;
	}
}

static void
on_beat(evutil_socket_t fd, short events, void *context)
{
	struct agent *agent = context;
	char storage[512];
	struct text status;

	(void)fd;
	(void)events;
	/* First: when this process stood still, what the files said then may be too old by now. */
	board_age(&agent->duty->board, clock_now_ms(), on_change, agent);
	if (agent->duty->board.is_begun)
		serve_first(agent); /* some have not answered in their time: say so */
	if (agent->duty->track != NULL)
		track_beat(agent->duty->track);
	if (service_watchdog_ms() > 0 && clock_now_ms() - agent->beaten_ms >= service_watchdog_ms() / 2) {
		agent->beaten_ms = clock_now_ms();
		text_init(&status, storage, sizeof storage);
		write_status(agent, &status);
		service_beat(status.bytes);
	}
	set_beat_timer(agent);
}

/* -- life -------------------------------------------------------------------------------------- */

static int
open_loop(struct agent *agent)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD};

	agent->base = event_base_new();
	if (agent->base == NULL)
		return -1;
	agent->age_timer = evtimer_new(agent->base, on_age, agent);
	agent->beat_timer = evtimer_new(agent->base, on_beat, agent);
	agent->retire_timer = evtimer_new(agent->base, on_retire, agent);
	if (agent->age_timer == NULL || agent->beat_timer == NULL || agent->retire_timer == NULL)
		return -1;
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		agent->signals[i] = evsignal_new(agent->base, numbers[i], on_signal, agent);
		if (agent->signals[i] == NULL || evsignal_add(agent->signals[i], NULL) != 0)
			return -1;
	}
	return 0;
}

static void
close_loop(struct agent *agent)
{
	for (size_t i = 0; i < sizeof agent->signals / sizeof agent->signals[0]; i++)
		if (agent->signals[i] != NULL)
			event_free(agent->signals[i]);
	if (agent->age_timer != NULL)
		event_free(agent->age_timer);
	if (agent->beat_timer != NULL)
		event_free(agent->beat_timer);
	if (agent->retire_timer != NULL)
		event_free(agent->retire_timer);
	if (agent->base != NULL)
		event_base_free(agent->base);
}

static int
start(struct agent *agent, struct err *err)
{
	agent->duty = open_duty(agent, err);
	if (agent->duty == NULL)
		return -1;
	log_set_level((enum log_level)agent->duty->plan.agent.log);
	if (duty_start_track(agent->duty, err) != 0)
		return -1;
	look_at_switches(agent);
	set_beat_timer(agent);
	return duty_start_workers(agent->duty, agent->base, NULL, on_message, agent, err);
}

/* Workers are gone within milliseconds of their SIGKILL; none is left behind as a zombie. */
static void
await_children(void)
{
	enum { PATIENCE_MS = 200, STEP_MS = 2 };
	int64_t until_ms = clock_now_ms() + PATIENCE_MS;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0 && clock_now_ms() < until_ms)
		if (pid == 0)
			poll(NULL, 0, STEP_MS);
}

int
agent_run(const char *path, const struct check *const *table, const char *version)
{
	struct agent agent = {.path = path, .table = table, .version = version, .started_ms = clock_now_ms()};
	struct err err = {.text = "out of memory"};
	int code = 1;

	/* What a plan has made is large and seldom let go of; left to itself, malloc would keep it in its
	 * heap. */
	mallopt(M_MMAP_THRESHOLD, 512 * 1024);
	if (gethostname(agent.host_name, sizeof agent.host_name - 1) != 0)
		snprintf(agent.host_name, sizeof agent.host_name, "unnamed");
	if (open_loop(&agent) == 0 && start(&agent, &err) == 0) {
		log_write(LOG_LEVEL_INFO, "pgha-agent %s serves with \"%s\"", version, path);
		event_base_dispatch(agent.base);
		service_stopping();
		code = agent.exit_code;
	} else {
		log_write(LOG_LEVEL_ERROR, "%s%s%s", err.text, err.hint[0] != '\0' ? "; " : "", err.hint);
	}
	serve_close(agent.retired);
	duty_close(agent.duty);
	await_children();
	close_loop(&agent);
	return code;
}
