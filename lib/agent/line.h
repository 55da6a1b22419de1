/*
 * line.h: serves those who ask with one line, or with none, and get one answer: HAProxy's agent-check and
 * pgha-ask.
 */
#ifndef PGHA_AGENT_LINE_H
#define PGHA_AGENT_LINE_H

#include <stdint.h>

#include "lib/base/text.h"

struct event_base;
struct line;

/* Answers a line (without its end; "" where none is asked for). */
typedef void line_answerer(void *context, const char *line, struct text *answer);

/* How a listener is served. */
struct line_manner {
	bool is_unasked;     /* the answer is given on connecting */
	bool is_end_needed;  /* what comes without the end of its line is no request */
	int64_t patience_ms; /* for the line to come */
	size_t waiting_max;  /* clients that have not spoken */
	int64_t clients_max; /* clients that have; more are closed */
	line_answerer *answerer;
	void *context;
};

/*
 * Serves on `listener`, which stays the caller's. A line that comes without its end is taken as whole after a
 * moment: HAProxy sends agent-send as it is written, and "\n" is easily forgotten. NULL for want of memory.
 */
struct line *line_open(struct event_base *base, int listener, const struct line_manner *manner)
	__attribute__((warn_unused_result));

/* Begins to accept. */
void line_accept(struct line *line);

/* Stops accepting; those who are connected are still answered. */
void line_retire(struct line *line);

/* Stops, and closes every client. Accepts NULL. */
void line_close(struct line *line);

#endif
