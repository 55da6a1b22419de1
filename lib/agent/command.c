#include "lib/agent/command.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/evaluate/evaluate.h"
#include "lib/render/format.h"

enum { ANSWER_SIZE = 65536, WORD_SIZE = 64, EXIT_USAGE = 3 };

/* What answers when there is no question. */
static const struct check nothing = {
	.name = "agent", .title = "PGHA AGENT", .limits_size = sizeof(struct policy)};

static void
judge_error(const struct err *err, struct verdict *verdict)
{
	struct policy policy = {.on = {[ERR_USAGE] = STATE_UNKNOWN}};

	evaluate_error(&nothing, &policy, err, verdict);
}

/* The verdict on a line's question, which may be that there is none; fills how yes and no are meant. */
static void
judge_line(const struct agent_facts *facts, const char *line, struct format_options *options,
	struct verdict *verdict)
{
	struct question question;
	struct err err;

	if (question_read_line(facts->plan, line, &question, &err) != QUESTION_OK) {
		judge_error(&err, verdict);
		return;
	}
	board_answer(facts->board, &question, clock_now_ms(), verdict);
	options->warning_is_failure = question.warning_is_failure;
	options->unknown_is_ok = question.unknown_is_ok;
}

void
command_answer_haproxy(const struct agent_facts *facts, const char *line, struct text *answer)
{
	struct format_options options = {.verbosity = 0};
	struct verdict verdict;

	judge_line(facts, line, &options, &verdict);
	formats[FORMAT_HAPROXY].write(&verdict, &options, answer);
}

/* -- pgha-ask ---------------------------------------------------------------------------------- */

/* Takes the next word of a line; "" at its end. */
static const char *
take_word(const char *line, char word[WORD_SIZE])
{
	size_t length = strcspn(line, " ");

	snprintf(word, WORD_SIZE, "%.*s", (int)length, line);
	return line + length + strspn(line + length, " ");
}

static int
find_format(const char *name)
{
	for (int i = 0; format_names[i] != NULL; i++)
		if (strcmp(format_names[i], name) == 0)
			return i;
	return -1;
}

static void
send_answer(int code, const struct text *body, struct text *answer)
{
	text_add(answer, "%d %zu\n", code, body->length);
	text_add_bytes(answer, body->bytes, body->length);
}

static void
explain(const struct verdict *verdict, struct text *body)
{
	text_add(body, "pgha-ask: %s: %s\n", state_name(verdict->state), verdict->summary);
	if (verdict->hint[0] != '\0')
		text_add(body, "pgha-ask: hint: %s\n", verdict->hint);
}

static void
ask(const struct agent_facts *facts, const char *rest, struct text *body, struct text *answer)
{
	char name[WORD_SIZE], manner[WORD_SIZE];
	struct format_options options = {.verbosity = 0};
	const struct format *format;
	struct verdict verdict;
	int id;

	rest = take_word(rest, name);
	rest = take_word(rest, manner);
	id = find_format(name);
	format = &formats[id < 0 ? FORMAT_NAGIOS : id];
	if (id < 0 || manner[0] < '0' || manner[0] > '9') {
		struct err err;

		err_set(&err, ERR_USAGE, "the agent does not know the format \"%s\"", name);
		err_hint(&err, "are pgha-ask and pgha-agent of one version?");
		judge_error(&err, &verdict);
	} else {
		judge_line(facts, rest, &options, &verdict);
		options.verbosity = manner[0] - '0';
		options.is_coloured = manner[1] == 'c';
	}
	format->write(&verdict, &options, body);
	/* keepalived's format is an exit code; with -v pgha-ask says why on standard error, as the checks do.
	 */
	if (id == FORMAT_KEEPALIVED && (options.verbosity > 0 || verdict.fault.class == ERR_USAGE))
		explain(&verdict, body);
	send_answer(format_exit_code(format, &verdict, &options), body, answer);
}

/* One check, or all of the node, out of rotation or back. */
static void
switch_checks(const struct agent_facts *facts, const char *name, bool is_drained, struct text *body,
	struct text *answer)
{
	const struct plan_check *only = plan_find_check(facts->plan, name);
	struct err err = {.class = ERR_NONE};
	int code = 0;

	if (name[0] != '\0' && only == NULL) {
		err_set(&err, ERR_USAGE, "there is no check \"%s\"", name);
		code = EXIT_USAGE;
	}
	for (size_t i = 0; i < facts->plan->check_count && code == 0; i++) {
		const struct plan_check *check = &facts->plan->checks[i];

		if (name[0] != '\0' && check != only)
			continue;
		if (facts->drain(facts->context, i, is_drained, &err) != 0)
			code = EXIT_USAGE;
		else
			text_add(body, "%s: %s\n", check->name, is_drained ? "drained" : "no longer drained");
	}
	if (err.class != ERR_NONE)
		text_add(body, "pgha-agent: %s\n", err.text);
	send_answer(code, body, answer);
}

void
command_answer(const struct agent_facts *facts, const char *line, struct text *answer)
{
	char storage[ANSWER_SIZE], word[WORD_SIZE];
	const char *rest = take_word(line, word);
	struct text body;

	text_init(&body, storage, sizeof storage);
	if (strcmp(word, "ask") == 0) {
		ask(facts, rest, &body, answer);
	} else if (strcmp(word, "drain") == 0 || strcmp(word, "undrain") == 0) {
		switch_checks(facts, rest, strcmp(word, "drain") == 0, &body, answer);
	} else {
		text_add(&body, "pgha-agent: unknown request \"%s\"; it is made for pgha-ask\n", word);
		send_answer(EXIT_USAGE, &body, answer);
	}
}
