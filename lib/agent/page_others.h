/*
 * page_others.h: the nodes around this one on the status page: where its WAL comes from, who receives
 * it, and the peers. Pure.
 */
#ifndef PGHA_AGENT_PAGE_OTHERS_H
#define PGHA_AGENT_PAGE_OTHERS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/agent/page.h"

/* Appends where a standby's WAL comes from; nothing for other nodes. */
void page_others_upstream(const struct page_node *node, struct text *text);

/* Appends who receives WAL from the node; nothing where nobody can be expected to. */
void page_others_standbys(const struct page_node *node, struct text *text);

/*
 * Appends the peers; nothing when there are none. Rows that would make the text longer than
 * `length_max` are left out and counted.
 */
void page_others_peers(const struct page *page, size_t length_max, struct text *text);

#endif
