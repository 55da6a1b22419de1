#include "lib/evaluate/sync_names.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/evaluate/sync_advice.h"
#include "lib/evaluate/sync_grammar.h"

/* -- refusals --------------------------------------------------------------------------------- */

/* The place of a token in characters of UTF-8, from 1. */
static size_t
place(const struct sync_parser *parser)
{
	size_t count = 1;

	for (const char *at = parser->value; at < parser->token.at; at++)
		count += ((unsigned char)*at & 0xC0) != 0x80;
	return count;
}

static int
refuse(const struct sync_parser *parser, enum sync_want want, struct err *err)
{
	enum { SHOWN_MAX = 100 }; /* so that the place fits behind it */
	const struct sync_token *token = &parser->token;
	const char *quote = token->kind == SYNC_QUOTED ? "" : "\"";
	int length = token->length < SHOWN_MAX ? (int)token->length : SHOWN_MAX;

	if (token->kind == SYNC_END)
		err_set(err, ERR_USAGE, "syntax error at the end");
	else if (token->kind == SYNC_UNTERMINATED)
		err_set(err, ERR_USAGE, "unterminated quoted name (character %zu)", place(parser));
	else if (token->kind == SYNC_JUNK && (*token->at < ' ' || *token->at == '\x7f'))
		err_set(err, ERR_USAGE, "syntax error at byte 0x%02x (character %zu)", (unsigned)*token->at,
			place(parser));
	else
		err_set(err, ERR_USAGE, "syntax error at %s%.*s%s (character %zu)", quote, length, token->at,
			quote, place(parser));
	sync_advice_give(parser, want, err);
	return -1;
}

/* The server uses atoi(), which on 64 bits keeps the lower half of a long that strtol() has bounded. */
static int
read_required(const struct sync_parser *parser, int *ret, struct err *err)
{
	long long number = parser->number.kind == SYNC_END ? 1 : strtoll(parser->number.at, NULL, 10);
	int required = (int)(int32_t)(uint32_t)(uint64_t)number;

	if (required <= 0) {
		err_set(err, ERR_USAGE, "number of synchronous standbys (%d) must be greater than zero",
			required);
		if (number > INT_MAX)
			return err_hint(err, "the server takes a number past %d for another one", INT_MAX);
		return err_hint(err, "%s", sync_advice_off);
	}
	*ret = required;
	return 0;
}

int
sync_names_parse(const char *value, struct sync_names *ret, struct err *err)
{
	struct sync_names names;
	struct sync_parser parser;
	enum sync_want want;

	if (strlen(value) >= SYNC_NAMES_TEXT)
		return err_set(err, ERR_PROTOCOL, "too long to be read: %zu bytes, at most %d", strlen(value),
			SYNC_NAMES_TEXT - 1);
	sync_grammar_begin(&parser, value, &names);
	if (*value != '\0') {
		want = sync_grammar_setting(&parser);
		if (want != SYNC_WANT_NOTHING)
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
	struct sync_token token = sync_grammar_scan(name);

	return (token.kind == SYNC_NAME || token.kind == SYNC_NUMBER) && token.at == name
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
