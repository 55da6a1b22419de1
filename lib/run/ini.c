#include "lib/run/ini.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/text.h"

enum {
	FILE_SIZE_MAX = 65536,
	SECTION_SIZE = 64,  /* of a name, with its zero byte */
	SECTIONS_MAX = 128, /* in a file */
};

struct section {
	char name[SECTION_SIZE];
	size_t line;
};

/*
 * inih asks for one line at a time and calls back once for each that sets a key, before it asks for the
 * next. It tells neither sections without keys nor line numbers, so these are seen here as lines pass by.
 */
struct reading {
	const struct ini_reader *reader;
	const char *name; /* of the file */
	const char *next; /* what is not read yet */
	const char *end;
	size_t line;     /* the one that inih has now */
	bool is_key_due; /* it is not blank, a comment or a section, so it must set a key */
	bool is_failed;  /* `err` is filled, the rest is not read */
	struct section sections[SECTIONS_MAX];
	size_t section_count;
	struct err *err;
};

/* Puts the place of an error in front of it. Of a long path the end is what tells. */
static int
fail_at(struct reading *reading, size_t line)
{
	enum { SHOWN = 96 };
	size_t length = strlen(reading->name);
	const char *dots = length > SHOWN ? "..." : "";
	const char *shown = length > SHOWN ? reading->name + length - SHOWN : reading->name;

	reading->is_failed = true;
	if (line == 0)
		return err_context(reading->err, "%s%s", dots, shown);
	return err_context(reading->err, "%s%s:%zu", dots, shown, line);
}

static int
fail(struct reading *reading, const char *text, const char *hint)
{
	err_set(reading->err, ERR_USAGE, "%s", text);
	err_hint(reading->err, "%s", hint);
	return fail_at(reading, reading->line);
}

static int
fail_shape(struct reading *reading)
{
	return fail(reading, "neither a section nor a setting",
		"write [section], key = value, or a comment behind \";\"");
}

/* -- lines ------------------------------------------------------------------------------------- */

/* isspace() of the "C" locale, as inih trims. */
static bool
is_blank(char byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* A zero byte would end the line for inih; the others are no text. */
static bool
has_control(const char *line, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (((unsigned char)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7F)
			return true;
	return false;
}

/* Takes the next line out of the text, without its end. */
static const char *
next_line(struct reading *reading, size_t *ret_length)
{
	const char *line = reading->next;
	const char *newline = memchr(line, '\n', (size_t)(reading->end - line));
	size_t length = (size_t)((newline != NULL ? newline : reading->end) - line);

	reading->next = newline != NULL ? newline + 1 : reading->end;
	reading->line++;
	if (length > 0 && line[length - 1] == '\r')
		length--;
	*ret_length = length;
	return line;
}

/* -- sections ---------------------------------------------------------------------------------- */

/* The section that ends here, if there is one. */
static int
end_section(struct reading *reading)
{
	const struct ini_reader *reader = reading->reader;

	if (reading->section_count == 0 || reader->section_end == NULL)
		return 0;
	if (reader->section_end(reader->context, reading->err) == 0)
		return 0;
	return fail_at(reading, reading->sections[reading->section_count - 1].line);
}

/* Copies the name before "]" with single blanks. Returns what follows, or NULL when it is no header. */
static const char *
read_header(const char *line, char to[SECTION_SIZE])
{
	struct text name;
	bool is_blank_due = false;

	text_init(&name, to, SECTION_SIZE);
	for (line++; *line != ']'; line++) {
		if (*line == '\0')
			return NULL;
		if (is_blank(*line)) {
			if (line[1] == ';') /* a comment, to inih */
				return NULL;
			is_blank_due = name.length > 0;
			continue;
		}
		if (is_blank_due)
			text_add(&name, " ");
		is_blank_due = false;
		text_add_bytes(&name, line, 1);
	}
	return name.is_truncated ? NULL : line + 1;
}

/* What may follow a section's header: nothing, or a comment behind a blank. */
static bool
is_end(const char *rest)
{
	const char *start = rest;

	while (is_blank(*rest))
		rest++;
	return *rest == '\0' || (*rest == ';' && rest > start);
}

/* Keeps the section's name, unless it was there before. */
static int
add_section(struct reading *reading, const char *name)
{
	for (size_t i = 0; i < reading->section_count; i++)
		if (strcmp(reading->sections[i].name, name) == 0) {
			err_set(reading->err, ERR_USAGE, "section [%s] is there twice, first in line %zu",
				name, reading->sections[i].line);
			err_hint(reading->err, "put its settings together");
			return fail_at(reading, reading->line);
		}
	if (reading->section_count == SECTIONS_MAX)
		return fail(reading, "too many sections", "a file may have 128");
	reading->sections[reading->section_count].line = reading->line;
	memcpy(reading->sections[reading->section_count].name, name, strlen(name) + 1);
	reading->section_count++;
	return 0;
}

static int
take_section(struct reading *reading, const char *line)
{
	static const char form[]
		= "a section is written [name], alone on its line, with at most 63 characters";
	const struct ini_reader *reader = reading->reader;
	char name[SECTION_SIZE];
	const char *rest = read_header(line, name);

	if (rest == NULL || !is_end(rest) || name[0] == '\0')
		return fail(reading, "this is not the name of a section", form);
	if (end_section(reading) != 0 || add_section(reading, name) != 0)
		return -1;
	if (reader->section(reader->context, name, reading->err) == 0)
		return 0;
	return fail_at(reading, reading->line);
}

/* -- between inih and the reader --------------------------------------------------------------- */

/* What inih makes of this line, as far as it must be known before inih has it. */
static int
inspect(struct reading *reading, const char *line)
{
	const char *start = line;

	while (is_blank(*start))
		start++;
	if (*start == '\0' || *start == ';' || *start == '#')
		return 0;
	if (start > line) /* inih appends such a line to the value before, or not if there is none */
		return fail(reading, "a line that begins with a blank",
			"begin it at the left edge; no value goes on in the next line");
	if (*start == '[')
		return take_section(reading, start);
	if (reading->section_count == 0)
		return fail(reading, "a setting before any section", "begin with a section, such as [agent]");
	reading->is_key_due = true;
	return 0;
}

static int
check_line(struct reading *reading, const char *line, size_t length, size_t room)
{
	if (has_control(line, length))
		return fail(reading, "a character that is not text",
			"the file must be plain text in UTF-8, without control characters");
	if (length <= room)
		return 0;
	err_set(reading->err, ERR_USAGE, "a line of %zu characters", length);
	err_hint(reading->err,
		"a line may have %zu; parts of a long connection string can be in a service file "
		"(service=NAME)",
		room);
	return fail_at(reading, reading->line);
}

/* For inih, in the manner of fgets(): the next line, or NULL at the end or when there is an error. */
static char *
give_line(char *to, int size, void *data)
{
	struct reading *reading = data;
	const char *line;
	size_t length;

	if (reading->is_key_due && !reading->is_failed)
		fail_shape(reading);
	if (reading->is_failed || reading->next == reading->end)
		return NULL;
	line = next_line(reading, &length);
	if (check_line(reading, line, length, (size_t)size - 2) != 0) /* as fgets(): "\n" and the zero byte */
		return NULL;
	memcpy(to, line, length);
	to[length] = '\0';
	return inspect(reading, to) == 0 ? to : NULL;
}

/* inih's own idea of the section is cut to 49 characters, and not needed. */
static int
take_key(void *data, const char *section, const char *name, const char *value)
{
	struct reading *reading = data;
	const struct ini_reader *reader = reading->reader;

	(void)section;
	reading->is_key_due = false;
	if (name[0] == '\0')
		fail(reading, "a value without a name", "write key = value");
	else if (reader->key(reader->context, name, value, reading->err) != 0)
		fail_at(reading, reading->line);
	return reading->is_failed ? 0 : 1;
}

static int
read_all(struct reading *reading)
{
	static const char byte_order_mark[] = "\xEF\xBB\xBF";
	size_t length = (size_t)(reading->end - reading->next);

	if (length > FILE_SIZE_MAX) {
		err_set(reading->err, ERR_USAGE, "larger than %d bytes", FILE_SIZE_MAX);
		err_hint(reading->err, "is it a configuration file?");
		return fail_at(reading, 0);
	}
	if (length >= 3 && memcmp(reading->next, byte_order_mark, 3) == 0)
		reading->next += 3;
	if (ini_parse_stream(give_line, reading, take_key, reading) != 0 && !reading->is_failed)
		fail(reading, "this cannot be read",
			"write [section], key = value, or a comment behind \";\"");
	return reading->is_failed ? -1 : end_section(reading);
}

int
ini_read_text(const char *text, const char *name, const struct ini_reader *reader, struct err *err)
{
	struct reading reading = {
		.reader = reader, .name = name, .next = text, .end = text + strlen(text), .err = err};

	return read_all(&reading);
}

/* -- files ------------------------------------------------------------------------------------- */

/* Reads up to one byte more than a file may have. -1 with errno set. */
static ssize_t
read_bytes(int descriptor, char *to)
{
	size_t length = 0;

	while (length <= FILE_SIZE_MAX) {
		ssize_t got = read(descriptor, to + length, FILE_SIZE_MAX + 1 - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		length += (size_t)got;
	}
	return (ssize_t)length;
}

static int
fail_to_read(struct reading *reading)
{
	err_set(reading->err, ERR_USAGE, "cannot be read: %s", strerror(errno));
	return fail_at(reading, 0);
}

static int
check_kind(struct reading *reading, int descriptor)
{
	struct stat status;

	if (fstat(descriptor, &status) != 0)
		return fail_to_read(reading);
	if (S_ISREG(status.st_mode))
		return 0;
	err_set(reading->err, ERR_USAGE, "%s", S_ISDIR(status.st_mode) ? "is a directory" : "is not a file");
	err_hint(reading->err, "name the configuration file itself");
	return fail_at(reading, 0);
}

int
ini_read(const char *path, const struct ini_reader *reader, struct err *err)
{
	struct reading reading = {.reader = reader, .name = path, .err = err};
	char *bytes = malloc(FILE_SIZE_MAX + 1);
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t length;
	int result = -1;

	if (bytes == NULL || descriptor < 0) {
		fail_to_read(&reading);
		goto out;
	}
	if (check_kind(&reading, descriptor) != 0)
		goto out;
	length = read_bytes(descriptor, bytes);
	if (length < 0) {
		fail_to_read(&reading);
		goto out;
	}
	reading.next = bytes;
	reading.end = bytes + length;
	result = read_all(&reading);
out:
	if (descriptor >= 0)
		close(descriptor);
	free(bytes);
	return result;
}
