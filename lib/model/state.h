/* state.h: the four states of an answer, with Nagios' numbers. */
#ifndef PGHA_MODEL_STATE_H
#define PGHA_MODEL_STATE_H

enum state { STATE_OK, STATE_WARNING, STATE_CRITICAL, STATE_UNKNOWN, STATE_COUNT };

/* "OK", "WARNING", "CRITICAL", "UNKNOWN". */
const char *state_name(enum state state);

/* The same in lower case, as options, labels and snapshots write it. */
const char *state_word(enum state state);

/* The state of that name in any case, or STATE_COUNT. */
enum state state_parse(const char *name);

/*
 * The worse of two, when both were found on one node: OK < WARNING < UNKNOWN < CRITICAL.
 * What is known to be critical stays critical whatever else could not be seen; what could
 * not be seen outweighs a warning, because it may hide worse.
 */
enum state state_worse(enum state a, enum state b);

#endif
