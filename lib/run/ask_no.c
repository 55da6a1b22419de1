/*
 * ask_no.c: the writers of lib/render are used where they come without jansson and without the table of
 * formats; the others are short for a verdict that has one finding and no figures. A test holds all of them
 * to what the checks write for the same fault.
 */
#include "lib/run/ask_no.h"

#include <string.h>

#include "lib/render/writers.h"

/* "leader" becomes the title "LEADER"; the part of ASCII that has cases is enough for names of checks. */
static void
write_title(const char *name, char *title, size_t size)
{
	text_clean(title, size, name);
	for (; *title != '\0'; title++)
		if (*title >= 'a' && *title <= 'z')
			*title = (char)(*title - 'a' + 'A');
		else if (*title == '_' || *title == '-')
			*title = ' ';
}

void
ask_no_judge(const struct ask_options *options, const struct err *fault, struct verdict *verdict)
{
	const char *name = options->question != NULL ? options->question : "pgha-ask";

	memset(verdict, 0, sizeof *verdict);
	text_clean(verdict->check, sizeof verdict->check, name);
	write_title(name, verdict->title, sizeof verdict->title);
	verdict->state = verdict->firm_state = STATE_UNKNOWN;
	verdict->fault = *fault;
	verdict->weight_percent = VERDICT_NO_WEIGHT;
	text_clean(verdict->summary, sizeof verdict->summary, fault->text);
	text_clean(verdict->hint, sizeof verdict->hint, fault->hint);
	verdict->reason_count = 1;
	verdict->reasons[0].state = STATE_UNKNOWN;
	text_clean(verdict->reasons[0].text, sizeof verdict->reasons[0].text, fault->text);
}

/* For a string of JSON and for a label of Prometheus alike: text_clean() has left no control character. */
static void
add_quoted(const char *bytes, struct text *text)
{
	text_add(text, "\"");
	for (; *bytes != '\0'; bytes++) {
		if (*bytes == '"' || *bytes == '\\')
			text_add(text, "\\");
		text_add_bytes(text, bytes, 1);
	}
	text_add(text, "\"");
}

static void
add_member(const char *name, const char *value, const char *end, struct text *text)
{
	text_add(text, "\"%s\":", name);
	add_quoted(value, text);
	text_add(text, "%s", end);
}

static void
write_json(const struct verdict *verdict, struct text *text)
{
	text_add(text, "{");
	add_member("check", verdict->check, ",", text);
	add_member("target", verdict->target, ",", text);
	add_member("state", state_name(verdict->state), ",", text);
	add_member("answer", "no", ",", text);
	add_member("summary", verdict->summary, ",", text);
	if (verdict->hint[0] != '\0')
		add_member("hint", verdict->hint, ",", text);
	text_add(text, "\"fault\":{");
	add_member("class", err_class_name(verdict->fault.class), ",", text);
	add_member("text", verdict->fault.text, "},\"reasons\":[{", text);
	add_member("state", state_name(verdict->reasons[0].state), ",", text);
	add_member("text", verdict->reasons[0].text, "}],\"metrics\":{}}\n", text);
}

static void
write_http(const struct verdict *verdict, struct text *text)
{
	char storage[4096]; /* of names, a summary and a hint, each with every character escaped */
	struct text body;

	text_init(&body, storage, sizeof storage);
	write_json(verdict, &body);
	text_add(text,
		"HTTP/1.1 503 Service Unavailable\r\n"
		"Content-Type: application/json\r\n"
		"Content-Length: %zu\r\n"
		"Cache-Control: no-store\r\n"
		"Connection: close\r\n"
		"\r\n",
		body.length);
	text_add_bytes(text, body.bytes, body.length);
}

static void
write_labels(const struct verdict *verdict, struct text *text)
{
	text_add(text, "{check=");
	add_quoted(verdict->check, text);
	text_add(text, ",target=");
	add_quoted(verdict->target, text);
}

static void
write_prometheus(const struct verdict *verdict, struct text *text)
{
	text_add(text,
		"# HELP pgha_check_state State of the check, 1 for the one that it has.\n"
		"# TYPE pgha_check_state gauge\n");
	for (enum state state = STATE_OK; state < STATE_COUNT; state++) {
		text_add(text, "pgha_check_state");
		write_labels(verdict, text);
		text_add(text, ",state=\"%s\"} %d\n", state_word(state), verdict->state == state);
	}
	text_add(text,
		"# HELP pgha_check_yes Whether the answer is yes (1) or no (0).\n"
		"# TYPE pgha_check_yes gauge\n"
		"pgha_check_yes");
	write_labels(verdict, text);
	text_add(text, "} 0\n");
}

static void
write_haproxy(const struct verdict *verdict, struct text *text)
{
	char reason[128]; /* HAProxy keeps 127 characters */

	text_clean(reason, sizeof reason, verdict->summary);
	text_add(text, "down #%s\n", reason);
}

void
ask_no_write(
	const struct ask_options *options, const struct verdict *verdict, bool is_coloured, struct text *text)
{
	struct format_options format_options = {.verbosity = options->verbosity, .is_coloured = is_coloured};

	switch ((enum format_id)options->format) {
	case FORMAT_NAGIOS:
		nagios_write(verdict, &format_options, text);
		break;
	case FORMAT_HAPROXY:
		write_haproxy(verdict, text);
		break;
	case FORMAT_HTTP:
		write_http(verdict, text);
		break;
	case FORMAT_JSON:
		write_json(verdict, text);
		break;
	case FORMAT_PROMETHEUS:
		write_prometheus(verdict, text);
		break;
	case FORMAT_PLAIN:
		plain_write(verdict, &format_options, text);
		break;
	case FORMAT_KEEPALIVED: /* reads exit codes only */
	case FORMAT_COUNT:
		break;
	}
}

int
ask_no_exit_code(const struct ask_options *options, const struct verdict *verdict)
{
	bool is_yes_no = options->format == FORMAT_KEEPALIVED && verdict->fault.class != ERR_USAGE;

	return is_yes_no ? 1 : STATE_UNKNOWN;
}
