/* json.c: one object with everything that the verdict holds. */
#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/render/writers.h"

/* A whole number stays one; what could not be determined is null. */
static json_t *
number(double value)
{
	if (isnan(value) || isinf(value))
		return json_null();
	if (fabs(value) < 9007199254740992.0 && value == (double)(json_int_t)value)
		return json_integer((json_int_t)value);
	return json_real(value);
}

static void
set_range(json_t *metric, const char *name, const struct range *range)
{
	char storage[64];
	struct text text;

	if (!range->is_set)
		return;
	text_init(&text, storage, sizeof storage);
	range_write(range, &text);
	json_object_set_new(metric, name, json_string(storage));
}

static json_t *
metric_object(const struct verdict_metric *metric)
{
	static const char *const units[UNIT_COUNT] = {NULL, "bytes", "seconds", "percent"};
	json_t *object = json_object();

	json_object_set_new(object, "value", number(metric->value));
	if (metric->subject[0] != '\0')
		json_object_set_new(object, "subject", json_string(metric->subject));
	if (units[metric->unit] != NULL)
		json_object_set_new(object, "unit", json_string(units[metric->unit]));
	set_range(object, "warning", &metric->warning);
	set_range(object, "critical", &metric->critical);
	return object;
}

static json_t *
metrics_object(const struct verdict *verdict)
{
	json_t *object = json_object();

	for (int i = 0; i < verdict->metric_count; i++) {
		const struct verdict_metric *metric = &verdict->metrics[i];
		char key[sizeof metric->subject + sizeof metric->name + 1];

		snprintf(key, sizeof key, "%s%s%s", metric->subject, metric->subject[0] != '\0' ? "_" : "",
			metric->name);
		json_object_set_new(object, key, metric_object(metric));
	}
	return object;
}

static json_t *
reasons_array(const struct verdict *verdict)
{
	json_t *array = json_array();

	for (int i = 0; i < verdict->reason_count; i++)
		json_array_append_new(array,
			json_pack("{ss ss}", "state", state_name(verdict->reasons[i].state), "text",
				verdict->reasons[i].text));
	return array;
}

static json_t *
verdict_object(const struct verdict *verdict, const struct format_options *options)
{
	json_t *object = json_object();

	json_object_set_new(object, "check", json_string(verdict->check));
	json_object_set_new(object, "target", json_string(verdict->target));
	json_object_set_new(object, "state", json_string(state_name(verdict->state)));
	json_object_set_new(object, "answer", json_string(format_is_yes(verdict, options) ? "yes" : "no"));
	json_object_set_new(object, "summary", json_string(verdict->summary));
	if (verdict->is_drained)
		json_object_set_new(object, "drained", json_true());
	if (verdict->hint[0] != '\0')
		json_object_set_new(object, "hint", json_string(verdict->hint));
	if (verdict->fault.class != ERR_NONE)
		json_object_set_new(object, "fault",
			json_pack("{ss ss}", "class", err_class_name(verdict->fault.class), "text",
				verdict->fault.text));
	json_object_set_new(object, "reasons", reasons_array(verdict));
	json_object_set_new(object, "metrics", metrics_object(verdict));
	if (verdict->weight_percent != VERDICT_NO_WEIGHT)
		json_object_set_new(object, "weight",
			json_integer(format_is_yes(verdict, options) ? verdict->weight_percent : 0));
	if (verdict->taken_ms != 0)
		json_object_set_new(object, "time", json_real((double)verdict->taken_ms / 1000.0));
	return object;
}

void
json_write(const struct verdict *verdict, const struct format_options *options, struct text *text)
{
	json_t *object = verdict_object(verdict, options);
	char *written = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(15));

	/* Only for want of memory is there nothing to write. */
	text_add(text, "%s\n", written == NULL ? "{\"state\":\"UNKNOWN\",\"answer\":\"no\"}" : written);
	free(written);
	json_decref(object);
}
