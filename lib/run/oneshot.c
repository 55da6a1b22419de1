#include "lib/run/oneshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/collect/collect.h"
#include "lib/evaluate/evaluate.h"
#include "lib/render/format.h"
#include "lib/run/external.h"
#include "lib/run/lastresort.h"
#include "lib/run/memory.h"
#include "lib/run/options.h"
#include "lib/run/process.h"
#include "lib/run/record.h"
#include "lib/run/settings.h"
#include "lib/run/witnesses.h"

/* Room for an answer; a verdict is bounded, so none is cut. */
enum { ANSWER_SIZE = 65536 };

/* --help and --version, and an answer that could not be written: not 0. */
enum { EXIT_NO_ANSWER = 3 };

/* What is kept back from -t for judging and writing, and for the last resort's own wake-up. */
enum { RESERVE_MAX_MS = 50, RESERVE_SHARE = 10 };

struct oneshot {
	const struct check *check;
	char program[48];
	struct options options;
	void *limits; /* check->limits_size bytes, beginning with a struct policy */
	struct format_options format_options;
	bool is_external; /* called by HAProxy's external-check */
	int64_t deadline_ms;
	int64_t last_resort_ms; /* 0: not armed yet */
	char last_answer[ANSWER_SIZE];
	struct snapshot snapshots[2]; /* of the node, and of whom is asked as well */
	struct witnesses witnesses;   /* what the options say of managers */
	struct memory memory;
};

enum { GROUPS_MAX = 6 + WITNESSES_MAX };

static const struct setting *
second_row(const struct check *check)
{
	return check->second == CHECK_PUBLISHER ? &options_row_publisher : &options_row_primary;
}

static size_t
list_groups(struct oneshot *oneshot, struct settings_group groups[GROUPS_MAX])
{
	const struct check *check = oneshot->check;
	size_t count = 0;

	groups[count++] = (struct settings_group){.title = "The question",
		.rows = check->settings,
		.count = check->setting_count,
		.base = oneshot->limits};
	if (check->second != CHECK_NO_SECOND)
		groups[count++] = (struct settings_group){.title = "Whom to ask as well",
			.rows = second_row(check),
			.count = 1,
			.base = &oneshot->options};
	count += witnesses_list_groups(&oneshot->witnesses, check, groups + count);
	if (check->has_memory)
		groups[count++] = (struct settings_group){.title = "What to remember",
			.rows = &options_row_state,
			.count = 1,
			.base = &oneshot->options};
	groups[count++] = (struct settings_group){.title = "Whom to ask, and how to answer",
		.rows = check->is_over_http ? options_http_rows : options_rows,
		.count = OPTIONS_TARGET_ROWS,
		.base = &oneshot->options};
	groups[count++] = (struct settings_group){.title = "Whom to ask, and how to answer",
		.rows = options_rows + OPTIONS_TARGET_ROWS,
		.count = options_row_count - OPTIONS_TARGET_ROWS,
		.base = &oneshot->options};
	groups[count++] = (struct settings_group){
		.title = "What a fault means (ok, warning, critical or unknown)",
		.rows = options_policy_rows,
		.count = options_policy_row_count,
		.base = oneshot->limits};
	return count;
}

static int
take_operands(struct oneshot *oneshot, int count, char **operands, struct err *err)
{
	if (count == 0)
		return 0;
	if (count != EXTERNAL_OPERANDS) {
		bool is_secret = strpbrk(operands[0], "=:@") != NULL;

		err_set(err, ERR_USAGE, "unexpected argument \"%s\"", is_secret ? "..." : operands[0]);
		return err_hint(
			err, "options begin with a dash; HAProxy's external-check passes four arguments");
	}
	oneshot->is_external = true;
	unsetenv("PGHOSTADDR"); /* it would lead every server's check to one address */
	return external_take(operands, &oneshot->options.target, err);
}

static int
read_options(struct oneshot *oneshot, int argc, char **argv, struct err *err)
{
	struct settings_group groups[GROUPS_MAX];
	size_t count = list_groups(oneshot, groups);
	struct options *options = &oneshot->options;
	int first, status;

	options->format = OPTIONS_NO_FORMAT;
	status = settings_set_initial(groups, count, err);
	if (status == 0)
		status = settings_read_arguments(groups, count, argc, argv, &first, err);
	if (status == 0)
		status = take_operands(oneshot, argc - first, argv + first, err);
	if (status == 0)
		status = options_verify(options, second_row(oneshot->check)->name, err);
	if (options->format == OPTIONS_NO_FORMAT)
		options->format = oneshot->is_external ? FORMAT_KEEPALIVED : FORMAT_NAGIOS;
	options->target.application = oneshot->program;
	options->target.timeout_ms = options->timeout_ms;
	options->second.application = oneshot->program;
	options->second.timeout_ms = options->timeout_ms;
	oneshot->format_options = (struct format_options){
		.warning_is_failure = options->warning_is_failure,
		.unknown_is_ok = options->unknown_is_ok,
		.verbosity = options->verbosity,
		.is_coloured = options->format == FORMAT_PLAIN && isatty(STDOUT_FILENO)
			&& getenv("NO_COLOR") == NULL,
	};
	return status;
}

static int
exit_code(const struct oneshot *oneshot, const struct verdict *verdict)
{
	if (oneshot->is_external && verdict->fault.class != ERR_USAGE)
		return format_is_yes(verdict, &oneshot->format_options) ? 0 : 1;
	return format_exit_code(&formats[oneshot->options.format], verdict, &oneshot->format_options);
}

/* -- answering --------------------------------------------------------------------------------- */

/* The reason, for formats that print none: for a person who tries the check, and for logs. */
static void
explain(const struct oneshot *oneshot, const struct verdict *verdict)
{
	bool is_silent = oneshot->options.format == FORMAT_KEEPALIVED;

	if (is_silent && (oneshot->options.verbosity > 0 || verdict->fault.class == ERR_USAGE)) {
		fprintf(stderr, "%s: %s: %s\n", oneshot->program, state_name(verdict->state),
			verdict->summary);
		if (verdict->hint[0] != '\0')
			fprintf(stderr, "%s: hint: %s\n", oneshot->program, verdict->hint);
	}
}

static int
answer(struct oneshot *oneshot, const struct verdict *verdict, int fd)
{
	const struct format *format = &formats[oneshot->options.format];
	bool is_http = oneshot->options.format == FORMAT_HTTP;
	int code = exit_code(oneshot, verdict);
	static char storage[ANSWER_SIZE];
	struct text text;
	struct err ignored;

	if (is_http) {
		/* A client that does not finish its request gets its answer after half of the time left. */
		int64_t patience_ms = clock_now_ms() + clock_left_ms(oneshot->deadline_ms) / 2;

		oneshot->format_options.is_head_request = process_is_head_request(patience_ms);
	}
	text_init(&text, storage, sizeof storage);
	format->write(verdict, &oneshot->format_options, &text);
	/* From the first byte on there is one answer; what blocks now only ends with its code. */
	if (oneshot->last_resort_ms != 0
		&& lastresort_arm(oneshot->last_resort_ms, NULL, 0, code, &ignored) != 0)
		return EXIT_NO_ANSWER;
	/* A file or pipe that holds half an answer must not look like a whole one to the caller. */
	if (process_write(fd, text.bytes, text.length, oneshot->deadline_ms) != 0)
		return EXIT_NO_ANSWER;
	if (is_http)
		process_finish_response(oneshot->deadline_ms);
	explain(oneshot, verdict);
	return code;
}

/* The answer should nothing else come in time, written now, because a signal handler cannot. */
static int
arm_last_resort(struct oneshot *oneshot, int64_t at_ms, struct err *err)
{
	const struct check *check = oneshot->check;
	struct verdict verdict;
	struct err fault;
	struct text text;

	oneshot->last_resort_ms = at_ms;
	err_set(&fault, ERR_TIMEOUT, "no answer in time: the check itself was held up");
	err_hint(&fault,
		"-t is very short, or a password, service or certificate file or an input does not answer");
	evaluate_error(check, oneshot->limits, &fault, &verdict);
	text_init(&text, oneshot->last_answer, sizeof oneshot->last_answer);
	formats[oneshot->options.format].write(&verdict, &oneshot->format_options, &text);
	return lastresort_arm(at_ms, text.bytes, text.length, exit_code(oneshot, &verdict), err);
}

static int
answer_error(struct oneshot *oneshot, const struct err *err)
{
	struct verdict verdict;

	evaluate_error(oneshot->check, oneshot->limits, err, &verdict);
	return answer(oneshot, &verdict, STDOUT_FILENO);
}

static int
answer_snapshots(struct oneshot *oneshot, const struct snapshot *snapshots, size_t count)
{
	const char *record = oneshot->options.record;
	struct verdict verdict;
	struct err err;
	int code;

	evaluate_check(oneshot->check, snapshots, count, oneshot->limits, &verdict);
	code = answer(oneshot, &verdict, strcmp(record, "-") == 0 ? STDERR_FILENO : STDOUT_FILENO);
	/* After the answer, which neither a slow disk nor a recording that fails may change. */
	if (record[0] != '\0' && record_write(record, snapshots, count, &err) != 0)
		fprintf(stderr, "%s: %s\n", oneshot->program, err.text);
	return code;
}

/* -- the life ---------------------------------------------------------------------------------- */

static int
show_help(struct oneshot *oneshot)
{
	static const char codes[]
		= "\nExit codes: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN; -f keepalived: 0 yes, 1 no.\n"
		  "Bad options, --help and --version exit 3 always. Passwords come from";
	struct settings_group groups[GROUPS_MAX];
	size_t count = list_groups(oneshot, groups);
	static char storage[ANSWER_SIZE];
	struct text text;

	text_init(&text, storage, sizeof storage);
	text_add(&text, "%s: %s\n\nUsage: %s [OPTION]...\n", oneshot->program, oneshot->check->summary,
		oneshot->program);
	settings_write_help(groups, count, &text);
	text_add(&text,
		"\nRanges are Nagios' (10, 10:, ~:10, 10:20, @10:20), with PostgreSQL's units.\n"
		"\nExamples:\n");
	for (const char *line = oneshot->check->example; *line != '\0'; line += strcspn(line, "\n") + 1)
		text_add(&text, "  %.*s\n", (int)strcspn(line, "\n"), line);
	text_add(&text, "%s%s\n", codes,
		oneshot->check->is_over_http
			? "\n--auth-file."
			: " the\npassword file, a service or the environment, as in psql.");
	fputs(text.bytes, stdout);
	fflush(stdout);
	return EXIT_NO_ANSWER;
}

static int
show_version(const struct oneshot *oneshot)
{
	printf("%s (pgha-checks) %s\n", oneshot->program, PGHA_VERSION);
	fflush(stdout);
	return EXIT_NO_ANSWER;
}

static int
replay(struct oneshot *oneshot)
{
	struct snapshot *snapshots;
	struct err err;
	size_t count;
	int code;

	if (record_read(oneshot->options.replay, &snapshots, &count, &err) != 0)
		return answer_error(oneshot, &err);
	code = answer_snapshots(oneshot, snapshots, count);
	free(snapshots);
	return code;
}

/*
 * Sees the node, then the other one where there is one: in this order, so that a position of the primary is
 * never older than the standby's. Returns how many snapshots that makes.
 */
static size_t
collect(struct oneshot *oneshot, int64_t deadline_ms, struct snapshot *snapshots)
{
	const struct check *check = oneshot->check;
	const struct options *options = &oneshot->options;
	const struct facet *facets[SNAPSHOT_PART_COUNT + 1];

	if (check->collect != NULL
		&& check->collect(oneshot->limits,
			&(struct check_look){.target = &options->target,
				.before = oneshot->memory.last,
				.deadline_ms = deadline_ms},
			&snapshots[0]))
		return 1;
	witnesses_list_facets(&oneshot->witnesses, check, facets);
	collect_once(&options->target, facets, deadline_ms, &snapshots[0]);
	/* A server that did not answer is no leader, whatever its manager says. */
	if (snapshots[0].obtained != 0)
		witnesses_collect(&oneshot->witnesses, check, deadline_ms, &snapshots[0]);
	if (options->second.dbname[0] == '\0' || snapshots[0].obtained == 0)
		return 1;
	collect_once(&options->second, check->facets, deadline_ms, &snapshots[1]);
	return 2;
}

static int
run(struct oneshot *oneshot, int64_t start_ms)
{
	int64_t timeout_ms = oneshot->options.timeout_ms;
	int64_t reserve_ms = timeout_ms / RESERVE_SHARE < RESERVE_MAX_MS ? timeout_ms / RESERVE_SHARE
									 : RESERVE_MAX_MS;
	int64_t deadline_ms = start_ms + timeout_ms - reserve_ms;
	struct snapshot *snapshots = oneshot->snapshots;
	struct err err;
	size_t count;
	int code;

	oneshot->deadline_ms = start_ms + timeout_ms - reserve_ms / 2;
	if (arm_last_resort(oneshot, start_ms + timeout_ms, &err) != 0)
		return answer_error(oneshot, &err);
	if (oneshot->options.replay[0] != '\0')
		return replay(oneshot);
	if (memory_recall(&oneshot->memory, &err) != 0)
		return answer_error(oneshot, &err);
	count = collect(oneshot, deadline_ms, snapshots);
	if (count == 2 && snapshots[1].faults[SNAPSHOT_ROLE].class == ERR_USAGE) {
		err = snapshots[1].faults[SNAPSHOT_ROLE];
		err_context(&err, "option --%s", second_row(oneshot->check)->name);
		return answer_error(oneshot, &err);
	}
	if (witnesses_verify(oneshot->check, &snapshots[0], &err) != 0)
		return answer_error(oneshot, &err);
	memory_compare(&oneshot->memory, &snapshots[0]);
	code = answer_snapshots(oneshot, snapshots, count);
	memory_keep(&oneshot->memory, oneshot->check, &snapshots[0]);
	return code;
}

int
oneshot_run(const struct check *check, int argc, char **argv)
{
	static struct oneshot oneshot;
	int64_t start_ms = clock_now_ms();
	struct err err;
	int code;

	process_prepare();
	oneshot.check = check;
	oneshot.memory.path = oneshot.options.state;
	oneshot.memory.program = oneshot.program;
	snprintf(oneshot.program, sizeof oneshot.program, "check_%s", check->name);
	oneshot.limits = calloc(1, check->limits_size);
	if (oneshot.limits == NULL)
		return EXIT_NO_ANSWER;
	oneshot.deadline_ms = start_ms + 1000; /* for answers about the options */
	if (read_options(&oneshot, argc, argv, &err) != 0) {
		((struct policy *)oneshot.limits)->on[ERR_USAGE] = STATE_UNKNOWN;
		code = answer_error(&oneshot, &err);
	} else if (oneshot.options.is_help_wanted) {
		code = show_help(&oneshot);
	} else if (oneshot.options.is_version_wanted) {
		code = show_version(&oneshot);
	} else {
		((struct policy *)oneshot.limits)->on[ERR_USAGE] = STATE_UNKNOWN;
		code = run(&oneshot, start_ms);
	}
	free(oneshot.limits);
	memory_release(&oneshot.memory);
	return code;
}
