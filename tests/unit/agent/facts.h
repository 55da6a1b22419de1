/* facts.h: what those who answer read, without an agent: a board, and workers of targets that refuse. */
#ifndef PGHA_TESTS_UNIT_AGENT_FACTS_H
#define PGHA_TESTS_UNIT_AGENT_FACTS_H

#include <event2/event.h>
#include <signal.h>
#include <sys/wait.h>

#include "lib/agent/agent.h"
#include "lib/agent/workers.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "tests/unit/agent/sample.h"

static struct {
	struct plan plan;
	struct board board;
	struct event_base *base;
	struct workers *workers;
	struct agent_facts facts;
	bool is_refusing_to_drain;
} world;

static inline void
world_hear_nothing(void *context, size_t index, const struct worker_message *message)
{
	(void)context;
	(void)index;
	(void)message;
}

/* The switch, without its file. */
static inline int
world_drain(void *context, size_t check_index, bool is_drained, struct err *err)
{
	(void)context;
	if (world.is_refusing_to_drain)
		return err_set(err, ERR_USAGE, "cannot make \"/x/%zu.drain\": disk full", check_index);
	board_drain(&world.board, check_index, is_drained, clock_now_ms(), NULL, NULL);
	return 0;
}

/* Nobody has been seen yet. The loop is never run, so that nobody will be but by world_see(). */
static inline void
world_open(const char *text)
{
	memset(&world, 0, sizeof world);
	sample_plan(text, &world.plan);
	board_init(&world.board, &world.plan, clock_now_ms());
	world.base = event_base_new();
	for (size_t i = 0; i < world.plan.target_count; i++)
		snprintf(world.plan.targets[i].target.dbname, sizeof world.plan.targets[i].target.dbname,
			"host=127.0.0.1 port=1");
	world.workers = workers_start(world.base, &world.plan, NULL, world_hear_nothing, NULL);
	if (world.workers == NULL)
		fail_msg("no workers");
	world.facts = (struct agent_facts){.plan = &world.plan,
		.board = &world.board,
		.workers = world.workers,
		.name = "n1",
		.version = "1.2.3",
		.started_ms = clock_now_ms() - 90000,
		.drain = world_drain};
}

static inline void
world_see(size_t index, struct snapshot snapshot)
{
	int64_t now_ms = clock_now_ms();

	board_take(&world.board, index, &snapshot, now_ms, now_ms, NULL, NULL);
}

static inline int
world_close(void **state)
{
	(void)state;
	workers_close(world.workers);
	while (waitpid(-1, NULL, 0) > 0)
		;
	event_base_free(world.base);
	return 0;
}

#endif
