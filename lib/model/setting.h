/*
 * setting.h: one setting, in one row, for all that reads or shows it: the command line, --help,
 * and whatever else comes to read settings.
 */
#ifndef PGHA_MODEL_SETTING_H
#define PGHA_MODEL_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/model/range.h"

enum setting_type {
	SETTING_FLAG,     /* bool; no argument */
	SETTING_COUNT,    /* int; no argument, may be repeated */
	SETTING_TEXT,     /* char[size]; its value may hold a password and is never repeated */
	SETTING_INTEGER,  /* int64_t from min to max */
	SETTING_DURATION, /* int64_t in milliseconds, above zero */
	SETTING_STATE,    /* enum state */
	SETTING_WORD,     /* int: the index in `words` */
	SETTING_LIMIT,    /* struct limit; may be repeated with another unit */
	SETTING_LSN,      /* uint64_t */
	SETTING_SIZE,     /* int64_t in bytes, above zero */
	SETTING_LIST      /* char[size]: names with commas between; may be repeated, which adds to it */
};

struct setting {
	const char *name; /* the long option, and the key in a file */
	char letter;      /* the short option, or 0 */
	enum setting_type type;
	size_t offset;            /* of the member in its group's struct */
	size_t size;              /* of the member */
	const char *initial;      /* its default, as one would write it; NULL: empty */
	const char *argument;     /* what --help calls the value */
	const char *help;         /* one sentence, without a full stop */
	const char *const *words; /* SETTING_WORD: ends in NULL */
	int64_t min, max;         /* SETTING_INTEGER */
	unsigned accepted;        /* SETTING_LIMIT: a bit (1 << unit) for each unit that is measured */
	enum unit plain;          /* SETTING_LIMIT: what a number without a unit means */
	bool is_secret;           /* SETTING_TEXT: a connection string, shown without its passwords */
	bool is_source;           /* says where to look: whoever asks the agent may not change it */
	/*
	 * Without which it has no effect, and is refused: the name of another setting, "scope", or several with
	 * commas between, of which any will do and the first is the remedy. Where the first is none of those
	 * that are read together, nothing is needed: in the agent another section has it. NULL: nothing.
	 */
	const char *needs;
	const char *vain_with; /* the setting, if that is among them, with which it has no effect; NULL: none */
};

/* The place of a member, for a row: .offset and .size. */
#define SETTING_AT(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)

#endif
