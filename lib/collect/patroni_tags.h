/* patroni_tags.h: the tags of a member of Patroni, which may be of any type. Pure. */
#ifndef PGHA_COLLECT_PATRONI_TAGS_H
#define PGHA_COLLECT_PATRONI_TAGS_H

#include <stdbool.h>
#include <stddef.h>

struct json_t;

/*
 * Whether Python takes a value (NULL: none) for true, which is how Patroni reads its own tags: the text
 * "false" is true.
 */
bool patroni_tags_is_truthy(const struct json_t *value);

/* Whether the member is never promoted: by nofailover, or (3.2 and later) by a failover_priority of zero. */
bool patroni_tags_is_never_promoted(const struct json_t *tags);

/*
 * Writes all tags (NULL: none) into `to` as "name=value" with commas between, for as long as whole ones fit.
 * A comma inside, or a "=" in a name, is written ";", so that none looks like two.
 */
void patroni_tags_list(struct json_t *tags, char *to, size_t size);

#endif
