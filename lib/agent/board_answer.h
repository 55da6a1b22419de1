/*
 * board_answer.h: what follows from the view as it stands: the answer to a question, and what damping sees of
 * it. Pure. board_answer() itself is of board.h.
 */
#ifndef PGHA_AGENT_BOARD_ANSWER_H
#define PGHA_AGENT_BOARD_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/evaluate/damping.h"

struct board;
struct question;
struct verdict;

/* Answers with the damping's and the operator's say. Returns whether it is a yes. */
bool board_answer_as_known(
	const struct board *board, const struct question *question, int64_t now_ms, struct verdict *verdict);

/* What the facts say of the question of a configured check, for a step of its damping. */
struct damping_probe
board_answer_probe(const struct board *board, const struct question *question, int64_t now_ms);

#endif
