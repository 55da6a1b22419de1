#include "lib/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"

static const char *const class_names[ERR_CLASS_COUNT] = {
	[ERR_NONE] = "none",
	[ERR_DOWN] = "down",
	[ERR_TIMEOUT] = "timeout",
	[ERR_FULL] = "full",
	[ERR_SETUP] = "setup",
	[ERR_PROTOCOL] = "protocol",
	[ERR_USAGE] = "usage",
};

/* Room for a message before it is cleaned and cut. */
enum { RAW_SIZE = 4096 };

int
err_set(struct err *err, enum err_class class, const char *format, ...)
{
	char raw[RAW_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(raw, sizeof raw, format, arguments);
	va_end(arguments);
	/* All of it: faults travel in snapshots from process to process, and what lay here before must not.
	 */
	memset(err, 0, sizeof *err);
	err->class = class;
	text_clean(err->text, sizeof err->text, raw);
	return -1;
}

int
err_hint(struct err *err, const char *format, ...)
{
	char raw[RAW_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(raw, sizeof raw, format, arguments);
	va_end(arguments);
	text_clean(err->hint, sizeof err->hint, raw);
	return -1;
}

int
err_context(struct err *err, const char *format, ...)
{
	char raw[RAW_SIZE];
	struct text text;
	va_list arguments;

	text_init(&text, raw, sizeof raw);
	va_start(arguments, format);
	text_add_list(&text, format, arguments);
	va_end(arguments);
	text_add(&text, ": %s", err->text);
	text_clean(err->text, sizeof err->text, raw);
	return -1;
}

const char *err_class_name(enum err_class class)
{
	return class_names[class];
}

enum err_class
err_class_parse(const char *name)
{
	enum err_class class = ERR_NONE;

	while (class < ERR_CLASS_COUNT && strcmp(class_names[class], name) != 0)
		class ++;
	return class;
}
