/* boards.h: a board of a plan, what it is given to see and asked, and what it tells. */
#ifndef PGHA_TESTS_UNIT_AGENT_BOARDS_H
#define PGHA_TESTS_UNIT_AGENT_BOARDS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/agent/board.h"
#include "tests/unit/agent/sample.h"

enum { START_MS = 1000000, MAX_AGE_MS = 3000 };

static struct plan plan;
static struct board board;
static struct verdict verdict;

/* What was told, in its order. */
static struct told {
	size_t check_index;
	bool was_yes, is_yes;
	enum state was_state, state;
	int64_t lasted_ms;
	char summary[128], former_summary[128];
} told[16];
static size_t told_count;

static inline void
hear(void *context, const struct board_change *change)
{
	assert_ptr_equal(context, told);
	assert_true(told_count < 16);
	told[told_count] = (struct told){.check_index = change->check_index,
		.was_yes = change->was_yes,
		.is_yes = change->is_yes,
		.was_state = change->was_state,
		.state = change->state,
		.lasted_ms = change->lasted_ms};
	snprintf(told[told_count].summary, sizeof told[0].summary, "%s", change->summary);
	snprintf(
		told[told_count].former_summary, sizeof told[0].former_summary, "%s", change->former_summary);
	told_count++;
}

static inline void
begin(const char *text)
{
	sample_plan(text, &plan);
	board_init(&board, &plan, START_MS);
	told_count = 0;
}

static inline void
see(size_t index, struct snapshot snapshot, int64_t now_ms)
{
	board_take(&board, index, &snapshot, now_ms, now_ms, hear, told);
}

static inline bool
answer(const char *line, int64_t now_ms)
{
	struct question question;
	struct err err;

	if (question_read_line(&plan, line, &question, &err) != QUESTION_OK)
		fail_msg("\"%s\": %s", line, err.text);
	return board_answer(&board, &question, now_ms, &verdict);
}

static inline void
expect(const char *line, int64_t now_ms, bool is_yes, enum state state, const char *summary)
{
	bool is_really = answer(line, now_ms);

	if (is_really != is_yes || verdict.state != state || strstr(verdict.summary, summary) == NULL)
		fail_msg("%s: got %s, %s: %s", line, is_really ? "yes" : "no", state_name(verdict.state),
			verdict.summary);
}

static inline struct snapshot
leader(void)
{
	return sample_primary("db1:5432", 3, 1690000000000);
}

/* A standby so far behind, which has replayed so many bytes more than the sample. */
static inline struct snapshot
behind(int64_t megabytes, uint64_t replayed_more)
{
	struct snapshot snapshot = sample_standby("db2:5432", 0);

	snapshot.standby.replay_lsn += replayed_more;
	snapshot.standby.latest_end_lsn = snapshot.standby.replay_lsn + ((uint64_t)megabytes << 20);
	return snapshot;
}

#endif
