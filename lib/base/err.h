/*
 * err.h: what went wrong, in words and as one of a closed list of classes.
 *
 * The layer that detects a failure fills it; only programs print it or exit.
 */
#ifndef PGHA_BASE_ERR_H
#define PGHA_BASE_ERR_H

#include <stddef.h>

/* The classes of design section 4.3. What each means for an answer is policy, not fixed here. */
enum err_class {
	ERR_NONE,
	ERR_DOWN,     /* refused, unreachable, closed, starting up, shutting down, in recovery */
	ERR_TIMEOUT,  /* no answer before the deadline, whatever was waited for */
	ERR_FULL,     /* no connection slot left (SQLSTATE 53300) */
	ERR_SETUP,    /* authentication, permission, missing object, TLS verification */
	ERR_PROTOCOL, /* an answer of another shape: not PostgreSQL, too long, broken */
	ERR_USAGE,    /* a bad option, a bad configuration, an unreadable file */
	ERR_CLASS_COUNT
};

struct err {
	enum err_class class;
	char text[288]; /* one line, lower case, the failure first, no full stop */
	char hint[192]; /* what to do about it; may be empty */
};

/*
 * Fills `err` with a class and a text, made clean by text_clean(), and empties the hint.
 * Returns -1, so that a caller can write `return err_set(...)`.
 */
int
err_set(struct err *err, enum err_class class, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Adds the remedy. Returns -1. */
int err_hint(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts what the caller was doing in front of the text: "CONTEXT: text". Returns -1. */
int err_context(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The class as one word, as options, JSON and snapshots spell it: "down", "timeout", ... */
const char *err_class_name(enum err_class class);

/* The class of that name, or ERR_CLASS_COUNT if there is none. */
enum err_class err_class_parse(const char *name);

#endif
