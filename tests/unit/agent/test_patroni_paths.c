/* Patroni's paths where Patroni is asked: which of them are a yes, by what it and the server say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/agent/board.h"
#include "tests/unit/agent/sample.h"

enum { START_MS = 1000000 };

static const char section[] = "[patroni]\nurl = http://10.0.0.12:8008\n";

static struct plan plan;
static struct board board;
static struct verdict verdict;

static void
begin(const char *text, struct snapshot server)
{
	sample_plan(text, &plan);
	board_init(&board, &plan, START_MS);
	board_take(&board, 0, &server, START_MS, START_MS, NULL, NULL);
}

static void
patroni_says(const char *role, bool has_lock, const char *tags)
{
	struct snapshot snapshot;

	snapshot_init(&snapshot);
	snapshot.patroni.has_lock = has_lock;
	snapshot.patroni.started_ms = snapshot.patroni.timeline = SNAPSHOT_NONE;
	snapshot.patroni.leader_timeline = SNAPSHOT_NONE;
	snprintf(snapshot.patroni.role, sizeof snapshot.patroni.role, "%s", role);
	snprintf(snapshot.patroni.state, sizeof snapshot.patroni.state, "running");
	snprintf(snapshot.patroni.tags, sizeof snapshot.patroni.tags, "%s", tags);
	snapshot_mark(&snapshot, SNAPSHOT_PATRONI);
	board_take_source(&board, 0, &snapshot, START_MS, START_MS, NULL, NULL);
}

static void
patroni_is_silent(void)
{
	struct snapshot snapshot;
	struct err fault;

	snapshot_init(&snapshot);
	err_set(&fault, ERR_TIMEOUT, "no answer within 1 s");
	snapshot_fail(&snapshot, SNAPSHOT_PATRONI, &fault);
	board_take_source(&board, 0, &snapshot, START_MS, START_MS, NULL, NULL);
}

static bool
answer(const char *name)
{
	struct question question;
	struct err err;

	if (question_read_path(&plan, name, NULL, 0, &question, &err) != QUESTION_OK)
		fail_msg("%s: %s", name, err.text);
	return board_answer(&board, &question, START_MS, &verdict);
}

static bool
answer_line(const char *line)
{
	struct question question;
	struct err err;

	if (question_read_line(&plan, line, &question, &err) != QUESTION_OK)
		fail_msg("%s: %s", line, err.text);
	return board_answer(&board, &question, START_MS, &verdict);
}

/* Both lists end in NULL. */
static void
expect(const char *const *yes, const char *const *no)
{
	for (; *yes != NULL; yes++)
		if (!answer(*yes))
			fail_msg("/%s is a no: %s", *yes, verdict.summary);
	for (; *no != NULL; no++)
		if (answer(*no))
			fail_msg("/%s is a yes: %s", *no, verdict.summary);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static void
the_leader_of_a_standby_cluster(void **state)
{
	(void)state;
	begin(section, sample_standby("n2", 0));
	patroni_says("standby_leader", true, "");
	expect(LIST("leader", "standby-leader", "standby_leader", "read-only", "read-only-sync",
		       "read-only-quorum", "health", "readiness", "liveness"),
		LIST("", "primary", "master", "read-write", "replica", "sync", "async", "quorum"));
}

/* A write pool that asks for the check gets what the check says, as keepalived's track file does. */
static void
the_check_of_leaders_is_none_of_patronis_paths(void **state)
{
	char text[256];

	(void)state;
	begin(section, sample_standby("n2", 0));
	patroni_says("standby_leader", true, "");
	assert_true(answer("leader"));
	assert_false(answer_line("leader"));
	assert_false(answer_line("leader allow-read-only=yes"));
	assert_true(answer_line("leader standby-leader=yes"));
	assert_true(answer_line("standby-leader"));
	snprintf(text, sizeof text, "%s[check leader]\nstandby-leader = yes\n", section);
	begin(text, sample_standby("n2", 0));
	patroni_says("standby_leader", true, "");
	assert_true(answer_line("leader"));
	assert_false(answer_line("primary"));
}

/* The damping of [check leader] is about primaries; and /primary stays what it is. */
static void
a_standby_leader_is_one_at_once_and_no_primary(void **state)
{
	char text[256];

	(void)state;
	snprintf(text, sizeof text, "%s[check leader]\nrise = 5\nstandby-leader = yes\n", section);
	begin(text, sample_standby("n2", 0));
	patroni_says("standby_leader", true, "");
	expect(LIST("leader", "standby-leader"), LIST("", "primary", "read-write"));
}

static void
a_replica_with_the_lock_is_being_promoted(void **state)
{
	(void)state;
	begin(section, sample_standby("n2", 0));
	patroni_says("replica", true, "");
	expect(LIST("health"), LIST("", "primary", "leader", "standby-leader", "read-write"));
}

static void
a_primary_with_the_lock(void **state)
{
	(void)state;
	begin(section, sample_primary("n1", 3, 1));
	patroni_says("primary", true, "");
	expect(LIST("", "primary", "master", "leader", "read-write", "read-only", "read-only-sync", "health",
		       "readiness"),
		LIST("standby-leader", "replica", "sync", "async"));
}

static void
a_primary_without_the_lock(void **state)
{
	(void)state;
	begin(section, sample_primary("n1", 3, 1));
	patroni_says("primary", false, "");
	expect(LIST("health", "liveness"),
		LIST("", "primary", "master", "leader", "read-write", "read-only", "read-only-sync",
			"readiness", "standby-leader"));
}

static void
a_primary_whose_patroni_is_silent(void **state)
{
	char text[256];

	(void)state;
	begin(section, sample_primary("n1", 3, 1));
	patroni_is_silent();
	expect(LIST("health", "liveness"), LIST("", "primary", "leader", "read-write", "readiness"));
	snprintf(text, sizeof text, "%s[check leader]\npatroni-unreachable = warning\n", section);
	begin(text, sample_primary("n1", 3, 1));
	patroni_is_silent();
	expect(LIST("", "primary", "leader", "read-write", "readiness", "read-only", "read-only-sync"),
		LIST("standby-leader", "replica"));
	assert_true(answer_line("replica accept-primary=yes"));
	assert_false(answer_line("replica accept-primary=yes unconfirmed-primary=critical"));
}

/* What [check replica] says of standbys is not meant for a primary. */
static void
a_primary_among_those_who_are_read_from(void **state)
{
	char text[256];

	(void)state;
	snprintf(text, sizeof text, "%s[check replica]\naccept-primary = yes\npatroni-unreachable = ok\n",
		section);
	begin(text, sample_primary("n1", 3, 1));
	patroni_is_silent();
	expect(LIST("health"), LIST("", "primary", "read-only", "replica"));
	assert_non_null(strstr(verdict.hint, "--unconfirmed-primary ok trusts PostgreSQL alone"));
	snprintf(text, sizeof text,
		"%s[check replica]\naccept-primary = yes\nunconfirmed-primary = warning\n", section);
	begin(text, sample_primary("n1", 3, 1));
	patroni_is_silent();
	expect(LIST("read-only", "replica"), LIST("", "primary", "readiness"));
	/* The answer that is damped is by the same word. */
	snprintf(text, sizeof text,
		"%s[check leader]\npatroni-unreachable = ok\n[check replica]\naccept-primary = yes\n",
		section);
	begin(text, sample_primary("n1", 3, 1));
	patroni_is_silent();
	expect(LIST("", "primary", "read-only", "replica"), LIST("standby-leader"));
}

static void
a_replica_whose_patroni_is_silent(void **state)
{
	(void)state;
	begin(section, sample_standby("n2", 0));
	patroni_is_silent();
	expect(LIST("replica", "read-only", "health", "readiness"),
		LIST("", "primary", "leader", "standby-leader", "sync", "async", "quorum"));
	assert_false(answer_line("replica tag_gold=true"));
}

static void
tags_count_for_those_who_are_read_from(void **state)
{
	(void)state;
	begin(section, sample_standby("n2", 0));
	patroni_says("replica", false, "gold=true,zone=a");
	assert_true(answer_line("replica tag_gold=true tag_zone=a"));
	assert_true(answer_line("health tag_gold=true"));
	assert_false(answer_line("replica tag_gold=false"));
	assert_false(answer_line("read-only tag_zone=b"));
	assert_false(answer_line("health tag_none=1"));
	begin(section, sample_primary("n1", 3, 1));
	patroni_says("primary", true, "");
	assert_true(answer_line("primary tag_gold=true"));
	assert_false(answer_line("leader tag_gold=true")); /* the check, not Patroni's path */
	assert_false(answer_line("read-only tag_gold=true"));
}

/* As before: what nobody can tell is not so. */
static void
without_the_section_no_node_has_tags_or_leads_standbys(void **state)
{
	(void)state;
	begin("", sample_primary("n1", 3, 1));
	assert_false(answer_line("leader tag_gold=true"));
	expect(LIST("", "primary", "leader", "read-only-sync", "readiness"), LIST("standby-leader"));
	begin("", sample_standby("n2", 0));
	assert_false(answer_line("replica tag_gold=true"));
	expect(LIST("replica", "readiness"), LIST("leader", "standby-leader", "async", "sync"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_leader_of_a_standby_cluster),
		cmocka_unit_test(the_check_of_leaders_is_none_of_patronis_paths),
		cmocka_unit_test(a_standby_leader_is_one_at_once_and_no_primary),
		cmocka_unit_test(a_replica_with_the_lock_is_being_promoted),
		cmocka_unit_test(a_primary_with_the_lock),
		cmocka_unit_test(a_primary_without_the_lock),
		cmocka_unit_test(a_primary_whose_patroni_is_silent),
		cmocka_unit_test(a_primary_among_those_who_are_read_from),
		cmocka_unit_test(a_replica_whose_patroni_is_silent),
		cmocka_unit_test(tags_count_for_those_who_are_read_from),
		cmocka_unit_test(without_the_section_no_node_has_tags_or_leads_standbys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
