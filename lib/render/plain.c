/* plain.c: for a person at a terminal; coloured when it is one. */
#include <math.h>
#include <string.h>

#include "lib/render/writers.h"

static const char *
colour(enum state state, const struct format_options *options)
{
	static const char *const colours[STATE_COUNT] = {
		[STATE_OK] = "\033[32m",
		[STATE_WARNING] = "\033[33m",
		[STATE_CRITICAL] = "\033[31m",
		[STATE_UNKNOWN] = "\033[35m",
	};

	return options->is_coloured ? colours[state] : "";
}

static const char *
plain_again(const struct format_options *options)
{
	return options->is_coloured ? "\033[0m" : "";
}

static void
write_limits(const struct verdict_metric *metric, struct text *text)
{
	if (metric->warning.is_set) {
		text_add(text, ", warning ");
		range_describe(&metric->warning, metric->unit, text);
	}
	if (metric->critical.is_set) {
		text_add(text, ", critical ");
		range_describe(&metric->critical, metric->unit, text);
	}
}

static void
write_metric(const struct verdict_metric *metric, struct text *text)
{
	text_add(
		text, "    %s%s%-20s ", metric->subject, metric->subject[0] != '\0' ? " " : "", metric->name);
	if (isnan(metric->value))
		text_add(text, "unknown");
	else
		range_write_quantity(metric->value, metric->unit, text);
	write_limits(metric, text);
	text_add(text, "\n");
}

/* The findings that the summary does not already hold; details on demand. */
static void
write_reasons(const struct verdict *verdict, bool has_details, struct text *text)
{
	for (int i = 0; i < verdict->reason_count; i++) {
		const struct verdict_reason *reason = &verdict->reasons[i];

		if (reason->is_detail ? has_details : reason->state != verdict->state)
			text_add(text, "    %s: %s\n", state_word(reason->state), reason->text);
	}
}

void
plain_write(const struct verdict *verdict, const struct format_options *options, struct text *text)
{
	text_add(text, "%s%-8s%s %s", colour(verdict->state, options), state_name(verdict->state),
		plain_again(options), verdict->check);
	if (verdict->target[0] != '\0')
		text_add(text, " on %s", verdict->target);
	text_add(text, ": %s\n", verdict->summary);
	write_reasons(verdict, options->verbosity > 0, text);
	if (verdict->hint[0] != '\0')
		text_add(text, "    hint: %s\n", verdict->hint);
	for (int i = 0; i < verdict->metric_count && options->verbosity > 0; i++)
		write_metric(&verdict->metrics[i], text);
}
