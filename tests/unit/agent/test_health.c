#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/agent/health.h"
#include "lib/evaluate/evaluate.h"
#include "lib/render/format.h"
#include "tests/unit/agent/sample.h"

enum { MB = 1048576 };

static struct verdict verdict;

static const struct health_limits usual = {
	.policy = {.on = {[ERR_DOWN] = STATE_CRITICAL,
			   [ERR_TIMEOUT] = STATE_CRITICAL,
			   [ERR_FULL] = STATE_CRITICAL,
			   [ERR_SETUP] = STATE_UNKNOWN,
			   [ERR_PROTOCOL] = STATE_UNKNOWN,
			   [ERR_USAGE] = STATE_UNKNOWN},
		.wrong_role = STATE_CRITICAL},
	.ready_bytes = HEALTH_READY_BYTES,
	.unreachable = {STATE_CRITICAL, STATE_CRITICAL, STATE_CRITICAL},
};

static bool
is_yes(const struct check *check, const struct snapshot *snapshot, const struct health_limits *limits)
{
	static const struct format_options options;

	evaluate_check(check, snapshot, 1, limits, &verdict);
	return format_is_yes(&verdict, &options);
}

static void
a_server_is_up_whatever_its_role(void **state)
{
	struct snapshot snapshot = sample_primary("db1:5432", 3, 1);

	(void)state;
	assert_true(is_yes(&health_up, &snapshot, &usual));
	assert_string_equal(verdict.summary, "running as primary");
	snapshot = sample_standby("db2:5432", 999999);
	snapshot.standby.receiver_pid = SNAPSHOT_NONE;
	assert_true(is_yes(&health_up, &snapshot, &usual));
	assert_string_equal(verdict.summary, "running as standby");
}

static void
a_server_that_does_not_answer_is_neither_up_nor_ready(void **state)
{
	static const struct check *const checks[] = {&health_up, &health_ready, &health_standby_leader};

	(void)state;
	for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
		for (enum err_class class = ERR_DOWN; class < ERR_CLASS_COUNT; class ++) {
			struct snapshot snapshot = sample_fault("db1:5432", class, "something");

			assert_false(is_yes(checks[i], &snapshot, &usual));
			assert_int_equal(verdict.fault.class, class);
			assert_int_equal(verdict.state, usual.policy.on[class]);
		}
}

static void
a_primary_is_ready(void **state)
{
	struct snapshot snapshot = sample_primary("db1:5432", 3, 1);

	(void)state;
	assert_true(is_yes(&health_ready, &snapshot, &usual));
}

static void
a_standby_is_ready_within_the_limit_and_not_beyond(void **state)
{
	struct snapshot at = sample_standby("db2:5432", MB), beyond = sample_standby("db2:5432", MB + 1);
	struct health_limits none_allowed = usual;

	(void)state;
	assert_true(is_yes(&health_ready, &at, &usual));
	assert_string_equal(verdict.summary, "streaming from db1");
	assert_false(is_yes(&health_ready, &beyond, &usual));
	assert_int_equal(verdict.state, STATE_CRITICAL);
	none_allowed.ready_bytes = 0;
	assert_false(is_yes(&health_ready, &at, &none_allowed));
	at = sample_standby("db2:5432", 0);
	assert_true(is_yes(&health_ready, &at, &none_allowed));
}

static void
a_standby_without_a_lag_that_is_known_is_not_ready(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++) {
		struct snapshot snapshot = sample_standby("db2:5432", 0);
		struct health_limits limits = usual;

		limits.is_by_write = i % 2 == 1;
		if (i < 2)
			snapshot.standby.receiver_pid = SNAPSHOT_NONE;
		else if (i < 4)
			snprintf(snapshot.standby.receiver_status, sizeof snapshot.standby.receiver_status,
				"waiting");
		else
			snapshot.standby.receipt_age_ms = 3600000;
		assert_false(is_yes(&health_ready, &snapshot, &limits));
		assert_int_equal(verdict.state, STATE_CRITICAL);
	}
}

/* Everything has arrived here and is only not replayed yet. */
static void
by_write_it_counts_what_was_received(void **state)
{
	struct snapshot snapshot = sample_standby("db2:5432", 64 * MB);
	struct health_limits by_write = usual;

	(void)state;
	by_write.is_by_write = true;
	assert_false(is_yes(&health_ready, &snapshot, &usual));
	assert_string_equal(verdict.metrics[0].name, "replay_lag_bytes");
	assert_true(is_yes(&health_ready, &snapshot, &by_write));
	assert_string_equal(verdict.metrics[0].name, "write_lag_bytes");
	assert_true(verdict.metrics[0].value == 0);
	snapshot.standby.latest_end_lsn += MB;
	assert_true(is_yes(&health_ready, &snapshot, &by_write));
	snapshot.standby.latest_end_lsn++;
	assert_false(is_yes(&health_ready, &snapshot, &by_write));
}

/* -- what Patroni says ------------------------------------------------------------------------- */

static void
patroni_says(struct snapshot *snapshot, const char *role, bool has_lock)
{
	snprintf(snapshot->patroni.role, sizeof snapshot->patroni.role, "%s", role);
	snprintf(snapshot->patroni.scope, sizeof snapshot->patroni.scope, "dr");
	snapshot->patroni.has_lock = has_lock;
	snapshot->patroni.started_ms = snapshot->patroni.timeline = SNAPSHOT_NONE;
	snapshot_mark(snapshot, SNAPSHOT_PATRONI);
}

static void
patroni_is_silent(struct snapshot *snapshot)
{
	struct err fault;

	err_set(&fault, ERR_DOWN, "connection refused");
	snapshot_fail(snapshot, SNAPSHOT_PATRONI, &fault);
}

static void
a_primary_is_ready_with_the_lock_alone(void **state)
{
	struct snapshot snapshot = sample_primary("db1:5432", 3, 1);
	struct health_limits trusting = usual;

	(void)state;
	trusting.unreachable[WITNESS_PATRONI] = STATE_WARNING;
	patroni_says(&snapshot, "primary", true);
	assert_true(is_yes(&health_ready, &snapshot, &usual));
	patroni_says(&snapshot, "primary", false);
	assert_false(is_yes(&health_ready, &snapshot, &usual));
	assert_non_null(strstr(verdict.summary, "primary without Patroni's leader lock"));
	snapshot = sample_primary("db1:5432", 3, 1);
	patroni_is_silent(&snapshot);
	assert_false(is_yes(&health_ready, &snapshot, &usual));
	assert_string_equal(verdict.summary, "Patroni could not be asked (connection refused)");
	assert_true(is_yes(&health_ready, &snapshot, &trusting));
	assert_true(is_yes(&health_up, &snapshot, &usual)); /* it is up, all the same */
}

/* It may be read from whatever its Patroni does. */
static void
a_standby_needs_no_patroni_to_be_ready(void **state)
{
	struct snapshot snapshot = sample_standby("db2:5432", 0);

	(void)state;
	patroni_is_silent(&snapshot);
	assert_true(is_yes(&health_ready, &snapshot, &usual));
	patroni_says(&snapshot, "replica", false);
	assert_true(is_yes(&health_ready, &snapshot, &usual));
}

static void
a_standby_is_behind_what_patroni_knows_of_the_leader(void **state)
{
	struct snapshot snapshot = sample_standby("db2:5432", 0);

	(void)state;
	patroni_says(&snapshot, "replica", false);
	snapshot.patroni.leader_lsn = snapshot.standby.replay_lsn + MB;
	assert_true(is_yes(&health_ready, &snapshot, &usual));
	snapshot.patroni.leader_lsn++;
	assert_false(is_yes(&health_ready, &snapshot, &usual));
	assert_true(verdict.metrics[0].value == MB + 1);
}

static void
a_standby_leader_is_one_when_both_say_so(void **state)
{
	struct snapshot snapshot = sample_standby("db2:5432", 0);

	(void)state;
	patroni_says(&snapshot, "standby_leader", true);
	assert_true(is_yes(&health_standby_leader, &snapshot, &usual));
	assert_non_null(strstr(verdict.summary, "leader of a standby cluster"));
	assert_true(health_leads_standbys(&snapshot));
	patroni_says(&snapshot, "standby_leader", false);
	assert_false(is_yes(&health_standby_leader, &snapshot, &usual));
	assert_string_equal(verdict.summary, "standby, not the leader");
	assert_false(health_leads_standbys(&snapshot));
	patroni_says(&snapshot, "replica", true); /* it is being promoted */
	assert_false(is_yes(&health_standby_leader, &snapshot, &usual));
	assert_false(health_leads_standbys(&snapshot));
	snapshot = sample_primary("db2:5432", 3, 1);
	patroni_says(&snapshot, "standby_leader", true);
	assert_false(is_yes(&health_standby_leader, &snapshot, &usual));
	assert_string_equal(verdict.summary, "primary, not the leader of a standby cluster");
	assert_false(health_leads_standbys(&snapshot));
	snapshot = sample_standby("db2:5432", 0);
	patroni_is_silent(&snapshot);
	assert_false(is_yes(&health_standby_leader, &snapshot, &usual));
	assert_non_null(strstr(verdict.summary, "connection refused"));
}

/* Its URL is another node's. */
static void
the_patroni_of_another_server_is_not_believed(void **state)
{
	struct snapshot snapshot = sample_standby("db2:5432", 0);

	(void)state;
	patroni_says(&snapshot, "standby_leader", true);
	snprintf(snapshot.patroni.tags, sizeof snapshot.patroni.tags, "gold=true");
	snapshot.patroni.is_sync_standby = true;
	snprintf(snapshot.patroni.system_identifier, sizeof snapshot.patroni.system_identifier, "7999");
	assert_false(is_yes(&health_standby_leader, &snapshot, &usual));
	assert_false(health_leads_standbys(&snapshot));
	evaluate_check(&health_up, &snapshot, 1, &usual, &verdict);
	health_judge_tags(&snapshot, "gold=true", &verdict);
	assert_string_equal(verdict.summary, "its tags are not known (Patroni speaks of another server)");
	assert_int_equal(verdict.state, STATE_CRITICAL);
	evaluate_check(&health_up, &snapshot, 1, &usual, &verdict);
	health_judge_sync(&snapshot, 1, ROUTE_SYNC, &verdict);
	assert_int_equal(verdict.state, STATE_UNKNOWN);
}

/* What is added to an answer that is a yes by itself. */
static enum state
state_of_tags(const struct snapshot *snapshot, const char *wanted)
{
	evaluate_check(&health_up, snapshot, 1, &usual, &verdict);
	health_judge_tags(snapshot, wanted, &verdict);
	return verdict.state;
}

static void
a_tag_is_compared_as_a_whole(void **state)
{
	static const struct {
		const char *wanted;
		bool is_right;
	} cases[] = {{"gold=true", true}, {"zone=a b", true}, {"zone=a b,gold=true", true},
		{"gold=true,n=3", true}, {"gold=True", false}, {"gold=tru", false}, {"gold=truee", false},
		{"old=true", false}, {"gold", false}, {"gold=", false}, {"=", false}, {"zone=a", false},
		{"gold=true,zone=b", false}, {"none=", false}, {"n=3,empty=", true}};
	struct snapshot snapshot = sample_standby("db2:5432", 0);

	(void)state;
	patroni_says(&snapshot, "replica", false);
	snprintf(snapshot.patroni.tags, sizeof snapshot.patroni.tags, "gold=true,zone=a b,empty=,n=3");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if ((state_of_tags(&snapshot, cases[i].wanted) == STATE_OK) != cases[i].is_right)
			fail_msg("\"%s\": %s", cases[i].wanted, verdict.summary);
	assert_int_equal(state_of_tags(&snapshot, "gold=false"), STATE_CRITICAL);
	assert_string_equal(verdict.summary, "Patroni's tag \"gold=false\" is not its own");
	snapshot.patroni.tags[0] = '\0';
	assert_int_equal(state_of_tags(&snapshot, "gold=true"), STATE_CRITICAL);
	assert_int_equal(state_of_tags(&snapshot, "="), STATE_CRITICAL);
}

static void
tags_that_nobody_tells_are_not_there(void **state)
{
	struct snapshot snapshot = sample_standby("db2:5432", 0);

	(void)state;
	assert_int_equal(state_of_tags(&snapshot, "gold=true"), STATE_CRITICAL);
	assert_string_equal(verdict.summary, "no node here has tags: Patroni is not asked");
	patroni_is_silent(&snapshot);
	assert_int_equal(state_of_tags(&snapshot, "gold=true"), STATE_CRITICAL);
	assert_string_equal(verdict.summary, "its tags are not known (connection refused)");
}

static const char *
sync_by_patroni(const struct snapshot *snapshot, enum route_sync wanted)
{
	evaluate_check(&health_up, snapshot, 1, &usual, &verdict);
	health_judge_sync(snapshot, 1, wanted, &verdict);
	return state_name(verdict.state);
}

static void
patroni_tells_who_is_synchronous_when_no_peer_does(void **state)
{
	struct snapshot snapshot = sample_standby("db2:5432", 0);

	(void)state;
	assert_string_equal(sync_by_patroni(&snapshot, ROUTE_ASYNC), "UNKNOWN");
	patroni_says(&snapshot, "replica", false);
	assert_string_equal(sync_by_patroni(&snapshot, ROUTE_ASYNC), "OK");
	assert_string_equal(
		verdict.summary, "running as standby, to its primary it is \"async\", by Patroni");
	assert_string_equal(sync_by_patroni(&snapshot, ROUTE_SYNC), "CRITICAL");
	assert_string_equal(sync_by_patroni(&snapshot, ROUTE_QUORUM), "CRITICAL");
	snapshot.patroni.is_sync_standby = true;
	assert_string_equal(sync_by_patroni(&snapshot, ROUTE_SYNC), "OK");
	assert_string_equal(sync_by_patroni(&snapshot, ROUTE_ASYNC), "CRITICAL");
	snapshot.patroni.is_quorum_standby = true;
	assert_string_equal(sync_by_patroni(&snapshot, ROUTE_QUORUM), "OK");
	assert_string_equal(sync_by_patroni(&snapshot, ROUTE_SYNC), "CRITICAL");
	snapshot.patroni.is_unlocked = true; /* what it has seen counts */
	assert_string_equal(sync_by_patroni(&snapshot, ROUTE_QUORUM), "OK");
	snapshot.patroni.is_sync_standby = snapshot.patroni.is_quorum_standby = false; /* what not, not */
	assert_string_equal(sync_by_patroni(&snapshot, ROUTE_ASYNC), "UNKNOWN");
	assert_string_equal(sync_by_patroni(&snapshot, ROUTE_SYNC), "UNKNOWN");
}

static void
the_primary_knows_better_than_patroni_who_is_synchronous(void **state)
{
	struct snapshot snapshots[2] = {sample_standby("db2:5432", 0), sample_primary("db1:5432", 3, 1)};

	(void)state;
	patroni_says(&snapshots[0], "replica", false);
	snapshots[0].patroni.is_sync_standby = true;
	snprintf(snapshots[0].standby.application, sizeof snapshots[0].standby.application, "n2");
	sample_sender(&snapshots[1], "n2", "async");
	evaluate_check(&health_up, snapshots, 2, &usual, &verdict);
	health_judge_sync(snapshots, 2, ROUTE_SYNC, &verdict);
	assert_int_equal(verdict.state, STATE_CRITICAL);
	assert_string_equal(verdict.summary, "to its primary it is \"async\"");
}

static void
nobody_here_leads_a_standby_cluster(void **state)
{
	struct snapshot snapshot = sample_standby("db2:5432", 0);

	(void)state;
	assert_false(is_yes(&health_standby_leader, &snapshot, &usual));
	snapshot = sample_primary("db1:5432", 3, 1);
	assert_false(is_yes(&health_standby_leader, &snapshot, &usual));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_is_up_whatever_its_role),
		cmocka_unit_test(a_server_that_does_not_answer_is_neither_up_nor_ready),
		cmocka_unit_test(a_primary_is_ready),
		cmocka_unit_test(a_standby_is_ready_within_the_limit_and_not_beyond),
		cmocka_unit_test(a_standby_without_a_lag_that_is_known_is_not_ready),
		cmocka_unit_test(by_write_it_counts_what_was_received),
		cmocka_unit_test(nobody_here_leads_a_standby_cluster),
		cmocka_unit_test(a_primary_is_ready_with_the_lock_alone),
		cmocka_unit_test(a_standby_needs_no_patroni_to_be_ready),
		cmocka_unit_test(a_standby_is_behind_what_patroni_knows_of_the_leader),
		cmocka_unit_test(the_patroni_of_another_server_is_not_believed),
		cmocka_unit_test(a_standby_leader_is_one_when_both_say_so),
		cmocka_unit_test(a_tag_is_compared_as_a_whole),
		cmocka_unit_test(tags_that_nobody_tells_are_not_there),
		cmocka_unit_test(patroni_tells_who_is_synchronous_when_no_peer_does),
		cmocka_unit_test(the_primary_knows_better_than_patroni_who_is_synchronous),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
