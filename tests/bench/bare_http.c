/*
 * bare_http.c: libevent's own HTTP server with one fixed answer, as a yardstick of serving.py.
 *
 *     bare_http PORT BODY    on 127.0.0.1, until a signal ends it
 *
 * It knows nothing, bounds nothing and lets every client wait as long as it likes: what the agent serves less
 * than this is the price of doing so.
 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
on_request(struct evhttp_request *request, void *body)
{
	struct evbuffer *answer = evbuffer_new();

	if (answer == NULL || evbuffer_add_reference(answer, body, strlen(body), NULL, NULL) != 0)
		exit(1);
	evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", "application/json");
	evhttp_send_reply(request, HTTP_OK, "OK", answer);
	evbuffer_free(answer);
}

int
main(int argc, char **argv)
{
	struct event_base *base = event_base_new();
	struct evhttp *http = base == NULL ? NULL : evhttp_new(base);
	long port = argc == 3 ? strtol(argv[1], NULL, 10) : 0;

	if (http == NULL || port <= 0 || port > UINT16_MAX) {
		fputs("usage: bare_http PORT BODY\n", stderr);
		return 1;
	}
	if (evhttp_bind_socket(http, "127.0.0.1", (uint16_t)port) != 0) {
		fprintf(stderr, "cannot listen on port %ld\n", port);
		return 1;
	}
	evhttp_set_gencb(http, on_request, argv[2]);
	return event_base_dispatch(base) < 0;
}
