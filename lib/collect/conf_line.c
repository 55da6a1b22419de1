#include "lib/collect/conf_line.h"

#include <string.h>

#include "lib/base/text.h"

/* What the scanner makes of the bytes at a place. */
enum token {
	TOKEN_END, /* of the line; a comment is as good */
	TOKEN_EQUALS,
	TOKEN_NAME,   /* letters, digits, underscores */
	TOKEN_DOTTED, /* two of them with a point between: a name, but no value */
	TOKEN_WORD,   /* a value without quotes */
	TOKEN_NUMBER,
	TOKEN_QUOTED,
	TOKEN_UNKNOWN
};

struct scan {
	const char *next;
	const char *end;
	const char *token; /* the last one */
	size_t length;
};

/* -- kinds of characters, as the scanner has them ---------------------------------------------- */

static bool
is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static bool
is_ascii_letter(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool
is_letter(char byte)
{
	return is_ascii_letter(byte) || byte == '_' || (unsigned char)byte >= 0x80;
}

static bool
is_name(char byte)
{
	return is_letter(byte) || is_digit(byte);
}

static bool
is_word(char byte)
{
	return is_name(byte) || byte == '-' || byte == '.' || byte == ':' || byte == '/';
}

static bool
is_hex_digit(char byte)
{
	return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

/* How many bytes from `from` on are of a kind. */
static size_t
span(const char *from, const char *end, bool (*is_kind)(char byte))
{
	const char *next = from;

	while (next < end && is_kind(*next))
		next++;
	return (size_t)(next - from);
}

/* -- tokens: the longest that fits, as flex has it --------------------------------------------- */

static size_t
dotted_length(const char *from, const char *end)
{
	size_t first = span(from, end, is_name);

	if (from + first + 1 >= end || from[first] != '.' || !is_letter(from[first + 1]))
		return 0;
	return first + 1 + span(from + first + 1, end, is_name);
}

/* A whole number, decimal or hexadecimal, with letters behind it that are a unit. */
static size_t
integer_length(const char *from, const char *end)
{
	size_t digits = span(from, end, is_digit), hex = 0;

	if (digits == 0)
		return 0;
	digits += span(from + digits, end, is_ascii_letter);
	if (end - from > 2 && from[0] == '0' && from[1] == 'x')
		hex = span(from + 2, end, is_hex_digit);
	if (hex > 0)
		hex += 2 + span(from + 2 + hex, end, is_ascii_letter);
	return hex > digits ? hex : digits;
}

static size_t
exponent_length(const char *from, const char *end)
{
	size_t length = 1, digits;

	if (from >= end || (*from != 'e' && *from != 'E'))
		return 0;
	if (from + length < end && (from[length] == '+' || from[length] == '-'))
		length++;
	digits = span(from + length, end, is_digit);
	return digits == 0 ? 0 : length + digits;
}

static size_t
real_length(const char *from, const char *end)
{
	size_t length = span(from, end, is_digit);

	if (from + length >= end || from[length] != '.')
		return 0;
	length++;
	length += span(from + length, end, is_digit);
	return length + exponent_length(from + length, end);
}

static size_t
number_length(const char *from, const char *end)
{
	size_t sign = from < end && (*from == '-' || *from == '+');
	size_t integer = integer_length(from + sign, end), real = real_length(from + sign, end);
	size_t longer = integer > real ? integer : real;

	return longer == 0 ? 0 : sign + longer;
}

/* With both quotes; 0: it does not end on the line. */
static size_t
quoted_length(const char *from, const char *end)
{
	const char *next = from + 1;

	while (next < end) {
		if (*next == '\'' && (next + 1 == end || next[1] != '\''))
			return (size_t)(next + 1 - from);
		next += *next == '\'' || *next == '\\' ? 2 : 1;
	}
	return 0;
}

static enum token
take(struct scan *scan, enum token token, size_t length)
{
	scan->length = length;
	scan->next += length;
	return token;
}

static enum token
take_word(struct scan *scan)
{
	size_t name = span(scan->next, scan->end, is_name), word = span(scan->next, scan->end, is_word);

	if (name == word)
		return take(scan, TOKEN_NAME, name);
	if (dotted_length(scan->next, scan->end) == word)
		return take(scan, TOKEN_DOTTED, word);
	return take(scan, TOKEN_WORD, word);
}

static enum token
next_token(struct scan *scan)
{
	size_t length;

	while (scan->next < scan->end && (*scan->next == ' ' || *scan->next == '\t' || *scan->next == '\r'))
		scan->next++;
	scan->token = scan->next;
	if (scan->next == scan->end || *scan->next == '#')
		return TOKEN_END;
	if (*scan->next == '=')
		return take(scan, TOKEN_EQUALS, 1);
	if (is_letter(*scan->next))
		return take_word(scan);
	if (*scan->next == '\'') {
		length = quoted_length(scan->next, scan->end);
		return length > 0 ? take(scan, TOKEN_QUOTED, length) : TOKEN_UNKNOWN;
	}
	length = number_length(scan->next, scan->end);
	return length > 0 ? take(scan, TOKEN_NUMBER, length) : TOKEN_UNKNOWN;
}

/* -- values ------------------------------------------------------------------------------------ */

/* What a backslash and the letter behind it stand for, except for an octal number. */
static char
unescaped(char letter)
{
	static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
	const char *found = strchr(letters, letter);

	return letter == '\0' || found == NULL ? letter : meanings[found - letters];
}

/* Up to three octal digits. */
static size_t
take_octal(const char *from, const char *end, struct text *to)
{
	unsigned value = 0;
	size_t length = 0;
	char byte;

	for (; length < 3 && from + length < end && from[length] >= '0' && from[length] <= '7'; length++)
		value = value * 8 + (unsigned)(from[length] - '0');
	byte = (char)(unsigned char)value; /* as the server cuts it */
	if (byte != '\0')
		text_add_bytes(to, &byte, 1);
	return length;
}

/* Takes the quotes away. */
static void
unquote(const char *from, size_t length, struct text *to)
{
	const char *end = from + length - 1;

	for (const char *next = from + 1; next < end; next++) {
		char byte = *next;

		if (byte == '\'') {
			next++; /* of two, one */
		} else if (byte == '\\') {
			next++;
			if (*next >= '0' && *next <= '7') {
				next += take_octal(next, end, to) - 1;
				continue;
			}
			byte = unescaped(*next);
		}
		text_add_bytes(to, &byte, 1);
	}
}

static bool
is_value(enum token token)
{
	return token == TOKEN_NAME || token == TOKEN_WORD || token == TOKEN_NUMBER || token == TOKEN_QUOTED;
}

/* Bytes of one text into another of bounded length, without its care for whole characters. */
static void
keep(const struct scan *scan, char *to, size_t size)
{
	struct text text;

	text_init(&text, to, size);
	text_add_bytes(&text, scan->token, scan->length);
}

/* -- lines ------------------------------------------------------------------------------------- */

static int
fail(struct err *err, const char *what, const char *hint)
{
	err_set(err, ERR_USAGE, "syntax error: %s", what);
	return err_hint(err, "%s", hint);
}

static int
fail_value(const struct scan *scan, enum token token, struct err *err)
{
	if (token == TOKEN_END)
		return fail(err, "a name without a value", "write name = value; an empty value is ''");
	if (token == TOKEN_UNKNOWN && *scan->token == '\'')
		return fail(err, "a quote that does not end on the line",
			"end it; a quote within the value is written ''");
	return fail(err, "this value needs quotes", "write name = 'value'");
}

int
conf_line_read(const char *line, size_t length, struct conf_line *ret, struct err *err)
{
	struct scan scan = {.next = line, .end = line + length};
	enum token token = next_token(&scan);
	struct text value;

	ret->is_empty = token == TOKEN_END;
	ret->is_cut = false;
	if (token == TOKEN_END)
		return 0;
	if (memchr(line, '\0', length) != NULL)
		return fail(err, "a zero byte", "the file must be plain text");
	if (token != TOKEN_NAME && token != TOKEN_DOTTED)
		return fail(err, "the line does not begin with the name of a setting",
			"write name = value, or a comment behind #");
	keep(&scan, ret->name, sizeof ret->name);
	token = next_token(&scan);
	if (token == TOKEN_EQUALS)
		token = next_token(&scan);
	if (!is_value(token))
		return fail_value(&scan, token, err);
	text_init(&value, ret->value, sizeof ret->value);
	if (token == TOKEN_QUOTED)
		unquote(scan.token, scan.length, &value);
	else
		text_add_bytes(&value, scan.token, scan.length);
	ret->is_cut = value.is_truncated;
	if (next_token(&scan) != TOKEN_END)
		return fail(err, "something behind the value",
			"a value that is more than a word or a number needs quotes: name = 'value'");
	return 0;
}
