#include "lib/evaluate/judge.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"

void
judge_begin(struct verdict *verdict, const struct check *check, const struct snapshot *snapshot)
{
	memset(verdict, 0, sizeof *verdict);
	text_clean(verdict->check, sizeof verdict->check, check->name);
	text_clean(verdict->title, sizeof verdict->title, check->title);
	verdict->weight_percent = VERDICT_NO_WEIGHT;
	if (snapshot != NULL) {
		text_clean(verdict->target, sizeof verdict->target, snapshot->target);
		verdict->taken_ms = snapshot->taken_ms;
	}
}

/* Where to keep a finding. When there is no room, it takes the last detail's place, or a worse one the last
 * one's. */
static struct verdict_reason *
place_for(struct verdict *verdict, enum state state)
{
	struct verdict_reason *last = &verdict->reasons[VERDICT_REASONS - 1];

	if (verdict->reason_count < VERDICT_REASONS)
		return &verdict->reasons[verdict->reason_count++];
	for (int i = VERDICT_REASONS - 1; i >= 0; i--)
		if (verdict->reasons[i].is_detail)
			return &verdict->reasons[i];
	return last->state != state && state_worse(last->state, state) == state ? last : NULL;
}

static void
add_reason(struct verdict *verdict, enum state state, const char *raw)
{
	struct verdict_reason *reason = place_for(verdict, state);

	verdict->state = state_worse(verdict->state, state);
	verdict->last_state = state;
	if (reason != NULL) {
		text_clean(reason->text, sizeof reason->text, raw);
		reason->state = state;
		reason->is_detail = false;
	}
}

void
judge_reason(struct verdict *verdict, enum state state, const char *format, ...)
{
	char raw[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(raw, sizeof raw, format, arguments);
	va_end(arguments);
	add_reason(verdict, state, raw);
	verdict->firm_state = state_worse(verdict->firm_state, state);
}

void
judge_detail(struct verdict *verdict, const char *format, ...)
{
	char raw[1024];
	va_list arguments;

	if (verdict->reason_count == VERDICT_REASONS) /* it makes room for nothing */
		return;
	va_start(arguments, format);
	vsnprintf(raw, sizeof raw, format, arguments);
	va_end(arguments);
	add_reason(verdict, STATE_OK, raw);
	verdict->reasons[verdict->reason_count - 1].is_detail = true;
}

void
judge_hint(struct verdict *verdict, const char *format, ...)
{
	char raw[1024];
	va_list arguments;

	if (verdict->hint[0] != '\0'
		&& (verdict->last_state == verdict->hint_state
			|| state_worse(verdict->last_state, verdict->hint_state) == verdict->hint_state))
		return;
	verdict->hint_state = verdict->last_state;
	va_start(arguments, format);
	vsnprintf(raw, sizeof raw, format, arguments);
	va_end(arguments);
	text_clean(verdict->hint, sizeof verdict->hint, raw);
}

void
judge_wrong_role(struct verdict *verdict, const struct policy *policy, const char *text)
{
	judge_reason(verdict, policy->wrong_role, "%s", text);
	verdict->is_wrong_role = true;
}

void
judge_fault(struct verdict *verdict, const struct policy *policy, const struct err *fault)
{
	judge_reason(verdict, policy->on[fault->class], "%s", fault->text);
	verdict->fault = *fault;
	if (fault->hint[0] != '\0')
		judge_hint(verdict, "%s", fault->hint);
}

static const struct range unlimited = {.is_set = false};

/* Of two things of one name the first counts: labels and keys must not be there twice. */
static bool
is_kept(const struct verdict *verdict, const char *subject, const char *name)
{
	char clean[sizeof verdict->metrics[0].subject];

	text_clean(clean, sizeof clean, subject);
	for (int i = 0; i < verdict->metric_count; i++)
		if (strcmp(verdict->metrics[i].name, name) == 0
			&& strcmp(verdict->metrics[i].subject, clean) == 0)
			return true;
	return false;
}

/* Keeps a figure while there is room. */
static void
add_metric(struct verdict *verdict, const char *subject, const char *name, double value, enum unit unit,
	const struct range *warning, const struct range *critical)
{
	struct verdict_metric *metric;

	if (verdict->metric_count == VERDICT_METRICS || is_kept(verdict, subject, name))
		return;
	metric = &verdict->metrics[verdict->metric_count++];
	*metric = (struct verdict_metric){
		.value = value, .unit = unit, .warning = *warning, .critical = *critical};
	text_clean(metric->name, sizeof metric->name, name);
	text_clean(metric->subject, sizeof metric->subject, subject);
}

void
judge_figure(struct verdict *verdict, const char *name, double value, enum unit unit)
{
	judge_figure_of(verdict, "", name, value, unit);
}

void
judge_figure_of(struct verdict *verdict, const char *subject, const char *name, double value, enum unit unit)
{
	add_metric(verdict, subject, name, value, unit, &unlimited, &unlimited);
}

static void
judge_alert(struct verdict *verdict, enum state state, const char *subject, double value, enum unit unit,
	const struct range *range)
{
	char storage[256];
	struct text text;

	text_init(&text, storage, sizeof storage);
	text_add(&text, "%s is ", subject);
	range_write_quantity(value, unit, &text);
	text_add(&text, " (%s ", state_word(state));
	range_describe(range, unit, &text);
	text_add(&text, ")");
	add_reason(verdict, state, storage); /* a limit is no firm finding */
}

static const struct range *
range_of(const struct limit *limit, enum unit unit)
{
	return limit == NULL ? &unlimited : &limit->of[unit];
}

void
judge_limit(struct verdict *verdict, const char *what, double value, enum unit unit,
	const struct limit *warning, const struct limit *critical)
{
	if (isnan(value))
		return;
	if (range_alerts(range_of(critical, unit), value))
		judge_alert(verdict, STATE_CRITICAL, what, value, unit, range_of(critical, unit));
	else if (range_alerts(range_of(warning, unit), value))
		judge_alert(verdict, STATE_WARNING, what, value, unit, range_of(warning, unit));
}

void
judge_metric_of(struct verdict *verdict, const char *subject, const char *what, const char *name,
	double value, enum unit unit, const struct limit *warning, const struct limit *critical)
{
	add_metric(verdict, subject, name, value, unit, range_of(warning, unit), range_of(critical, unit));
	judge_limit(verdict, what, value, unit, warning, critical);
}

void
judge_metric(struct verdict *verdict, const char *subject, const char *name, double value, enum unit unit,
	const struct limit *warning, const struct limit *critical)
{
	judge_metric_of(verdict, "", subject, name, value, unit, warning, critical);
}

void
judge_end(struct verdict *verdict)
{
	char storage[VERDICT_REASONS * sizeof verdict->reasons[0].text];
	struct text text;

	/* What helps with a thing that is well is no help with what is not. */
	if (verdict->hint_state == STATE_OK && verdict->state != STATE_OK)
		verdict->hint[0] = '\0';
	text_init(&text, storage, sizeof storage);
	for (int i = 0; i < verdict->reason_count; i++)
		if (verdict->reasons[i].state == verdict->state && !verdict->reasons[i].is_detail)
			text_add(&text, "%s%s", text.length > 0 ? ", " : "", verdict->reasons[i].text);
	text_clean(verdict->summary, sizeof verdict->summary, storage); /* tells with "..." what it cuts */
}
