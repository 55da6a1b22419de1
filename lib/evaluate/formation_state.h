/*
 * formation_state.h: what the states of pg_auto_failover's nodes mean: its extension's type
 * replication_state, the same 22 words from 1.6 to 2.2, and 19 of them before. Pure.
 */
#ifndef PGHA_EVALUATE_FORMATION_STATE_H
#define PGHA_EVALUATE_FORMATION_STATE_H

#include <stdbool.h>

/* Whether it is one of them; of any other nothing is certain, and all that is below is false. */
bool formation_state_is_known(const char *state);

/*
 * Whether a node in that state may take writes: single, wait_primary, primary, join_primary, apply_settings
 * (CanTakeWritesInState() in src/monitor/node_metadata.c). The goal state tells who is to be the primary, the
 * reported one where its keeper is.
 */
bool formation_state_may_write(const char *state);

/* Whether PostgreSQL is to be a standby there, and to run. */
bool formation_state_is_standby(const char *state);

/* Whether PostgreSQL is not to run there, or need not: stopped, being demoted, in maintenance, not made yet.
 */
bool formation_state_may_be_down(const char *state);

/* Whether an operator has put it into maintenance, or does so now. */
bool formation_state_is_maintenance(const char *state);

#endif
