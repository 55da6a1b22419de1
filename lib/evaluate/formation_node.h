/*
 * formation_node.h: what is to be said of one node of pg_auto_failover, by itself. Pure.
 */
#ifndef PGHA_EVALUATE_FORMATION_NODE_H
#define PGHA_EVALUATE_FORMATION_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/evaluate/formation.h"

/* Whether its keeper reports what the monitor wants of it. */
bool formation_node_is_settled(const struct snapshot_auto_failover_node *node);

/* Whether the monitor wants it to take writes. */
bool formation_node_is_to_write(const struct snapshot_auto_failover_node *node);

/* Whether it says itself, asked, that it is out of recovery. */
bool formation_node_says_primary(const struct snapshot_auto_failover_node *node);

/* Writes a time for people, cut to `size`: "4.2 s". Returns `to`. */
const char *formation_node_duration(int64_t ms, char *to, size_t size);

/*
 * Judges its way from state to state, its keeper's reports, its health, and what it says itself, as far as
 * that is not its group's matter. `is_split`: its group's split brain has been told.
 */
void formation_node_judge(const struct snapshot_auto_failover_node *node,
	const struct formation_limits *limits, bool is_split, struct verdict *verdict);

/* What to do about a node that cannot be asked itself. */
void formation_node_hint(const struct snapshot_auto_failover_node *node, struct verdict *verdict);

#endif
