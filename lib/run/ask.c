#include "lib/run/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/render/format.h"
#include "lib/run/ask_agent.h"
#include "lib/run/ask_instead.h"
#include "lib/run/ask_no.h"
#include "lib/run/ask_options.h"
#include "lib/run/lastresort.h"
#include "lib/run/process.h"

/* --help and --version, and an answer that could not be written: not 0. */
enum { EXIT_NO_ANSWER = 3 };

/* Room for what this program says itself: --help, or an answer that holds one finding. */
enum { OWN_ANSWER_SIZE = 8192 };

/* What is kept back from -t for writing, and for the last resort's own wake-up; as in the checks. */
enum { RESERVE_MAX_MS = 50, RESERVE_SHARE = 10 };

/* For complaints about the options, among which the time may be. */
enum { USAGE_TIMEOUT_MS = 1000 };

struct ask {
	struct ask_options options;
	bool is_coloured;
	int64_t start_ms;
	int64_t end_ms;      /* by -t */
	int64_t deadline_ms; /* for writing */
};

static void
set_deadlines(struct ask *ask, int64_t timeout_ms)
{
	int64_t reserve_ms = timeout_ms / RESERVE_SHARE < RESERVE_MAX_MS ? timeout_ms / RESERVE_SHARE
									 : RESERVE_MAX_MS;

	ask->end_ms = ask->start_ms + timeout_ms;
	ask->deadline_ms = ask->end_ms - reserve_ms / 2;
}

/* Until when the agent may answer. With --fallback that is half of the time: less would not do for a check.
 */
static int64_t
agent_deadline_ms(const struct ask *ask)
{
	int64_t timeout_ms = ask->end_ms - ask->start_ms;

	if (ask->options.is_fallback_wanted)
		return ask->start_ms + timeout_ms / 2;
	return ask->deadline_ms - (ask->end_ms - ask->deadline_ms);
}

/* -- answering --------------------------------------------------------------------------------- */

/*
 * A response to a client, as under inetd, where the request is a HEAD: without its body. The request is
 * read only now, because a check that runs instead wants to read it itself.
 */
static size_t
cut_response(const struct ask *ask, const char *bytes, size_t length)
{
	int64_t patience_ms = clock_now_ms() + clock_left_ms(ask->deadline_ms) / 2;
	const char *body = strstr(bytes, "\r\n\r\n");

	if (!process_is_head_request(patience_ms) || body == NULL)
		return length;
	return (size_t)(body - bytes) + 4;
}

/*
 * Writes an answer to where the format has it, and returns the exit code. keepalived's is the code; what the
 * agent says beside it goes where a check gives its reason, to standard error, and need not arrive.
 */
static int
write_answer(const struct ask *ask, const char *bytes, size_t length, int code)
{
	bool is_http = ask->options.format == FORMAT_HTTP;
	bool is_silent = ask->options.format == FORMAT_KEEPALIVED;
	struct err ignored;
	int status;

	if (is_http)
		length = cut_response(ask, bytes, length);
	/* From the first byte on there is one answer; what blocks now only ends with its code. */
	if (lastresort_arm(ask->end_ms, NULL, 0, code, &ignored) != 0)
		return EXIT_NO_ANSWER;
	status = process_write(is_silent ? STDERR_FILENO : STDOUT_FILENO, bytes, length, ask->deadline_ms);
	/* Half an answer must not look like a whole one to the caller. */
	if (status != 0 && !is_silent)
		return EXIT_NO_ANSWER;
	if (is_http)
		process_finish_response(ask->deadline_ms);
	return code;
}

/* The reason, for formats that print none: for a person who tries it, and for logs. */
static void
explain(const struct ask *ask, const struct err *fault)
{
	bool is_silent = ask->options.format == FORMAT_KEEPALIVED;

	if (!is_silent || (ask->options.verbosity == 0 && fault->class != ERR_USAGE))
		return;
	fprintf(stderr, "pgha-ask: %s: %s\n", state_name(STATE_UNKNOWN), fault->text);
	if (fault->hint[0] != '\0')
		fprintf(stderr, "pgha-ask: hint: %s\n", fault->hint);
}

/* Writes the no that is said here; returns its exit code. */
static int
compose_no(const struct ask *ask, const struct err *fault, struct text *text)
{
	struct verdict verdict;

	ask_no_judge(&ask->options, fault, &verdict);
	ask_no_write(&ask->options, &verdict, ask->is_coloured, text);
	return ask_no_exit_code(&ask->options, &verdict);
}

static int
say_no(const struct ask *ask, const struct err *fault)
{
	char storage[OWN_ANSWER_SIZE];
	struct text text;
	int code;

	text_init(&text, storage, sizeof storage);
	code = compose_no(ask, fault, &text);
	code = write_answer(ask, text.bytes, text.length, code);
	explain(ask, fault);
	return code;
}

/* What is said when nothing else was: on a machine without a free processor, or with a standard error that
 * takes nothing. `text` has to stay for as long as the answer is waited for. */
static int
arm_last_resort(const struct ask *ask, struct text *text, struct err *err)
{
	struct err fault;
	int code;

	err_set(&fault, ERR_TIMEOUT, "no answer in time: pgha-ask itself was held up");
	err_hint(&fault, "-t is very short, or this machine has no processor free");
	code = compose_no(ask, &fault, text);
	return lastresort_arm(ask->end_ms, text->bytes, text->length, code, err);
}

/* -- the life ---------------------------------------------------------------------------------- */

static int
show_help(void)
{
	char storage[OWN_ANSWER_SIZE];
	struct text text;

	text_init(&text, storage, sizeof storage);
	ask_options_write_help(&text);
	fputs(text.bytes, stdout);
	fflush(stdout);
	return EXIT_NO_ANSWER;
}

static int
show_version(void)
{
	printf("pgha-ask (pgha-checks) %s\n", PGHA_VERSION);
	fflush(stdout);
	return EXIT_NO_ANSWER;
}

/* Does not return where a check runs instead. */
static int
do_without_agent(const struct ask *ask, struct err *err)
{
	if (!ask->options.is_fallback_wanted)
		return -1;
	if (ask->options.verbosity > 0)
		fprintf(stderr, "pgha-ask: %s; running the check instead\n", err->text);
	return ask_instead_run(&ask->options, ask->end_ms, err);
}

static int
ask_agent(const struct ask *ask, const struct text *request)
{
	struct ask_agent_answer answer;
	struct err err;

	if (ask_agent_exchange(ask->options.socket_path, request->bytes, request->length,
		    agent_deadline_ms(ask), &answer, &err)
		== 0)
		return write_answer(ask, answer.bytes, answer.length, answer.code);
	do_without_agent(ask, &err);
	return say_no(ask, &err);
}

static int
run(struct ask *ask)
{
	char storage[ASK_OPTIONS_REQUEST_MAX + 1], last_storage[OWN_ANSWER_SIZE];
	struct text request, last_answer;
	struct err err;

	set_deadlines(ask, ask->options.timeout_ms);
	ask->is_coloured = ask->options.format == FORMAT_PLAIN && isatty(STDOUT_FILENO)
		&& getenv("NO_COLOR") == NULL;
	text_init(&last_answer, last_storage, sizeof last_storage);
	if (arm_last_resort(ask, &last_answer, &err) != 0)
		return say_no(ask, &err);
	text_init(&request, storage, sizeof storage);
	if (ask_options_write_request(&ask->options, ask->is_coloured, &request, &err) != 0)
		return say_no(ask, &err);
	return ask_agent(ask, &request);
}

int
ask_run(int argc, char **argv)
{
	struct ask ask = {.start_ms = clock_now_ms()};
	struct err err;

	process_prepare();
	set_deadlines(&ask, USAGE_TIMEOUT_MS);
	if (ask_options_read(&ask.options, argc, argv, &err) != 0)
		return say_no(&ask, &err);
	if (ask.options.is_help_wanted)
		return show_help();
	if (ask.options.is_version_wanted)
		return show_version();
	return run(&ask);
}
