/*
 * prometheus.c: text for node_exporter's textfile collector: format 0.0.4, no timestamps (the
 * collector refuses a file that has any). A state is a series each, one of them 1.
 */
#include <math.h>

#include "lib/render/writers.h"

static void
write_label_value(const char *value, struct text *text)
{
	for (; *value != '\0'; value++) {
		if (*value == '\\' || *value == '"')
			text_add(text, "\\");
		text_add_bytes(text, value, 1);
	}
}

/* The labels that every series has, without the closing brace. */
static void
write_labels(const struct verdict *verdict, struct text *text)
{
	text_add(text, "{check=\"%s\",target=\"", verdict->check);
	write_label_value(verdict->target, text);
	text_add(text, "\"");
}

static void
write_head(const char *name, const char *help, struct text *text)
{
	text_add(text, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static void
write_states(const struct verdict *verdict, struct text *text)
{
	write_head("pgha_check_state", "State of the check, 1 for the one that it has.", text);
	for (enum state state = STATE_OK; state < STATE_COUNT; state++) {
		text_add(text, "pgha_check_state");
		write_labels(verdict, text);
		text_add(text, ",state=\"%s\"} %d\n", state_word(state), verdict->state == state);
	}
}

static void
write_number(
	const char *name, const char *help, const struct verdict *verdict, double value, struct text *text)
{
	write_head(name, help, text);
	text_add(text, "%s", name);
	write_labels(verdict, text);
	text_add(text, "} ");
	if (isnan(value))
		text_add(text, "NaN");
	else
		range_write_number(value, text);
	text_add(text, "\n");
}

void
prometheus_write(const struct verdict *verdict, const struct format_options *options, struct text *text)
{
	write_states(verdict, text);
	write_number("pgha_check_yes", "Whether the answer is yes (1) or no (0).", verdict,
		format_is_yes(verdict, options), text);
	if (verdict->taken_ms != 0)
		write_number("pgha_check_timestamp_seconds", "When the facts were seen, since 1970.", verdict,
			(double)verdict->taken_ms / 1000.0, text);
	for (int i = 0; i < verdict->metric_count; i++) {
		char storage[80];
		struct text name;

		text_init(&name, storage, sizeof storage);
		text_add(&name, "pgha_%s", verdict->metrics[i].name);
		write_number(name.bytes, "As the check of that name measured it.", verdict,
			verdict->metrics[i].value, text);
	}
}
