/* A manager's word beside the server's: [patroni] and the leader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/agent/board.h"
#include "lib/agent/workers.h"
#include "tests/unit/agent/sample.h"

enum { START_MS = 1000000, MAX_AGE_MS = 3000 };

/* -- a check of the manager that asks nobody ---------------------------------------------------- */

struct manager_limits {
	struct policy policy;
	char url[64];
};

static bool
has_source(const void *limits)
{
	return ((const struct manager_limits *)limits)->url[0] != '\0';
}

static bool
collect(const void *limits, const struct check_look *look, struct snapshot *snapshot)
{
	static int looks; /* of a worker process */
	struct err fault;

	(void)limits;
	assert_null(look->target);
	snapshot_init(snapshot);
	if (++looks == 2) { /* one without an answer, which must not hide what was seen before */
		err_set(&fault, ERR_DOWN, "away");
		snapshot_fail(snapshot, SNAPSHOT_PATRONI_CLUSTER, &fault);
		return true;
	}
	snapshot->patroni.timeline = look->before == NULL ? 1 : look->before->patroni.timeline + 1;
	snapshot_mark(snapshot, SNAPSHOT_PATRONI);
	snapshot_mark(snapshot, SNAPSHOT_PATRONI_CLUSTER);
	return true;
}

static void
evaluate(const struct snapshot *snapshots, size_t count, const void *limits, struct verdict *verdict)
{
	(void)snapshots;
	(void)count;
	(void)limits;
	(void)verdict;
}

static const struct setting settings[] = {
	{.name = "url", .type = SETTING_TEXT, SETTING_AT(struct manager_limits, url), .is_source = true}};
static const struct facet cluster = {.part = SNAPSHOT_PATRONI_CLUSTER};
static const struct facet *const facets[] = {&cluster, NULL};
static const struct check manager = {.name = "patroni",
	.title = "PATRONI",
	.facets = facets,
	.settings = settings,
	.setting_count = 1,
	.limits_size = sizeof(struct manager_limits),
	.has_source = has_source,
	.collect = collect,
	.has_section = true,
	.interval_ms = 500,
	.timeout_ms = 1000,
	.evaluate = evaluate};

/* -- the world ---------------------------------------------------------------------------------- */

static struct plan plan;
static struct board board;
static struct verdict verdict;

static int
read_plan(const char *from, struct err *err)
{
	const struct check *table[4] = {&manager};

	for (size_t i = 0; table_checks[i] != NULL; i++)
		if (strcmp(table_checks[i]->name, "pg_leader") == 0)
			table[1] = table_checks[i];
		else if (strcmp(table_checks[i]->name, "pg_replica") == 0)
			table[2] = table_checks[i];
	return plan_read_text(from, "agent.ini", table, &plan, err);
}

static void
begin(const char *from)
{
	struct err err;

	if (read_plan(from, &err) != 0)
		fail_msg("%s", err.text);
	board_init(&board, &plan, START_MS);
}

static void
see_primary(int64_t now_ms)
{
	struct snapshot snapshot = sample_primary("n1", 3, 7);

	board_take(&board, 0, &snapshot, now_ms, now_ms, NULL, NULL);
}

static void
hear_patroni(bool has_lock, int64_t now_ms)
{
	struct snapshot snapshot;

	snapshot_init(&snapshot);
	snapshot.patroni.has_lock = has_lock;
	snprintf(snapshot.patroni.role, sizeof snapshot.patroni.role, "primary");
	snprintf(snapshot.patroni.state, sizeof snapshot.patroni.state, "running");
	snapshot.patroni.timeline = 3;
	snapshot_mark(&snapshot, SNAPSHOT_PATRONI);
	board_take_source(&board, 0, &snapshot, now_ms, now_ms, NULL, NULL);
}

static bool
is_leader(int64_t now_ms)
{
	struct question question;
	struct err err;

	assert_int_equal(question_read_line(&plan, "leader", &question, &err), QUESTION_OK);
	return board_answer(&board, &question, now_ms, &verdict);
}

/* -- tests -------------------------------------------------------------------------------------- */

static void
a_section_is_a_check_that_is_the_witness_of_others(void **state)
{
	(void)state;
	begin("[patroni]\nurl = http://127.0.0.1:8008\n");
	assert_int_equal(plan.source_count, 1);
	assert_int_equal(plan.checks[plan.sources[0]].source.interval_ms, 500);
	assert_int_equal(plan_find_witness(&plan, &(struct witness){.name = "patroni"}), 0);
	begin("[patroni other]\nurl = http://10.0.0.9:8008\n");
	assert_int_equal(plan.source_count, 1);
	assert_string_equal(plan.checks[plan.sources[0]].name, "other");
	assert_int_equal(plan_find_witness(&plan, &(struct witness){.name = "patroni"}), -1);
	begin("[patroni]\nurl = http://127.0.0.1:8008\n[check patroni]\nwarning-is-failure = yes\n");
	assert_int_equal(plan.source_count, 1);
	assert_true(plan_find_check(&plan, "patroni")->answer.warning_is_failure);
}

static void
what_is_written_reads_as_the_same_plan(void **state)
{
	static char written[65536], again[65536];
	struct text text;

	(void)state;
	begin("[patroni]\nurl = http://127.0.0.1:8008\n[patroni other]\nurl = http://10.0.0.9:8008\ninterval "
	      "= 7s\n");
	text_init(&text, written, sizeof written);
	plan_write(&plan, false, &text);
	assert_non_null(strstr(written, "\n[patroni]\n"));
	begin(written);
	text_init(&text, again, sizeof again);
	plan_write(&plan, false, &text);
	assert_string_equal(written, again);
	assert_int_equal(plan_find_check(&plan, "other")->source.interval_ms, 7000);
}

static void
a_section_that_cannot_be_is_refused(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"[patroni]\n", "does not say where to look"},
		{"[patroni]\nurl = x\ninterval = 2500ms\n",
			"interval and timeout together are longer than max_age"},
		{"[patroni]\nurl = http://u:hunter2@10.0.0.1:8008\n",
			"url holds a user or a password (not shown)"},
		{"[patroni leader]\nurl = x\n", "already is the name of the check \"pg_leader\""},
		{"[patroni a/b]\nurl = x\n", "a/b"},
		{"[patrony]\nurl = x\n", "unknown section"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err err;

		if (read_plan(cases[i].text, &err) == 0)
			fail_msg("taken: %s", cases[i].text);
		if (strstr(err.text, cases[i].message) == NULL)
			fail_msg("%s: %s", cases[i].text, err.text);
	}
	/* One that is no witness may take its time. */
	begin("[patroni other]\nurl = x\ninterval = 1min\n");
}

static void
nothing_is_said_before_the_witness_was_heard_of(void **state)
{
	(void)state;
	begin("[patroni]\nurl = x\n");
	see_primary(START_MS + 1);
	assert_false(board.is_begun);
	hear_patroni(true, START_MS + 2);
	assert_true(board.is_begun);
	assert_true(is_leader(START_MS + 3));
}

static void
a_primary_is_the_leader_only_if_patroni_agrees_and_at_once(void **state)
{
	(void)state;
	begin("[patroni]\nurl = x\n[check leader]\nfall = 5\n");
	see_primary(START_MS);
	hear_patroni(true, START_MS);
	see_primary(START_MS + 250);
	assert_true(is_leader(START_MS + 251));
	hear_patroni(false, START_MS + 300);
	assert_false(is_leader(START_MS + 300));
	assert_non_null(strstr(verdict.summary, "split brain suspected"));
	assert_int_equal(verdict.state, STATE_CRITICAL);
}

static void
an_old_word_is_none(void **state)
{
	int64_t now_ms = START_MS;

	(void)state;
	begin("[patroni]\nurl = x\n");
	see_primary(now_ms);
	hear_patroni(true, now_ms);
	for (; now_ms <= START_MS + MAX_AGE_MS; now_ms += 250) {
		see_primary(now_ms);
		assert_true(is_leader(now_ms));
	}
	see_primary(START_MS + MAX_AGE_MS + 1);
	assert_false(is_leader(START_MS + MAX_AGE_MS + 1));
	assert_non_null(strstr(verdict.summary, "patroni has not answered for 3.0 s"));
	hear_patroni(true, now_ms);
	see_primary(now_ms);
	assert_true(is_leader(now_ms));
}

static void
without_the_section_postgresql_alone_counts(void **state)
{
	(void)state;
	begin("[patroni other]\nurl = x\n");
	see_primary(START_MS);
	assert_true(board.is_begun);
	assert_true(is_leader(START_MS + 1));
	hear_patroni(false, START_MS + 2);
	assert_true(is_leader(START_MS + 3));
}

static void
a_site_may_trust_postgresql_while_patroni_is_away(void **state)
{
	struct snapshot away;
	struct err fault;

	(void)state;
	begin("[patroni]\nurl = x\n[check leader]\npatroni-unreachable = ok\n");
	see_primary(START_MS);
	snapshot_init(&away);
	err_set(&fault, ERR_DOWN, "cannot reach it");
	snapshot_fail(&away, SNAPSHOT_PATRONI, &fault);
	board_take_source(&board, 0, &away, START_MS, START_MS, NULL, NULL);
	assert_true(is_leader(START_MS + 1));
	hear_patroni(false, START_MS + 2);
	assert_false(is_leader(START_MS + 3));
}

/* -- a reload ----------------------------------------------------------------------------------- */

static struct plan former_plan;
static struct board former_board;

/* What SIGHUP does: `from` was in force, and is_leader() asks of `to` from here on. */
static void
reload(const char *to, int64_t now_ms)
{
	struct err err;

	former_plan = plan;
	former_board = board;
	former_board.plan = &former_plan;
	if (read_plan(to, &err) != 0)
		fail_msg("%s", err.text);
	board_init(&board, &plan, now_ms);
	board_inherit(&board, &former_board, now_ms);
	board_settle(&board, now_ms, NULL, NULL);
}

static void
a_reload_that_names_a_witness_gives_it_time_to_answer(void **state)
{
	int64_t now_ms = START_MS + 250;

	(void)state;
	begin("[agent]\n");
	see_primary(START_MS);
	assert_true(is_leader(START_MS));
	reload("[patroni]\nurl = x\n", now_ms);
	assert_true(is_leader(now_ms));
	for (; now_ms < START_MS + 250 + MAX_AGE_MS; now_ms += 250) {
		see_primary(now_ms);
		assert_true(is_leader(now_ms));
	}
	see_primary(now_ms);
	assert_false(is_leader(now_ms));
	assert_non_null(strstr(verdict.summary, "has not answered yet"));
	hear_patroni(true, now_ms);
	see_primary(now_ms + 1);
	assert_true(is_leader(now_ms + 1));
}

static void
a_reload_that_asks_a_witness_elsewhere_keeps_its_word_until_then(void **state)
{
	int64_t now_ms = START_MS + 250;

	(void)state;
	begin("[patroni]\nurl = x\n");
	see_primary(START_MS);
	hear_patroni(true, START_MS);
	see_primary(START_MS + 1);
	assert_true(is_leader(START_MS + 1));
	reload("[patroni]\nurl = y\n", now_ms);
	see_primary(now_ms);
	assert_true(is_leader(now_ms));
	hear_patroni(false, now_ms + 1);
	assert_false(is_leader(now_ms + 1));
	/* It is believed for no longer than without a reload. */
	begin("[patroni]\nurl = x\n");
	see_primary(START_MS);
	hear_patroni(true, START_MS);
	see_primary(START_MS + 1);
	reload("[patroni]\nurl = y\n", START_MS + MAX_AGE_MS - 1);
	see_primary(START_MS + MAX_AGE_MS + 2);
	assert_false(is_leader(START_MS + MAX_AGE_MS + 2));
}

/* -- a real worker ------------------------------------------------------------------------------ */

static struct {
	struct event_base *base;
	struct workers *workers;
	int64_t seen_ms[3];
	int count;
} heard;

static void
take(void *context, size_t index, const struct worker_message *message)
{
	(void)context;
	if (index != PLAN_TARGETS)
		return;
	heard.seen_ms[heard.count++] = message->seen_ms;
	assert_int_equal(snapshot_has(&message->snapshot, SNAPSHOT_PATRONI), heard.count != 2);
	if (heard.count != 2) /* it knows what it saw before */
		assert_int_equal(message->snapshot.patroni.timeline, heard.count == 1 ? 1 : 2);
	if (heard.count == 3)
		event_base_loopbreak(heard.base);
	else
		workers_hurry_witnesses(heard.workers, &plan);
}

static void
a_witness_that_is_hurried_looks_before_its_interval_is_over(void **state)
{
	struct timeval patience = {.tv_sec = 20};

	(void)state;
	begin("[agent]\nmax_age = 1min\n[patroni]\nurl = x\ninterval = 30s\n[patroni other]\nurl = y\n");
	assert_true(plan_is_witness(&plan, 0));
	assert_false(plan_is_witness(&plan, 1));
	snprintf(
		plan.targets[0].target.dbname, sizeof plan.targets[0].target.dbname, "host=127.0.0.1 port=1");
	heard.base = event_base_new();
	heard.workers = workers_start(heard.base, &plan, NULL, take, NULL);
	assert_non_null(heard.workers);
	event_base_loopexit(heard.base, &patience);
	event_base_dispatch(heard.base);
	assert_int_equal(heard.count, 3);
	assert_true(heard.seen_ms[2] - heard.seen_ms[0] < 20000);
	workers_close(heard.workers);
	event_base_free(heard.base);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_section_is_a_check_that_is_the_witness_of_others),
		cmocka_unit_test(what_is_written_reads_as_the_same_plan),
		cmocka_unit_test(a_section_that_cannot_be_is_refused),
		cmocka_unit_test(nothing_is_said_before_the_witness_was_heard_of),
		cmocka_unit_test(a_primary_is_the_leader_only_if_patroni_agrees_and_at_once),
		cmocka_unit_test(an_old_word_is_none),
		cmocka_unit_test(without_the_section_postgresql_alone_counts),
		cmocka_unit_test(a_site_may_trust_postgresql_while_patroni_is_away),
		cmocka_unit_test(a_reload_that_names_a_witness_gives_it_time_to_answer),
		cmocka_unit_test(a_reload_that_asks_a_witness_elsewhere_keeps_its_word_until_then),
		cmocka_unit_test(a_witness_that_is_hurried_looks_before_its_interval_is_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
