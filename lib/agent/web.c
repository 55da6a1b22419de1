#include "lib/agent/web.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/agent/metrics.h"
#include "lib/agent/page.h"
#include "lib/agent/patroni.h"
#include "lib/base/clock.h"
#include "lib/render/format.h"
#include "lib/run/record.h"

enum { OK = 200, BAD_REQUEST = 400, NOT_FOUND = 404, UNAVAILABLE = 503 };

static void
answer_error(int code, const struct err *err, struct http_answer *answer)
{
	json_t *object = json_pack("{ss}", "error", err->text);
	char *written;

	if (err->hint[0] != '\0')
		json_object_set_new(object, "hint", json_string(err->hint));
	written = json_dumps(object, JSON_COMPACT);
	text_add(&answer->body, "%s\n", written == NULL ? "{}" : written);
	free(written);
	json_decref(object);
	answer->code = code;
	answer->media_type = formats[FORMAT_JSON].media_type;
	answer->is_stable = true;
}

static void
answer_json(const struct question *question, const struct verdict *verdict, struct http_answer *answer)
{
	struct format_options options = {
		.warning_is_failure = question->warning_is_failure, .unknown_is_ok = question->unknown_is_ok};

	formats[FORMAT_JSON].write(verdict, &options, &answer->body);
}

/* A question; Patroni's own paths are answered with Patroni's body. */
static void
answer_question(const struct agent_facts *facts, const struct http_request *request, const char *name,
	bool is_patroni, struct http_answer *answer)
{
	struct question question;
	struct verdict verdict;
	struct err err;
	enum question_status status = (is_patroni ? question_read_path : question_read)(
		facts->plan, name, request->parameters, request->count, &question, &err);
	bool is_yes;

	if (status != QUESTION_OK) {
		answer_error(status == QUESTION_BAD ? BAD_REQUEST : NOT_FOUND, &err, answer);
		return;
	}
	is_yes = board_answer(facts->board, &question, clock_now_ms(), &verdict);
	answer->code = is_yes ? OK : UNAVAILABLE;
	answer->media_type = formats[FORMAT_JSON].media_type;
	/* While a weight climbs, an answer changes without any new fact. */
	answer->is_stable = verdict.weight_percent == VERDICT_NO_WEIGHT || is_patroni;
	if (is_patroni)
		patroni_write(
			&facts->board->view[0], facts->name, facts->version, &verdict, is_yes, &answer->body);
	else
		answer_json(&question, &verdict, answer);
}

static void
answer_metrics(const struct agent_facts *facts, struct http_answer *answer)
{
	metrics_write(facts, clock_now_ms(), clock_now_us(), &answer->body);
	answer->code = OK;
	answer->media_type = formats[FORMAT_PROMETHEUS].media_type;
}

static void
answer_snapshot(const struct agent_facts *facts, struct http_answer *answer)
{
	record_write_text(facts->board->view, facts->board->view_count, &answer->body);
	answer->code = OK;
	answer->media_type = formats[FORMAT_JSON].media_type;
}

/* What is known of the node, whatever that is: Patroni answers 200 as long as it lives. */
static void
answer_node(const struct agent_facts *facts, struct http_answer *answer)
{
	patroni_write(&facts->board->view[0], facts->name, facts->version, NULL, false, &answer->body);
	answer->code = OK;
	answer->media_type = formats[FORMAT_JSON].media_type;
	answer->is_stable = true;
}

/* -- the page ---------------------------------------------------------------------------------- */

static struct page_node
node_of(const struct agent_facts *facts, size_t index, int64_t now_ms)
{
	int64_t age_ms = board_age_ms(facts->board, index, now_ms);
	struct page_node node = {.snapshot = age_ms < 0 ? NULL : &facts->board->targets[index].snapshot,
		.age_ms = age_ms,
		.is_known = age_ms >= 0 && age_ms <= facts->plan->agent.max_age_ms};

	text_clean(node.name, sizeof node.name, index == 0 ? facts->name : facts->plan->targets[index].name);
	return node;
}

static void
answer_busy(struct http_answer *answer)
{
	struct err err;

	err_set(&err, ERR_USAGE, "out of memory");
	answer_error(UNAVAILABLE, &err, answer);
}

static void
answer_page(const struct agent_facts *facts, struct http_answer *answer)
{
	int64_t now_ms = clock_now_ms();
	size_t count = facts->plan->check_count;
	struct verdict *verdicts = calloc(count, sizeof *verdicts);
	struct page_check checks[PLAN_CHECKS];
	struct page_node peers[PLAN_TARGETS];
	struct page page = {.agent_version = facts->version,
		.now_wall_ms = clock_wall_ms(),
		.now_ms = now_ms,
		.max_age_ms = facts->plan->agent.max_age_ms,
		.uptime_ms = now_ms - facts->started_ms,
		.node = node_of(facts, 0, now_ms),
		.peers = peers,
		.peer_count = facts->plan->target_count - 1,
		.checks = checks,
		.check_count = count,
		.history = &facts->board->history};

	if (verdicts == NULL) {
		answer_busy(answer);
		return;
	}
	for (size_t i = 1; i < facts->plan->target_count; i++)
		peers[i - 1] = node_of(facts, i, now_ms);
	for (size_t i = 0; i < page.check_count; i++) {
		struct question question;

		question_of_check(facts->plan, i, &question);
		checks[i].is_yes = board_answer(facts->board, &question, now_ms, &verdicts[i]);
		checks[i].verdict = &verdicts[i];
		checks[i].since_ms = facts->board->checks[i].is_told
			? now_ms - facts->board->checks[i].since_ms
			: -1;
		text_clean(checks[i].name, sizeof checks[i].name, facts->plan->checks[i].name);
	}
	answer->body.size = PAGE_SIZE;
	page_write(&page, &answer->body);
	answer->code = OK;
	answer->media_type = "text/html; charset=utf-8";
	answer->policy = page_policy;
	free(verdicts);
}

/* -- paths ------------------------------------------------------------------------------------- */

static bool
refuse_parameters(const struct http_request *request, struct http_answer *answer)
{
	struct err err;

	if (request->count == 0)
		return false;
	err_set(&err, ERR_USAGE, "unknown parameter \"%s\"", request->parameters[0].name);
	answer_error(BAD_REQUEST, &err, answer);
	return true;
}

static void
answer_unknown(const char *path, struct http_answer *answer)
{
	struct err err;

	err_set(&err, ERR_USAGE, "there is no path \"%.100s\"", path);
	err_hint(&err,
		"there are Patroni's (/primary, /replica, ...), /check/NAME, /snapshot, /metrics and "
		"/status");
	answer_error(NOT_FOUND, &err, answer);
}

void
web_answer(const struct agent_facts *facts, const struct http_request *request, struct http_answer *answer)
{
	static const struct {
		const char *path;
		void (*answer)(const struct agent_facts *facts, struct http_answer *answer);
	} pages[] = {{"/metrics", answer_metrics}, {"/patroni", answer_node}, {"/snapshot", answer_snapshot},
		{"/status", answer_page}};
	static const char check[] = "/check/";
	const char *path = request->path;

	for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
		if (strcmp(path, pages[i].path) == 0) {
			if (!refuse_parameters(request, answer))
				pages[i].answer(facts, answer);
			return;
		}
	if (text_starts(path, check) && path[strlen(check)] != '\0')
		answer_question(facts, request, path + strlen(check), false, answer);
	else if (path[0] == '/' && route_find(path + 1) != NULL)
		answer_question(facts, request, path + 1, true, answer);
	else
		answer_unknown(path, answer);
}
