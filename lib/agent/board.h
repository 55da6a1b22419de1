/*
 * board.h: what is known now, and what follows from it. Pure: it is told what was seen and when, and
 * answers questions from that. No socket, no clock, no file.
 */
#ifndef PGHA_AGENT_BOARD_H
#define PGHA_AGENT_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/agent/history.h"
#include "lib/agent/plan.h"
#include "lib/agent/question.h"
#include "lib/evaluate/damping.h"
#include "lib/evaluate/growth.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/* What was last seen of one target. */
struct board_target {
	bool is_seen;
	int64_t seen_ms; /* clock_now_ms() */
	struct snapshot snapshot;
	uint64_t replay_lsn; /* the newest one that was seen, and when it had last moved */
	int64_t progress_ms;
	struct snapshot primary; /* when it was last seen to be a primary */
	struct growth growth;    /* what its counters were */
};

/* What was last seen of the source of one check. */
struct board_source {
	bool is_seen;
	int64_t seen_ms;
	struct snapshot snapshot;
};

/* How one configured check stands. */
struct board_check {
	struct damping_state damping;
	bool is_drained; /* by the operator */
	bool is_told;    /* the rest was set once */
	bool is_yes;
	enum state state;
	int64_t since_ms; /* when the answer or the state became what it is */
	char summary[128];
};

struct board {
	const struct plan *plan;
	int64_t started_ms;
	int64_t reloaded_ms; /* when it took over what another board knew; 0: it did not */
	bool is_begun; /* every target was heard of once, or has had its time: before, nothing is said */
	struct board_target targets[PLAN_TARGETS];
	struct board_source sources[PLAN_SOURCES];
	struct board_check checks[PLAN_CHECKS];
	struct history history; /* of this node's lag */
	/* This node's snapshot and those of the peers that are fresh enough, as checks read them. */
	struct snapshot view[PLAN_TARGETS];
	size_t view_count;
	int64_t view_until_ms; /* when the first of them grows too old */
	bool is_known;         /* this node's snapshot is fresh enough */
	bool is_untold;        /* the view is another one than what the listener last heard of */
	bool was_known;        /* is_known when it did */
	uint64_t generation;   /* grows with every change of what an answer can depend on */
};

/* What has changed with one check; handed over when it has. */
struct board_change {
	size_t check_index;
	bool was_yes, is_yes;
	enum state was_state, state;
	int64_t lasted_ms; /* how long the former answer had held; -1: it is the first */
	const char *summary;
	const char *former_summary;
};

typedef void board_listener(void *context, const struct board_change *change);

/* Nothing is known yet. `plan` must outlive the board. */
void board_init(struct board *board, const struct plan *plan, int64_t now_ms);

/*
 * Takes over what another board knows, for a new plan: targets of the same name and connection, checks of the
 * same name and kind, whatever their limits are now (answers only if this node's server is the same), and
 * what the operator has said.
 */
void board_inherit(struct board *board, const struct board *from, int64_t now_ms);

/*
 * Answers from what was inherited: a check that is new takes its first step at once, from the facts that
 * are there, so that nobody hears a no only because of a reload.
 */
void board_settle(struct board *board, int64_t now_ms, board_listener *listener, void *context);

/*
 * Takes in what was seen of the target at `index` at `seen_ms`. If that is this node, every check's damping
 * takes its step, and `listener` hears of each check whose answer or state is another one.
 */
void board_take(struct board *board, size_t index, const struct snapshot *snapshot, int64_t seen_ms,
	int64_t now_ms, board_listener *listener, void *context);

/* The same for the source at `index`; what is not fresh any more is too old by `now_ms`. */
void board_take_source(struct board *board, size_t index, const struct snapshot *snapshot, int64_t seen_ms,
	int64_t now_ms, board_listener *listener, void *context);

/* What the operator says of a check. */
void board_drain(struct board *board, size_t check_index, bool is_drained, int64_t now_ms,
	board_listener *listener, void *context);

/*
 * To be called when `view_until_ms` has come, and before an answer: facts may have grown too old, which may
 * change answers, and the listener is to hear of that first.
 */
void board_age(struct board *board, int64_t now_ms, board_listener *listener, void *context);

/*
 * Answers. Facts that are too old are none, whether or not board_age() has been called. Returns whether it
 * is a yes.
 */
bool
board_answer(struct board *board, const struct question *question, int64_t now_ms, struct verdict *verdict);

/* How old the facts of a target are, in ms; -1: there are none. */
int64_t board_age_ms(const struct board *board, size_t index, int64_t now_ms);

#endif
