#include "lib/run/ask_instead.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"

/*
 * A check's clock begins with its main(). What passes before, while its libraries are loaded, is a few
 * milliseconds, and is kept back from what it is given.
 */
enum { LOADING_MAX_MS = 20, LOADING_SHARE = 10 };

/* Room for the parameters as options: a request's length, two dashes and a zero byte for each. */
enum { WORDS_SIZE = 4 * ASK_OPTIONS_REQUEST_MAX };

/* Options of ours that a check has too; the most that there can be beside parameters and what stands behind
 * "--". */
enum { OWN_MAX = 24 };

struct command {
	char **argv; /* ends in NULL */
	int count;
	struct text words; /* each ends in a zero byte */
	char storage[WORDS_SIZE];
};

static void
add_word(struct command *command, const char *word)
{
	command->argv[command->count++] = command->words.bytes + command->words.length;
	text_add_bytes(&command->words, word, strlen(word) + 1);
}

/* Whether the value is one of two words of equal meaning, as configuration files have them. */
static bool
is_one_of(const char *value, const char *const words[3])
{
	return strcmp(value, words[0]) == 0 || strcmp(value, words[1]) == 0 || strcmp(value, words[2]) == 0;
}

/*
 * NAME=VALUE as an option. A flag of a check takes no value on the command line, and no other setting has a
 * value like these. Underscores are what configuration files write in names.
 */
static void
add_parameter(struct command *command, const char *parameter)
{
	static const char *const yes[3] = {"yes", "on", "true"}, *const no[3] = {"no", "off", "false"};
	const char *sign = strchr(parameter, '=');
	char *start = command->words.bytes + command->words.length;

	if (is_one_of(sign + 1, no))
		return;
	command->argv[command->count++] = start;
	text_add(&command->words, "--%.*s%s", (int)(sign - parameter), parameter,
		is_one_of(sign + 1, yes) ? "" : sign);
	for (char *at = start; *at != '\0' && *at != '='; at++)
		if (*at == '_')
			*at = '-';
	text_add_bytes(&command->words, "", 1);
}

static void
add_own_options(struct command *command, const struct ask_options *options, int64_t deadline_ms)
{
	int left_ms = clock_left_ms(deadline_ms);
	int loading_ms = left_ms / LOADING_SHARE < LOADING_MAX_MS ? left_ms / LOADING_SHARE : LOADING_MAX_MS;
	char timeout[32];

	/* Half of -t is left at least, unless this process was held up; a millisecond is enough to say so. */
	snprintf(timeout, sizeof timeout, "%dms", left_ms - loading_ms > 0 ? left_ms - loading_ms : 1);
	add_word(command, "-t");
	add_word(command, timeout);
	add_word(command, "-f");
	add_word(command, ask_options_format_name(options));
	for (int i = 0; i < options->verbosity && i < 9; i++)
		add_word(command, "-v");
	if (options->warning_is_failure)
		add_word(command, "--warning-is-failure");
	if (options->unknown_is_ok)
		add_word(command, "--unknown-is-ok");
}

static int
prepare(struct command *command, const struct ask_options *options, int64_t deadline_ms)
{
	size_t room = OWN_MAX + (size_t)options->parameter_count + (size_t)options->check_option_count;

	text_init(&command->words, command->storage, sizeof command->storage);
	command->count = 1; /* before it, the program */
	command->argv = calloc(room, sizeof command->argv[0]);
	if (command->argv == NULL)
		return -1;
	add_own_options(command, options, deadline_ms);
	for (int i = 0; i < options->parameter_count; i++)
		add_parameter(command, options->parameters[i]);
	for (int i = 0; i < options->check_option_count; i++)
		command->argv[command->count++] = options->check_options[i];
	return 0;
}

/* The directory of this program, with a slash at its end; wherever it was called from. */
static int
find_directory(char *directory, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", directory, size - 1);

	if (length <= 0)
		return -1;
	directory[length] = '\0';
	strrchr(directory, '/')[1] = '\0';
	return 0;
}

/* Executes the first that is there. Returns with errno: ENOENT when neither is. */
static void
execute(struct command *command, const char *directory, const char *question)
{
	static const char *const prefixes[] = {"check_", "check_pg_"};
	char path[PATH_MAX];

	errno = ENOENT;
	if (strchr(question, '/') != NULL) /* a name, not a way to elsewhere */
		return;
	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0] && errno == ENOENT; i++)
		if (snprintf(path, sizeof path, "%s%s%s", directory, prefixes[i], question)
			< (int)sizeof path) {
			command->argv[0] = path;
			execv(path, command->argv);
		}
}

/*
 * Whether the operator has taken the question out: the agent's switch is a file beside its socket, and
 * stands when the agent is gone.
 */
static bool
is_drained(const struct ask_options *options, char *path, size_t size)
{
	const char *slash = strrchr(options->socket_path, '/');
	int length = slash == NULL ? 0 : (int)(slash - options->socket_path) + 1;

	snprintf(path, size, "%.*s%s.drain", length, options->socket_path, options->question);
	return access(path, F_OK) == 0;
}

int
ask_instead_run(const struct ask_options *options, int64_t deadline_ms, struct err *err)
{
	char directory[PATH_MAX];
	struct err fault = *err;
	struct command command;
	int error;

	if (is_drained(options, directory, sizeof directory)) {
		err_set(err, fault.class, "drained by the operator: \"%s\" is there; %s", directory,
			fault.text);
		return err_hint(err, "pgha-ask --undrain takes it back, once pgha-agent runs");
	}
	if (find_directory(directory, sizeof directory) != 0
		|| prepare(&command, options, deadline_ms) != 0) {
		err_set(err, fault.class, "%s; and no check can be run instead", fault.text);
		return err_hint(err, "%s", fault.hint);
	}
	execute(&command, directory, options->question);
	error = errno;
	free(command.argv);
	if (error == ENOENT)
		err_set(err, fault.class, "%s; and there is no check \"%s\" in \"%s\" to run instead",
			fault.text, options->question, directory);
	else
		err_set(err, fault.class, "%s; and the check \"%s\" in \"%s\" cannot be run instead: %s",
			fault.text, options->question, directory, strerror(error));
	return err_hint(err, "%s", fault.hint);
}
