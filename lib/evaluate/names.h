/*
 * names.h: lists of names with wildcards, as a setting of the type SETTING_LIST holds them. Pure.
 */
#ifndef PGHA_EVALUATE_NAMES_H
#define PGHA_EVALUATE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a name fits a pattern, where "*" stands for any characters, also none. Case counts. */
bool names_match(const char *pattern, const char *name);

/* Whether a name fits one of a list of patterns ("n1,n2*"); every name does if the list is empty. */
bool names_include(const char *list, const char *name);

/*
 * The pattern at an index of a list, cut to `size`. NULL: there are no more. Returns `to`.
 */
const char *names_at(const char *list, size_t index, char *to, size_t size);

#endif
