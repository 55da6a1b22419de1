#include "lib/collect/dcs_round.h"

#include <stdio.h>
#include <stdlib.h>

struct dcs_round *
dcs_round_new(void)
{
	return calloc(1, sizeof(struct dcs_round));
}

void
dcs_round_free(struct dcs_round *round)
{
	if (round == NULL)
		return;
	web_release(round->answers, round->count);
	free(round);
}

struct dcs_dialect_question *
dcs_round_add(struct dcs_round *round, const char *url, size_t row)
{
	if (round->count >= WEB_REQUESTS_MAX)
		return NULL;
	snprintf(round->urls[round->count], WEB_URL_SIZE, "%s", url);
	round->rows[round->count] = row;
	return &round->questions[round->count++];
}

void
dcs_round_ask(struct dcs_round *round, const struct dcs_round_way *way, int64_t deadline_ms,
	bool (*is_enough)(void *round, size_t index, const struct web_answer *answer))
{
	for (size_t i = 0; i < round->count; i++) {
		struct web_request *request = &round->requests[i];
		char base[WEB_URL_SIZE];

		snprintf(base, sizeof base, "%s", round->urls[i]);
		snprintf(round->urls[i], WEB_URL_SIZE, "%s%s", base, round->questions[i].path);
		request->url = round->urls[i];
		request->body = round->questions[i].body[0] == '\0' ? NULL : round->questions[i].body;
		request->headers[0] = way->header;
		request->secret = way->secret;
	}
	web_ask(way->access, round->requests, round->count, deadline_ms, is_enough, round, round->answers);
}
