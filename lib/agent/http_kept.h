/*
 * http_kept.h: answers that are kept until the facts change; a question that finds no place is answered anew
 * each time.
 */
#ifndef PGHA_AGENT_HTTP_KEPT_H
#define PGHA_AGENT_HTTP_KEPT_H

#include <stddef.h>
#include <stdint.h>

struct MHD_Response;
struct http_answer;

enum { HTTP_KEPT_MAX = 64, HTTP_KEPT_URI_MAX = 256 };

struct http_kept_answer {
	char uri[HTTP_KEPT_URI_MAX];
	unsigned code;
	struct MHD_Response *response;
};

/* Starts zeroed. */
struct http_kept {
	struct http_kept_answer answers[HTTP_KEPT_MAX];
	size_t count;
	uint64_t generation; /* of the facts that they are of */
};

/* The answer to a URI as it was sent, of that generation of the facts; those of another are let go of. NULL:
 * none. */
const struct http_kept_answer *http_kept_find(struct http_kept *kept, const char *uri, uint64_t generation);

/* Keeps an answer to a URI ("": it is too long to be kept), if it may be and there is room. */
void http_kept_add(struct http_kept *kept, const char *uri, const struct http_answer *answer);

void http_kept_release(struct http_kept *kept);

#endif
