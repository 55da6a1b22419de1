#include "lib/base/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/text.h"

const char *const log_level_names[] = {"error", "warning", "info", NULL};

static enum log_level highest = LOG_LEVEL_INFO;

void
log_set_level(enum log_level level)
{
	highest = level;
}

/* The journal's way to tell that standard error is its own, and the priority before each line. */
static const char *
prefix_of(enum log_level level)
{
	static const char *const priorities[LOG_LEVEL_COUNT] = {"<3>", "<4>", "<6>"};

	return getenv("JOURNAL_STREAM") != NULL ? priorities[level] : "pgha-agent: ";
}

void
log_write(enum log_level level, const char *format, ...)
{
	struct pollfd output = {.fd = STDERR_FILENO, .events = POLLOUT};
	char raw[2048], line[2048];
	struct text text;
	va_list arguments;

	if (level > highest)
		return;
	va_start(arguments, format);
	vsnprintf(raw, sizeof raw, format, arguments);
	va_end(arguments);
	text_init(&text, line, sizeof line - 1); /* room for the end of the line */
	text_add(&text, "%s", prefix_of(level));
	text_clean(line + text.length, sizeof line - 1 - text.length, raw);
	text_init(&text, raw, sizeof raw);
	text_add(&text, "%s\n", line);
	/* A line is below PIPE_BUF, so what is writable takes it whole. */
	if (poll(&output, 1, 0) == 1 && (output.revents & POLLOUT) != 0
		&& write(STDERR_FILENO, text.bytes, text.length) < 0)
		return;
}
