/*
 * sync_grammar.h: the grammar of synchronous_standby_names, for sync_names.c and sync_advice.c alone. Pure.
 */
#ifndef PGHA_EVALUATE_SYNC_GRAMMAR_H
#define PGHA_EVALUATE_SYNC_GRAMMAR_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/evaluate/sync_names.h"

#define SYNC_BLANKS " \t\n\r\f\v"

enum sync_kind {
	SYNC_END = 0,
	SYNC_COMMA = ',',
	SYNC_OPEN = '(',
	SYNC_CLOSE = ')',
	SYNC_JUNK = 256,
	SYNC_NAME, /* a word, or "*" */
	SYNC_QUOTED,
	SYNC_UNTERMINATED, /* a quoted name up to the end of the value */
	SYNC_NUMBER,
	SYNC_FIRST,
	SYNC_ANY
};

/* A piece of the value, with its quotes. */
struct sync_token {
	enum sync_kind kind;
	const char *at;
	size_t length;
};

/* What the grammar asks for at a place; when the token there is something else, the value is refused. */
enum sync_want {
	SYNC_WANT_NOTHING, /* all is well */
	SYNC_WANT_NAME,
	SYNC_WANT_NUMBER,
	SYNC_WANT_OPEN,
	SYNC_WANT_COMMA,          /* or the end of a plain list */
	SYNC_WANT_COMMA_OR_CLOSE, /* of a list in parentheses */
	SYNC_WANT_END
};

struct sync_parser {
	const char *value;
	struct sync_token first, before, token;
	struct sync_token number; /* of standbys; kind END: none is written */
	struct sync_names *names;
	size_t used; /* of names->names */
};

/* The token behind any blanks, and the one behind another. */
struct sync_token sync_grammar_scan(const char *at);
struct sync_token sync_grammar_behind(const struct sync_token *token);

bool sync_grammar_is_keyword(const struct sync_token *token);

/* Begins with a value, which must stay. */
void sync_grammar_begin(struct sync_parser *parser, const char *value, struct sync_names *names);

/* Reads the whole value, or a list in parentheses; on failure the parser's token is the one that is wrong. */
enum sync_want sync_grammar_setting(struct sync_parser *parser);
enum sync_want sync_grammar_parentheses(struct sync_parser *parser);

#endif
