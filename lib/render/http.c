/*
 * http.c: a whole response for inetd, socat and systemd's Accept=yes, one process per request.
 * No Date: a verdict knows when the facts were seen, not when it is sent.
 */
#include "lib/render/writers.h"

void
http_write(const struct verdict *verdict, const struct format_options *options, struct text *text)
{
	char storage[65536];
	struct text body;

	text_init(&body, storage, sizeof storage);
	json_write(verdict, options, &body);
	text_add(text,
		"HTTP/1.1 %s\r\n"
		"Content-Type: application/json\r\n"
		"Content-Length: %zu\r\n"
		"Cache-Control: no-store\r\n"
		"Connection: close\r\n"
		"\r\n",
		format_is_yes(verdict, options) ? "200 OK" : "503 Service Unavailable", body.length);
	if (!options->is_head_request)
		text_add_bytes(text, body.bytes, body.length);
}
