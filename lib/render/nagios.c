/*
 * nagios.c: the Monitoring Plugins' output: a summary with performance data, then long output.
 * "|" separates and stands nowhere else, because Icinga splits every line at its first one.
 */
#include <math.h>

#include "lib/render/writers.h"

static const char *
unit_sign(enum unit unit)
{
	static const char *const signs[UNIT_COUNT] = {"", "B", "s", "%"};

	return signs[unit];
}

/* Quoted, where it holds the name of a thing, which may have any character; a quote or "=" would end it. */
static void
write_label(const struct verdict_metric *metric, struct text *text)
{
	if (metric->subject[0] == '\0') {
		text_add(text, " %s=", metric->name);
		return;
	}
	text_add(text, " '");
	for (const char *byte = metric->subject; *byte != '\0'; byte++)
		text_add(text, "%c", *byte == '\'' || *byte == '=' ? '_' : *byte);
	text_add(text, "_%s'=", metric->name);
}

static void
write_metric(const struct verdict_metric *metric, struct text *text)
{
	write_label(metric, text);
	if (isnan(metric->value)) {
		text_add(text, "U");
	} else {
		range_write_number(metric->value, text);
		text_add(text, "%s", unit_sign(metric->unit));
	}
	text_add(text, ";");
	if (metric->warning.is_set)
		range_write(&metric->warning, text);
	text_add(text, ";");
	if (metric->critical.is_set)
		range_write(&metric->critical, text);
	text_add(text, metric->unit == UNIT_NONE || metric->unit == UNIT_PERCENT ? ";" : ";0");
	while (text->bytes[text->length - 1] == ';') /* what is empty at the end may be dropped */
		text->bytes[--text->length] = '\0';
}

static void
write_long_output(const struct verdict *verdict, const struct format_options *options, struct text *text)
{
	if (options->verbosity > 0) {
		for (int i = 0; i < verdict->reason_count; i++)
			text_add(text, "%s: %s\n", state_name(verdict->reasons[i].state),
				verdict->reasons[i].text);
		if (verdict->target[0] != '\0')
			text_add(text, "target: %s\n", verdict->target);
	}
	if (verdict->hint[0] != '\0' && (verdict->state != STATE_OK || options->verbosity > 0))
		text_add(text, "hint: %s\n", verdict->hint);
}

void
nagios_write(const struct verdict *verdict, const struct format_options *options, struct text *text)
{
	text_add(text, "%s %s - %s", verdict->title, state_name(verdict->state), verdict->summary);
	if (verdict->metric_count > 0)
		text_add(text, " |");
	for (int i = 0; i < verdict->metric_count; i++)
		write_metric(&verdict->metrics[i], text);
	text_add(text, "\n");
	write_long_output(verdict, options, text);
}
