#include "lib/evaluate/sync_names.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t\n\r\f\v"

enum kind {
	END = 0,
	COMMA = ',',
	OPEN = '(',
	CLOSE = ')',
	JUNK = 256,
	NAME, /* a word, or "*" */
	QUOTED,
	UNTERMINATED, /* a quoted name up to the end of the value */
	NUMBER,
	FIRST,
	ANY
};

/* A piece of the value, with its quotes. */
struct token {
	enum kind kind;
	const char *at;
	size_t length;
};

/* What the grammar asks for at a place; when the token there is something else, the value is refused. */
enum want {
	WANT_NOTHING, /* all is well */
	WANT_NAME,
	WANT_NUMBER,
	WANT_OPEN,
	WANT_COMMA,          /* or the end of a plain list */
	WANT_COMMA_OR_CLOSE, /* of a list in parentheses */
	WANT_END
};

struct parser {
	const char *value;
	struct token first, before, token;
	struct token number; /* of standbys; kind END: none is written */
	struct sync_names *names;
	size_t used; /* of names->names */
};

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

static struct token
scan_word(const char *at)
{
	struct token token = {NAME, at, word_length(at)};

	if (token.length == 3 && strncasecmp(at, "any", 3) == 0)
		token.kind = ANY;
	if (token.length == 5 && strncasecmp(at, "first", 5) == 0)
		token.kind = FIRST;
	return token;
}

static struct token
scan_quoted(const char *at)
{
	const char *next = at + 1;

	while ((next = strchr(next, '"')) != NULL && next[1] == '"')
		next += 2;
	if (next == NULL)
		return (struct token){UNTERMINATED, at, strlen(at)};
	return (struct token){QUOTED, at, (size_t)(next + 1 - at)};
}

/* The token behind any blanks. */
static struct token
scan(const char *at)
{
	at += strspn(at, BLANKS);
	if (begins_word(*at))
		return scan_word(at);
	if (*at >= '0' && *at <= '9')
		return (struct token){NUMBER, at, strspn(at, "0123456789")};
	if (*at == '"')
		return scan_quoted(at);
	if (*at == '\0')
		return (struct token){END, at, 0};
	if (strchr(",()", *at) != NULL)
		return (struct token){(enum kind)at[0], at, 1};
	return (struct token){*at == '*' ? NAME : JUNK, at, 1};
}

static struct token
scan_behind(const struct token *token)
{
	return scan(token->at + token->length);
}

static bool
is_name(const struct token *token)
{
	return token->kind == NAME || token->kind == QUOTED || token->kind == NUMBER;
}

static bool
is_keyword(const struct token *token)
{
	return token->kind == FIRST || token->kind == ANY;
}

/* -- the grammar ------------------------------------------------------------------------------ */

static void
parser_init(struct parser *parser, const char *value, struct sync_names *names)
{
	memset(names, 0, sizeof *names);
	memset(parser, 0, sizeof *parser);
	parser->value = value;
	parser->first = parser->token = scan(value);
	parser->names = names;
}

static void
advance(struct parser *parser)
{
	parser->before = parser->token;
	parser->token = scan_behind(&parser->token);
}

/*
 * Keeps the token as a name, without its quotes. There is always room: a name takes no more bytes than
 * it has in the value, and its zero byte the place of the comma or the end behind it.
 */
static void
add_name(struct parser *parser)
{
	struct sync_names *names = parser->names;
	const struct token *token = &parser->token;
	char *to = names->names + parser->used;
	size_t length = 0;

	if (token->kind == QUOTED) {
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

static enum want
parse_list(struct parser *parser)
{
	for (;; advance(parser)) {
		if (!is_name(&parser->token))
			return WANT_NAME;
		add_name(parser);
		advance(parser);
		if (parser->token.kind != COMMA)
			return WANT_NOTHING;
	}
}

static enum want
parse_parentheses(struct parser *parser)
{
	enum want want;

	if (parser->token.kind != OPEN)
		return WANT_OPEN;
	advance(parser);
	want = parse_list(parser);
	if (want != WANT_NOTHING)
		return want;
	if (parser->token.kind != CLOSE)
		return WANT_COMMA_OR_CLOSE;
	advance(parser);
	return parser->token.kind == END ? WANT_NOTHING : WANT_END;
}

static enum want
parse_setting(struct parser *parser)
{
	enum want want;

	parser->names->method = parser->token.kind == ANY ? SYNC_NAMES_QUORUM : SYNC_NAMES_PRIORITY;
	if (is_keyword(&parser->token)) {
		advance(parser);
		if (parser->token.kind != NUMBER)
			return WANT_NUMBER;
	}
	/* A number is a name unless a list in parentheses follows. */
	if (is_keyword(&parser->before)
		|| (parser->token.kind == NUMBER && scan_behind(&parser->token).kind == OPEN)) {
		parser->number = parser->token;
		advance(parser);
		return parse_parentheses(parser);
	}
	want = parse_list(parser);
	if (want != WANT_NOTHING)
		return want;
	return parser->token.kind == END ? WANT_NOTHING : WANT_COMMA;
}

/* -- what to write instead -------------------------------------------------------------------- */

static const char hint_off[] = "leave the value empty to switch synchronous replication off";
static const char hint_commas[] = "separate names by commas";
static const char hint_list[] = "a list holds names only";
static const char hint_number[] = "before a list stands FIRST or ANY and a whole number";
static const char hint_parentheses[] = "put the names in parentheses, as in FIRST 1 (a, b)";

/* What people believe to be one word: all that stands together around the token. */
static struct token
find_word(const struct parser *parser)
{
	static const char ends[] = BLANKS ",;()\"'";
	struct token word = parser->token;

	if (strchr(ends, *word.at) != NULL) /* the end of the value too */
		return word;
	word.length = strcspn(word.at, ends);
	for (; word.at > parser->value && strchr(ends, word.at[-1]) == NULL; word.length++)
		word.at--;
	return word;
}

static void
advise_quotes(const struct parser *parser, const struct token *word, struct err *err)
{
	int length = (int)word->length;

	if (*parser->token.at < ' ' || *parser->token.at == '\x7f')
		err_hint(err, "a name holds no control characters");
	else if (memchr(word->at, '*', word->length) != NULL)
		err_hint(err, "there are no patterns: \"*\" stands alone, for any standby");
	else if (scan_behind(word).kind == OPEN)
		err_hint(err, "%s", hint_number);
	else if (parser->token.kind != JUNK)
		err_hint(err, "a name that begins with a digit needs double quotes: \"%.*s\"", length,
			word->at);
	else
		err_hint(err, "a name with \"%c\" needs double quotes: \"%.*s\"", *parser->token.at, length,
			word->at);
}

/* Tutorials show it; the server takes ALL for the name of a standby. The token is the parenthesis. */
static void
advise_all(const struct parser *parser, struct err *err)
{
	enum { LIST_MAX = 70 }; /* it stands in the hint twice */
	struct parser list = *parser;
	int count, length;

	if (parse_parentheses(&list) != WANT_NOTHING) {
		err_hint(err, "there is no ALL: write FIRST or ANY, a number and the list");
		return;
	}
	count = list.names->name_count - 1; /* it was taken for a name */
	length = (int)(list.before.at + 1 - parser->token.at);
	if (length > LIST_MAX)
		err_hint(err, "there is no ALL: write FIRST %d (...) or ANY %d (...)", count, count);
	else
		err_hint(err, "there is no ALL: write FIRST %d %.*s or ANY %d %.*s", count, length,
			parser->token.at, count, length, parser->token.at);
}

/* Where FIRST or ANY stands before the token. */
static void
advise_number(const struct parser *parser, struct err *err)
{
	const char *list = parser->token.at, *close = strchr(list, ')');
	const char *word = parser->before.kind == ANY ? "ANY" : "FIRST";
	int length = (int)parser->before.length;

	if (parser->token.kind == OPEN && close != NULL)
		err_hint(
			err, "%s needs a number: write %s 1 %.*s", word, word, (int)(close + 1 - list), list);
	else
		err_hint(err, "write %s with a number and a list, as in %s 1 (a, b), or \"%.*s\" for a name",
			word, word, length, parser->before.at);
}

/* Where a name should begin. */
static const char *
advice_for_name(const struct parser *parser)
{
	if (is_keyword(&parser->token))
		return "FIRST and ANY need double quotes as names";
	if (parser->first.kind == END)
		return hint_off;
	if (parser->first.kind == OPEN)
		return "write FIRST or ANY and a number before the list, or leave the parentheses out";
	if (parser->token.kind == OPEN)
		return hint_list;
	return parser->before.kind == OPEN ? "a list needs at least one name"
					   : "a comma stands only between two names";
}

/* Behind a name of a plain list. */
static const char *
advice_for_comma(const struct parser *parser)
{
	if (parser->token.kind == CLOSE)
		return "no parenthesis is open here";
	if (parser->token.kind == OPEN || scan_behind(&parser->token).kind == OPEN)
		return hint_number;
	if (parser->before.at == parser->first.at && parser->first.kind == NUMBER)
		return hint_parentheses;
	return hint_commas;
}

static const char *
advice_for(const struct parser *parser, enum want want)
{
	switch (want) {
	case WANT_NAME:
		return advice_for_name(parser);
	case WANT_OPEN:
		return hint_parentheses;
	case WANT_COMMA:
		return advice_for_comma(parser);
	case WANT_COMMA_OR_CLOSE:
		if (parser->token.kind == END)
			return "the closing parenthesis is missing";
		return parser->token.kind == OPEN ? hint_list : hint_commas;
	default:
		return "nothing may follow the list";
	}
}

static bool
is_all(const struct token *token)
{
	return token->length == 3 && strncasecmp(token->at, "all", 3) == 0;
}

static void
advise(const struct parser *parser, enum want want, struct err *err)
{
	const struct token *token = &parser->token;
	struct token word = find_word(parser);

	if (token->kind == UNTERMINATED)
		err_hint(err, "end the name with a double quote; one within a name is written twice");
	else if (*token->at == '\'')
		err_hint(err, "names take double quotes, not single ones");
	else if (*token->at == ';')
		err_hint(err, "%s", hint_commas);
	else if (token->kind == JUNK || word.at < token->at)
		advise_quotes(parser, &word, err);
	else if (token->kind == OPEN && parser->before.at == parser->first.at && is_all(&parser->first))
		advise_all(parser, err);
	else if (want == WANT_NUMBER)
		advise_number(parser, err);
	else
		err_hint(err, "%s", advice_for(parser, want));
}

/* -- refusals --------------------------------------------------------------------------------- */

/* The place of a token in characters of UTF-8, from 1. */
static size_t
place(const struct parser *parser)
{
	size_t count = 1;

	for (const char *at = parser->value; at < parser->token.at; at++)
		count += ((unsigned char)*at & 0xC0) != 0x80;
	return count;
}

static int
refuse(const struct parser *parser, enum want want, struct err *err)
{
	enum { SHOWN_MAX = 100 }; /* so that the place fits behind it */
	const struct token *token = &parser->token;
	const char *quote = token->kind == QUOTED ? "" : "\"";
	int length = token->length < SHOWN_MAX ? (int)token->length : SHOWN_MAX;

	if (token->kind == END)
		err_set(err, ERR_USAGE, "syntax error at the end");
	else if (token->kind == UNTERMINATED)
		err_set(err, ERR_USAGE, "unterminated quoted name (character %zu)", place(parser));
	else if (token->kind == JUNK && (*token->at < ' ' || *token->at == '\x7f'))
		err_set(err, ERR_USAGE, "syntax error at byte 0x%02x (character %zu)", (unsigned)*token->at,
			place(parser));
	else
		err_set(err, ERR_USAGE, "syntax error at %s%.*s%s (character %zu)", quote, length, token->at,
			quote, place(parser));
	advise(parser, want, err);
	return -1;
}

/* The server uses atoi(), which on 64 bits keeps the lower half of a long that strtol() has bounded. */
static int
read_required(const struct parser *parser, int *ret, struct err *err)
{
	long long number = parser->number.kind == END ? 1 : strtoll(parser->number.at, NULL, 10);
	int required = (int)(int32_t)(uint32_t)(uint64_t)number;

	if (required <= 0) {
		err_set(err, ERR_USAGE, "number of synchronous standbys (%d) must be greater than zero",
			required);
		if (number > INT_MAX)
			return err_hint(err, "the server takes a number past %d for another one", INT_MAX);
		return err_hint(err, "%s", hint_off);
	}
	*ret = required;
	return 0;
}

int
sync_names_parse(const char *value, struct sync_names *ret, struct err *err)
{
	struct sync_names names;
	struct parser parser;
	enum want want;

	if (strlen(value) >= SYNC_NAMES_TEXT)
		return err_set(err, ERR_PROTOCOL, "too long to be read: %zu bytes, at most %d", strlen(value),
			SYNC_NAMES_TEXT - 1);
	parser_init(&parser, value, &names);
	if (*value != '\0') {
		want = parse_setting(&parser);
		if (want != WANT_NOTHING)
			return refuse(&parser, want, err);
		if (read_required(&parser, &names.required, err) != 0)
			return -1;
	}
	*ret = names;
	return 0;
}

/* -- the result ------------------------------------------------------------------------------- */

const char *
sync_names_at(const struct sync_names *names, int index)
{
	const char *name = names->names;

	if (index < 0 || index >= names->name_count)
		return NULL;
	while (index-- > 0)
		name += strlen(name) + 1;
	return name;
}

int
sync_names_priority(const struct sync_names *names, const char *application)
{
	const char *name = names->names;

	for (int i = 0; i < names->name_count; i++) {
		/* Without a locale, strcasecmp() knows the letters of ASCII only. */
		if (strcmp(name, "*") == 0 || strcasecmp(name, application) == 0)
			return names->method == SYNC_NAMES_QUORUM ? 1 : i + 1;
		name += strlen(name) + 1;
	}
	return 0;
}

/* Whether a name stands for itself without quotes. */
static bool
is_plain(const char *name)
{
	struct token token = scan(name);

	return (token.kind == NAME || token.kind == NUMBER) && token.at == name
		&& token.length == strlen(name);
}

/* Appends a name as the setting has it; one that is longer than any application_name is cut. */
static void
describe_name(const char *name, struct text *text)
{
	char storage[64];
	struct text shown;
	const char *quote = is_plain(name) ? "" : "\"";

	text_init(&shown, storage, sizeof storage);
	text_add_bytes(&shown, name, strlen(name));
	text_add(text, "%s", quote);
	for (size_t i = 0; i < shown.length; i++) {
		if (storage[i] == '"')
			text_add_bytes(text, "\"", 1);
		text_add_bytes(text, storage + i, 1);
	}
	text_add(text, "%s%s", shown.is_truncated ? "..." : "", quote);
}

void
sync_names_describe(const struct sync_names *names, struct text *text)
{
	enum { LIST_MAX = 100 }; /* bytes after which no further name begins: a summary has 512 for all */
	size_t start;
	int shown = 0;

	if (names->method == SYNC_NAMES_OFF) {
		text_add(text, "none");
		return;
	}
	text_add(
		text, "%s%d of (", names->method == SYNC_NAMES_PRIORITY ? "the first " : "", names->required);
	start = text->length;
	for (; shown < names->name_count && text->length - start < LIST_MAX; shown++) {
		text_add(text, "%s", shown == 0 ? "" : ", ");
		describe_name(sync_names_at(names, shown), text);
	}
	if (shown < names->name_count)
		text_add(text, " and %d more", names->name_count - shown);
	text_add(text, ")");
}
