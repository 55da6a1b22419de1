/*
 * http_client.h: a connection that has sent something, and what it asks now. At its deadline it is shut down,
 * which libmicrohttpd hears of and closes it.
 */
#ifndef PGHA_AGENT_HTTP_CLIENT_H
#define PGHA_AGENT_HTTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/agent/http_kept.h"

struct MHD_Connection;
struct event_base;
struct http_client;

/*
 * A request in the making; what MHD hands to each call about it. It is no memory of its own: MHD tells
 * nobody of the end of a request that it refuses itself.
 */
struct http_client_request {
	bool is_begun;
	bool is_cut;                 /* holds a zero byte, behind which nothing would be seen */
	char uri[HTTP_KEPT_URI_MAX]; /* as it was sent; "" if it is longer */
};

/*
 * The first of its requests has `timeout_ms`. NULL for want of memory, for which MHD's own limits are what is
 * left.
 */
struct http_client *
http_client_open(struct event_base *base, struct MHD_Connection *connection, int64_t timeout_ms);

/* The one that MHD keeps beside a connection; NULL: none. */
struct http_client *http_client_of(struct MHD_Connection *connection);

/* Its request line is there: it has `timeout_ms` for the whole request. One at a time. */
struct http_client_request *
http_client_begin_request(struct http_client *client, const char *uri, int64_t timeout_ms);

/* It was answered; it may ask again. */
void http_client_end_request(struct http_client *client);

/* Accepts NULL. */
void http_client_close(struct http_client *client);

#endif
