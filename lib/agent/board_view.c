#include "lib/agent/board_view.h"

#include <stdio.h>

#include "lib/agent/board.h"
#include "lib/model/lsn.h"
#include "lib/model/witness.h"

static bool
is_fresh(const struct board *board, size_t index, int64_t now_ms)
{
	int64_t age_ms = board_age_ms(board, index, now_ms);

	return age_ms >= 0 && age_ms <= board->plan->agent.max_age_ms;
}

/* A look that was missed, or two, is no reason to know nothing any more. */
enum { SOURCE_LOOKS = 3 };

static int64_t
source_max_age_ms(const struct board *board, size_t index)
{
	const struct plan_source *source = &board->plan->checks[board->plan->sources[index]].source;

	return SOURCE_LOOKS * (source->interval_ms + source->timeout_ms);
}

bool
board_view_is_fresh_source(const struct board *board, size_t index, int64_t now_ms)
{
	const struct board_source *source = &board->sources[index];

	return source->is_seen && now_ms - source->seen_ms <= source_max_age_ms(board, index);
}

/* This node's snapshot when it cannot be believed: every part failed, for that reason. */
static void
forget(struct board *board, int64_t now_ms)
{
	struct snapshot *own = &board->view[0];
	int64_t age_ms = board_age_ms(board, 0, now_ms);
	struct err fault;

	snapshot_copy(own, &board->targets[0].snapshot);
	if (age_ms < 0 || !board->is_begun) {
		snapshot_init(own);
		err_set(&fault, ERR_TIMEOUT, "nothing is known yet: the agent has just started");
	} else {
		err_set(&fault, ERR_TIMEOUT,
			"what is known is too old: from %lld.%lld s ago, for more than %lld.%lld s",
			(long long)(age_ms / 1000), (long long)(age_ms % 1000 / 100),
			(long long)(board->plan->agent.max_age_ms / 1000),
			(long long)(board->plan->agent.max_age_ms % 1000 / 100));
		err_hint(&fault,
			"the worker that asks the server gets no answer through: see the agent's log");
	}
	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++)
		snapshot_fail(own, part, &fault);
}

/*
 * Adds a peer to the view. A newer timeline, once seen on a primary, does not go away when that one is cut
 * off or too busy to answer, which is when it matters: what was last seen of it then goes on to count.
 */
static void
add_peer(struct board *board, size_t index, bool is_usable)
{
	const struct board_target *peer = &board->targets[index];
	struct snapshot *to = &board->view[board->view_count];
	uint32_t own = snapshot_has(&board->view[0], SNAPSHOT_ROLE)
		? lsn_timeline(board->view[0].role.wal_file)
		: 0;
	bool is_newer = own != 0 && lsn_timeline(peer->primary.role.wal_file) > own;

	if (is_newer && !(is_usable && snapshot_has(&peer->snapshot, SNAPSHOT_ROLE))) {
		snapshot_copy(to, &peer->primary);
		snprintf(to->target, sizeof to->target, "%.100s (as last seen)", peer->primary.target);
	} else if (is_usable) {
		snapshot_copy(to, &peer->snapshot);
	} else {
		return;
	}
	board->view_count++;
}

/* The witness at `index` of a configured check; NULL behind the last. */
static const struct witness *
witness_of(const struct board *board, size_t check_index, size_t index)
{
	const struct witness *const *witnesses = board->plan->checks[check_index].check->witnesses;

	return witnesses == NULL ? NULL : witnesses[index];
}

/*
 * Puts the word of a witness beside what the server says. It must not be older than that may be: a lock that
 * was held a while ago is none.
 */
static void
add_witness(struct board *board, const struct witness *witness, int64_t now_ms)
{
	int index = plan_find_witness(board->plan, witness);
	const struct board_source *source = index < 0 ? NULL : &board->sources[index];
	int64_t until_ms, age_ms;
	struct err fault;

	if (source == NULL)
		return;
	until_ms = source->seen_ms + board->plan->agent.max_age_ms + 1;
	age_ms = now_ms - source->seen_ms;
	if (!source->is_seen && board->reloaded_ms != 0
		&& now_ms - board->reloaded_ms < board->plan->agent.max_age_ms) {
		/* It was named by a reload, which alone must not take a leader out: it has its time to
		 * answer. */
		if (board->reloaded_ms + board->plan->agent.max_age_ms < board->view_until_ms)
			board->view_until_ms = board->reloaded_ms + board->plan->agent.max_age_ms;
	} else if (!source->is_seen) {
		err_set(&fault, ERR_TIMEOUT, "%s has not answered yet", witness->name);
		snapshot_fail(&board->view[0], witness->part, &fault);
	} else if (now_ms >= until_ms) {
		err_set(&fault, ERR_TIMEOUT, "%s has not answered for %lld.%lld s", witness->name,
			(long long)(age_ms / 1000), (long long)(age_ms % 1000 / 100));
		snapshot_fail(&board->view[0], witness->part, &fault);
	} else {
		snapshot_take_part(&board->view[0], &source->snapshot, witness->part);
		if (until_ms < board->view_until_ms)
			board->view_until_ms = until_ms;
	}
}

static void
add_witnesses(struct board *board, int64_t now_ms)
{
	for (size_t i = 0; i < board->plan->check_count; i++)
		for (size_t j = 0; witness_of(board, i, j) != NULL; j++)
			if (!snapshot_has(&board->view[0], witness_of(board, i, j)->part))
				add_witness(board, witness_of(board, i, j), now_ms);
}

/* Whether every witness was heard of once. */
static bool
has_heard_witnesses(const struct board *board)
{
	for (size_t i = 0; i < board->plan->check_count; i++)
		for (size_t j = 0; witness_of(board, i, j) != NULL; j++) {
			int index = plan_find_witness(board->plan, witness_of(board, i, j));

			if (index >= 0 && !board->sources[index].is_seen)
				return false;
		}
	return true;
}

/* Whether all were heard of once. One that does not answer says so within its timeout. */
static bool
has_begun(const struct board *board, int64_t now_ms)
{
	size_t seen = 0;

	for (size_t i = 0; i < board->plan->target_count; i++)
		seen += board->targets[i].is_seen;
	return (seen == board->plan->target_count && has_heard_witnesses(board))
		|| now_ms - board->started_ms >= board->plan->agent.max_age_ms;
}

void
board_view_compose(struct board *board, int64_t now_ms)
{
	board->generation++;
	board->is_untold = true;
	board->is_begun = board->is_begun || has_begun(board, now_ms);
	board->is_known = board->is_begun && is_fresh(board, 0, now_ms);
	board->view_count = 1;
	board->view_until_ms = board->is_begun ? INT64_MAX
					       : board->started_ms + board->plan->agent.max_age_ms;
	if (board->is_known)
		snapshot_copy(&board->view[0], &board->targets[0].snapshot);
	else
		forget(board, now_ms);
	for (size_t i = 0; i < board->plan->target_count; i++) {
		int64_t until_ms = board->targets[i].seen_ms + board->plan->agent.max_age_ms + 1;
		bool is_usable = is_fresh(board, i, now_ms);

		if (is_usable && until_ms < board->view_until_ms)
			board->view_until_ms = until_ms;
		if (i > 0)
			add_peer(board, i, is_usable);
	}
	if (board->is_known)
		add_witnesses(board, now_ms);
	for (size_t i = 0; i < board->plan->source_count; i++) {
		int64_t until_ms = board->sources[i].seen_ms + source_max_age_ms(board, i) + 1;

		if (board_view_is_fresh_source(board, i, now_ms) && until_ms < board->view_until_ms)
			board->view_until_ms = until_ms;
	}
}
