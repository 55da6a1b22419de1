/*
 * agent_log.h: what the agent writes into its log about its checks: what changes, and on request how they
 * stand.
 */
#ifndef PGHA_AGENT_AGENT_LOG_H
#define PGHA_AGENT_AGENT_LOG_H

#include "lib/agent/board.h"
#include "lib/agent/plan.h"

struct http;
struct workers;

void agent_log_change(const struct plan *plan, const struct board_change *change);

/* All that is known, at the level that is always written. */
void agent_log_state(const struct board *board, const struct workers *workers, const struct http *http);

#endif
