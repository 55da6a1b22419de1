#include "lib/agent/workers.h"

#include <stdlib.h>

#include "lib/collect/facets.h"

enum { WATCHES = PLAN_TARGETS + PLAN_SOURCES };

/* The longest pause between two attempts to reach a server that is away. */
enum { PAUSE_MAX_MS = 1000 };

struct workers {
	struct watch *watches[WATCHES]; /* NULL where the plan has none */
};

/* -- what is asked ----------------------------------------------------------------------------- */

/* A list of facets, each once, that ends in NULL. */
struct facet_list {
	const struct facet *facets[SNAPSHOT_PART_COUNT + 1];
};

static void
add_facet(struct facet_list *list, const struct facet *facet)
{
	size_t i = 0;

	while (list->facets[i] != NULL && list->facets[i] != facet)
		i++;
	if (i < SNAPSHOT_PART_COUNT)
		list->facets[i] = facet;
}

/*
 * What the agent itself shows, and what the configured checks need: of this node, and of a peer if they look
 * at others too. What nobody asks for is not asked.
 */
static struct facet_list
facets_of(const struct plan *plan, bool is_peer)
{
	struct facet_list list = {.facets = {NULL}};

	add_facet(&list, &facet_role);
	add_facet(&list, &facet_standby);
	add_facet(&list, &facet_identity);
	for (size_t i = 0; i < plan->check_count; i++) {
		const struct check *check = plan->checks[i].check;

		if (plan->checks[i].source_index >= 0 || (is_peer && check->second == CHECK_NO_SECOND))
			continue;
		for (const struct facet *const *facet = check->facets; *facet != NULL; facet++)
			add_facet(&list, *facet);
	}
	add_facet(&list, &facet_senders); /* where a check needs them earlier, they are there */
	return list;
}

static struct worker_task
task_of_target(const struct plan *plan, size_t index)
{
	int64_t room_ms = plan->agent.max_age_ms - plan->agent.timeout_ms;
	struct facet_list list = facets_of(plan, index > 0);
	struct worker_task task = {.name = plan->targets[index].name,
		.target = &plan->targets[index].target,
		.timeout_ms = plan->agent.timeout_ms,
		.interval_ms = plan->agent.interval_ms,
		/* What is known of a server that is away must not grow too old between two attempts. */
		.pause_max_ms = room_ms < PAUSE_MAX_MS ? room_ms : PAUSE_MAX_MS};

	for (size_t i = 0; list.facets[i] != NULL; i++)
		task.facets[i] = list.facets[i];
	return task;
}

static struct worker_task
task_of_source(const struct plan *plan, size_t index)
{
	const struct plan_check *check = &plan->checks[plan->sources[index]];

	return (struct worker_task){.name = check->name,
		.check = check->check,
		.limits = check->limits.bytes,
		.timeout_ms = check->source.timeout_ms,
		.interval_ms = check->source.interval_ms,
		.pause_max_ms = check->source.interval_ms};
}

/* -- life -------------------------------------------------------------------------------------- */

/* A worker that would do just the same goes on. */
static struct watch *
take_watch(struct workers *former, const struct worker_task *task, size_t index)
{
	for (size_t i = 0; former != NULL && i < WATCHES; i++)
		if (former->watches[i] != NULL && watch_suits(former->watches[i], task)) {
			struct watch *watch = former->watches[i];

			former->watches[i] = NULL;
			watch_move(watch, index);
			return watch;
		}
	return NULL;
}

struct workers *
workers_start(struct event_base *base, const struct plan *plan, struct workers *former,
	watch_listener *listener, void *context)
{
	struct workers *workers = calloc(1, sizeof *workers);

	for (size_t i = 0; workers != NULL && i < WATCHES; i++) {
		bool is_source = i >= PLAN_TARGETS;
		struct worker_task task;

		if (is_source ? i - PLAN_TARGETS >= plan->source_count : i >= plan->target_count)
			continue;
		task = is_source ? task_of_source(plan, i - PLAN_TARGETS) : task_of_target(plan, i);
		workers->watches[i] = take_watch(former, &task, i);
		if (workers->watches[i] == NULL)
			workers->watches[i] = watch_open(base, &task, i, listener, context);
		if (workers->watches[i] == NULL) {
			workers_close(workers);
			workers = NULL;
		}
	}
	return workers;
}

const struct watch *
workers_at(const struct workers *workers, size_t index)
{
	return workers->watches[index];
}

void
workers_hurry_witnesses(const struct workers *workers, const struct plan *plan)
{
	for (size_t i = 0; i < plan->source_count; i++) {
		const struct watch *watch = workers->watches[PLAN_TARGETS + i];

		if (watch != NULL && plan_is_witness(plan, i))
			watch_hurry(watch);
	}
}

bool
workers_reap(struct workers *workers, pid_t pid, int status)
{
	bool is_known = false;

	for (size_t i = 0; i < WATCHES && !is_known; i++)
		is_known = watch_reap(workers->watches[i], pid, status);
	return is_known;
}

void
workers_close(struct workers *workers)
{
	for (size_t i = 0; workers != NULL && i < WATCHES; i++)
		watch_close(workers->watches[i]);
	free(workers);
}
