#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "lib/agent/patroni.h"
#include "lib/evaluate/judge.h"
#include "tests/unit/agent/sample.h"

/* What is written, read as JSON; to be given back. */
static json_t *
written(const struct snapshot *snapshot, const struct verdict *verdict, bool is_yes)
{
	char storage[16384];
	struct text text;
	json_error_t where;
	json_t *object;

	text_init(&text, storage, sizeof storage);
	patroni_write(snapshot, "n1", "1.2.3", verdict, is_yes, &text);
	assert_false(text.is_truncated);
	assert_ptr_equal(strchr(text.bytes, '\n'), text.bytes + text.length - 1); /* one line */
	object = json_loads(text.bytes, JSON_REJECT_DUPLICATES, &where);
	if (!json_is_object(object))
		fail_msg("no JSON: %s: %s", where.text, text.bytes);
	return object;
}

static const char *
word(const json_t *object, const char *name)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value == NULL ? "(none)" : value;
}

static void
a_primary_is_told_as_patroni_tells_it(void **state)
{
	struct snapshot snapshot = sample_primary("db1:5432", 3, 1777694399123);
	json_t *object, *replication;

	(void)state;
	sample_sender(&snapshot, "n2", "sync");
	sample_sender(&snapshot, "a \"name\"", "async");
	object = written(&snapshot, NULL, true);
	assert_string_equal(word(object, "state"), "running");
	assert_string_equal(word(object, "role"), "primary");
	assert_int_equal(json_integer_value(json_object_get(object, "timeline")), 3);
	assert_int_equal(json_integer_value(json_object_get(object, "server_version")), 150004);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(object, "xlog"), "location")),
		SAMPLE_POSITION);
	assert_string_equal(word(object, "database_system_identifier"), "7123456789012345678");
	assert_string_equal(word(object, "postmaster_start_time"), "2026-05-02 03:59:59.123000+00:00");
	assert_string_equal(word(json_object_get(object, "patroni"), "name"), "n1");
	assert_string_equal(word(json_object_get(object, "patroni"), "version"), "1.2.3");
	assert_null(json_object_get(object, "replication_state"));
	assert_null(json_object_get(object, "pgha"));
	replication = json_object_get(object, "replication");
	assert_int_equal(json_array_size(replication), 2);
	assert_string_equal(word(json_array_get(replication, 0), "application_name"), "n2");
	assert_string_equal(word(json_array_get(replication, 0), "client_addr"), "10.0.0.12");
	assert_string_equal(word(json_array_get(replication, 0), "state"), "streaming");
	assert_string_equal(word(json_array_get(replication, 0), "sync_state"), "sync");
	assert_string_equal(word(json_array_get(replication, 1), "application_name"), "a \"name\"");
	json_decref(object);
}

static void
a_standby_is_told_as_patroni_tells_it(void **state)
{
	struct snapshot snapshot = sample_standby("db2:5432", 96);
	json_t *object = written(&snapshot, NULL, true), *xlog = json_object_get(object, "xlog");

	(void)state;
	assert_string_equal(word(object, "role"), "replica");
	assert_string_equal(word(object, "replication_state"), "streaming");
	assert_int_equal(json_integer_value(json_object_get(object, "timeline")), 3);
	assert_int_equal(json_integer_value(json_object_get(xlog, "received_location")), SAMPLE_POSITION);
	assert_int_equal(
		json_integer_value(json_object_get(xlog, "replayed_location")), SAMPLE_POSITION - 96);
	assert_true(json_is_false(json_object_get(xlog, "paused")));
	assert_null(json_object_get(xlog, "location"));
	assert_null(json_object_get(object, "replication"));
	json_decref(object);
	snapshot.standby.receiver_pid = SNAPSHOT_NONE;
	snprintf(snapshot.standby.replay_pause, sizeof snapshot.standby.replay_pause, "paused");
	snapshot.standby.received_timeline = SNAPSHOT_NONE;
	object = written(&snapshot, NULL, true);
	assert_string_equal(word(object, "replication_state"), "in archive recovery");
	assert_true(json_is_true(json_object_get(json_object_get(object, "xlog"), "paused")));
	assert_null(json_object_get(object, "timeline"));
	json_decref(object);
}

/* What is not known is left out, rather than told wrong. */
static void
a_server_that_was_not_seen_has_a_state_and_no_more(void **state)
{
	static const struct {
		enum err_class class;
		const char *state;
	} cases[] = {{ERR_DOWN, "stopped"}, {ERR_TIMEOUT, "unknown"}, {ERR_SETUP, "unknown"},
		{ERR_FULL, "unknown"}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct snapshot snapshot = sample_fault("db1:5432", cases[i].class, "why");
		json_t *object = written(&snapshot, NULL, false);

		assert_string_equal(word(object, "state"), cases[i].state);
		assert_int_equal(json_object_size(object), 2); /* state and patroni */
		json_decref(object);
	}
}

static void
parts_that_were_not_obtained_are_left_out(void **state)
{
	struct snapshot snapshot = sample_standby("db2:5432", 0);
	json_t *object;

	(void)state;
	snapshot.obtained = 1U << SNAPSHOT_ROLE;
	object = written(&snapshot, NULL, true);
	assert_string_equal(word(object, "role"), "replica");
	assert_null(json_object_get(object, "replication_state"));
	assert_null(json_object_get(object, "timeline"));
	assert_null(json_object_get(object, "postmaster_start_time"));
	assert_null(json_object_get(object, "database_system_identifier"));
	assert_int_equal(json_object_size(json_object_get(object, "xlog")), 0);
	json_decref(object);
}

static void
the_answer_stands_in_a_member_of_its_own(void **state)
{
	static const struct check check = {.name = "pg_leader", .title = "PG LEADER"};
	struct snapshot snapshot = sample_standby("db2:5432", 0);
	struct verdict verdict;
	json_t *object, *answer;

	(void)state;
	judge_begin(&verdict, &check, &snapshot);
	judge_reason(&verdict, STATE_CRITICAL, "standby, \"not\" the leader");
	judge_hint(&verdict, "ask another");
	judge_end(&verdict);
	object = written(&snapshot, &verdict, false);
	answer = json_object_get(object, "pgha");
	assert_string_equal(word(answer, "state"), "CRITICAL");
	assert_string_equal(word(answer, "answer"), "no");
	assert_string_equal(word(answer, "summary"), "standby, \"not\" the leader");
	assert_string_equal(word(answer, "hint"), "ask another");
	json_decref(object);
	verdict.hint[0] = '\0';
	object = written(&snapshot, &verdict, true);
	answer = json_object_get(object, "pgha");
	assert_string_equal(word(answer, "answer"), "yes");
	assert_null(json_object_get(answer, "hint"));
	json_decref(object);
}

static void
more_standbys_than_are_held_are_those_that_are_held(void **state)
{
	struct snapshot snapshot = sample_primary("db1:5432", 3, 1);
	json_t *object;

	(void)state;
	for (int i = 0; i < SNAPSHOT_SENDERS_MAX; i++)
		sample_sender(&snapshot, "walreceiver", "async");
	snapshot.senders.total = 1000;
	object = written(&snapshot, NULL, true);
	assert_int_equal(json_array_size(json_object_get(object, "replication")), SNAPSHOT_SENDERS_MAX);
	json_decref(object);
}

/* -- where Patroni is asked --------------------------------------------------------------------- */

static struct snapshot
standby_with_patroni(void)
{
	struct snapshot snapshot = sample_standby("db2:5432", 0);
	struct snapshot_patroni *patroni = &snapshot.patroni;

	snprintf(patroni->scope, sizeof patroni->scope, "demo");
	snprintf(patroni->role, sizeof patroni->role, "replica");
	snprintf(patroni->tags, sizeof patroni->tags,
		"noloadbalance=true,gold=false,zone=a \"b\",n=3,empty=,odd");
	patroni->dcs_seen_ms = 1777694399123;
	patroni->started_ms = patroni->timeline = SNAPSHOT_NONE;
	snapshot_mark(&snapshot, SNAPSHOT_PATRONI);
	return snapshot;
}

static void
what_only_patroni_knows_stands_where_patroni_has_it(void **state)
{
	static const char *const flags[] = {"sync_standby", "quorum_standby", "pause", "cluster_unlocked",
		"failsafe_mode_is_active", "pending_restart", "watchdog_failed"};
	struct snapshot snapshot = standby_with_patroni();
	json_t *object = written(&snapshot, NULL, true), *tags = json_object_get(object, "tags");

	(void)state;
	assert_string_equal(word(json_object_get(object, "patroni"), "scope"), "demo");
	assert_string_equal(word(json_object_get(object, "patroni"), "version"), "1.2.3");
	assert_int_equal(json_integer_value(json_object_get(object, "dcs_last_seen")), 1777694399);
	assert_int_equal(json_object_size(tags), 6);
	assert_true(json_is_true(json_object_get(tags, "noloadbalance")));
	assert_true(json_is_false(json_object_get(tags, "gold")));
	assert_string_equal(word(tags, "zone"), "a \"b\"");
	assert_string_equal(word(tags, "n"), "3");
	assert_string_equal(word(tags, "empty"), "");
	assert_string_equal(word(tags, "odd"), "");
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		assert_null(json_object_get(object, flags[i])); /* as Patroni leaves out what is not so */
	json_decref(object);
	snapshot.patroni.is_sync_standby = snapshot.patroni.is_paused = snapshot.patroni.is_unlocked = true;
	snapshot.patroni.is_failsafe = snapshot.patroni.has_pending_restart = true;
	snapshot.patroni.has_failed_watchdog = true;
	object = written(&snapshot, NULL, true);
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		assert_int_equal(json_is_true(json_object_get(object, flags[i])), i != 1);
	json_decref(object);
	snapshot.patroni.is_quorum_standby = true; /* which is not "synchronous" to those who read that */
	object = written(&snapshot, NULL, true);
	assert_true(json_is_true(json_object_get(object, "quorum_standby")));
	assert_null(json_object_get(object, "sync_standby"));
	json_decref(object);
}

static void
the_leader_of_standbys_has_a_role_of_its_own(void **state)
{
	struct snapshot snapshot = standby_with_patroni();
	json_t *object;

	(void)state;
	snprintf(snapshot.patroni.role, sizeof snapshot.patroni.role, "standby_leader");
	snapshot.patroni.has_lock = true;
	object = written(&snapshot, NULL, true);
	assert_string_equal(word(object, "role"), "standby_leader");
	json_decref(object);
	snapshot.patroni.has_lock = false;
	object = written(&snapshot, NULL, true);
	assert_string_equal(word(object, "role"), "replica");
	json_decref(object);
}

static void
patroni_tells_the_timeline_of_who_receives_nothing(void **state)
{
	struct snapshot snapshot = standby_with_patroni();
	json_t *object;

	(void)state;
	snapshot.patroni.timeline = 4;
	object = written(&snapshot, NULL, true);
	assert_int_equal(json_integer_value(json_object_get(object, "timeline")), 3); /* the server's word */
	json_decref(object);
	snapshot.standby.receiver_pid = snapshot.standby.received_timeline = SNAPSHOT_NONE;
	object = written(&snapshot, NULL, true);
	assert_int_equal(json_integer_value(json_object_get(object, "timeline")), 4);
	json_decref(object);
}

static void
the_patroni_of_another_server_tells_nothing(void **state)
{
	struct snapshot snapshot = standby_with_patroni();
	json_t *object;

	(void)state;
	snprintf(snapshot.patroni.system_identifier, sizeof snapshot.patroni.system_identifier, "7999");
	object = written(&snapshot, NULL, true);
	assert_string_equal(
		word(json_object_get(object, "patroni"), "fault"), "Patroni speaks of another server");
	assert_null(json_object_get(object, "tags"));
	assert_null(json_object_get(json_object_get(object, "patroni"), "scope"));
	json_decref(object);
}

static void
a_patroni_that_does_not_answer_is_told_so(void **state)
{
	struct snapshot snapshot = sample_standby("db2:5432", 0);
	struct err fault;
	json_t *object;

	(void)state;
	err_set(&fault, ERR_TIMEOUT, "no answer within 1 s");
	snapshot_fail(&snapshot, SNAPSHOT_PATRONI, &fault);
	object = written(&snapshot, NULL, true);
	assert_string_equal(word(json_object_get(object, "patroni"), "fault"), "no answer within 1 s");
	assert_null(json_object_get(object, "tags"));
	json_decref(object);
	snapshot = sample_standby("db2:5432", 0);
	object = written(&snapshot, NULL, true);
	assert_int_equal(json_object_size(json_object_get(object, "patroni")), 2); /* it is not asked */
	json_decref(object);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_primary_is_told_as_patroni_tells_it),
		cmocka_unit_test(a_standby_is_told_as_patroni_tells_it),
		cmocka_unit_test(a_server_that_was_not_seen_has_a_state_and_no_more),
		cmocka_unit_test(parts_that_were_not_obtained_are_left_out),
		cmocka_unit_test(the_answer_stands_in_a_member_of_its_own),
		cmocka_unit_test(more_standbys_than_are_held_are_those_that_are_held),
		cmocka_unit_test(what_only_patroni_knows_stands_where_patroni_has_it),
		cmocka_unit_test(the_leader_of_standbys_has_a_role_of_its_own),
		cmocka_unit_test(patroni_tells_the_timeline_of_who_receives_nothing),
		cmocka_unit_test(the_patroni_of_another_server_tells_nothing),
		cmocka_unit_test(a_patroni_that_does_not_answer_is_told_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
