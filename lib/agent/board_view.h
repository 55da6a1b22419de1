/*
 * board_view.h: what checks read: this node's snapshot and those of its peers, as far as they are fresh
 * enough, with the word of its witnesses beside what the server says. Pure.
 */
#ifndef PGHA_AGENT_BOARD_VIEW_H
#define PGHA_AGENT_BOARD_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct board;

/* Puts the view together anew from what was last seen, and finds out until when it holds. */
void board_view_compose(struct board *board, int64_t now_ms);

/* Whether what was last seen of the source at `index` can be believed. */
bool board_view_is_fresh_source(const struct board *board, size_t index, int64_t now_ms);

#endif
