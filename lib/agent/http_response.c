#include "lib/agent/http_response.h"

#include <string.h>

#include "lib/agent/http.h"

static void
set_header(struct MHD_Response *response, const char *name, const char *value)
{
	if (value != NULL && MHD_add_response_header(response, name, value) != MHD_YES)
		return; /* for want of memory; the answer itself stands */
}

struct MHD_Response *
http_response_make(const struct http_answer *answer)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		answer->body.length, answer->body.bytes, MHD_RESPMEM_MUST_COPY);

	if (response == NULL)
		return NULL;
	set_header(response, "Content-Type", answer->media_type);
	set_header(response, "Cache-Control", "no-store");
	set_header(response, "X-Content-Type-Options", "nosniff");
	set_header(response, "Content-Security-Policy", answer->policy);
	return response;
}

enum MHD_Result
http_response_send(struct MHD_Connection *connection, unsigned code, struct MHD_Response *response)
{
	enum MHD_Result result = response == NULL ? MHD_NO : MHD_queue_response(connection, code, response);

	if (response != NULL)
		MHD_destroy_response(response);
	return result;
}

enum MHD_Result
http_response_send_text(
	struct MHD_Connection *connection, unsigned code, const char *words, const char *allow)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		strlen(words), (void *)words, MHD_RESPMEM_MUST_COPY);

	if (response != NULL) {
		set_header(response, "Content-Type", "text/plain; charset=utf-8");
		set_header(response, "Allow", allow);
	}
	return http_response_send(connection, code, response);
}
