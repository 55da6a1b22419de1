/*
 * damping.c: runs the damping cases: what the agent answers while a server comes and goes.
 *
 *   [title]                               a case begins
 *   rise = 2                              the limits; 1, 1, 0s and 1% where not given
 *   fall = 3
 *   ramp = 60s
 *   weight_min = 10%
 *   warning_is_failure = yes
 *   at 250ms = good                       one probe, and when it came
 *   at 500ms = lagging -> yes 1%          the same, and what must be answered at once; the weight is optional
 *   at 30s = asked -> yes 50%             no probe, only a question
 *   says = still in rotation: ...         the summary of the answer before
 *
 * What a probe says, with the check's own weight where it is not 100 % ("good 75%"):
 *
 *   good      a yes                       between   a yes, but not within the limits to come back
 *   lagging   a no: over the limit, and replay goes on
 *   stuck     a no: over the limit, and nothing was replayed since the probe before
 *   silent    a no: not answered in time
 *   lost      a no that is certain: the server closed the connection, is no replica any more, ...
 *   old       no probe, only a question, when the facts known have become too old
 *
 * A check without a weight (the leader's) is a case with "weighted = no".
 *
 * Usage: damping FILE...; prints TAP.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/parse.h"
#include "lib/base/text.h"
#include "lib/evaluate/damping.h"
#include "lib/evaluate/judge.h"
#include "lib/render/format.h"

enum { TITLE_SIZE = 120, LINE_SIZE = 1024, WORD_SIZE = 32, MB = 1024 * 1024 };

static const struct check check = {.name = "pg_test", .title = "PG TEST"};

/* Where there is nothing to ask, every fault is critical, as the checks have it for these two. */
static const struct policy policy = {.on = {[ERR_DOWN] = STATE_CRITICAL, [ERR_TIMEOUT] = STATE_CRITICAL}};

/* A word of the file, and what it means. */
static const struct kind {
	const char *word;
	struct damping_probe probe;
	int64_t lag_mb;
	enum err_class fault;
	bool is_question; /* and no probe */
} kinds[] = {
	{.word = "good", .probe = {.is_yes = true, .is_recovered = true}},
	{.word = "between", .probe = {.is_yes = true}, .lag_mb = 12},
	{.word = "lagging", .probe = {.is_progressing = true}, .lag_mb = 20},
	{.word = "stuck", .lag_mb = 20},
	{.word = "silent", .probe = {.is_progressing = true}, .fault = ERR_TIMEOUT},
	{.word = "lost", .probe = {.is_firm = true, .is_progressing = true}, .fault = ERR_DOWN},
	{.word = "old",
		.probe = {.is_firm = true, .is_progressing = true},
		.fault = ERR_DOWN,
		.is_question = true},
};

/* The case at hand. It is run as it is read. */
struct run {
	const char *path;
	int line;
	char title[TITLE_SIZE];
	struct damping_limits limits;
	bool is_weighted;
	struct damping_state state;
	const struct kind *kind; /* of the newest probe */
	int weight_percent;      /* the check's own, then */
	struct verdict verdict;  /* of the newest question */
	int expectation_count;
	char difference[2 * LINE_SIZE]; /* the first one found; empty: none */
};

static int test_count;
static int failed_count;

static void
die(const struct run *run, const char *what, const char *value)
{
	printf("Bail out! %s:%d: %s \"%s\"\n", run->path, run->line, what, value);
	exit(1);
}

static void
end_case(const struct run *run)
{
	if (run->title[0] == '\0')
		return;
	if (run->expectation_count == 0)
		die(run, "nothing is expected by", run->title);
	test_count++;
	printf("%sok %d - damping: %s\n", run->difference[0] == '\0' ? "" : "not ", test_count, run->title);
	if (run->difference[0] != '\0') {
		failed_count++;
		printf("# %s\n", run->difference);
	}
}

static void
begin_case(struct run *run, const char *line)
{
	struct run next = {.path = run->path,
		.line = run->line,
		.limits = {.rise = 1, .fall = 1, .weight_min = 1},
		.is_weighted = true};

	end_case(run);
	snprintf(next.title, sizeof next.title, "%.*s", (int)strcspn(line + 1, "]"), line + 1);
	*run = next;
}

/* Keeps what differs, unless something did before: the rest follows from that. */
static void
expect(struct run *run, const char *got, const char *expected)
{
	run->expectation_count++;
	if (strcmp(got, expected) != 0 && run->difference[0] == '\0')
		snprintf(run->difference, sizeof run->difference,
			"%s:%d: got \"%.900s\", expected \"%.900s\"", run->path, run->line, got, expected);
}

/* -- probes ------------------------------------------------------------------------------------ */

static const struct kind *
kind_of(const struct run *run, const char *word)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(kinds[i].word, word) == 0)
			return &kinds[i];
	die(run, "unknown probe", word);
	return NULL;
}

/* What a check would have said of such a snapshot. */
static void
judge(const struct run *run, const struct kind *kind, struct verdict *verdict)
{
	struct limit limit = {0};
	struct err err;

	judge_begin(verdict, &check, NULL);
	if (kind->fault != ERR_NONE) {
		err_set(&err, kind->fault,
			kind->fault == ERR_TIMEOUT ? "no answer in time" : "connection refused");
		judge_fault(verdict, &policy, &err);
	} else {
		if (range_add_limit(&limit, "16MB", 1U << UNIT_BYTES, UNIT_BYTES, &err) != 0)
			die(run, err.text, "16MB");
		judge_reason(verdict, STATE_OK, "streaming from 10.0.0.1:5432");
		judge_metric(verdict, "replay lag", "replay_lag_bytes", (double)(kind->lag_mb * MB),
			UNIT_BYTES, NULL, &limit);
		verdict->weight_percent = run->is_weighted ? run->weight_percent : VERDICT_NO_WEIGHT;
	}
	judge_end(verdict);
}

static struct damping_probe
probe_of(const struct run *run, const struct kind *kind)
{
	struct damping_probe probe = kind->probe;

	probe.weight_percent = run->is_weighted ? run->weight_percent : VERDICT_NO_WEIGHT;
	return probe;
}

/* The answer as every asker hears it: "no", "yes", "yes 75%". */
static void
ask(struct run *run, const struct kind *kind, int64_t now_ms, bool with_weight, char *answer, size_t size)
{
	struct format_options options = {.warning_is_failure = run->limits.warning_is_failure};
	struct damping_probe probe = probe_of(run, kind);
	bool is_yes;

	judge(run, kind, &run->verdict);
	if (format_is_yes(&run->verdict, &options) != probe.is_yes)
		die(run, "the verdict made up here does not say what the probe does:", kind->word);
	damping_apply(&run->state, &run->limits, &probe, now_ms, &run->verdict);
	is_yes = format_is_yes(&run->verdict, &options);
	if (!kind->is_question && is_yes != run->state.is_yes)
		snprintf(answer, size, "%s, but the state not", is_yes ? "yes" : "no");
	else if (!is_yes || !with_weight)
		snprintf(answer, size, "%s", is_yes ? "yes" : "no");
	else if (run->verdict.weight_percent == VERDICT_NO_WEIGHT)
		snprintf(answer, size, "yes none");
	else
		snprintf(answer, size, "yes %d%%", run->verdict.weight_percent);
}

/* -- reading ----------------------------------------------------------------------------------- */

static int64_t
read_integer(const struct run *run, const char *text, int64_t min, int64_t max)
{
	int64_t value = 0;
	struct err err;

	if (parse_integer(text, min, max, &value, &err) != 0)
		die(run, err.text, text);
	return value;
}

static int64_t
read_duration(const struct run *run, const char *text)
{
	int64_t value_ms = 0;
	struct err err;

	if (parse_duration_ms(text, &value_ms, &err) != 0)
		die(run, err.text, text);
	return value_ms;
}

static int
read_percent(const struct run *run, const char *text)
{
	size_t length = strlen(text);
	char digits[WORD_SIZE];

	if (length < 2 || length >= sizeof digits || text[length - 1] != '%')
		die(run, "not a percentage:", text);
	snprintf(digits, sizeof digits, "%.*s", (int)length - 1, text);
	return (int)read_integer(run, digits, 0, 100);
}

static bool
read_bool(const struct run *run, const char *text)
{
	if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
		die(run, "neither yes nor no:", text);
	return strcmp(text, "yes") == 0;
}

/* "good", "good 75%", "asked": makes the step, if it is one, and tells what is asked about. */
static const struct kind *
take_probe(struct run *run, const char *text, int64_t now_ms)
{
	char word[WORD_SIZE], weight[WORD_SIZE], rest[2];
	int count = sscanf(text, "%31s %31s %1s", word, weight, rest);
	const struct kind *kind;
	struct damping_probe probe;

	if (count != 1 && count != 2)
		die(run, "not a probe and perhaps its weight:", text);
	if (strcmp(word, "asked") == 0) {
		if (run->kind == NULL || count == 2)
			die(run, "nothing can be asked by", text);
		return run->kind;
	}
	kind = kind_of(run, word);
	if (kind->is_question)
		return kind;
	run->kind = kind;
	run->weight_percent = count == 2 ? read_percent(run, weight) : 100;
	probe = probe_of(run, kind);
	damping_step(&run->state, &run->limits, &probe, now_ms);
	return kind;
}

/* "at 250ms = good -> yes 50%" */
static void
take_moment(struct run *run, const char *when, char *what)
{
	int64_t now_ms = read_duration(run, when);
	char *arrow = strstr(what, "->"), answer[WORD_SIZE];
	const struct kind *kind;

	if (arrow != NULL)
		*arrow = '\0';
	kind = take_probe(run, what, now_ms);
	if (arrow == NULL)
		return;
	arrow += strlen("->") + strspn(arrow + strlen("->"), " ");
	ask(run, kind, now_ms, strchr(arrow, ' ') != NULL, answer, sizeof answer);
	expect(run, answer, arrow);
}

static void
set_key(struct run *run, const char *key, char *value)
{
	if (text_starts(key, "at "))
		take_moment(run, key + strlen("at "), value);
	else if (strcmp(key, "says") == 0)
		expect(run, run->verdict.summary, value);
	else if (run->state.has_begun)
		die(run, "the first probe was before, and now comes", key);
	else if (strcmp(key, "rise") == 0)
		run->limits.rise = read_integer(run, value, 1, INT64_MAX);
	else if (strcmp(key, "fall") == 0)
		run->limits.fall = read_integer(run, value, 1, INT64_MAX);
	else if (strcmp(key, "ramp") == 0)
		run->limits.weight_ramp_ms = read_duration(run, value);
	else if (strcmp(key, "weight_min") == 0)
		run->limits.weight_min = read_percent(run, value);
	else if (strcmp(key, "warning_is_failure") == 0)
		run->limits.warning_is_failure = read_bool(run, value);
	else if (strcmp(key, "weighted") == 0)
		run->is_weighted = read_bool(run, value);
	else
		die(run, "unknown key", key);
}

/* "key = value", both without blanks around them. */
static void
read_line(struct run *run, char *line)
{
	char *equals = strchr(line, '='), *end;

	line[strcspn(line, "\n")] = '\0';
	if (line[0] == '\0' || line[0] == '#')
		return;
	if (line[0] == '[') {
		begin_case(run, line);
		return;
	}
	if (equals == NULL || run->title[0] == '\0')
		die(run, "neither a title nor a key and value:", line);
	for (end = equals; end > line && end[-1] == ' ';)
		end--;
	*end = '\0';
	set_key(run, line, equals + 1 + strspn(equals + 1, " "));
}

static void
run_file(const char *path)
{
	struct run run = {.path = path};
	char line[LINE_SIZE];
	FILE *stream = fopen(path, "r");

	if (stream == NULL)
		die(&run, "cannot be read:", path);
	for (; fgets(line, sizeof line, stream) != NULL;) {
		run.line++;
		read_line(&run, line);
	}
	fclose(stream);
	end_case(&run);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		run_file(argv[i]);
	printf("1..%d\n", test_count);
	return failed_count > 0 || test_count == 0;
}
