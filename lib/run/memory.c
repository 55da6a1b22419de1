#include "lib/run/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/run/record.h"

int
memory_recall(struct memory *memory, struct err *err)
{
	size_t count;

	if (memory->path[0] == '\0' || access(memory->path, F_OK) != 0)
		return 0;
	if (record_read(memory->path, &memory->last, &count, err) == 0)
		return 0;
	if (!record_is_ours(memory->path))
		return err_context(err, "option --state");
	fprintf(stderr, "%s: option --state: the look before is lost: %s\n", memory->program, err->text);
	return 0;
}

/* Another server's counters say nothing of this one's. */
void
memory_compare(struct memory *memory, struct snapshot *snapshot)
{
	const struct snapshot *last = memory->last;

	if (last == NULL || strcmp(last->target, snapshot->target) != 0)
		return;
	growth_take(&memory->before, last, last->taken_ms);
	growth_since(&memory->before, snapshot);
}

/* Whether a look saw what is to be remembered of it: the first part of a check's own source, or counters. */
static bool
has_counted(const struct check *check, const struct snapshot *snapshot)
{
	return snapshot_has(
		snapshot, check->collect != NULL ? check->facets[0]->part : SNAPSHOT_SUBSCRIPTIONS);
}

void
memory_keep(const struct memory *memory, const struct check *check, const struct snapshot *snapshot)
{
	struct err err;

	if (memory->path[0] == '\0' || !has_counted(check, snapshot))
		return;
	if (record_write(memory->path, snapshot, 1, &err) != 0 && err_context(&err, "option --state") != 0)
		fprintf(stderr, "%s: %s\n", memory->program, err.text);
}

void
memory_release(struct memory *memory)
{
	free(memory->last);
	memory->last = NULL;
}
