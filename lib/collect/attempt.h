/*
 * attempt.h: tries the hosts of a target, and the addresses of each, in turn within one deadline.
 */
#ifndef PGHA_COLLECT_ATTEMPT_H
#define PGHA_COLLECT_ATTEMPT_H

#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/collect/place.h"

/* Tries one place, whose address is known, until the deadline. 0, or -1 with `err` filled. */
typedef int attempt_function(void *context, const struct place *place, int64_t deadline_ms, struct err *err);

/*
 * Tries every place of the list until one succeeds. Each gets an equal share of the time that is
 * left, so that a silent one does not keep the others from being tried; a share that is not used
 * up goes to those behind it. `place` (an empty text) gets the one that succeeded, or all.
 * -1 with the most telling of the failures.
 */
int attempt_places(const struct place_list *places, int64_t deadline_ms, attempt_function *attempt,
	void *context, struct text *place, struct err *err) __attribute__((warn_unused_result));

#endif
