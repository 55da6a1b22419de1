/*
 * Any text as a configuration file: it is taken or refused, and never anything else. What was taken, written
 * and read again is the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/lsn.h"
#include "lib/run/ini.h"
#include "lib/run/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct values {
	bool is_strict;
	int level;
	char conninfo[128];
	char log[128];
	int64_t port, interval_ms;
	int on_down; /* enum state */
	int format;
	struct limit warning, critical;
	uint64_t replayed;
};

static const char *const words[] = {"nagios", "http", "haproxy", NULL};

#define UNITS (1U << UNIT_BYTES | 1U << UNIT_SECONDS)
#define AT(member) SETTING_AT(struct values, member)

static const struct setting rows[] = {
	{.name = "strict", .type = SETTING_FLAG, AT(is_strict), .help = "be strict"},
	{.name = "level", .type = SETTING_COUNT, AT(level), .help = "say more"},
	{.name = "conninfo", .type = SETTING_TEXT, AT(conninfo), .help = "whom to ask", .is_secret = true},
	{.name = "log", .type = SETTING_TEXT, AT(log), .help = "where to say it"},
	{.name = "port",
		.type = SETTING_INTEGER,
		AT(port),
		.initial = "5432",
		.help = "where",
		.min = 1,
		.max = 65535},
	{.name = "max-age", .type = SETTING_DURATION, AT(interval_ms), .initial = "3s", .help = "how old"},
	{.name = "on-down", .type = SETTING_STATE, AT(on_down), .initial = "critical", .help = "when down"},
	{.name = "format", .type = SETTING_WORD, AT(format), .words = words, .help = "form"},
	{.name = "warning",
		.type = SETTING_LIMIT,
		AT(warning),
		.accepted = UNITS,
		.plain = UNIT_BYTES,
		.help = "a"},
	{.name = "critical",
		.type = SETTING_LIMIT,
		AT(critical),
		.accepted = UNITS,
		.plain = UNIT_BYTES,
		.help = "b"},
	{.name = "replayed", .type = SETTING_LSN, AT(replayed), .help = "position"},
};

/* What one reading makes of a file: the last section's values. */
struct file {
	struct values values;
	struct settings_given given;
	struct settings_group group;
};

static int
section(void *context, const char *name, struct err *err)
{
	struct file *file = context;
	static const char *const names[] = {"agent", "postgres", "listen", NULL};

	if (settings_nearest_word(names, name) == name)
		abort();
	memset(&file->values, 0, sizeof file->values);
	memset(&file->given, 0, sizeof file->given);
	return settings_set_initial(&file->group, 1, err);
}

static int
key(void *context, const char *name, const char *value, struct err *err)
{
	struct file *file = context;

	return settings_take(&file->given, &file->group, 1, name, value, err);
}

static int
section_end(void *context, struct err *err)
{
	struct file *file = context;

	return settings_check_section(&file->group, 1, err);
}

static int
read_file(const char *text, struct file *file)
{
	const struct ini_reader reader = {
		.section = section, .key = key, .section_end = section_end, .context = file};
	struct err err;

	memset(file, 0, sizeof *file);
	memset(&err, 0, sizeof err);
	file->group = (struct settings_group){
		.title = "all", .rows = rows, .count = sizeof rows / sizeof rows[0], .base = &file->values};
	if (ini_read_text(text, "file", &reader, &err) == 0)
		return 0;
	if (err.class != ERR_USAGE || strncmp(err.text, "file", 4) != 0)
		abort();
	return -1;
}

/* Only tiny fractions of a unit do not fit the 63 characters of a number. */
static bool
is_tiny(const struct limit *limit)
{
	for (int unit = 0; unit < UNIT_COUNT; unit++) {
		double start = limit->of[unit].start, end = limit->of[unit].end;

		if ((start != 0 && start < 1e-9 && start > -1e-9) || (end != 0 && end < 1e-9 && end > -1e-9))
			return true;
	}
	return false;
}

/* A comment begins with ";" behind a blank, also right behind the one that is written after "=". */
static bool
is_no_value(const char *value)
{
	return value[0] == ';' || strstr(value, " ;") != NULL || strstr(value, "\t;") != NULL;
}

static void
compare(const struct limit *written, const struct limit *read)
{
	for (int unit = 0; unit < UNIT_COUNT; unit++) {
		const struct range *a = &written->of[unit], *b = &read->of[unit];

		if (a->is_set != b->is_set || a->is_inverted != b->is_inverted || a->start != b->start
			|| a->end != b->end)
			abort();
	}
}

static void
read_again(struct file *file)
{
	static char written[16384], twice[16384];
	struct file again;
	struct text text;

	if (is_tiny(&file->values.warning) || is_tiny(&file->values.critical) || is_no_value(file->values.log)
		|| is_no_value(file->values.conninfo))
		return;
	if (strlen(file->values.conninfo) > 60) /* masked, it can have twice its length */
		file->values.conninfo[0] = '\0';
	text_init(&text, written, sizeof written);
	text_add(&text, "[agent]\n");
	settings_write_section(&file->group, true, &text);
	if (text.is_truncated || read_file(written, &again) != 0)
		abort();
	compare(&file->values.warning, &again.values.warning);
	compare(&file->values.critical, &again.values.critical);
	/* A secret comes out masked; all else must be as it was. */
	memcpy(again.values.conninfo, file->values.conninfo, sizeof again.values.conninfo);
	text_init(&text, twice, sizeof twice);
	text_add(&text, "[agent]\n");
	settings_write_section(&again.group, true, &text);
	if (strcmp(written, twice) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct file file;

	memcpy(text, data, size);
	text[size] = '\0';
	if (read_file(text, &file) == 0 && file.values.port != 0)
		read_again(&file);
	free(text);
	return 0;
}
