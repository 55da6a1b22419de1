/*
 * prometheus.c: text for node_exporter's textfile collector: format 0.0.4, no timestamps (the
 * collector refuses a file that has any). A state is a series each, one of them 1.
 */
#include "lib/render/prometheus.h"

#include <math.h>
#include <string.h>

#include "lib/render/writers.h"

void
prometheus_write_label(const char *value, struct text *text)
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
	prometheus_write_label(verdict->target, text);
	text_add(text, "\"");
}

void
prometheus_write_head(const char *name, const char *type, const char *help, struct text *text)
{
	text_add(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void
prometheus_write_value(double value, struct text *text)
{
	if (isnan(value))
		text_add(text, "NaN");
	else
		range_write_number(value, text);
	text_add(text, "\n");
}

static void
write_states(const struct verdict *verdicts, size_t count, struct text *text)
{
	prometheus_write_head(
		"pgha_check_state", "gauge", "State of the check, 1 for the one that it has.", text);
	for (size_t i = 0; i < count; i++)
		for (enum state state = STATE_OK; state < STATE_COUNT; state++) {
			text_add(text, "pgha_check_state");
			write_labels(&verdicts[i], text);
			text_add(text, ",state=\"%s\"} %d\n", state_word(state), verdicts[i].state == state);
		}
}

static void
write_sample(
	const char *name, const struct verdict *verdict, const char *subject, double value, struct text *text)
{
	text_add(text, "%s", name);
	write_labels(verdict, text);
	if (subject[0] != '\0') {
		text_add(text, ",subject=\"");
		prometheus_write_label(subject, text);
		text_add(text, "\"");
	}
	text_add(text, "} ");
	prometheus_write_value(value, text);
}

static bool
has_metric(const struct verdict *verdict, int before, const char *name)
{
	for (int i = 0; i < before; i++)
		if (strcmp(verdict->metrics[i].name, name) == 0)
			return true;
	return false;
}

/* One family, of all verdicts from `first` on that have it; those before have not. */
static void
write_family(const struct verdict *verdicts, size_t first, size_t count, const char *metric_name,
	struct text *text)
{
	char storage[80];
	struct text name;

	text_init(&name, storage, sizeof storage);
	text_add(&name, "pgha_%s", metric_name);
	prometheus_write_head(name.bytes, "gauge", "As the check of that name measured it.", text);
	for (size_t i = first; i < count; i++)
		for (int j = 0; j < verdicts[i].metric_count; j++) {
			const struct verdict_metric *metric = &verdicts[i].metrics[j];

			if (strcmp(metric->name, metric_name) == 0)
				write_sample(name.bytes, &verdicts[i], metric->subject, metric->value, text);
		}
}

/* Whether the family of a figure was written already: it is in a verdict before, or before it in its own. */
static bool
is_written(const struct verdict *verdicts, size_t index, int metric_index)
{
	const char *name = verdicts[index].metrics[metric_index].name;

	for (size_t i = 0; i < index; i++)
		if (has_metric(&verdicts[i], verdicts[i].metric_count, name))
			return true;
	return has_metric(&verdicts[index], metric_index, name);
}

void
prometheus_write_checks(const struct verdict *verdicts, const bool *answers, size_t count, struct text *text)
{
	bool has_time = false;

	write_states(verdicts, count, text);
	prometheus_write_head("pgha_check_yes", "gauge", "Whether the answer is yes (1) or no (0).", text);
	for (size_t i = 0; i < count; i++) {
		write_sample("pgha_check_yes", &verdicts[i], "", answers[i], text);
		has_time = has_time || verdicts[i].taken_ms != 0;
	}
	if (has_time)
		prometheus_write_head("pgha_check_timestamp_seconds", "gauge",
			"When the facts were seen, since 1970.", text);
	for (size_t i = 0; i < count; i++)
		if (verdicts[i].taken_ms != 0)
			write_sample("pgha_check_timestamp_seconds", &verdicts[i], "",
				(double)verdicts[i].taken_ms / 1000.0, text);
	for (size_t i = 0; i < count; i++)
		for (int j = 0; j < verdicts[i].metric_count; j++)
			if (!is_written(verdicts, i, j))
				write_family(verdicts, i, count, verdicts[i].metrics[j].name, text);
}

void
prometheus_write(const struct verdict *verdict, const struct format_options *options, struct text *text)
{
	bool is_yes = format_is_yes(verdict, options);

	prometheus_write_checks(verdict, &is_yes, 1, text);
}
