/*
 * witnesses.h: the managers that a one-shot asks beside the server: their options, what is asked of the
 * server for their sake, and asking them.
 */
#ifndef PGHA_RUN_WITNESSES_H
#define PGHA_RUN_WITNESSES_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/model/check.h"
#include "lib/run/settings.h"

enum { WITNESSES_MAX = 3 };

/* What the options say of each, in the order of check->witnesses; starts with zero bytes. */
struct witnesses {
	struct {
		_Alignas(max_align_t) char bytes[WITNESS_SOURCE_SIZE];
	} sources[WITNESSES_MAX];
};

/* A group of options for each that the check has; returns how many. */
size_t witnesses_list_groups(
	struct witnesses *witnesses, const struct check *check, struct settings_group groups[WITNESSES_MAX]);

/* What the check needs of the server, and what the witnesses that were named are compared with; ends in NULL.
 */
void witnesses_list_facets(const struct witnesses *witnesses, const struct check *check,
	const struct facet *facets[SNAPSHOT_PART_COUNT + 1]);

/* Asks those that were named, one after the other, before the deadline; each fills its part of the snapshot.
 */
void witnesses_collect(const struct witnesses *witnesses, const struct check *check, int64_t deadline_ms,
	struct snapshot *snapshot);

/* -1 with class usage when one was named in a way that nobody can be asked by, and which option that was. */
int witnesses_verify(const struct check *check, const struct snapshot *snapshot, struct err *err)
	__attribute__((warn_unused_result));

#endif
