/*
 * sync_advice.h: what to write instead of a synchronous_standby_names that the server refuses. Pure.
 */
#ifndef PGHA_EVALUATE_SYNC_ADVICE_H
#define PGHA_EVALUATE_SYNC_ADVICE_H

#include "lib/base/err.h"
#include "lib/evaluate/sync_grammar.h"

/* How synchronous replication is switched off. */
extern const char sync_advice_off[];

/* Adds the hint for the token at which the parser has stopped, wanting something else. */
void sync_advice_give(const struct sync_parser *parser, enum sync_want want, struct err *err);

#endif
