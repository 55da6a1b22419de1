/*
 * Any text as a proposed postgresql.conf: its lines are read or refused, and never anything else. A value
 * that was taken is taken again as it is shown, and then shown the same.
 *
 * The file itself is not: random text would include files of this machine.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/collect/conf_conninfo.h"
#include "lib/collect/conf_line.h"
#include "lib/collect/conf_value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct snapshot snapshot, again;

/* What a setting's field holds, as text; nothing where it is none. */
static void
show(const struct snapshot *of, const char *name, struct text *to)
{
	const struct snapshot_field *field = snapshot_field_find(SNAPSHOT_CONFIG, name);

	if (field != NULL && snapshot_is_set(of, field))
		snapshot_write(of, field, to);
}

static void
set_again(size_t index)
{
	static char first[2048], second[2048];
	const char *name = conf_value_name(index);
	struct text text;
	struct err err;

	if (strcmp(name, "primary_conninfo") == 0)
		return;
	text_init(&text, first, sizeof first);
	show(&snapshot, name, &text);
	snapshot_init(&again);
	if (conf_value_set(index, first, &again, &err) != 0)
		abort();
	text_init(&text, second, sizeof second);
	show(&again, name, &text);
	if (strcmp(first, second) != 0)
		abort();
}

static void
take_value(const struct conf_line *line, bool is_first)
{
	size_t index = conf_value_find(line->name);
	struct err err = {.class = ERR_NONE};

	if (is_first) /* it is slow */
		conf_value_nearest(line->name);
	conf_conninfo_has(line->value, "application_name");
	conf_conninfo_has(line->value, "dbname");
	if (index == SIZE_MAX)
		return;
	snapshot_init(&snapshot);
	if (conf_value_set(index, line->value, &snapshot, &err) == 0)
		set_again(index);
	else if ((err.class != ERR_USAGE && err.class != ERR_PROTOCOL) || err.text[0] == '\0')
		abort();
	if (!snapshot_is_sound(&snapshot))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct conf_line line;
	const char *next = (const char *)data, *end = next + size;

	while (next < end) {
		const char *newline = memchr(next, '\n', (size_t)(end - next));
		size_t length = (size_t)((newline == NULL ? end : newline) - next);
		char *copy = malloc(length + 1); /* of just this length, so that reading past it is seen */
		struct err err;

		memcpy(copy, next, length);
		copy = realloc(copy, length > 0 ? length : 1);
		if (conf_line_read(copy, length, &line, &err) != 0) {
			if (err.class != ERR_USAGE || err.text[0] == '\0' || err.hint[0] == '\0')
				abort();
		} else if (!line.is_empty) {
			take_value(&line, next == (const char *)data);
		}
		free(copy);
		next = newline == NULL ? end : newline + 1;
	}
	return 0;
}
