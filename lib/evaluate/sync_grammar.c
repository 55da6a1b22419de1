#include "lib/evaluate/sync_grammar.h"

#include <string.h>
#include <strings.h>

/* -- pieces ----------------------------------------------------------------------------------- */

/* By value and not by <ctype.h>: every byte past ASCII counts as a letter. */
static bool
begins_word(char byte)
{
	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || byte == '_'
		|| (unsigned char)byte >= 0x80;
}

static size_t
word_length(const char *at)
{
	size_t length = 1;

	while (begins_word(at[length]) || (at[length] >= '0' && at[length] <= '9') || at[length] == '$')
		length++;
	return length;
}

static struct sync_token
scan_word(const char *at)
{
	struct sync_token token = {SYNC_NAME, at, word_length(at)};

	if (token.length == 3 && strncasecmp(at, "any", 3) == 0)
		token.kind = SYNC_ANY;
	if (token.length == 5 && strncasecmp(at, "first", 5) == 0)
		token.kind = SYNC_FIRST;
	return token;
}

static struct sync_token
scan_quoted(const char *at)
{
	const char *next = at + 1;

	while ((next = strchr(next, '"')) != NULL && next[1] == '"')
		next += 2;
	if (next == NULL)
		return (struct sync_token){SYNC_UNTERMINATED, at, strlen(at)};
	return (struct sync_token){SYNC_QUOTED, at, (size_t)(next + 1 - at)};
}

/* The token behind any blanks. */
struct sync_token
sync_grammar_scan(const char *at)
{
	at += strspn(at, SYNC_BLANKS);
	if (begins_word(*at))
		return scan_word(at);
	if (*at >= '0' && *at <= '9')
		return (struct sync_token){SYNC_NUMBER, at, strspn(at, "0123456789")};
	if (*at == '"')
		return scan_quoted(at);
	if (*at == '\0')
		return (struct sync_token){SYNC_END, at, 0};
	if (strchr(",()", *at) != NULL)
		return (struct sync_token){(enum sync_kind)at[0], at, 1};
	return (struct sync_token){*at == '*' ? SYNC_NAME : SYNC_JUNK, at, 1};
}

struct sync_token
sync_grammar_behind(const struct sync_token *token)
{
	return sync_grammar_scan(token->at + token->length);
}

static bool
is_name(const struct sync_token *token)
{
	return token->kind == SYNC_NAME || token->kind == SYNC_QUOTED || token->kind == SYNC_NUMBER;
}

bool
sync_grammar_is_keyword(const struct sync_token *token)
{
	return token->kind == SYNC_FIRST || token->kind == SYNC_ANY;
}

/* -- the grammar ------------------------------------------------------------------------------ */

void
sync_grammar_begin(struct sync_parser *parser, const char *value, struct sync_names *names)
{
	memset(names, 0, sizeof *names);
	memset(parser, 0, sizeof *parser);
	parser->value = value;
	parser->first = parser->token = sync_grammar_scan(value);
	parser->names = names;
}

static void
advance(struct sync_parser *parser)
{
	parser->before = parser->token;
	parser->token = sync_grammar_behind(&parser->token);
}

/*
 * Keeps the token as a name, without its quotes. There is always room: a name takes no more bytes than
 * it has in the value, and its zero byte the place of the comma or the end behind it.
 */
static void
add_name(struct sync_parser *parser)
{
	struct sync_names *names = parser->names;
	const struct sync_token *token = &parser->token;
	char *to = names->names + parser->used;
	size_t length = 0;

	if (token->kind == SYNC_QUOTED) {
		for (size_t i = 1; i < token->length - 1; i++) {
			to[length++] = token->at[i];
			if (token->at[i] == '"')
				i++;
		}
	} else {
		memcpy(to, token->at, token->length);
		length = token->length;
	}
	to[length] = '\0';
	parser->used += length + 1;
	names->name_count++;
	if (strcmp(to, "*") == 0)
		names->has_star = true;
}

static enum sync_want
parse_list(struct sync_parser *parser)
{
	for (;; advance(parser)) {
		if (!is_name(&parser->token))
			return SYNC_WANT_NAME;
		add_name(parser);
		advance(parser);
		if (parser->token.kind != SYNC_COMMA)
			return SYNC_WANT_NOTHING;
	}
}

enum sync_want
sync_grammar_parentheses(struct sync_parser *parser)
{
	enum sync_want want;

	if (parser->token.kind != SYNC_OPEN)
		return SYNC_WANT_OPEN;
	advance(parser);
	want = parse_list(parser);
	if (want != SYNC_WANT_NOTHING)
		return want;
	if (parser->token.kind != SYNC_CLOSE)
		return SYNC_WANT_COMMA_OR_CLOSE;
	advance(parser);
	return parser->token.kind == SYNC_END ? SYNC_WANT_NOTHING : SYNC_WANT_END;
}

enum sync_want
sync_grammar_setting(struct sync_parser *parser)
{
	enum sync_want want;

	parser->names->method = parser->token.kind == SYNC_ANY ? SYNC_NAMES_QUORUM : SYNC_NAMES_PRIORITY;
	if (sync_grammar_is_keyword(&parser->token)) {
		advance(parser);
		if (parser->token.kind != SYNC_NUMBER)
			return SYNC_WANT_NUMBER;
	}
	/* A number is a name unless a list in parentheses follows. */
	if (sync_grammar_is_keyword(&parser->before)
		|| (parser->token.kind == SYNC_NUMBER
			&& sync_grammar_behind(&parser->token).kind == SYNC_OPEN)) {
		parser->number = parser->token;
		advance(parser);
		return sync_grammar_parentheses(parser);
	}
	want = parse_list(parser);
	if (want != SYNC_WANT_NOTHING)
		return want;
	return parser->token.kind == SYNC_END ? SYNC_WANT_NOTHING : SYNC_WANT_COMMA;
}
