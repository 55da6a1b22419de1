/* ask_agent.h: one request to the agent's UNIX socket, and its answer. */
#ifndef PGHA_RUN_ASK_AGENT_H
#define PGHA_RUN_ASK_AGENT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

/* The longest answer, and the longest line before it: "3 65536\n". */
enum { ASK_AGENT_LENGTH_MAX = 65536, ASK_AGENT_HEAD_MAX = 8 };

/* The agent's answer. Large: 64 KiB. */
struct ask_agent_answer {
	int code;          /* 0 to 3 */
	const char *bytes; /* in `raw`; a zero byte is behind them */
	size_t length;
	size_t received_count;
	char raw[ASK_AGENT_HEAD_MAX + ASK_AGENT_LENGTH_MAX + 2]; /* one more, to see that there is too much */
};

/*
 * Sends `request`, a line with its newline, to the socket at `path` and receives the answer: a line
 * "CODE LENGTH\n", then LENGTH bytes. The answer is taken when these are there; that the agent then closes is
 * not waited for. Never waits beyond the deadline, also where the agent's queue of connections is full.
 *
 * -1 with class down (no agent; it closed without a word), setup (permission denied), timeout, or
 * protocol (an answer that is no answer, or not whole), a text that names the socket, and a remedy.
 */
int ask_agent_exchange(const char *path, const char *request, size_t length, int64_t deadline_ms,
	struct ask_agent_answer *ret, struct err *err) __attribute__((warn_unused_result));

#endif
