/*
 * web_failure.h: why a transfer came to no answer, in the words of somebody who has to mend it.
 */
#ifndef PGHA_COLLECT_WEB_FAILURE_H
#define PGHA_COLLECT_WEB_FAILURE_H

#include "lib/base/err.h"
#include "lib/collect/web_library.h"

struct web_transfer;

/* Fills `err`: class, text, hint. Returns -1. */
int web_failure_explain(const struct web_transfer *transfer, CURLcode code, struct err *err);

#endif
