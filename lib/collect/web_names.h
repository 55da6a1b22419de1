/*
 * web_names.h: the host names of requests that are made at once: each is looked up once, and all at the same
 * time, so that one that nobody knows costs the others nothing.
 */
#ifndef PGHA_COLLECT_WEB_NAMES_H
#define PGHA_COLLECT_WEB_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/collect/resolve.h"

struct web_names;

/* For at most `max` names; NULL: out of memory. */
struct web_names *web_names_new(size_t max) __attribute__((warn_unused_result));

/* Gives up what has not ended. */
void web_names_free(struct web_names *names);

/* The place of a name, whose look-up begins unless that name has one already. */
size_t web_names_add(struct web_names *names, const char *host);

/* Whether it is known what became of the one at `place`, and whether it is of all. */
bool web_names_has_ended(struct web_names *names, size_t place);
bool web_names_have_ended(struct web_names *names);

/*
 * What the one at `place` was found to be; as often as is asked. -1 as resolve_end(); one that has not ended
 * is given up.
 */
int web_names_take(struct web_names *names, size_t place, struct resolve_result *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
