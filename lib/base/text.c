#include "lib/base/text.h"

#include <stdio.h>
#include <string.h>

void
text_init(struct text *text, char *storage, size_t size)
{
	text->bytes = storage;
	text->length = 0;
	text->size = size;
	text->is_truncated = false;
	storage[0] = '\0';
}

/* The length of the UTF-8 character at `from`, or 0 if there is none. */
static size_t
character_length(const unsigned char *from)
{
	size_t length = from[0] < 0x80               ? 1
		: from[0] >= 0xC2 && from[0] <= 0xDF ? 2
		: (from[0] & 0xF0) == 0xE0           ? 3
		: from[0] >= 0xF0 && from[0] <= 0xF4 ? 4
						     : 0;

	for (size_t i = 1; i < length; i++)
		if ((from[i] & 0xC0) != 0x80)
			return 0;
	/* Overlong forms, surrogates and what lies past U+10FFFF are not characters. */
	if ((from[0] == 0xE0 && from[1] < 0xA0) || (from[0] == 0xED && from[1] > 0x9F)
		|| (from[0] == 0xF0 && from[1] < 0x90) || (from[0] == 0xF4 && from[1] > 0x8F))
		return 0;
	return length;
}

/* The longest length up to `length` that does not end within a character. */
static size_t
whole_characters(const char *bytes, size_t length)
{
	size_t start = length;

	while (start > 0 && ((unsigned char)bytes[start - 1] & 0xC0) == 0x80)
		start--;
	if (start > 0 && (unsigned char)bytes[start - 1] >= 0xC0) {
		start--;
		if (start + character_length((const unsigned char *)bytes + start) == length)
			return length;
		return start;
	}
	return length;
}

void
text_add_bytes(struct text *text, const char *bytes, size_t length)
{
	size_t room = text->size - text->length - 1;

	if (length > room) {
		text->is_truncated = true;
		length = room;
	}
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
	if (text->is_truncated) {
		text->length = whole_characters(text->bytes, text->length);
		text->bytes[text->length] = '\0';
	}
}

void
text_add_list(struct text *text, const char *format, va_list arguments)
{
	size_t room = text->size - text->length;
	int needed = vsnprintf(text->bytes + text->length, room, format, arguments);

	if (needed < 0) {
		text->bytes[text->length] = '\0';
		text->is_truncated = true;
	} else if ((size_t)needed < room) {
		text->length += (size_t)needed;
	} else {
		text->is_truncated = true;
		text->length = whole_characters(text->bytes, text->size - 1);
		text->bytes[text->length] = '\0';
	}
}

void
text_add(struct text *text, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	text_add_list(text, format, arguments);
	va_end(arguments);
}

/* U+0080 to U+009F, the second set of control characters: a terminal may obey them. */
static bool
is_control(const unsigned char *from, size_t length)
{
	return from[0] < 0x20 || from[0] == 0x7F || (length == 2 && from[0] == 0xC2 && from[1] < 0xA0);
}

void
text_clean(char *to, size_t size, const char *from)
{
	static const char ellipsis[] = "...";
	struct text text;
	bool is_blank_due = false;

	text_init(&text, to, size);
	for (const unsigned char *next = (const unsigned char *)from; *next != '\0';) {
		size_t length = character_length(next);

		if (length != 0 && (is_control(next, length) || *next == ' ')) {
			is_blank_due = text.length > 0;
		} else {
			if (is_blank_due)
				text_add_bytes(&text, " ", 1);
			is_blank_due = false;
			if (length == 0)
				text_add_bytes(&text, "?", 1);
			else if (*next == '|')
				text_add_bytes(&text, "/", 1);
			else
				text_add_bytes(&text, (const char *)next, length);
		}
		if (text.is_truncated)
			break;
		next += length == 0 ? 1 : length;
	}
	if (text.is_truncated && size > sizeof ellipsis) {
		text.length = whole_characters(to, size - sizeof ellipsis);
		memcpy(to + text.length, ellipsis, sizeof ellipsis);
	}
}

void
text_identifier(char *to, size_t size, const char *name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz_0123456789";
	bool is_plain = *name != '\0' && strspn(name, plain) == strlen(name)
		&& strchr("0123456789", *name) == NULL;
	struct text text;

	text_init(&text, to, size);
	if (!is_plain)
		text_add_bytes(&text, "\"", 1);
	for (const char *at = name; *at != '\0'; at++)
		text_add_bytes(&text, *at == '"' ? "\"\"" : at, *at == '"' ? 2 : 1);
	if (!is_plain)
		text_add_bytes(&text, "\"", 1);
}

const char *
text_shell_word(const char *word, const char *instead)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	return *word != '\0' && *word != '-' && strspn(word, plain) == strlen(word) ? word : instead;
}

int
text_copy(char *to, size_t size, const char *from)
{
	size_t length = strlen(from);

	if (length >= size)
		return -1;
	memcpy(to, from, length + 1);
	return 0;
}

bool
text_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

void
text_item(const char *list, size_t index, char *to, size_t size)
{
	struct text item;

	text_init(&item, to, size);
	for (; index > 0; index--) {
		list = strchr(list, ',');
		if (list == NULL)
			return;
		list++;
	}
	text_add_bytes(&item, list, strcspn(list, ","));
}

size_t
text_item_count(const char *list)
{
	size_t count = 1;

	for (; (list = strchr(list, ',')) != NULL; list++)
		count++;
	return count;
}
