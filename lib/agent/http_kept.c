#include "lib/agent/http_kept.h"

#include <microhttpd.h>
#include <string.h>

#include "lib/agent/http.h"
#include "lib/agent/http_response.h"

void
http_kept_release(struct http_kept *kept)
{
	for (size_t i = 0; i < kept->count; i++)
		MHD_destroy_response(kept->answers[i].response);
	kept->count = 0;
}

const struct http_kept_answer *
http_kept_find(struct http_kept *kept, const char *uri, uint64_t generation)
{
	if (generation != kept->generation)
		http_kept_release(kept);
	kept->generation = generation;
	for (size_t i = 0; i < kept->count; i++)
		if (strcmp(kept->answers[i].uri, uri) == 0)
			return &kept->answers[i];
	return NULL;
}

void
http_kept_add(struct http_kept *kept, const char *uri, const struct http_answer *answer)
{
	struct http_kept_answer *place = &kept->answers[kept->count];

	if (!answer->is_stable || uri[0] == '\0' || kept->count == HTTP_KEPT_MAX
		|| text_copy(place->uri, sizeof place->uri, uri) != 0)
		return;
	place->response = http_response_make(answer);
	if (place->response == NULL)
		return;
	place->code = (unsigned)answer->code;
	kept->count++;
}
