/*
 * patroni_whose.h: whose word it is that was heard at a URL: an address may have been given to another host,
 * and a copied patroni.yml publishes the URL of another member. Pure.
 *
 * Told by the cluster's scope and the system identifier, and by the member's name; before Patroni 3.2, which
 * does not tell that, by when its PostgreSQL was started.
 */
#ifndef PGHA_COLLECT_PATRONI_WHOSE_H
#define PGHA_COLLECT_PATRONI_WHOSE_H

#include <stdbool.h>

#include "lib/collect/patroni_words.h"
#include "lib/model/snapshot.h"

/* Whether two texts are both told, and are not the same. */
bool patroni_whose_differs(const char *one, const char *other);

/* Whether two members may be of one cluster, as far as both tell. */
bool patroni_whose_is_one_cluster(const struct snapshot_patroni *one, const struct snapshot_patroni *other);

/*
 * Sets `stranger` of the words that are not of the member at whose URL they were heard, or, at a given URL,
 * not of this cluster. Which cluster it is tells who told the view, else what most of them say; its scope is
 * filled in if the view did not tell it.
 */
void patroni_whose_mark(struct patroni_words *words, struct snapshot_patroni_cluster *cluster);

#endif
