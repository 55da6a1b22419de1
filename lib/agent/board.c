#include "lib/agent/board.h"

#include <string.h>

#include "lib/agent/board_answer.h"
#include "lib/agent/board_view.h"
#include "lib/base/text.h"

int64_t
board_age_ms(const struct board *board, size_t index, int64_t now_ms)
{
	const struct board_target *target = &board->targets[index];

	if (!target->is_seen)
		return -1;
	return now_ms > target->seen_ms ? now_ms - target->seen_ms : 0;
}

/* -- changes ----------------------------------------------------------------------------------- */

static void
tell(struct board *board, size_t index, bool is_yes_now, const struct verdict *verdict, int64_t now_ms,
	board_listener *listener, void *context)
{
	struct board_check *check = &board->checks[index];
	struct board_change change = {.check_index = index,
		.was_yes = check->is_yes,
		.is_yes = is_yes_now,
		.was_state = check->state,
		.state = verdict->state,
		.lasted_ms = check->is_told ? now_ms - check->since_ms : -1,
		.summary = verdict->summary,
		.former_summary = check->summary};
	bool is_changed = !check->is_told || check->is_yes != is_yes_now || check->state != verdict->state;

	if (is_changed && listener != NULL)
		listener(context, &change);
	if (is_changed)
		check->since_ms = now_ms;
	check->is_told = true;
	check->is_yes = is_yes_now;
	check->state = verdict->state;
	text_clean(check->summary, sizeof check->summary, verdict->summary);
}

/*
 * Has the damping of a check take in what is known now, if that is new, or if it is a no that is certain: a
 * peer may have told it, and may be silent again at the next look.
 */
static void
step(struct board *board, size_t index, bool is_new, int64_t now_ms)
{
	struct damping_state *damping = &board->checks[index].damping;
	struct question question;
	struct damping_probe probe;

	question_of_check(board->plan, index, &question);
	probe = board_answer_probe(board, &question, now_ms);
	if (is_new || !damping->has_begun || (damping->is_yes && !probe.is_yes && probe.is_firm))
		damping_step(damping, &board->plan->checks[index].answer.damping, &probe, now_ms);
}

/* What was just seen: nothing, this node, or the source of that index. */
enum { NEWS_NONE = -2, NEWS_NODE = -1 };

/*
 * Whether this node's snapshot tells a check anything that it has not answered yet: a part that is asked
 * seldom is there again and again.
 */
static bool
is_news(const struct board *board, size_t index)
{
	const struct facet *const *facets = board->plan->checks[index].check->facets;
	bool has_period = false;

	for (; *facets != NULL; facets++) {
		bool is_own = (*facets)->period_ms > 0 && (*facets)->part != SNAPSHOT_IDENTITY;

		if (is_own && (board->view[0].recalled & 1U << (*facets)->part) == 0)
			return true;
		has_period = has_period || is_own;
	}
	return !has_period;
}

/*
 * Answers every configured check anew, after its damping's step if there was something new to see: a new
 * snapshot of this node or of its source, or none for too long.
 */
static void
answer_all(struct board *board, int news, int64_t now_ms, board_listener *listener, void *context)
{
	bool is_step = news == NEWS_NODE || (board->was_known && !board->is_known);

	board->was_known = board->is_known;
	board->is_untold = false;
	for (size_t i = 0; i < board->plan->check_count; i++) {
		int source = board->plan->checks[i].source_index;
		struct question question;
		struct verdict verdict;

		step(board, i, source < 0 ? is_step && is_news(board, i) : news == source, now_ms);
		question_of_check(board->plan, i, &question);
		tell(board, i, board_answer_as_known(board, &question, now_ms, &verdict), &verdict, now_ms,
			listener, context);
	}
}

/* Since when the replayed position has stood still. */
static void
follow_progress(struct board_target *target)
{
	const struct snapshot *snapshot = &target->snapshot;
	uint64_t replay_lsn = snapshot->standby.replay_lsn;

	/* Where nothing can be compared, there is nothing to hold against it. */
	if (!snapshot_has(snapshot, SNAPSHOT_STANDBY) || !snapshot->role.in_recovery
		|| replay_lsn != target->replay_lsn)
		target->progress_ms = target->seen_ms;
	if (snapshot_has(snapshot, SNAPSHOT_STANDBY))
		target->replay_lsn = replay_lsn;
}

void
board_take(struct board *board, size_t index, const struct snapshot *snapshot, int64_t seen_ms,
	int64_t now_ms, board_listener *listener, void *context)
{
	struct board_target *target = &board->targets[index];

	target->is_seen = true;
	target->seen_ms = seen_ms;
	snapshot_copy(&target->snapshot, snapshot);
	follow_progress(target);
	growth_follow(&target->growth, &target->snapshot, now_ms);
	if (snapshot_has(snapshot, SNAPSHOT_ROLE) && !snapshot->role.in_recovery)
		snapshot_copy(&target->primary, snapshot);
	else if (snapshot_has(snapshot, SNAPSHOT_ROLE))
		snapshot_init(&target->primary); /* it was made to follow another one */
	board_view_compose(board, now_ms);
	if (index == 0)
		history_see(&board->history, now_ms, &board->view[0], board->is_known);
	if (board->is_begun)
		answer_all(board, index == 0 ? NEWS_NODE : NEWS_NONE, now_ms, listener, context);
}

void
board_take_source(struct board *board, size_t index, const struct snapshot *snapshot, int64_t seen_ms,
	int64_t now_ms, board_listener *listener, void *context)
{
	struct board_source *source = &board->sources[index];

	source->is_seen = true;
	source->seen_ms = seen_ms;
	snapshot_copy(&source->snapshot, snapshot);
	board_view_compose(board, now_ms);
	if (board->is_begun)
		answer_all(board, (int)index, now_ms, listener, context);
}

void
board_drain(struct board *board, size_t check_index, bool is_drained, int64_t now_ms,
	board_listener *listener, void *context)
{
	if (board->checks[check_index].is_drained == is_drained)
		return;
	board->checks[check_index].is_drained = is_drained;
	board_view_compose(board, now_ms);
	if (board->is_begun)
		answer_all(board, NEWS_NONE, now_ms, listener, context);
}

void
board_age(struct board *board, int64_t now_ms, board_listener *listener, void *context)
{
	if (now_ms >= board->view_until_ms)
		board_view_compose(board, now_ms);
	if (board->is_untold && board->is_begun)
		answer_all(board, NEWS_NONE, now_ms, listener, context);
}

/* -- life -------------------------------------------------------------------------------------- */

void
board_init(struct board *board, const struct plan *plan, int64_t now_ms)
{
	memset(board, 0, sizeof *board);
	board->plan = plan;
	board->started_ms = now_ms;
	for (size_t i = 0; i < PLAN_TARGETS; i++) {
		snapshot_init(&board->targets[i].snapshot);
		snapshot_init(&board->targets[i].primary);
		growth_init(&board->targets[i].growth);
		board->targets[i].progress_ms = now_ms;
	}
	board_view_compose(board, now_ms);
}

void
board_settle(struct board *board, int64_t now_ms, board_listener *listener, void *context)
{
	if (!board->is_begun)
		return;
	for (size_t i = 0; i < board->plan->check_count; i++)
		if (!board->checks[i].damping.has_begun)
			step(board, i, true, now_ms);
	answer_all(board, NEWS_NONE, now_ms, listener, context);
}
