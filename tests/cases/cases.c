/*
 * cases.c: runs the cases files: what a check says of a situation, without any server.
 *
 *   [title]                           a case begins
 *   like = other title                begins with that case's snapshot (which stands above)
 *   role.in_recovery = false          a field of a part, as lib/model/snapshot.h names them;
 *                                     an empty value is NULL
 *   senders.0.application = n2        a field of a row of a list; the total follows
 *   peer.role.in_recovery = false     what was seen on a peer (the second snapshot)
 *   fault.role = down: refused        the part was not obtained
 *   elapsed_us = 4000
 *   options = -c 16MB                 as on the command line
 *   expect = OK: primary on ...       state and summary
 *   weight = 75                       optional
 *   answer = no                       optional: what keepalived and HAProxy hear
 *   hint = stop one of the two        optional: words of the hint
 *
 * Usage: cases FILE...; prints TAP. The check is named by the file: check_pg_leader.cases.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checks/table.h"
#include "lib/base/text.h"
#include "lib/evaluate/evaluate.h"
#include "lib/render/format.h"
#include "lib/run/options.h"
#include "lib/run/settings.h"

enum { TITLE_SIZE = 120, LINE_SIZE = 1024, CASES_MAX = 256, OPTIONS_MAX = 32 };

struct test_case {
	char title[TITLE_SIZE];
	struct snapshot snapshots[2]; /* the node's, and a peer's */
	size_t count;
	char options[LINE_SIZE];
	char expect[LINE_SIZE];
	char weight[16];
	char answer[16];
	char hint[LINE_SIZE];
};

struct file {
	const char *path;
	int line;
	const struct check *check;
	struct test_case cases[CASES_MAX];
	size_t count;
};

static int test_count;
static int failed_count;

static void
die(const struct file *file, const char *what, const char *value)
{
	printf("Bail out! %s:%d: %s \"%s\"\n", file->path, file->line, what, value);
	exit(1);
}

static void
report(bool is_good, const struct file *file, const struct test_case *test, const char *difference)
{
	test_count++;
	printf("%sok %d - %s: %s\n", is_good ? "" : "not ", test_count, file->check->name, test->title);
	if (!is_good) {
		failed_count++;
		printf("# %s\n", difference);
	}
}

/* -- reading ----------------------------------------------------------------------------------- */

/* Takes "INDEX." off the name of a field of a list's row, and keeps the total at least that. */
static size_t
take_row(struct snapshot *snapshot, enum snapshot_part part, const char **name)
{
	const struct snapshot_list *list;
	char *end;
	unsigned long row = strtoul(*name, &end, 10);
	int64_t *total;

	if (end == *name || *end != '.')
		return 0;
	*name = end + 1;
	list = snapshot_list_of(part);
	if (list == NULL)
		return 0;
	total = (int64_t *)((char *)snapshot + list->total_offset);
	if (*total < (int64_t)row + 1)
		*total = (int64_t)row + 1;
	return row;
}

static void
set_field(struct file *file, struct snapshot *snapshot, const char *key, const char *value)
{
	const char *dot = strchr(key, '.'), *name;
	const struct snapshot_field *found;
	struct snapshot_field field;
	enum snapshot_part part;
	char part_name[32];
	struct err err;
	size_t row;

	if (dot == NULL)
		die(file, "unknown key", key);
	snprintf(part_name, sizeof part_name, "%.*s", (int)(dot - key), key);
	part = snapshot_part_parse(part_name);
	if (part == SNAPSHOT_PART_COUNT)
		die(file, "unknown part", key);
	name = dot + 1;
	row = take_row(snapshot, part, &name);
	found = snapshot_field_find(part, name);
	if (found == NULL || (found->is_in_row && row >= snapshot_list_of(part)->rows_max))
		die(file, "unknown field", key);
	field = snapshot_field_at(found, row);
	if (snapshot_set(snapshot, &field, value[0] == '\0' ? NULL : value, &err) != 0)
		die(file, err.text, value);
	snapshot_mark(snapshot, part);
}

static void
set_fault(struct file *file, struct snapshot *snapshot, const char *part_name, const char *value)
{
	enum snapshot_part part = snapshot_part_parse(part_name);
	const char *colon = strstr(value, ": ");
	char class_name[32];
	enum err_class class;
	struct err fault;

	if (part == SNAPSHOT_PART_COUNT || colon == NULL)
		die(file, "a fault is written \"fault.PART = CLASS: text\", not", value);
	snprintf(class_name, sizeof class_name, "%.*s", (int)(colon - value), value);
	class = err_class_parse(class_name);
	if (class == ERR_CLASS_COUNT)
		die(file, "unknown class", class_name);
	err_set(&fault, class, "%s", colon + 2);
	snapshot_fail(snapshot, part, &fault);
}

static void
set_peer(struct file *file, struct test_case *test, const char *key, const char *value)
{
	test->count = 2;
	if (strcmp(key, "target") == 0)
		snprintf(test->snapshots[1].target, sizeof test->snapshots[1].target, "%.150s", value);
	else if (strcmp(key, "server_version") == 0)
		test->snapshots[1].server_version = strtoll(value, NULL, 10);
	else if (text_starts(key, "fault."))
		set_fault(file, &test->snapshots[1], key + strlen("fault."), value);
	else
		set_field(file, &test->snapshots[1], key, value);
}

static void
copy_case(struct file *file, struct test_case *test, const char *title)
{
	for (size_t i = 0; i + 1 < file->count; i++)
		if (strcmp(file->cases[i].title, title) == 0) {
			memcpy(test->snapshots, file->cases[i].snapshots, sizeof test->snapshots);
			test->count = file->cases[i].count;
			return;
		}
	die(file, "no case above has the title", title);
}

static void
set_key(struct file *file, struct test_case *test, const char *key, const char *value)
{
	if (strcmp(key, "like") == 0)
		copy_case(file, test, value);
	else if (strcmp(key, "options") == 0)
		snprintf(test->options, sizeof test->options, "%s", value);
	else if (strcmp(key, "expect") == 0)
		snprintf(test->expect, sizeof test->expect, "%s", value);
	else if (strcmp(key, "weight") == 0)
		snprintf(test->weight, sizeof test->weight, "%.15s", value);
	else if (strcmp(key, "answer") == 0)
		snprintf(test->answer, sizeof test->answer, "%.15s", value);
	else if (strcmp(key, "hint") == 0)
		snprintf(test->hint, sizeof test->hint, "%s", value);
	else if (strcmp(key, "elapsed_us") == 0)
		test->snapshots[0].elapsed_us = strtoll(value, NULL, 10);
	else if (strcmp(key, "taken_ms") == 0)
		test->snapshots[0].taken_ms = strtoll(value, NULL, 10);
	else if (strcmp(key, "server_version") == 0)
		test->snapshots[0].server_version = strtoll(value, NULL, 10);
	else if (text_starts(key, "peer."))
		set_peer(file, test, key + strlen("peer."), value);
	else if (text_starts(key, "fault."))
		set_fault(file, &test->snapshots[0], key + strlen("fault."), value);
	else
		set_field(file, &test->snapshots[0], key, value);
}

static void
begin_case(struct file *file, const char *line)
{
	struct test_case *test = &file->cases[file->count];

	if (file->count == CASES_MAX)
		die(file, "too many cases at", line);
	memset(test, 0, sizeof *test);
	snapshot_init(&test->snapshots[0]);
	snapshot_init(&test->snapshots[1]);
	test->count = 1;
	snprintf(test->title, sizeof test->title, "%.*s", (int)strcspn(line + 1, "]"), line + 1);
	file->count++;
}

/* "key = value", both without blanks around them. */
static void
read_line(struct file *file, char *line)
{
	char *equals = strchr(line, '=');
	char *end;

	line[strcspn(line, "\n")] = '\0';
	if (line[0] == '\0' || line[0] == '#')
		return;
	if (line[0] == '[') {
		begin_case(file, line);
		return;
	}
	if (equals == NULL || file->count == 0)
		die(file, "neither a title nor a key and value:", line);
	end = equals;
	while (end > line && end[-1] == ' ')
		end--;
	*end = '\0';
	set_key(file, &file->cases[file->count - 1], line, equals + 1 + strspn(equals + 1, " "));
}

static const struct check *
check_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;

	for (size_t i = 0; table_checks[i] != NULL; i++) {
		char expected[80];

		snprintf(expected, sizeof expected, "check_%s.cases", table_checks[i]->name);
		if (strcmp(expected, name) == 0)
			return table_checks[i];
	}
	return NULL;
}

/* -- running ----------------------------------------------------------------------------------- */

/* Reads the options as the program does. */
static int
read_options(
	const struct check *check, const char *words, void *limits, struct options *options, struct err *err)
{
	struct settings_group groups[] = {
		{.title = "check", .rows = check->settings, .count = check->setting_count, .base = limits},
		{.title = "options", .rows = options_rows, .count = options_row_count, .base = options},
		{.title = "policy",
			.rows = options_policy_rows,
			.count = options_policy_row_count,
			.base = limits},
	};
	char copy[LINE_SIZE];
	char *arguments[OPTIONS_MAX + 2] = {(char *)"check"}, *rest = copy;
	int count = 1, first;

	snprintf(copy, sizeof copy, "%s", words);
	for (char *word; count <= OPTIONS_MAX && (word = strsep(&rest, " ")) != NULL;)
		if (word[0] != '\0')
			arguments[count++] = word;
	((struct policy *)limits)->on[ERR_USAGE] = STATE_UNKNOWN;
	if (settings_set_initial(groups, 3, err) != 0)
		return -1;
	return settings_read_arguments(groups, 3, count, arguments, &first, err);
}

static void
run_case(const struct file *file, const struct test_case *test)
{
	void *limits = calloc(1, file->check->limits_size);
	struct options options = {.format = OPTIONS_NO_FORMAT};
	struct format_options format_options;
	char got[2 * LINE_SIZE], difference[5 * LINE_SIZE], weight[16];
	struct verdict verdict;
	struct err err;
	const char *answer;
	bool is_good;

	if (read_options(file->check, test->options, limits, &options, &err) == 0)
		evaluate_check(file->check, test->snapshots, test->count, limits, &verdict);
	else
		evaluate_error(file->check, limits, &err, &verdict);
	format_options = (struct format_options){
		.warning_is_failure = options.warning_is_failure, .unknown_is_ok = options.unknown_is_ok};
	answer = format_is_yes(&verdict, &format_options) ? "yes" : "no";
	snprintf(got, sizeof got, "%s: %s", state_name(verdict.state), verdict.summary);
	snprintf(weight, sizeof weight, "%d", verdict.weight_percent);
	is_good = strcmp(got, test->expect) == 0
		&& (test->weight[0] == '\0' || strcmp(weight, test->weight) == 0)
		&& (test->answer[0] == '\0' || strcmp(answer, test->answer) == 0)
		&& strstr(verdict.hint, test->hint) != NULL;
	snprintf(difference, sizeof difference,
		"got \"%s\" (weight %s, answer %s, hint \"%s\"), expected \"%s\" (%s, %s, \"%s\")", got,
		weight, answer, verdict.hint, test->expect, test->weight, test->answer, test->hint);
	report(is_good, file, test, difference);
	free(limits);
}

static void
run_file(const char *path)
{
	static struct file file;
	char line[LINE_SIZE];
	FILE *stream = fopen(path, "r");

	file = (struct file){.path = path, .check = check_of(path)};
	if (stream == NULL || file.check == NULL)
		die(&file, "cannot be read, or is not named after a check:", path);
	for (; fgets(line, sizeof line, stream) != NULL;) {
		file.line++;
		read_line(&file, line);
	}
	fclose(stream);
	for (size_t i = 0; i < file.count; i++)
		if (file.cases[i].expect[0] != '\0')
			run_case(&file, &file.cases[i]);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		run_file(argv[i]);
	printf("1..%d\n", test_count);
	return failed_count > 0;
}
