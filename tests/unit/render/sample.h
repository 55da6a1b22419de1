/* sample.h: verdicts to write, and writing them. */
#ifndef PGHA_TESTS_UNIT_RENDER_SAMPLE_H
#define PGHA_TESTS_UNIT_RENDER_SAMPLE_H

#include <stdio.h>
#include <string.h>

#include "lib/render/format.h"

/* A verdict as a check of a replica would give it, with one finding of that state. */
static inline struct verdict
sample_verdict(enum state state, const char *summary)
{
	struct verdict verdict;

	memset(&verdict, 0, sizeof verdict);
	snprintf(verdict.check, sizeof verdict.check, "pg_replica");
	snprintf(verdict.title, sizeof verdict.title, "PG REPLICA");
	snprintf(verdict.target, sizeof verdict.target, "db1:5432");
	snprintf(verdict.summary, sizeof verdict.summary, "%s", summary);
	verdict.taken_ms = 1700000000123;
	verdict.state = state;
	verdict.weight_percent = VERDICT_NO_WEIGHT;
	verdict.reason_count = 1;
	verdict.reasons[0].state = state;
	snprintf(verdict.reasons[0].text, sizeof verdict.reasons[0].text, "%.280s", summary);
	return verdict;
}

/* A fault, which is its summary too. */
static inline struct verdict
sample_fault(enum err_class class, enum state state)
{
	struct verdict verdict = sample_verdict(state, "something is wrong");

	err_set(&verdict.fault, class, "%s", verdict.summary);
	snprintf(verdict.hint, sizeof verdict.hint, "mend it");
	return verdict;
}

static inline struct verdict_metric *
sample_metric(struct verdict *verdict, const char *name, double value, enum unit unit)
{
	struct verdict_metric *metric = &verdict->metrics[verdict->metric_count++];

	snprintf(metric->name, sizeof metric->name, "%s", name);
	metric->value = value;
	metric->unit = unit;
	return metric;
}

/* A figure of one of several things. */
static inline struct verdict_metric *
sample_metric_of(struct verdict *verdict, const char *subject, const char *name, double value, enum unit unit)
{
	struct verdict_metric *metric = sample_metric(verdict, name, value, unit);

	snprintf(metric->subject, sizeof metric->subject, "%s", subject);
	return metric;
}

static inline struct range
sample_range(const char *text)
{
	struct range range = {.is_set = false};
	enum unit unit;
	struct err err;

	if (range_parse(text, &range, &unit, &err) != 0)
		fail_msg("\"%s\": %s", text, err.text);
	return range;
}

/* As large as a verdict can be, in characters that JSON writes as two. */
static inline struct verdict
sample_largest(void)
{
	struct verdict verdict;

	memset(&verdict, 0, sizeof verdict);
	memset(verdict.check, '"', sizeof verdict.check - 1);
	memset(verdict.title, '"', sizeof verdict.title - 1);
	memset(verdict.target, '"', sizeof verdict.target - 1);
	memset(verdict.summary, '\\', sizeof verdict.summary - 1);
	memset(verdict.hint, '"', sizeof verdict.hint - 1);
	verdict.state = STATE_CRITICAL;
	verdict.taken_ms = 1700000000123;
	verdict.weight_percent = 100;
	verdict.fault.class = ERR_PROTOCOL;
	memset(verdict.fault.text, '"', sizeof verdict.fault.text - 1);
	verdict.reason_count = VERDICT_REASONS;
	for (int i = 0; i < VERDICT_REASONS; i++) {
		verdict.reasons[i].state = STATE_CRITICAL;
		memset(verdict.reasons[i].text, '"', sizeof verdict.reasons[i].text - 1);
	}
	while (verdict.metric_count < VERDICT_METRICS) {
		char name[sizeof verdict.metrics[0].name];
		struct verdict_metric *metric;

		memset(name, 'm', sizeof name - 1); /* and two letters that tell it from the others */
		name[sizeof name - 3] = (char)('a' + verdict.metric_count / 26);
		name[sizeof name - 2] = (char)('a' + verdict.metric_count % 26);
		name[sizeof name - 1] = '\0';
		metric = sample_metric(&verdict, name, -1.23456789012345e-100, UNIT_BYTES);
		memset(metric->subject, '"', sizeof metric->subject - 1);
		metric->warning = (struct range){true, true, -1.23456789012345e-100, 1.23456789012345e-100};
		metric->critical = metric->warning;
	}
	return verdict;
}

/* What a format writes, until the next call. */
static inline const char *
sample_written(enum format_id format, const struct verdict *verdict, const struct format_options *options)
{
	static const struct format_options none;
	static char storage[65536];
	struct text text;

	text_init(&text, storage, sizeof storage);
	formats[format].write(verdict, options == NULL ? &none : options, &text);
	if (text.is_truncated || text.length != strlen(storage))
		fail_msg("%s: the answer was cut", formats[format].name);
	return storage;
}

#endif
