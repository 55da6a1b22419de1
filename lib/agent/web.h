/* web.h: from an HTTP request to its answer: which path is which question, and what it is answered with. */
#ifndef PGHA_AGENT_WEB_H
#define PGHA_AGENT_WEB_H

#include "lib/agent/agent.h"
#include "lib/agent/http.h"

/*
 * Answers at once, from memory. Patroni's paths (route.h), /check/NAME, /snapshot, /metrics, /status. 200 is
 * a yes and 503 a no; 404 an unknown path or check; 400 a parameter that is not understood.
 */
void
web_answer(const struct agent_facts *facts, const struct http_request *request, struct http_answer *answer);

#endif
