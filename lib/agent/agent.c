#include "lib/agent/agent.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/agent/command.h"
#include "lib/agent/http.h"
#include "lib/agent/serve.h"
#include "lib/agent/service.h"
#include "lib/agent/track.h"
#include "lib/agent/web.h"
#include "lib/agent/workers.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/collect/pg.h"

enum { BEAT_MAX_MS = 500, BEATS_PER_AGE = 4 };

/* All that follows from one plan. A reload makes another one and lets go of this. */
struct run {
	struct plan plan;
	struct board board;
	struct serve *serve;
	struct workers *workers;
	struct track *track;
};

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
	struct run *run;
	struct serve *retired; /* of the plan before: its clients are still answered, for a while */
};

/* -- what changes ------------------------------------------------------------------------------ */

static void
log_change(const struct agent *agent, const struct board_change *change)
{
	const char *name = agent->run->plan.checks[change->check_index].name;
	const char *answer = change->is_yes ? "yes" : "no";

	if (change->lasted_ms < 0)
		log_write(LOG_LEVEL_INFO, "%s: %s, %s: %s", name, answer, state_name(change->state),
			change->summary);
	else
		log_write(change->was_yes && !change->is_yes ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
			"%s: %s -> %s, %s: %s (before, for %lld.%lld s: %s: %s)", name,
			change->was_yes ? "yes" : "no", answer, state_name(change->state), change->summary,
			(long long)(change->lasted_ms / 1000), (long long)(change->lasted_ms % 1000 / 100),
			state_name(change->was_state), change->former_summary);
}

static void
on_change(void *context, const struct board_change *change)
{
	struct agent *agent = context;
	const struct plan *plan = &agent->run->plan;

	log_change(agent, change);
	for (size_t i = 0; i < plan->track_count; i++)
		if (plan->tracks[i].check_index == change->check_index)
			track_set(agent->run->track, i, change->is_yes);
}

static void
set_age_timer(struct agent *agent)
{
	int64_t left_ms = agent->run->board.view_until_ms - clock_now_ms();
	struct timeval left = {.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000};

	if (agent->run->board.view_until_ms == INT64_MAX)
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
	board_age(&agent->run->board, clock_now_ms(), on_change, agent);
	set_age_timer(agent);
}

/* -- the operator's switch --------------------------------------------------------------------- */

static void
look_at_switches(struct agent *agent)
{
	struct run *run = agent->run;

	for (size_t i = 0; i < run->plan.check_count; i++) {
		char path[PLAN_PATH_SIZE];
		bool is_there = access(plan_maintenance_path(&run->plan, &run->plan.checks[i], path), F_OK)
			== 0;

		/* What cannot be looked at stays as it was: a drain must not end by an error. */
		if (!is_there && errno != ENOENT && errno != ENOTDIR)
			continue;
		board_drain(&run->board, i, is_there, clock_now_ms(), on_change, agent);
	}
}

static int
drain(void *context, size_t check_index, bool is_drained, struct err *err)
{
	struct agent *agent = context;
	const struct plan *plan = &agent->run->plan;
	char path[PLAN_PATH_SIZE];
	int fd = 0;

	plan_maintenance_path(plan, &plan->checks[check_index], path);
	if (is_drained)
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	else if (unlink(path) != 0 && errno != ENOENT)
		fd = -1;
	if (fd < 0)
		return err_set(err, ERR_USAGE, "cannot %s \"%s\": %s", is_drained ? "make" : "remove", path,
			strerror(errno));
	if (is_drained)
		close(fd);
	look_at_switches(agent);
	return 0;
}

/* -- what workers report ----------------------------------------------------------------------- */

static void
write_status(const struct agent *agent, struct text *text)
{
	for (size_t i = 0; i < agent->run->plan.check_count; i++)
		text_add(text, "%s%s: %s", i > 0 ? ", " : "", agent->run->plan.checks[i].name,
			agent->run->board.checks[i].is_yes ? "yes" : "no");
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
	serve_accept(agent->run->serve);
	text_init(&status, storage, sizeof storage);
	write_status(agent, &status);
	service_ready(status.bytes);
}

/* What a manager said before the server's role changed, or it was restarted, does not fit it: it is asked
 * again. */
static void
follow_role(struct agent *agent, const struct snapshot *snapshot)
{
	const struct snapshot *before = &agent->run->board.targets[0].snapshot;

	if (snapshot_has(snapshot, SNAPSHOT_ROLE)
		&& (!snapshot_has(before, SNAPSHOT_ROLE)
			|| snapshot->role.in_recovery != before->role.in_recovery
			|| snapshot->identity.started_ms != before->identity.started_ms))
		workers_hurry_witnesses(agent->run->workers, &agent->run->plan);
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
		board_take_source(&agent->run->board, index - PLAN_TARGETS, &message->snapshot,
			message->seen_ms, clock_now_ms(), on_change, agent);
	else
		board_take(&agent->run->board, index, &message->snapshot, message->seen_ms, clock_now_ms(),
			on_change, agent);
	set_age_timer(agent);
	if (agent->run->board.is_begun)
		serve_first(agent);
}

/* -- who is served ----------------------------------------------------------------------------- */

/* What those who answer read, after it was seen to what has grown too old meanwhile. */
static struct agent_facts
facts_of(struct agent *agent)
{
	struct run *run = agent->run;

	board_age(&run->board, clock_now_ms(), on_change, agent);
	return (struct agent_facts){.plan = &run->plan,
		.board = &run->board,
		.workers = run->workers,
		.http = run->serve == NULL ? NULL : serve_http(run->serve),
		.name = run->plan.agent.name[0] != '\0' ? run->plan.agent.name : agent->host_name,
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

	board_age(&agent->run->board, clock_now_ms(), on_change, agent);
	return agent->run->board.generation;
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

/* -- making a run ------------------------------------------------------------------------------ */

static int
verify_targets(const struct plan *plan, const char *path, struct err *err)
{
	for (size_t i = 0; i < plan->target_count; i++)
		if (pg_verify(&plan->targets[i].target, err) != 0)
			return err_context(
				err, "%s: [%s%s]", path, i > 0 ? "peer " : "", plan->targets[i].name);
	return 0;
}

/* What says where a source is, and would be found wrong only when it is looked at. */
static int
verify_setting(const struct plan_check *check, const struct setting *row, struct err *err)
{
	static const char files[] = "-file";
	const char *value = check->limits.bytes + row->offset;
	size_t length = strlen(row->name);

	if (row->type != SETTING_TEXT || !row->is_source || value[0] == '\0')
		return 0;
	if (row->is_secret) {
		struct target target = {.application = "pgha-agent"};

		snprintf(target.dbname, sizeof target.dbname, "%s", value);
		return pg_verify(&target, err);
	}
	if (length > sizeof files && strcmp(row->name + length - (sizeof files - 1), files) == 0
		&& access(value, R_OK) != 0)
		return err_set(err, ERR_USAGE, "cannot read \"%s\": %s", value, strerror(errno));
	return 0;
}

static int
verify_sources(const struct plan *plan, const char *path, struct err *err)
{
	for (size_t i = 0; i < plan->source_count; i++) {
		const struct plan_check *check = &plan->checks[plan->sources[i]];

		for (size_t j = 0; j < check->check->setting_count; j++)
			if (verify_setting(check, &check->check->settings[j], err) != 0)
				return err_context(err, "%s: [check %s]: %s", path, check->name,
					check->check->settings[j].name);
	}
	return 0;
}

int
agent_read_plan(const char *path, const struct check *const *table, struct plan *ret, struct err *err)
{
	return plan_read(path, table, ret, err) != 0 || verify_targets(ret, path, err) != 0
			|| verify_sources(ret, path, err) != 0
		? -1
		: 0;
}

static void
close_run(struct run *run)
{
	if (run == NULL)
		return;
	serve_close(run->serve);
	workers_close(run->workers);
	track_close(run->track);
	free(run);
}

static void
on_retire(evutil_socket_t fd, short events, void *context)
{
	struct agent *agent = context;

	(void)fd;
	(void)events;
	serve_close(agent->retired);
	agent->retired = NULL;
}

/* Lets go of a run whose place another one has taken. */
static void
retire_run(struct agent *agent, struct run *run)
{
	int64_t grace_ms = run->plan.listen.request_timeout_ms;
	struct timeval grace = {.tv_sec = grace_ms / 1000 + 1, .tv_usec = grace_ms % 1000 * 1000};

	serve_close(agent->retired); /* of two reloads in a row */
	agent->retired = run->serve;
	serve_retire(run->serve, agent->run->serve);
	evtimer_add(agent->retire_timer, &grace);
	workers_close(run->workers);
	if (run->track != NULL)
		track_hand_over(run->track, &agent->run->plan);
	free(run);
}

/* Reads the plan and takes what may be refused: its sockets, its certificate. */
static struct run *
open_run(struct agent *agent, const struct run *former, struct err *err)
{
	struct serve_answerer answerer = {.http = answer_http,
		.generation = generation,
		.agent_check = answer_agent_check,
		.command = answer_command,
		.context = agent};
	struct run *run = calloc(1, sizeof *run);

	if (run == NULL) {
		err_set(err, ERR_USAGE, "out of memory");
		return NULL;
	}
	if (agent_read_plan(agent->path, agent->table, &run->plan, err) == 0
		&& serve_open(agent->base, &run->plan, former == NULL ? NULL : former->serve, &answerer,
			   &run->serve, err)
			== 0) {
		board_init(&run->board, &run->plan, clock_now_ms());
		if (former != NULL)
			board_inherit(&run->board, &former->board, clock_now_ms());
		return run;
	}
	free(run);
	return NULL;
}

static int
start_workers(struct agent *agent, struct run *run, struct run *former, struct err *err)
{
	run->workers = workers_start(
		agent->base, &run->plan, former == NULL ? NULL : former->workers, on_message, agent);
	return run->workers == NULL ? err_set(err, ERR_USAGE, "out of memory") : 0;
}

static int
start_track(struct run *run, struct err *err)
{
	bool answers[PLAN_TRACKS];

	if (run->plan.track_count == 0)
		return 0;
	for (size_t i = 0; i < run->plan.track_count; i++)
		answers[i] = run->board.checks[run->plan.tracks[i].check_index].is_yes;
	run->track = track_open(&run->plan, answers, run->plan.agent.max_age_ms, err);
	return run->track == NULL ? -1 : 0;
}

static void
set_beat_timer(struct agent *agent)
{
	int64_t every_ms = agent->run->plan.agent.max_age_ms / BEATS_PER_AGE;
	int64_t watchdog_ms = service_watchdog_ms() / 2;
	struct timeval every;

	if (every_ms > BEAT_MAX_MS)
		every_ms = BEAT_MAX_MS;
	if (watchdog_ms > 0 && watchdog_ms < every_ms)
		every_ms = watchdog_ms;
	every = (struct timeval){.tv_sec = every_ms / 1000, .tv_usec = every_ms % 1000 * 1000};
	evtimer_add(agent->beat_timer, &every);
}

/* -- signals ----------------------------------------------------------------------------------- */

static void
reap(struct agent *agent)
{
	struct run *run = agent->run;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		bool is_writer = run->track != NULL && track_reap(run->track, pid);

		if (!is_writer && run->workers != NULL)
			workers_reap(run->workers, pid, status);
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

static void
reload(struct agent *agent)
{
	struct run *former = agent->run, *run;
	struct err err;

	service_reloading();
	run = open_run(agent, former, &err);
	if (run == NULL) {
		log_write(LOG_LEVEL_ERROR, "the configuration is not taken, the former one stays: %s%s%s",
			err.text, err.hint[0] != '\0' ? "; " : "", err.hint);
	} else {
		log_set_level((enum log_level)run->plan.agent.log);
		agent->run = run;
		if (agent->is_ready)
			serve_accept(run->serve);
		if (start_workers(agent, run, former, &err) != 0)
			give_up(agent, &err);
		board_settle(&run->board, clock_now_ms(), on_change, agent);
		look_at_switches(agent);
		/* The former writer ends first: two would write the same files. */
		retire_run(agent, former);
		if (start_track(run, &err) != 0)
			give_up(agent, &err);
		set_age_timer(agent);
		log_write(LOG_LEVEL_INFO, "the configuration \"%s\" is taken", agent->path);
	}
	if (agent->is_ready)
		service_ready("");
}

/* The state, for the log. */
static void
dump(const struct agent *agent)
{
	const struct run *run = agent->run;
	int64_t now_ms = clock_now_ms();

	for (size_t i = 0; i < run->plan.target_count; i++)
		log_write(LOG_LEVEL_ERROR,
			"state: %s at \"%s\": seen %lld ms ago, in %lld us, worker %ld, %lld looks, %lld "
			"restarts",
			run->plan.targets[i].name, run->board.targets[i].snapshot.target,
			(long long)board_age_ms(&run->board, i, now_ms),
			(long long)run->board.targets[i].snapshot.elapsed_us,
			(long)watch_pid(workers_at(run->workers, i)),
			(long long)watch_count(workers_at(run->workers, i)).probes,
			(long long)watch_count(workers_at(run->workers, i)).restarts);
	for (size_t i = 0; i < run->plan.check_count; i++)
		log_write(LOG_LEVEL_ERROR, "state: check %s: %s, %s for %lld ms: %s",
			run->plan.checks[i].name, run->board.checks[i].is_yes ? "yes" : "no",
			state_name(run->board.checks[i].state),
			(long long)(now_ms - run->board.checks[i].since_ms), run->board.checks[i].summary);
	log_write(LOG_LEVEL_ERROR, "state: %lld HTTP clients",
		(long long)http_connection_count(serve_http(run->serve)));
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
		dump(agent);
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
	board_age(&agent->run->board, clock_now_ms(), on_change, agent);
	if (agent->run->board.is_begun)
		serve_first(agent); /* some have not answered in their time: say so */
	if (agent->run->track != NULL)
		track_beat(agent->run->track);
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
	agent->run = open_run(agent, NULL, err);
	if (agent->run == NULL)
		return -1;
	log_set_level((enum log_level)agent->run->plan.agent.log);
	if (start_track(agent->run, err) != 0)
		return -1;
	look_at_switches(agent);
	set_beat_timer(agent);
	return start_workers(agent, agent->run, NULL, err);
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
	close_run(agent.run);
	await_children();
	close_loop(&agent);
	return code;
}
