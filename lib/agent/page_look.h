/*
 * page_look.h: what the status page always is: its style, its script and its shapes. Constants, without
 * a byte from outside.
 *
 * The policy (page.h) names the SHA-256 of style and script; tests/live/test_page.py holds them
 * together and says the new hash when one changes.
 */
#ifndef PGHA_AGENT_PAGE_LOOK_H
#define PGHA_AGENT_PAGE_LOOK_H

/* The content of the element style. */
extern const char page_look_style[];

/* The content of the element script, at the end of the body. */
extern const char page_look_script[];

/* The shapes that page_html_icon() names, and the patterns of the drawings. */
extern const char page_look_shapes[];

#endif
