/* Checks that ask no server: their plan, their worker's answers on the board, what a question may change. */
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "lib/agent/board.h"
#include "lib/agent/workers.h"
#include "lib/base/clock.h"
#include "lib/evaluate/judge.h"
#include "tests/unit/agent/sample.h"

enum {
	START_MS = 1000000,
	INTERVAL_MS = 60000,
	TIMEOUT_MS = 30000,
	MAX_AGE_MS = 3 * (INTERVAL_MS + TIMEOUT_MS)
};

/* -- a check of a file, which answers with the number of backups ------------------------------- */

struct file_limits {
	struct policy policy;
	struct limit warning, critical;
	char file[64];
};

static bool
has_source(const void *limits)
{
	return ((const struct file_limits *)limits)->file[0] != '\0';
}

static bool
collect(const void *limits, const struct check_look *look, struct snapshot *snapshot)
{
	assert_true(look->deadline_ms > clock_now_ms());
	snapshot_init(snapshot);
	snprintf(snapshot->target, sizeof snapshot->target, "%s", ((const struct file_limits *)limits)->file);
	snapshot->backup.count = 3;
	snapshot_mark(snapshot, SNAPSHOT_BACKUP);
	return has_source(limits);
}

static void
evaluate(const struct snapshot *snapshots, size_t count, const void *data, struct verdict *verdict)
{
	const struct file_limits *limits = data;

	assert_int_equal(count, 1);
	judge_metric(verdict, "backups", "backups", (double)snapshots[0].backup.count, UNIT_NONE,
		&limits->warning, &limits->critical);
}

static const struct setting settings[] = {
	{.name = "warning",
		.type = SETTING_LIMIT,
		SETTING_AT(struct file_limits, warning),
		.accepted = 1U << UNIT_NONE},
	{.name = "critical",
		.type = SETTING_LIMIT,
		SETTING_AT(struct file_limits, critical),
		.accepted = 1U << UNIT_NONE},
	{.name = "file", .type = SETTING_TEXT, SETTING_AT(struct file_limits, file), .is_source = true},
};
static const struct facet never_asked = {.part = SNAPSHOT_BACKUP};
static const struct facet *const facets[] = {&never_asked, NULL};
static const struct check check_file = {.name = "pg_file",
	.title = "PG FILE",
	.facets = facets,
	.settings = settings,
	.setting_count = 3,
	.limits_size = sizeof(struct file_limits),
	.has_source = has_source,
	.collect = collect,
	.evaluate = evaluate};

/* -- the world --------------------------------------------------------------------------------- */

static const char text[] = "[check file]\nfile = /backup\ncritical = 2:\n";
static struct plan plan, other_plan;
static struct board board, other_board;
static struct verdict verdict;
static int told_count;

static int
read_plan(const char *from, struct plan *to, struct err *err)
{
	const struct check *table[4] = {&check_file};

	for (size_t i = 0; table_checks[i] != NULL; i++)
		if (strcmp(table_checks[i]->name, "pg_leader") == 0)
			table[1] = table_checks[i];
		else if (strcmp(table_checks[i]->name, "pg_replica") == 0)
			table[2] = table_checks[i];
	return plan_read_text(from, "agent.ini", table, to, err);
}

static void
hear(void *context, const struct board_change *change)
{
	(void)context;
	if (strcmp(plan.checks[change->check_index].name, "file") == 0)
		told_count++;
}

static void
begin(const char *from)
{
	struct err err;

	if (read_plan(from, &plan, &err) != 0)
		fail_msg("%s", err.text);
	board_init(&board, &plan, START_MS);
	board_take(&board, 0, &(struct snapshot){.obtained = 0}, START_MS, START_MS, NULL, NULL);
	told_count = 0;
}

static void
see(int64_t backups, int64_t now_ms)
{
	struct snapshot snapshot;

	snapshot_init(&snapshot);
	snapshot.backup.count = backups;
	snapshot_mark(&snapshot, SNAPSHOT_BACKUP);
	board_take_source(&board, 0, &snapshot, now_ms, now_ms, hear, NULL);
}

static bool
answer(const char *line, int64_t now_ms)
{
	struct question question;
	struct err err;

	if (question_read_line(&plan, line, &question, &err) != QUESTION_OK)
		fail_msg("%s", err.text);
	return board_answer(&board, &question, now_ms, &verdict);
}

/* -- tests ------------------------------------------------------------------------------------- */

static void
the_plan_knows_which_checks_have_a_source(void **state)
{
	struct err err;

	(void)state;
	begin(text);
	assert_int_equal(plan.source_count, 1);
	assert_string_equal(plan.checks[plan.sources[0]].name, "file");
	assert_int_equal(plan.checks[plan.sources[0]].source.interval_ms, INTERVAL_MS);
	assert_int_equal(plan.checks[plan.sources[0]].source.timeout_ms, TIMEOUT_MS);
	assert_int_equal(plan_find_check(&plan, "leader")->source_index, -1);
	assert_int_equal(read_plan("[check file]\n", &other_plan, &err), -1);
	assert_non_null(strstr(err.text, "[check file] does not say where to look"));
	assert_int_equal(read_plan("[check leader]\ninterval = 1s\n", &other_plan, &err), -1);
	assert_non_null(strstr(err.text, "unknown setting \"interval\""));
}

static void
it_is_a_no_until_the_first_look_has_ended(void **state)
{
	(void)state;
	begin(text);
	assert_false(answer("file", START_MS + 1));
	assert_true(verdict.is_stale);
	assert_string_equal(verdict.summary, "nothing is known yet: the first look has not ended");
	assert_int_equal(verdict.state, STATE_UNKNOWN);
	assert_false(answer("file", START_MS + TIMEOUT_MS + 1));
	assert_int_equal(verdict.state, STATE_CRITICAL);
	see(3, START_MS + 2);
	assert_true(answer("file", START_MS + 3));
	assert_false(verdict.is_stale);
	assert_int_equal(told_count, 1); /* the no before was told when the agent began */
}

static void
it_turns_with_what_is_seen_whatever_the_server_does(void **state)
{
	(void)state;
	begin(text);
	see(3, START_MS);
	see(1, START_MS + 1);
	assert_false(answer("file", START_MS + 2));
	assert_string_equal(verdict.summary, "backups is 1 (critical below 2)");
	assert_true(answer("file critical=1:", START_MS + 2));
	see(2, START_MS + 3);
	/* Nothing is known of the server by then. */
	assert_true(answer("file", START_MS + 10000));
}

static void
what_was_seen_grows_old_after_three_looks(void **state)
{
	(void)state;
	begin(text);
	see(3, START_MS);
	assert_true(answer("file", START_MS + MAX_AGE_MS));
	assert_false(answer("file", START_MS + MAX_AGE_MS + 1));
	assert_true(verdict.is_stale);
	told_count = 0;
	board_age(&board, START_MS + MAX_AGE_MS + 1, hear, NULL);
	assert_int_equal(told_count, 1);
}

static void
fall_counts_the_looks_at_the_source_alone(void **state)
{
	(void)state;
	begin("[check file]\nfile = /backup\ncritical = 2:\nfall = 2\n");
	see(3, START_MS);
	see(1, START_MS + 1);
	board_take(&board, 0, &(struct snapshot){.obtained = 0}, START_MS + 2, START_MS + 2, NULL, NULL);
	board_take(&board, 0, &(struct snapshot){.obtained = 0}, START_MS + 3, START_MS + 3, NULL, NULL);
	assert_true(answer("file", START_MS + 4));
	see(1, START_MS + 5);
	assert_false(answer("file", START_MS + 6));
}

static void
who_asks_cannot_say_where_to_look(void **state)
{
	struct question question;
	struct err err;

	(void)state;
	begin(text);
	assert_int_equal(question_read_line(&plan, "file file=/etc/passwd", &question, &err), QUESTION_BAD);
	assert_string_equal(err.text, "parameter \"file\" is for the configuration alone");
}

static void
a_reload_keeps_what_was_seen_of_the_same_place(void **state)
{
	struct err err;

	(void)state;
	begin(text);
	see(3, START_MS);
	/* Other limits are held against what was seen, too. */
	assert_int_equal(read_plan("[check file]\nfile = /backup\ncritical = 9:\n", &other_plan, &err), 0);
	board_init(&other_board, &other_plan, START_MS + 1);
	board_inherit(&other_board, &board, START_MS + 1);
	assert_true(other_board.sources[0].is_seen);
	assert_int_equal(read_plan("[check file]\nfile = /other\n", &other_plan, &err), 0);
	board_init(&other_board, &other_plan, START_MS + 1);
	board_inherit(&other_board, &board, START_MS + 1);
	assert_false(other_board.sources[0].is_seen);
}

/* -- a real worker ----------------------------------------------------------------------------- */

static void
take(void *context, size_t index, const struct worker_message *message)
{
	if (index == PLAN_TARGETS) {
		assert_string_equal(message->snapshot.target, "/backup");
		assert_int_equal(message->snapshot.backup.count, 3);
		event_base_loopbreak(context);
	}
}

static void
a_worker_of_its_own_looks(void **state)
{
	struct timeval patience = {.tv_sec = 20};
	struct event_base *base = event_base_new();
	struct workers *workers;

	(void)state;
	begin(text);
	snprintf(
		plan.targets[0].target.dbname, sizeof plan.targets[0].target.dbname, "host=127.0.0.1 port=1");
	workers = workers_start(base, &plan, NULL, take, base);
	assert_non_null(workers);
	event_base_loopexit(base, &patience);
	event_base_dispatch(base);
	assert_true(event_base_got_break(base)); /* not the patience's end */
	workers_close(workers);
	event_base_free(base);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_plan_knows_which_checks_have_a_source),
		cmocka_unit_test(it_is_a_no_until_the_first_look_has_ended),
		cmocka_unit_test(it_turns_with_what_is_seen_whatever_the_server_does),
		cmocka_unit_test(what_was_seen_grows_old_after_three_looks),
		cmocka_unit_test(fall_counts_the_looks_at_the_source_alone),
		cmocka_unit_test(who_asks_cannot_say_where_to_look),
		cmocka_unit_test(a_reload_keeps_what_was_seen_of_the_same_place),
		cmocka_unit_test(a_worker_of_its_own_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
