/*
 * Any line, name and parameters as a question to a fixed plan: it is answered or refused. Any text as a
 * plan: it is taken or refused, and what was taken is written so that it reads back.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "checks/table.h"
#include "lib/agent/board.h"
#include "lib/agent/plan.h"
#include "lib/agent/question.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW_MS = 1000000, PARAMETERS_MAX = 20, LINE_MAX_LENGTH = 190, SIZE = 262144 };

static const char fixed[]
	= "[peer n2]\n[check replica]\nwarning = 1MB\ncritical = 16MB\nrecover = 2MB\nfall = 3\n"
	  "[check restored]\ncheck = pg_replica\nallow_archive_recovery = yes\n"
	  "[check strict]\ncheck = pg_leader\nwarning_is_failure = yes\n";

/* A primary and its standby, seen just now. */
static struct board *
board_of_two(void)
{
	static struct plan plan;
	static struct board board;
	struct snapshot snapshot;
	struct err err;

	if (board.plan != NULL)
		return &board;
	if (plan_read_text(fixed, "agent.ini", table_checks, &plan, &err) != 0)
		abort();
	board_init(&board, &plan, NOW_MS);
	snapshot_init(&snapshot);
	snapshot.obtained = (1U << SNAPSHOT_PART_COUNT) - 1;
	memcpy(snapshot.role.wal_file, "000000030000000000000014", 25);
	snapshot.senders.total = 0;
	board_take(&board, 1, &snapshot, NOW_MS, NOW_MS, NULL, NULL);
	snapshot.role.in_recovery = true;
	snapshot.standby.replay_lsn = snapshot.standby.latest_end_lsn = 0x14000060;
	memcpy(snapshot.standby.receiver_status, "streaming", 10);
	memcpy(snapshot.standby.replay_pause, "not paused", 11);
	snapshot.standby.receiver_pid = 77;
	board_take(&board, 0, &snapshot, NOW_MS, NOW_MS, NULL, NULL);
	return &board;
}

static void
expect_sound(enum question_status status, const struct question *question, const struct err *err)
{
	struct board *board = board_of_two();
	struct verdict verdict;

	if (status != QUESTION_OK) {
		if (err->class != ERR_USAGE || err->text[0] == '\0')
			abort();
		return;
	}
	if (question->check == NULL || question->check_index >= (int)board->plan->check_count
		|| question->owner_index >= (int)board->plan->check_count
		|| (question->check_index >= 0 && question->check_index != question->owner_index))
		abort();
	/* Who asks for what nobody has never hears a yes. */
	if (board_answer(board, question, NOW_MS, &verdict) && question->never && !question->unknown_is_ok
		&& question->kind != ROUTE_LIVENESS)
		abort();
}

static void
try_line(const char *line)
{
	struct question question;
	struct err err;

	expect_sound(question_read_line(board_of_two()->plan, line, &question, &err), &question, &err);
}

/* A name and parameters, each on a line of its own. */
static void
try_parameters(char *text)
{
	struct question_parameter parameters[PARAMETERS_MAX];
	const char *name = strsep(&text, "\n");
	struct question question;
	struct err err;
	size_t count = 0;
	char *pair;

	while (count < PARAMETERS_MAX && (pair = strsep(&text, "\n")) != NULL) {
		char *value = strchr(pair, '=');

		if (value != NULL)
			*value++ = '\0';
		parameters[count++] = (struct question_parameter){
			.name = pair, .value = value == NULL ? "" : value};
	}
	expect_sound(question_read(board_of_two()->plan, name, parameters, count, &question, &err), &question,
		&err);
}

/* A file has lines of bounded length; what was close to that may be beyond when it is written out. */
static bool
fits_a_file(const char *text)
{
	while (*text != '\0') {
		size_t length = strcspn(text, "\n");

		if (length > LINE_MAX_LENGTH)
			return false;
		text += length + (text[length] == '\n');
	}
	return true;
}

static void
try_plan(const char *text)
{
	static struct plan plan, again;
	static char first[SIZE], second[SIZE];
	struct text written;
	struct err err;

	if (plan_read_text(text, "agent.ini", table_checks, &plan, &err) != 0) {
		if (err.class != ERR_USAGE || strstr(err.text, "agent.ini") == NULL)
			abort();
		return;
	}
	text_init(&written, first, sizeof first);
	plan_write(&plan, false, &written);
	if (!fits_a_file(first))
		return;
	if (plan_read_text(first, "agent.ini", table_checks, &again, &err) != 0)
		abort();
	text_init(&written, second, sizeof second);
	plan_write(&again, false, &written);
	if (strcmp(first, second) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	try_line(text);
	try_plan(text);
	try_parameters(text);
	free(text);
	return 0;
}
