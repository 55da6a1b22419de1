/*
 * http_response.h: an answer as libmicrohttpd sends it, with the headers that every answer has.
 */
#ifndef PGHA_AGENT_HTTP_RESPONSE_H
#define PGHA_AGENT_HTTP_RESPONSE_H

#include <microhttpd.h>

struct http_answer;

/* A copy, to be let go of by MHD_destroy_response(). NULL for want of memory. */
struct MHD_Response *http_response_make(const struct http_answer *answer);

/* Queues a response (NULL: the connection is closed) and lets go of it; what is kept is held by one more
 * reference. */
enum MHD_Result
http_response_send(struct MHD_Connection *connection, unsigned code, struct MHD_Response *response);

/* Plain words; `allow` is the header Allow (NULL: none). */
enum MHD_Result http_response_send_text(
	struct MHD_Connection *connection, unsigned code, const char *words, const char *allow);

#endif
