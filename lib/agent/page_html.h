/*
 * page_html.h: text and figures as HTML, and the look of a state. Pure.
 *
 * Whatever comes from a server or a file goes through page_html_text() or page_html_name(); literals of
 * ours go straight into the text.
 */
#ifndef PGHA_AGENT_PAGE_HTML_H
#define PGHA_AGENT_PAGE_HTML_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/text.h"
#include "lib/model/range.h"

/* How something looks; the class of an element, never the only sign of a state. */
enum page_tone { PAGE_GOOD, PAGE_CALM, PAGE_WARN, PAGE_UNSURE, PAGE_BAD, PAGE_TONE_COUNT };

/* "good", "calm", "warn", "unsure", "bad". */
const char *page_html_tone(enum page_tone tone);

/*
 * Appends foreign text for the content of an element, or for an attribute in quotes: five bytes for each
 * of its own at most, and at most 640 of its own.
 */
void page_html_text(const char *foreign, struct text *text);

/*
 * The same within an element that keeps its direction of writing to itself, so that a name of
 * U+202E cannot turn the line around it. For content only.
 */
void page_html_name(const char *foreign, struct text *text);

/* Appends "HOST:PORT", "[::1]:PORT" or "DIRECTORY:PORT"; without a port when it is not known. */
void page_html_address(const char *host, int64_t port, struct text *text);

/* Appends a quantity for people, or "not known" when `value` is negative. */
void page_html_bytes(int64_t bytes, struct text *text);
void page_html_duration(int64_t duration_ms, struct text *text);

/* Appends "2031-05-01 03:12:44 UTC". */
void page_html_time(int64_t wall_ms, struct text *text);

/* Appends one of the drawings of page_look.h by its name, "yes": a shape beside a word that says the same. */
void page_html_icon(const char *name, struct text *text);

/*
 * Ends a row that began at `start`: when the text is now longer than `length_max`, takes the row back
 * as if it had never been written and returns false.
 */
bool page_html_fits(struct text *text, size_t start, size_t length_max);

#endif
