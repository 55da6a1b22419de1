/*
 * nearest.h: the known word that an unknown one was probably meant to be. Pure.
 *
 * Near is an edit distance (letters changed, added, left out, or two neighbours swapped) of at most a third
 * of the word, and at most 3. Case does not count, nor whether "-" or "_" joins the words of a name.
 */
#ifndef PGHA_BASE_NEAREST_H
#define PGHA_BASE_NEAREST_H

#include <stddef.h>

/* The best of the candidates that were offered. */
struct nearest {
	const char *given;
	const char *word; /* NULL: none is near */
	size_t distance;  /* less than this is better */
};

struct nearest nearest_begin(const char *given);

/* The first of equally near words stands. `word` must outlive `nearest`. */
void nearest_offer(struct nearest *nearest, const char *word);

#endif
