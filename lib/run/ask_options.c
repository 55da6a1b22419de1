#include "lib/run/ask_options.h"

#include <string.h>

#include "lib/render/format.h"
#include "lib/run/settings.h"

/*
 * In the order of enum format_id. Not format_names[] of lib/render, because that stands beside the table of
 * writers, which brings jansson with it; a test holds this list to the checks'.
 */
static const char *const names[] = {
	[FORMAT_NAGIOS] = "nagios",
	[FORMAT_KEEPALIVED] = "keepalived",
	[FORMAT_HAPROXY] = "haproxy",
	[FORMAT_HTTP] = "http",
	[FORMAT_JSON] = "json",
	[FORMAT_PROMETHEUS] = "prometheus",
	[FORMAT_PLAIN] = "plain",
	NULL,
};

#define TEXT(member) .type = SETTING_TEXT, SETTING_AT(struct ask_options, member)
#define FLAG(member) .type = SETTING_FLAG, SETTING_AT(struct ask_options, member)

static const struct setting rows[] = {
	{.name = "socket",
		.letter = 's',
		TEXT(socket_path),
		.initial = "/run/pgha/agent.sock",
		.argument = "PATH",
		.help = "the agent's socket"},
	{.name = "timeout",
		.letter = 't',
		.type = SETTING_DURATION,
		SETTING_AT(struct ask_options, timeout_ms),
		.initial = "1s",
		.argument = "DURATION",
		.help = "for everything together, such as 900ms"},
	{.name = "format",
		.letter = 'f',
		.type = SETTING_WORD,
		SETTING_AT(struct ask_options, format),
		.initial = "nagios",
		.argument = "FORMAT",
		.words = names,
		.help = "nagios, keepalived, haproxy, http, json, prometheus or plain"},
	{.name = "warning-is-failure",
		FLAG(warning_is_failure),
		.help = "a WARNING is a no to keepalived, HAProxy and HTTP"},
	{.name = "unknown-is-ok",
		FLAG(unknown_is_ok),
		.help = "an UNKNOWN that the agent answers is a yes to them"},
	{.name = "fallback",
		FLAG(is_fallback_wanted),
		.help = "where the agent cannot be asked, run the check itself, in the time that is left"},
	{.name = "verbose",
		.letter = 'v',
		.type = SETTING_COUNT,
		SETTING_AT(struct ask_options, verbosity),
		.help = "say more"},
	{.name = "version", .letter = 'V', FLAG(is_version_wanted), .help = "show the version"},
	{.name = "help", .letter = 'h', FLAG(is_help_wanted), .help = "show this"},
};

static const struct setting switch_rows[] = {
	{.name = "drain",
		FLAG(is_drain_wanted),
		.help = "take this node out, until it is taken back: for the question, or without one for "
			"all"},
	{.name = "undrain", FLAG(is_undrain_wanted), .help = "take it back"},
};

enum { GROUP_COUNT = 2 };

static void
list_groups(struct ask_options *options, struct settings_group groups[GROUP_COUNT])
{
	groups[0] = (struct settings_group){.title = "Whom to ask, and how to answer",
		.rows = rows,
		.count = sizeof rows / sizeof rows[0],
		.base = options};
	groups[1] = (struct settings_group){.title = "The operator's switch",
		.rows = switch_rows,
		.count = sizeof switch_rows / sizeof switch_rows[0],
		.base = options};
}

/* -- reading ----------------------------------------------------------------------------------- */

/* The index of the first "--", behind which nothing is ours. getopt_long() would forget where it was. */
static int
find_separator(int argc, char **argv)
{
	int index = 1;

	while (index < argc && strcmp(argv[index], "--") != 0)
		index++;
	return index < argc ? index : argc;
}

/* What would not reach the agent as one word. */
static int
verify_word(const char *word, struct err *err)
{
	for (const char *at = word; *at != '\0'; at++)
		if ((unsigned char)*at <= ' ' || *at == 0x7F)
			return err_set(err, ERR_USAGE,
				"argument \"%.*s\" holds a blank or a control character",
				(int)strcspn(word, "="), word);
	return word[0] != '\0' ? 0 : err_set(err, ERR_USAGE, "an argument is empty");
}

static int
verify_parameter(const char *word, struct err *err)
{
	const char *sign = strchr(word, '=');

	if (verify_word(word, err) != 0)
		return -1;
	if (sign != NULL && sign != word)
		return 0;
	err_set(err, ERR_USAGE, "unexpected argument \"%s\"", sign == NULL ? word : "=...");
	return err_hint(err, "one question is asked, and what follows it is written NAME=VALUE");
}

static int
take_operands(struct ask_options *options, int count, char *const *operands, struct err *err)
{
	if (count == 0)
		return 0;
	if (verify_word(operands[0], err) != 0)
		return -1;
	if (strchr(operands[0], '=') != NULL) {
		/* Only its name: what stands behind it may be a secret. */
		err_set(err, ERR_USAGE, "no question stands before \"%.*s\"",
			(int)strcspn(operands[0], "=") + 1, operands[0]);
		return err_hint(err, "ask for example: pgha-ask leader");
	}
	options->question = operands[0];
	options->parameters = operands + 1;
	options->parameter_count = count - 1;
	for (int i = 0; i < options->parameter_count; i++)
		if (verify_parameter(options->parameters[i], err) != 0)
			return -1;
	return 0;
}

/* Options and operands that do not go together would be ignored, and nobody would notice. */
static int
verify(const struct ask_options *options, struct err *err)
{
	bool is_switch = options->is_drain_wanted || options->is_undrain_wanted;

	if (options->socket_path[0] == '\0')
		return err_set(err, ERR_USAGE, "option --socket: the path is empty");
	if (options->is_drain_wanted && options->is_undrain_wanted)
		return err_set(err, ERR_USAGE, "options --drain and --undrain exclude each other");
	if (is_switch && options->is_fallback_wanted)
		return err_set(err, ERR_USAGE, "option --fallback has no meaning for --drain and --undrain");
	if (is_switch && options->parameter_count > 0)
		return err_set(
			err, ERR_USAGE, "unexpected argument behind the question of --drain, --undrain");
	if (options->check_option_count > 0 && !options->is_fallback_wanted) {
		err_set(err, ERR_USAGE, "unexpected argument behind \"--\"");
		return err_hint(err, "there stand the options of the check that --fallback runs");
	}
	if (!is_switch && options->question == NULL) {
		err_set(err, ERR_USAGE, "no question is asked");
		return err_hint(err, "ask for example: pgha-ask leader");
	}
	return 0;
}

int
ask_options_read(struct ask_options *ret, int argc, char **argv, struct err *err)
{
	struct settings_group groups[GROUP_COUNT];
	int own_count = find_separator(argc, argv);
	int first;

	memset(ret, 0, sizeof *ret);
	list_groups(ret, groups);
	if (settings_set_initial(groups, GROUP_COUNT, err) != 0
		|| settings_read_arguments(groups, GROUP_COUNT, own_count, argv, &first, err) != 0)
		return -1;
	if (ret->is_help_wanted || ret->is_version_wanted)
		return 0;
	if (own_count < argc) {
		ret->check_options = argv + own_count + 1;
		ret->check_option_count = argc - own_count - 1;
	}
	if (take_operands(ret, own_count - first, argv + first, err) != 0)
		return -1;
	return verify(ret, err);
}

/* -- writing ----------------------------------------------------------------------------------- */

const char *
ask_options_format_name(const struct ask_options *options)
{
	return names[options->format];
}

static void
write_question(const struct ask_options *options, bool is_coloured, struct text *request)
{
	text_add(request, "ask %s %d%s %s", names[options->format],
		options->verbosity < 9 ? options->verbosity : 9, is_coloured ? "c" : "", options->question);
	for (int i = 0; i < options->parameter_count; i++)
		text_add(request, " %s", options->parameters[i]);
	if (options->warning_is_failure)
		text_add(request, " warning-is-failure=yes");
	if (options->unknown_is_ok)
		text_add(request, " unknown-is-ok=yes");
}

int
ask_options_write_request(
	const struct ask_options *options, bool is_coloured, struct text *request, struct err *err)
{
	bool is_switch = options->is_drain_wanted || options->is_undrain_wanted;

	if (!is_switch)
		write_question(options, is_coloured, request);
	else
		text_add(request, "%s%s%s", options->is_drain_wanted ? "drain" : "undrain",
			options->question != NULL ? " " : "",
			options->question != NULL ? options->question : "");
	text_add(request, "\n");
	if (!request->is_truncated && request->length <= ASK_OPTIONS_REQUEST_MAX)
		return 0;
	return err_set(
		err, ERR_USAGE, "the question is longer than %d characters", ASK_OPTIONS_REQUEST_MAX - 1);
}

void
ask_options_write_help(struct text *text)
{
	struct settings_group groups[GROUP_COUNT];

	list_groups(NULL, groups);
	text_add(text,
		"pgha-ask: What does the agent on this host say?\n\n"
		"Usage: pgha-ask [OPTION]... QUESTION [NAME=VALUE]... [-- CHECK-OPTION...]\n"
		"       pgha-ask [OPTION]... --drain|--undrain [QUESTION]\n\n"
		"QUESTION is the name of a check, without check_ or check_pg_. NAME=VALUE sets a\n"
		"setting of that check for this answer.\n");
	settings_write_help(groups, GROUP_COUNT, text);
	text_add(text,
		"\nThe agent cannot be asked when there is none, when it does not answer in time,\n"
		"or when its answer is broken. That is a no (UNKNOWN), whatever the options. With\n"
		"--fallback the agent has half of the time; then check_QUESTION or\n"
		"check_pg_QUESTION beside pgha-ask is run, with each NAME=VALUE as --NAME=VALUE\n"
		"and with what stands behind --. It does not read the agent's configuration: say\n"
		"there whom to ask, and repeat the limits.\n"
		"\nExamples:\n"
		"  pgha-ask leader\n"
		"  pgha-ask -f haproxy replica critical=64MB\n"
		"  pgha-ask -f keepalived --fallback leader -- -H /run/postgresql -U pgha\n"
		"  pgha-ask --drain\n"
		"\nExit codes: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN; -f keepalived: 0 yes, 1 no.\n"
		"Bad options, --help and --version exit 3 always.\n");
}
