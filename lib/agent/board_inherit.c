#include "lib/agent/board.h"

#include <string.h>

#include "lib/agent/board_view.h"

static bool
is_same_target(const struct plan_target *a, const struct plan_target *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->target.dbname, b->target.dbname) == 0;
}

/* What a check of the same name was, for one that may have other limits now. */
static void
inherit_check(struct board_check *check, const struct board_check *former, bool is_same_server)
{
	if (is_same_server)
		*check = *former;
	check->is_drained = former->is_drained;
}

/* What the source of a check was seen to be, if it is looked for in the same place. */
static void
inherit_source(struct board *board, const struct plan_check *to, const struct board *from,
	const struct plan_check *of)
{
	bool is_there = to->source_index >= 0 && of->source_index >= 0;
	/* What a witness said at its former URL counts until it is heard at the new one, or is too old. */
	bool is_same = is_there
		&& (plan_is_same_source(to->check, to->limits.bytes, of->limits.bytes)
			|| plan_is_witness(board->plan, (size_t)to->source_index));

	if (is_same)
		board->sources[to->source_index] = from->sources[of->source_index];
}

/* What a new check needs and nobody has asked for so far is not known, which is no fault of anybody. */
static void
fail_unasked(struct board *board)
{
	struct snapshot *snapshot = &board->targets[0].snapshot;
	struct err fault;

	err_set(&fault, ERR_TIMEOUT,
		"nothing is known yet: it is asked since the configuration was reloaded");
	for (size_t i = 0; i < board->plan->check_count; i++) {
		const struct plan_check *check = &board->plan->checks[i];

		for (size_t j = 0; check->source_index < 0 && check->check->facets[j] != NULL; j++) {
			enum snapshot_part part = check->check->facets[j]->part;

			if (check->check->facets[j]->is_due == NULL && !snapshot_has(snapshot, part)
				&& snapshot->faults[part].class == ERR_NONE)
				snapshot_fail(snapshot, part, &fault);
		}
	}
}

void
board_inherit(struct board *board, const struct board *from, int64_t now_ms)
{
	bool is_same_server = is_same_target(&board->plan->targets[0], &from->plan->targets[0]);

	for (size_t i = 0; i < board->plan->target_count; i++)
		for (size_t j = 0; j < from->plan->target_count; j++)
			if (is_same_target(&board->plan->targets[i], &from->plan->targets[j]))
				board->targets[i] = from->targets[j];
	for (size_t i = 0; i < board->plan->check_count; i++)
		for (size_t j = 0; j < from->plan->check_count; j++) {
			const struct plan_check *to = &board->plan->checks[i], *of = &from->plan->checks[j];

			if (strcmp(to->name, of->name) != 0 || to->check != of->check)
				continue;
			inherit_source(board, to, from, of);
			inherit_check(&board->checks[i], &from->checks[j], is_same_server);
		}
	if (is_same_server) {
		board->history = from->history;
		board->was_known = from->was_known;
		board->is_begun = from->is_begun;
		fail_unasked(board);
	}
	board->generation = from->generation;
	board->reloaded_ms = now_ms;
	board_view_compose(board, now_ms);
}
