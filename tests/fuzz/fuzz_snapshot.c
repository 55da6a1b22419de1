/*
 * Whatever a worker may send that is sound, and whatever a recording may hold: every check answers it, from
 * any number of nodes, and every format writes the answer.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "checks/table.h"
#include "lib/evaluate/evaluate.h"
#include "lib/evaluate/growth.h"
#include "lib/render/format.h"
#include "lib/run/options.h"
#include "lib/run/settings.h"

enum { NODES = 3, LIMITS_SIZE = 8192 };

static struct snapshot snapshots[NODES];
static struct growth growths[NODES];
static struct verdict verdict;

/* The input again and again, from a place that moves on. */
static void
fill(char *to, size_t size, const uint8_t *data, size_t length, size_t *at)
{
	for (size_t i = 0; i < size; i++)
		to[i] = length == 0 ? 0 : (char)data[(*at)++ % length];
}

/* A number as the input has it, where it is one that a server could tell; else a small one. */
static void
fill_number(int64_t *to, const uint8_t *data, size_t length, size_t *at)
{
	fill((char *)to, sizeof *to, data, length, at);
	if (*to != SNAPSHOT_NONE && (*to < -SNAPSHOT_NUMBER_MAX || *to > SNAPSHOT_NUMBER_MAX))
		*to %= 100;
}

static void
fill_field(struct snapshot *snapshot, const struct snapshot_field *field, const uint8_t *data, size_t length,
	size_t *at)
{
	char *to = (char *)snapshot + field->offset;

	if (field->type == SNAPSHOT_INTEGER) {
		fill_number((int64_t *)(void *)to, data, length, at);
		return;
	}
	fill(to, field->size, data, length, at);
	if (field->type == SNAPSHOT_BOOL)
		to[0] &= 1;
	else if (field->type == SNAPSHOT_TEXT)
		to[field->size - 1] = '\0';
}

static void
fill_snapshot(struct snapshot *snapshot, const uint8_t *data, size_t length, size_t *at)
{
	snapshot_init(snapshot);
	for (size_t i = 0; i < snapshot_fields_count; i++) {
		const struct snapshot_list *list = snapshot_list_of(snapshot_fields[i].part);
		size_t rows = snapshot_fields[i].is_in_row ? list->rows_max : 1;

		for (size_t row = 0; row < rows; row++) {
			struct snapshot_field field = snapshot_field_at(&snapshot_fields[i], row);

			fill_field(snapshot, &field, data, length, at);
		}
	}
	for (size_t i = 0; i < snapshot_fields_list_count; i++) {
		int64_t *total = (void *)((char *)snapshot + snapshot_fields_lists[i].total_offset);

		if (*total < 0)
			*total = SNAPSHOT_NONE;
	}
	fill((char *)&snapshot->obtained, sizeof snapshot->obtained, data, length, at);
	snapshot->obtained &= (1U << SNAPSHOT_PART_COUNT) - 1;
	fill_number(&snapshot->taken_ms, data, length, at);
	fill_number(&snapshot->server_version, data, length, at);
	if (!snapshot_is_sound(snapshot))
		abort();
	snapshot_clean(snapshot);
}

static void
answer(const struct check *check, size_t count)
{
	static char limits[LIMITS_SIZE], storage[262144];
	struct settings_group groups[] = {
		{.rows = check->settings, .count = check->setting_count, .base = limits},
		{.rows = options_policy_rows, .count = options_policy_row_count, .base = limits}};
	struct err err;

	memset(limits, 0, sizeof limits);
	if (check->limits_size > sizeof limits || settings_set_initial(groups, 2, &err) != 0)
		abort();
	evaluate_check(check, snapshots, count, limits, &verdict);
	for (size_t i = 0; i < FORMAT_COUNT; i++) {
		struct format_options options = {.verbosity = 1};
		struct text text;

		text_init(&text, storage, sizeof storage);
		formats[i].write(&verdict, &options, &text);
		if (text.is_truncated)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	size_t at = 0;

	for (size_t i = 0; i < NODES; i++) {
		fill_snapshot(&snapshots[i], data, length, &at);
		growth_init(&growths[i]);
		growth_follow(&growths[i], &snapshots[i], 1000);
	}
	for (size_t i = 0; table_checks[i] != NULL; i++)
		answer(table_checks[i], 1 + length % NODES);
	return 0;
}
