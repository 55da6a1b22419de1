/*
 * node_places.h: where the nodes of a cluster are, by a table of its manager: a question of its own, whose
 * answer goes no further than to who asks the nodes.
 */
#ifndef PGHA_COLLECT_NODE_PLACES_H
#define PGHA_COLLECT_NODE_PLACES_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/collect/pg.h"

/* What is asked, and what becomes of the answer. */
struct node_places {
	const char *statement;
	int columns; /* of a row; other rows are a fault of class protocol */
	void (*take)(void *context, const struct pg_row *row);
	void (*fail)(void *context, const struct err *fault); /* of every node: it is not known where it is */
	void *context;
};

/*
 * Asks before the deadline. `fail` is called first in any case: a node that is not told of afterwards would
 * else have neither a role nor a fault, and count as one that was not to be asked. `take` is called for each
 * row then. `pg` may be NULL: the connection is lost.
 */
void node_places_ask(const struct node_places *places, struct pg *pg, int64_t deadline_ms);

#endif
