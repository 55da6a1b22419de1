/*
 * page.h: the status page of pgha-agent, for a person: one node, its peers, its checks, its last hour.
 * Pure: plain data in, one HTML document out; no clock, no I/O.
 *
 * What is not known is said to be not known, never written as 0. Every text is taken for hostile and
 * escaped. The document needs nothing from outside, and is whole without its script, which only
 * fetches the page again, moves what changed into place, and says so when nobody answers.
 */
#ifndef PGHA_AGENT_PAGE_H
#define PGHA_AGENT_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/agent/history.h"
#include "lib/base/text.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/*
 * Storage that always suffices: rows of checks and peers that would not fit are left out and counted on
 * the page. An ordinary page takes 30 to 50 kB.
 */
enum { PAGE_SIZE = 128 * 1024 };

struct page_check {
	char name[48];                 /* as the configuration calls it */
	const struct verdict *verdict; /* NULL: nothing to judge yet */
	bool is_yes;                   /* what is answered, damping and the operator's switch included */
	int64_t since_ms;              /* for how long that has been so; -1: not known */
};

struct page_node {
	char name[64];                   /* as the configuration calls it */
	const struct snapshot *snapshot; /* NULL: none yet */
	int64_t age_ms;                  /* of the snapshot; -1: none yet */
	bool is_known;                   /* fresh enough to be believed */
};

struct page {
	const char *agent_version;
	int64_t now_wall_ms; /* since 1970 */
	int64_t now_ms;      /* CLOCK_MONOTONIC, the clock of `history` */
	int64_t max_age_ms;  /* facts older than this are not believed */
	int64_t uptime_ms;   /* of the agent */
	struct page_node node;
	const struct page_node *peers;
	size_t peer_count;
	const struct page_check *checks; /* the limits of the drawing are those of the first with a lag */
	size_t check_count;
	const struct history *history; /* of `node` */
};

/* Writes the document into `text`, which must be empty and have PAGE_SIZE bytes. */
void page_write(const struct page *page, struct text *text);

/*
 * What goes with it as the header Content-Security-Policy. Style and script are allowed by their
 * hashes, so that nothing that a server says could ever run, even if it were not escaped.
 */
extern const char page_policy[];

#endif
