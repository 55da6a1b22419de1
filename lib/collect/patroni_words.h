/*
 * patroni_words.h: puts what members of Patroni say of themselves beside the view of their cluster. Pure.
 */
#ifndef PGHA_COLLECT_PATRONI_WORDS_H
#define PGHA_COLLECT_PATRONI_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/model/snapshot.h"

/* All given URLs, and all members. */
enum { PATRONI_WORDS_MAX = 2 * SNAPSHOT_PATRONI_CLUSTER_MAX, PATRONI_WORDS_URL_SIZE = 256 };

/* What one said, or why it did not. */
struct patroni_words_one {
	char url[PATRONI_WORDS_URL_SIZE];
	int64_t row;      /* of the member whose api_url this is, or -1: it was given, and is nobody's */
	struct err fault; /* class none: it spoke */
	struct snapshot_patroni said;
	char stranger[SNAPSHOT_FAULT_SIZE]; /* who it is instead, see patroni_whose.h; empty: whom it should
					       be */
};

struct patroni_words {
	size_t count;
	struct patroni_words_one ones[PATRONI_WORDS_MAX];
};

/*
 * Fills in the members' own words, and the lag by them, of a cluster with a view or (view_fault) without one.
 * Who spoke at a given URL and is none of the members becomes one more: "unlisted" where there is a view. A
 * given URL where nobody spoke is counted. What a stranger says counts for nothing but that he is there.
 */
void patroni_words_put(const struct patroni_words *words, struct snapshot_patroni_cluster *cluster);

/*
 * The members of an earlier view as far as they can be asked anew: their names and URLs; and its
 * configuration.
 */
void
patroni_words_recall(const struct snapshot_patroni_cluster *before, struct snapshot_patroni_cluster *cluster);

/* How many members are held, whatever the total. */
int64_t patroni_words_row_count(const struct snapshot_patroni_cluster *cluster);

#endif
