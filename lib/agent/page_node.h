/*
 * page_node.h: what a node is, in one word and one reason, for the status page. Pure.
 */
#ifndef PGHA_AGENT_PAGE_NODE_H
#define PGHA_AGENT_PAGE_NODE_H

#include <stdint.h>

#include "lib/agent/page.h"
#include "lib/agent/page_html.h"

struct page_state {
	enum page_tone tone;
	const char *word; /* "PRIMARY", "STANDBY", "DOWN", "UNKNOWN" */
	const char *icon; /* "primary", "standby", "down", "unknown" */
};

/* Whether there are facts of a node that may be believed, and they hold that part. */
bool page_node_has(const struct page_node *node, enum snapshot_part part);

struct page_state page_node_state(const struct page_node *node);

/* Appends why, as HTML: "streaming from 10.0.0.11:5432, 3 MB behind", "the facts are 12 s old". */
void page_node_reason(const struct page_node *node, int64_t max_age_ms, struct text *text);

/* Appends the timeline, or "not known". */
void page_node_timeline(const struct page_node *node, struct text *text);

/* Appends why a part of a node is not there. */
void page_node_missing(const struct page_node *node, enum snapshot_part part, struct text *text);

#endif
