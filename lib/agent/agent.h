/*
 * agent.h: the resident agent: its plan, its workers, what it knows and whom it serves.
 */
#ifndef PGHA_AGENT_AGENT_H
#define PGHA_AGENT_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/agent/board.h"
#include "lib/agent/plan.h"
#include "lib/model/check.h"

struct http;
struct workers;

/* What those who answer read. */
struct agent_facts {
	const struct plan *plan;
	struct board *board;
	const struct workers *workers; /* of the plan */
	const struct http *http;       /* NULL: none */
	const char *name;              /* of this node */
	const char *version;
	int64_t started_ms;
	/* The operator's switch: makes or removes the file of a check. -1 with class usage. */
	int (*drain)(void *context, size_t check_index, bool is_drained, struct err *err);
	void *context;
};

/*
 * Runs the agent until it is told to stop. `path` is its configuration, `table` (ends in NULL) the checks
 * that there are. Returns the exit code: 0 after a stop, 1 when it could not start, which standard error
 * tells.
 */
int agent_run(const char *path, const struct check *const *table, const char *version);

#endif
