/*
 * dcs_path.h: a key as a part of a URL's path. Pure.
 */
#ifndef PGHA_COLLECT_DCS_PATH_H
#define PGHA_COLLECT_DCS_PATH_H

#include "lib/base/text.h"

/* Appends a key; what is special in a URL, as %XX. Its "/" stay. */
void dcs_path_write(const char *key, struct text *text);

#endif
