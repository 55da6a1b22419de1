/* main() of pgha-agent: options, and what can be done without running. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checks/table.h"
#include "lib/agent/agent.h"
#include "lib/agent/plan_load.h"
#include "lib/agent/track.h"
#include "lib/run/process.h"
#include "lib/run/settings.h"

enum { OUTPUT_SIZE = 65536, EXIT_USAGE = 3 };

struct arguments {
	char config[1024];
	bool is_check_wanted;
	bool is_sample_wanted;
	bool is_no_wanted;
	bool is_version_wanted;
	bool is_help_wanted;
};

#define FLAG(member) .type = SETTING_FLAG, SETTING_AT(struct arguments, member)

static const struct setting rows[] = {
	{.name = "config",
		.letter = 'c',
		.type = SETTING_TEXT,
		SETTING_AT(struct arguments, config),
		.initial = "/etc/pgha/agent.ini",
		.argument = "FILE",
		.help = "the configuration"},
	{.name = "check-config",
		FLAG(is_check_wanted),
		.help = "only read it, and show every setting in effect"},
	{.name = "sample-config",
		FLAG(is_sample_wanted),
		.help = "show a configuration with every setting at its default"},
	{.name = "write-no",
		FLAG(is_no_wanted),
		.help = "have every track file say no, and end: for ExecStopPost="},
	{.name = "version", .letter = 'V', FLAG(is_version_wanted), .help = "show the version"},
	{.name = "help", .letter = 'h', FLAG(is_help_wanted), .help = "show this"},
};

static int
complain(const struct err *err)
{
	fprintf(stderr, "pgha-agent: %s\n", err->text);
	if (err->hint[0] != '\0')
		fprintf(stderr, "pgha-agent: hint: %s\n", err->hint);
	return EXIT_USAGE;
}

static int
show_plan(const struct plan *plan, bool is_documented)
{
	static char storage[OUTPUT_SIZE];
	struct text text;

	text_init(&text, storage, sizeof storage);
	plan_write(plan, is_documented, &text);
	fputs(text.bytes, stdout);
	return fflush(stdout) == 0 ? 0 : EXIT_USAGE;
}

static int
show_help(const struct settings_group *group)
{
	static char storage[OUTPUT_SIZE];
	struct text text;

	text_init(&text, storage, sizeof storage);
	text_add(&text,
		"pgha-agent: answers HAProxy, keepalived and Prometheus from memory\n\nUsage: pgha-agent "
		"[OPTION]...\n");
	settings_write_help(group, 1, &text);
	text_add(&text,
		"\nSignals: SIGHUP reads the configuration anew, SIGUSR1 writes the state to the\n"
		"log, SIGTERM stops. Bad options and configurations exit 3.\n");
	fputs(text.bytes, stdout);
	return fflush(stdout) == 0 ? 0 : EXIT_USAGE;
}

static int
use_plan(const struct arguments *arguments)
{
	static struct plan plan;
	struct err err;

	if (arguments->is_no_wanted) { /* whether or not libpq likes its connection strings */
		if (plan_read(arguments->config, table_checks, &plan, &err) != 0)
			return complain(&err);
		return track_write_no(&plan) == 0 ? 0 : 1;
	}
	if (plan_load(arguments->config, table_checks, &plan, &err) != 0)
		return complain(&err);
	return show_plan(&plan, false);
}

static int
show_sample(void)
{
	static struct plan plan;
	struct err err;

	if (plan_read_text("", "sample", table_checks, &plan, &err) != 0)
		return complain(&err);
	return show_plan(&plan, true);
}

int
main(int argc, char **argv)
{
	static struct arguments arguments;
	const struct settings_group group = {
		.title = "Options", .rows = rows, .count = sizeof rows / sizeof rows[0], .base = &arguments};
	struct err err;
	int first;

	process_prepare();
	if (settings_set_initial(&group, 1, &err) != 0
		|| settings_read_arguments(&group, 1, argc, argv, &first, &err) != 0)
		return complain(&err);
	if (first < argc) {
		err_set(&err, ERR_USAGE, "unexpected argument \"%s\"", argv[first]);
		err_hint(&err, "the configuration file is named with -c");
		return complain(&err);
	}
	if (arguments.is_help_wanted)
		return show_help(&group);
	if (arguments.is_version_wanted)
		return printf("pgha-agent (pgha-checks) %s\n", PGHA_VERSION) > 0 ? 0 : EXIT_USAGE;
	if (arguments.is_sample_wanted)
		return show_sample();
	if (arguments.is_check_wanted || arguments.is_no_wanted)
		return use_plan(&arguments);
	return agent_run(arguments.config, table_checks, PGHA_VERSION);
}
