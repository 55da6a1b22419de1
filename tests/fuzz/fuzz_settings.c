/* Any text as any setting: it is taken or refused, and never anything else. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/range.h"
#include "lib/model/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_range(const char *value)
{
	struct range range;
	enum unit unit;
	struct err err;
	char storage[256];
	struct text text;

	if (range_parse(value, &range, &unit, &err) != 0)
		return;
	if (range.start > range.end)
		abort();
	text_init(&text, storage, sizeof storage);
	range_describe(&range, unit, &text);
	text_init(&text, storage, sizeof storage);
	range_write(&range, &text);
	/* What is written for machines reads back as the same range. */
	if (range_parse(storage, &range, &unit, &err) != 0)
		abort();
}

static void
try_fields(const char *value)
{
	struct snapshot snapshot;
	struct err err;

	snapshot_init(&snapshot);
	for (size_t i = 0; i < snapshot_fields_count; i++)
		if (snapshot_set(&snapshot, &snapshot_fields[i], value, &err) == 0
			&& snapshot_is_set(&snapshot, &snapshot_fields[i])) {
			char storage[512];
			struct text text;

			text_init(&text, storage, sizeof storage);
			snapshot_write(&snapshot, &snapshot_fields[i], &text);
			if (snapshot_set(&snapshot, &snapshot_fields[i], storage, &err) != 0)
				abort();
		}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *value = malloc(size + 1);
	int64_t ignored;
	struct err err;

	memcpy(value, data, size);
	value[size] = '\0';
	try_range(value);
	try_fields(value);
	(void)!parse_duration_ms(value, &ignored, &err);
	(void)!parse_integer(value, -5, 65535, &ignored, &err);
	free(value);
	return 0;
}
