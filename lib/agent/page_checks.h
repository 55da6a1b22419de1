/*
 * page_checks.h: the checks of the status page: what each answers, its state, and why. Pure.
 */
#ifndef PGHA_AGENT_PAGE_CHECKS_H
#define PGHA_AGENT_PAGE_CHECKS_H

#include <stddef.h>

#include "lib/agent/page.h"

/* Appends one line on all checks: yes, no, drained, and those that are not this node's question. */
void page_checks_tally(const struct page_check *checks, size_t count, struct text *text);

/*
 * Appends the section. Rows that would make the text longer than `length_max` are left out and
 * counted.
 */
void page_checks_write(const struct page_check *checks, size_t count, size_t length_max, struct text *text);

#endif
