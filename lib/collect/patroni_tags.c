#include "lib/collect/patroni_tags.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"

bool
patroni_tags_is_truthy(const json_t *value)
{
	if (json_is_string(value))
		return json_string_value(value)[0] != '\0';
	if (json_is_number(value))
		return json_number_value(value) != 0;
	return json_is_true(value) || json_object_size(value) > 0 || json_array_size(value) > 0;
}

bool
patroni_tags_is_never_promoted(const json_t *tags)
{
	const json_t *tag = json_object_get(tags, "nofailover"),
		     *priority = json_object_get(tags, "failover_priority");

	if (tag != NULL && !json_is_null(tag))
		return patroni_tags_is_truthy(tag);
	if (json_is_string(priority))
		return json_string_value(priority)[0] != '\0'
			&& strtod(json_string_value(priority), NULL) <= 0;
	return json_is_number(priority) && json_number_value(priority) <= 0;
}

static void
add_value(const json_t *value, struct text *text)
{
	if (json_is_string(value))
		text_add(text, "%s", json_string_value(value));
	else if (json_is_number(value))
		text_add(text, "%.15g", json_number_value(value));
	else
		text_add(text, "%s", json_is_boolean(value) ? json_is_true(value) ? "true" : "false" : "?");
}

/* No name and no value may look like another tag. */
static void
defuse(char *text, const char *separators)
{
	for (text += strcspn(text, separators); *text != '\0'; text += strcspn(text, separators))
		*text = ';';
}

static void
add_tag(const char *name, const json_t *value, struct text *tags)
{
	char raw[512], clean_name[128], clean_value[256];
	struct text text;

	text_init(&text, raw, sizeof raw);
	add_value(value, &text);
	text_clean(clean_name, sizeof clean_name, name);
	text_clean(clean_value, sizeof clean_value, raw);
	defuse(clean_name, ",=");
	defuse(clean_value, ",");
	/* Half a tag would be another one. */
	if (tags->length + strlen(clean_name) + strlen(clean_value) + 3 <= tags->size)
		text_add(tags, "%s%s=%s", tags->length > 0 ? "," : "", clean_name, clean_value);
}

void
patroni_tags_list(json_t *tags, char *to, size_t size)
{
	struct text text;
	const char *name;
	json_t *value;

	text_init(&text, to, size);
	json_object_foreach(tags, name, value)
	{
		if (!json_is_null(value))
			add_tag(name, value, &text);
	}
}
