#include "lib/collect/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"

void
source_target(
	const char *conninfo, const struct check_look *look, const char *application, struct target *ret)
{
	if (conninfo[0] == '\0' && look->target != NULL) {
		*ret = *look->target;
	} else {
		memset(ret, 0, sizeof *ret);
		snprintf(ret->dbname, sizeof ret->dbname, "%s", conninfo);
	}
	ret->application = application;
	ret->timeout_ms = clock_left_ms(look->deadline_ms);
	if (ret->timeout_ms == 0)
		ret->timeout_ms = 1; /* zero would be no limit at all */
}

int64_t
source_begin(struct snapshot *snapshot, const char *target)
{
	snapshot_init(snapshot);
	text_clean(snapshot->target, sizeof snapshot->target, target);
	return clock_now_us();
}

void
source_end(struct snapshot *snapshot, int64_t begun_us)
{
	snapshot->elapsed_us = clock_now_us() - begun_us;
	snapshot->taken_ms = clock_wall_ms();
}

void
source_collect_beside(source_collector *collect, const void *source, const struct snapshot *node,
	int64_t deadline_ms, enum snapshot_part part, struct snapshot *snapshot)
{
	struct check_look look = {.deadline_ms = deadline_ms};
	struct snapshot *seen = malloc(sizeof *seen);
	struct err err;

	if (seen == NULL) {
		err_set(&err, ERR_DOWN, "out of memory");
		snapshot_fail(snapshot, part, &err);
		return;
	}
	collect(source, &look, node, seen);
	snapshot_take_part(snapshot, seen, part);
	free(seen);
}
