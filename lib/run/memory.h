/*
 * memory.h: what a check that runs once remembers of its last look, in the file of --state.
 */
#ifndef PGHA_RUN_MEMORY_H
#define PGHA_RUN_MEMORY_H

#include "lib/base/err.h"
#include "lib/evaluate/growth.h"
#include "lib/model/check.h"
#include "lib/model/snapshot.h"

/* Starts zeroed but for the first two. */
struct memory {
	const char *path;          /* empty: nothing is remembered */
	const char *program;       /* for what is told on standard error */
	struct snapshot *last;     /* the last look; NULL: there was none */
	struct growth_mark before; /* its counters */
};

/*
 * Reads the last look. Without a file there was none, nor with one that was cut short or that another version
 * wrote, which standard error tells: what is seen now must not hide behind that. -1 for a file that is not
 * ours.
 */
int memory_recall(struct memory *memory, struct err *err) __attribute__((warn_unused_result));

/* Has the counters of a look be compared with those of the last, if that was of the same server. */
void memory_compare(struct memory *memory, struct snapshot *snapshot);

/* Keeps a look for the next time. One that did not see what the check is about leaves the last in its place.
 */
void memory_keep(const struct memory *memory, const struct check *check, const struct snapshot *snapshot);

void memory_release(struct memory *memory);

#endif
