/*
 * Any text as synchronous_standby_names: it is taken or refused, and what was taken reads the same when
 * it is written back with every name in quotes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/evaluate/sync_names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
write_quoted(const char *name, struct text *text)
{
	text_add(text, "\"");
	for (; *name != '\0'; name++) {
		text_add_bytes(text, name, 1);
		if (*name == '"')
			text_add_bytes(text, name, 1);
	}
	text_add(text, "\"");
}

static void
write_back(const struct sync_names *names, struct text *text)
{
	if (names->method == SYNC_NAMES_OFF)
		return;
	text_add(text, "%s%d(", names->method == SYNC_NAMES_QUORUM ? "ANY " : "", names->required);
	for (int i = 0; i < names->name_count; i++) {
		text_add(text, "%s", i == 0 ? "" : ",");
		write_quoted(sync_names_at(names, i), text);
	}
	text_add(text, ")");
}

static bool
is_same(const struct sync_names *one, const struct sync_names *other)
{
	if (one->method != other->method || one->required != other->required
		|| one->name_count != other->name_count || one->has_star != other->has_star)
		return false;
	for (int i = 0; i < one->name_count; i++)
		if (strcmp(sync_names_at(one, i), sync_names_at(other, i)) != 0)
			return false;
	return true;
}

static void
expect_sound(const char *value, const struct sync_names *names)
{
	char storage[256];
	struct text text;

	if ((names->method == SYNC_NAMES_OFF) != (*value == '\0')
		|| (names->method == SYNC_NAMES_OFF) != (names->name_count == 0)
		|| (names->method == SYNC_NAMES_OFF) != (names->required == 0) || names->required < 0
		|| sync_names_at(names, names->name_count) != NULL)
		abort();
	for (int i = 0; i < names->name_count; i++) {
		int priority = sync_names_priority(names, sync_names_at(names, i));

		if (priority < 1 || priority > (names->method == SYNC_NAMES_QUORUM ? 1 : i + 1))
			abort();
	}
	/* A star is for any name. */
	if (names->has_star && sync_names_priority(names, value) == 0)
		abort();
	text_init(&text, storage, sizeof storage);
	sync_names_describe(names, &text);
	if (text.length == 0)
		abort();
}

static void
expect_same_again(const struct sync_names *names)
{
	char storage[4 * SYNC_NAMES_TEXT];
	struct sync_names again;
	struct text text;
	struct err err;

	text_init(&text, storage, sizeof storage);
	write_back(names, &text);
	if (text.length >= SYNC_NAMES_TEXT) /* quotes have made it longer than is read */
		return;
	if (sync_names_parse(storage, &again, &err) != 0 || !is_same(names, &again))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *value = malloc(size + 1);
	struct sync_names names;
	struct err err;

	memcpy(value, data, size);
	value[size] = '\0';
	if (sync_names_parse(value, &names, &err) == 0) {
		expect_sound(value, &names);
		expect_same_again(&names);
	} else if (err.text[0] == '\0'
		|| err.class != (strlen(value) < SYNC_NAMES_TEXT ? ERR_USAGE : ERR_PROTOCOL)
		|| (err.class == ERR_USAGE && err.hint[0] == '\0')) {
		abort();
	}
	free(value);
	return 0;
}
