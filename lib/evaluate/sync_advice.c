#include "lib/evaluate/sync_advice.h"

#include <string.h>
#include <strings.h>

const char sync_advice_off[] = "leave the value empty to switch synchronous replication off";
static const char hint_commas[] = "separate names by commas";
static const char hint_list[] = "a list holds names only";
static const char hint_number[] = "before a list stands FIRST or ANY and a whole number";
static const char hint_parentheses[] = "put the names in parentheses, as in FIRST 1 (a, b)";

/* What people believe to be one word: all that stands together around the token. */
static struct sync_token
find_word(const struct sync_parser *parser)
{
	static const char ends[] = SYNC_BLANKS ",;()\"'";
	struct sync_token word = parser->token;

	if (strchr(ends, *word.at) != NULL) /* the end of the value too */
		return word;
	word.length = strcspn(word.at, ends);
	for (; word.at > parser->value && strchr(ends, word.at[-1]) == NULL; word.length++)
		word.at--;
	return word;
}

static void
advise_quotes(const struct sync_parser *parser, const struct sync_token *word, struct err *err)
{
	int length = (int)word->length;

	if (*parser->token.at < ' ' || *parser->token.at == '\x7f')
		err_hint(err, "a name holds no control characters");
	else if (memchr(word->at, '*', word->length) != NULL)
		err_hint(err, "there are no patterns: \"*\" stands alone, for any standby");
	else if (sync_grammar_behind(word).kind == SYNC_OPEN)
		err_hint(err, "%s", hint_number);
	else if (parser->token.kind != SYNC_JUNK)
		err_hint(err, "a name that begins with a digit needs double quotes: \"%.*s\"", length,
			word->at);
	else
		err_hint(err, "a name with \"%c\" needs double quotes: \"%.*s\"", *parser->token.at, length,
			word->at);
}

/* Tutorials show it; the server takes ALL for the name of a standby. The token is the parenthesis. */
static void
advise_all(const struct sync_parser *parser, struct err *err)
{
	enum { LIST_MAX = 70 }; /* it stands in the hint twice */
	struct sync_parser list = *parser;
	int count, length;

	if (sync_grammar_parentheses(&list) != SYNC_WANT_NOTHING) {
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
advise_number(const struct sync_parser *parser, struct err *err)
{
	const char *list = parser->token.at, *close = strchr(list, ')');
	const char *word = parser->before.kind == SYNC_ANY ? "ANY" : "FIRST";
	int length = (int)parser->before.length;

	if (parser->token.kind == SYNC_OPEN && close != NULL)
		err_hint(
			err, "%s needs a number: write %s 1 %.*s", word, word, (int)(close + 1 - list), list);
	else
		err_hint(err, "write %s with a number and a list, as in %s 1 (a, b), or \"%.*s\" for a name",
			word, word, length, parser->before.at);
}

/* Where a name should begin. */
static const char *
advice_for_name(const struct sync_parser *parser)
{
	if (sync_grammar_is_keyword(&parser->token))
		return "FIRST and ANY need double quotes as names";
	if (parser->first.kind == SYNC_END)
		return sync_advice_off;
	if (parser->first.kind == SYNC_OPEN)
		return "write FIRST or ANY and a number before the list, or leave the parentheses out";
	if (parser->token.kind == SYNC_OPEN)
		return hint_list;
	return parser->before.kind == SYNC_OPEN ? "a list needs at least one name"
						: "a comma stands only between two names";
}

/* Behind a name of a plain list. */
static const char *
advice_for_comma(const struct sync_parser *parser)
{
	if (parser->token.kind == SYNC_CLOSE)
		return "no parenthesis is open here";
	if (parser->token.kind == SYNC_OPEN || sync_grammar_behind(&parser->token).kind == SYNC_OPEN)
		return hint_number;
	if (parser->before.at == parser->first.at && parser->first.kind == SYNC_NUMBER)
		return hint_parentheses;
	return hint_commas;
}

static const char *
advice_for(const struct sync_parser *parser, enum sync_want want)
{
	switch (want) {
	case SYNC_WANT_NAME:
		return advice_for_name(parser);
	case SYNC_WANT_OPEN:
		return hint_parentheses;
	case SYNC_WANT_COMMA:
		return advice_for_comma(parser);
	case SYNC_WANT_COMMA_OR_CLOSE:
		if (parser->token.kind == SYNC_END)
			return "the closing parenthesis is missing";
		return parser->token.kind == SYNC_OPEN ? hint_list : hint_commas;
	default:
		return "nothing may follow the list";
	}
}

static bool
is_all(const struct sync_token *token)
{
	return token->length == 3 && strncasecmp(token->at, "all", 3) == 0;
}

void
sync_advice_give(const struct sync_parser *parser, enum sync_want want, struct err *err)
{
	const struct sync_token *token = &parser->token;
	struct sync_token word = find_word(parser);

	if (token->kind == SYNC_UNTERMINATED)
		err_hint(err, "end the name with a double quote; one within a name is written twice");
	else if (*token->at == '\'')
		err_hint(err, "names take double quotes, not single ones");
	else if (*token->at == ';')
		err_hint(err, "%s", hint_commas);
	else if (token->kind == SYNC_JUNK || word.at < token->at)
		advise_quotes(parser, &word, err);
	else if (token->kind == SYNC_OPEN && parser->before.at == parser->first.at && is_all(&parser->first))
		advise_all(parser, err);
	else if (want == SYNC_WANT_NUMBER)
		advise_number(parser, err);
	else
		err_hint(err, "%s", advice_for(parser, want));
}
