/* What members of Patroni say of themselves, beside the view of their cluster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/collect/patroni_view.h"
#include "lib/collect/patroni_whose.h"
#include "lib/collect/patroni_words.h"

static struct snapshot_patroni_cluster cluster;
static struct patroni_words words;

/* n1 leads, n2 and n3 follow, by the view. */
static int
begin(void **state)
{
	(void)state;
	patroni_view_init(&cluster);
	memset(&words, 0, sizeof words);
	cluster.total = 3;
	for (int i = 0; i < 3; i++) {
		struct snapshot_patroni_member *row = &cluster.rows[i];

		patroni_view_init_member(row);
		snprintf(row->name, sizeof row->name, "n%d", i + 1);
		snprintf(row->role, sizeof row->role, "%s", i == 0 ? "leader" : "replica");
		snprintf(row->state, sizeof row->state, "running");
		snprintf(row->api_url, sizeof row->api_url, "http://10.0.0.%d:8008", i + 1);
		row->timeline = 5;
		row->lag_bytes = i == 0 ? SNAPSHOT_NONE : 100;
	}
	return 0;
}

/* One that speaks: at its own URL (row), or at a given one (-1). */
static struct snapshot_patroni *
speak(int64_t row, const char *name, const char *role, uint64_t lsn)
{
	struct patroni_words_one *one = &words.ones[words.count++];

	one->row = row;
	snprintf(one->url, sizeof one->url, "http://10.0.0.%d:8008", row < 0 ? 9 : (int)row + 1);
	one->said = (struct snapshot_patroni){.timeline = 5,
		.lsn = lsn,
		.started_ms = 1000 + row,
		.dcs_seen_ms = 77000,
		.leader_timeline = SNAPSHOT_NONE,
		.has_lock = strcmp(role, "primary") == 0};
	snprintf(one->said.name, sizeof one->said.name, "%s", name);
	snprintf(one->said.role, sizeof one->said.role, "%s", role);
	snprintf(one->said.state, sizeof one->said.state, "running");
	return &one->said;
}

static void
keep_silent(int64_t row, const char *why)
{
	struct patroni_words_one *one = &words.ones[words.count++];

	one->row = row;
	snprintf(one->url, sizeof one->url, "http://10.0.0.%d:8008", row < 0 ? 9 : (int)row + 1);
	err_set(&one->fault, ERR_DOWN, "%s", why);
}

static void
test_all_speak(void **state)
{
	struct snapshot_patroni *said;

	(void)state;
	speak(0, "", "primary", 1000);
	said = speak(1, "", "replica", 990);
	said->is_failsafe = said->has_pending_restart = said->has_failed_watchdog = said->is_paused = true;
	said->has_noloadbalance = said->has_nofailover = true;
	snprintf(said->replication_state, sizeof said->replication_state, "streaming");
	snprintf(said->version, sizeof said->version, "3.1.0");
	said->timeline = 4;
	speak(2, "", "replica", 1005);
	patroni_words_put(&words, &cluster);
	assert_int_equal(cluster.total, 3);
	assert_int_equal(cluster.urls_failed, 0);
	assert_true(cluster.rows[0].is_asked && cluster.rows[0].has_lock);
	assert_string_equal(cluster.rows[0].own_role, "primary");
	assert_int_equal(cluster.rows[0].lag_bytes, SNAPSHOT_NONE);
	assert_int_equal(cluster.rows[0].dcs_seen_ms, 77000);
	assert_int_equal(cluster.rows[1].lag_bytes, 10);
	assert_string_equal(cluster.rows[1].state, "streaming");
	assert_string_equal(cluster.rows[1].version, "3.1.0");
	assert_int_equal(cluster.rows[1].timeline, 4);
	assert_true(cluster.rows[1].is_failsafe && cluster.rows[1].has_pending_restart);
	assert_true(cluster.rows[1].has_failed_watchdog && cluster.rows[1].sees_pause);
	assert_true(cluster.rows[1].has_noloadbalance && cluster.rows[1].has_nofailover);
	assert_int_equal(cluster.rows[2].lag_bytes, 0); /* asked a moment later than the leader */
	assert_string_equal(cluster.rows[2].state, "running");
}

/* One whose PostgreSQL does not answer has no position: its lag is unknown, whatever the store says. */
static void
test_unknown_lag(void **state)
{
	struct snapshot_patroni *said;

	(void)state;
	speak(0, "", "primary", 1000);
	said = speak(1, "", "replica", 0);
	snprintf(said->state, sizeof said->state, "starting");
	said->timeline = SNAPSHOT_NONE;
	keep_silent(2, "refused");
	patroni_words_put(&words, &cluster);
	assert_int_equal(cluster.rows[1].lag_bytes, SNAPSHOT_NONE);
	assert_string_equal(cluster.rows[1].state, "starting");
	assert_int_equal(cluster.rows[1].timeline, 5);
	assert_int_equal(cluster.rows[2].lag_bytes, SNAPSHOT_NONE);
	assert_string_equal(cluster.rows[2].fault, "refused");
	assert_false(cluster.rows[2].is_asked);
	assert_int_equal(cluster.urls_failed, 0);
}

/* Without the leader's word there is the store's lag. */
static void
test_leader_is_silent(void **state)
{
	(void)state;
	keep_silent(0, "refused");
	speak(1, "", "replica", 990);
	patroni_words_put(&words, &cluster);
	assert_int_equal(cluster.rows[1].lag_bytes, 100);
	assert_string_equal(cluster.rows[0].fault, "refused");
}

/* A member at a URL of another spelling: known by its name, or by when its server was started. */
static void
test_given_url_of_a_member(void **state)
{
	(void)state;
	speak(0, "n1", "primary", 1000);
	speak(1, "n2", "replica", 1000);
	speak(2, "n3", "replica", 1000);
	speak(-1, "n3", "replica", 1000);
	speak(-1, "", "replica", 1000)->started_ms = 1001;
	patroni_words_put(&words, &cluster);
	assert_int_equal(cluster.total, 3);
}

/* One that does not tell its name may be the member that did not speak; one that does is not. */
static void
test_given_url_of_whom(void **state)
{
	(void)state;
	speak(0, "n1", "primary", 1000);
	speak(1, "n2", "replica", 1000);
	keep_silent(2, "refused");
	speak(-1, "", "replica", 1000)->started_ms = 4711;
	patroni_words_put(&words, &cluster);
	assert_int_equal(cluster.total, 3);
	speak(-1, "n9", "replica", 1000);
	patroni_words_put(&words, &cluster);
	assert_int_equal(cluster.total, 4);
	assert_string_equal(cluster.rows[3].name, "n9");
}

/* Nor when it was started, while its server is down: it may be the member that is in the same state. */
static void
test_given_url_of_whose_server_is_down(void **state)
{
	struct snapshot_patroni *said;

	(void)state;
	speak(0, "", "primary", 1000);
	speak(1, "", "replica", 1000);
	said = speak(2, "", "replica", 0);
	said->started_ms = SNAPSHOT_NONE;
	snprintf(said->state, sizeof said->state, "stopped");
	said = speak(-1, "", "replica", 0);
	said->started_ms = SNAPSHOT_NONE;
	snprintf(said->state, sizeof said->state, "stopped");
	patroni_words_put(&words, &cluster);
	assert_int_equal(cluster.total, 3);
	said->has_lock = true;
	patroni_words_put(&words, &cluster);
	assert_int_equal(cluster.total, 4);
	said->has_lock = false;
	cluster.total = 3;
	snprintf(said->state, sizeof said->state, "running");
	patroni_words_put(&words, &cluster);
	assert_int_equal(cluster.total, 4);
	cluster.total = 3;
	snprintf(said->state, sizeof said->state, "stopped");
	snprintf(said->name, sizeof said->name, "n9");
	patroni_words_put(&words, &cluster);
	assert_int_equal(cluster.total, 4);
}

static void
test_given_url_of_nobody(void **state)
{
	(void)state;
	speak(0, "n1", "primary", 1000);
	speak(1, "n2", "replica", 1000);
	speak(2, "n3", "replica", 1000);
	speak(-1, "", "primary", 1000)->started_ms = 4711;
	keep_silent(-1, "refused");
	keep_silent(-1, "no answer");
	patroni_words_put(&words, &cluster);
	assert_int_equal(cluster.total, 4);
	assert_string_equal(cluster.rows[3].name, "10.0.0.9:8008");
	assert_string_equal(cluster.rows[3].role, "unlisted");
	assert_string_equal(cluster.rows[3].own_role, "primary");
	assert_string_equal(cluster.rows[3].api_url, "http://10.0.0.9:8008");
	assert_true(cluster.rows[3].has_lock);
	assert_int_equal(cluster.urls_failed, 2);
	assert_string_equal(cluster.url_fault, "refused");
}

static void
test_no_room(void **state)
{
	(void)state;
	for (int i = 3; i < SNAPSHOT_PATRONI_CLUSTER_MAX; i++)
		patroni_view_init_member(&cluster.rows[i]);
	cluster.total = SNAPSHOT_PATRONI_CLUSTER_MAX + 5;
	for (int i = 0; i < SNAPSHOT_PATRONI_CLUSTER_MAX; i++)
		speak(i, "x", "replica", 1);
	speak(-1, "n9", "primary", 1000);
	patroni_words_put(&words, &cluster);
	assert_int_equal(cluster.total, SNAPSHOT_PATRONI_CLUSTER_MAX + 5);
	assert_int_equal(patroni_words_row_count(&cluster), SNAPSHOT_PATRONI_CLUSTER_MAX);
}

/* Without a view the members' words are the view. */
static void
test_without_a_view(void **state)
{
	struct snapshot_patroni_cluster before = cluster;

	(void)state;
	before.ttl_ms = 8000;
	before.is_synchronous = true;
	before.rows[2].api_url[0] = '\0';
	snprintf(before.config_hash, sizeof before.config_hash, "abc");
	patroni_view_init(&cluster);
	snprintf(cluster.view_fault, sizeof cluster.view_fault, "closed");
	patroni_words_recall(&before, &cluster);
	assert_int_equal(cluster.total, 2);
	assert_int_equal(cluster.ttl_ms, 8000);
	assert_true(cluster.is_synchronous);
	assert_string_equal(cluster.config_hash, "abc");
	assert_string_equal(cluster.rows[1].name, "n2");
	assert_string_equal(cluster.rows[1].role, "");
	assert_string_equal(cluster.rows[1].state, "");
	assert_int_equal(cluster.rows[1].lag_bytes, SNAPSHOT_NONE);
	speak(0, "", "primary", 1000);
	speak(1, "", "replica", 900)->is_sync_standby = true;
	speak(-1, "n4", "standby_leader", 800)->has_lock = true;
	speak(-1, "n5", "replica", 800)->is_quorum_standby = true;
	patroni_words_put(&words, &cluster);
	assert_int_equal(cluster.total, 4);
	assert_string_equal(cluster.rows[0].role, "leader");
	assert_string_equal(cluster.rows[1].role, "sync_standby");
	assert_int_equal(cluster.rows[1].lag_bytes, 100);
	assert_string_equal(cluster.rows[2].name, "n4");
	assert_string_equal(cluster.rows[2].role, "standby_leader");
	assert_string_equal(cluster.rows[3].role, "quorum_standby");
}

/* -- whose word it is ------------------------------------------------------------------------------ */

/* One that speaks, of that cluster. */
static struct snapshot_patroni *
speak_of(int64_t row, const char *name, const char *scope, const char *system_identifier)
{
	struct snapshot_patroni *said = speak(row, name, row == 0 ? "primary" : "replica", 1000);

	snprintf(said->scope, sizeof said->scope, "%s", scope);
	snprintf(said->system_identifier, sizeof said->system_identifier, "%s", system_identifier);
	return said;
}

static void
expect_stranger(size_t index, const char *text)
{
	assert_string_equal(words.ones[index].stranger, text);
}

static void
test_all_are_who_they_are(void **state)
{
	(void)state;
	speak_of(0, "n1", "demo", "71");
	speak_of(1, "", "demo", "");
	speak_of(2, "n3", "", "71");
	speak_of(-1, "n9", "demo", "71");
	patroni_whose_mark(&words, &cluster);
	for (size_t i = 0; i < words.count; i++)
		expect_stranger(i, "");
	assert_string_equal(cluster.scope, "demo");
}

static void
test_another_member(void **state)
{
	(void)state;
	speak_of(0, "n1", "demo", "71");
	speak_of(1, "n1", "demo", "71");
	keep_silent(2, "refused");
	patroni_whose_mark(&words, &cluster);
	patroni_words_put(&words, &cluster);
	expect_stranger(0, "");
	expect_stranger(1, "at its api_url answers \"n1\"");
	assert_true(cluster.rows[0].is_asked && cluster.rows[0].has_lock && !cluster.rows[0].is_unheard);
	assert_true(!cluster.rows[1].is_asked && !cluster.rows[1].has_lock && cluster.rows[1].is_unheard);
	assert_string_equal(cluster.rows[1].fault, words.ones[1].stranger);
	assert_string_equal(cluster.rows[1].own_role, "");
	assert_int_equal(cluster.rows[1].lag_bytes, SNAPSHOT_NONE);
	assert_false(cluster.rows[2].is_unheard);
}

/* Who gave the view is of the cluster that was asked about, however many others there are. */
static void
test_another_cluster(void **state)
{
	(void)state;
	snprintf(cluster.told_by, sizeof cluster.told_by, "http://10.0.0.1:8008");
	speak_of(1, "n2", "other", "79");
	speak_of(2, "n3", "demo", "79");
	speak_of(0, "n1", "demo", "71");
	speak_of(-1, "", "other", "79");
	speak_of(-1, "n1", "demo", "79");
	patroni_whose_mark(&words, &cluster);
	expect_stranger(0, "at its api_url answers \"n2\" of scope \"other\", not \"demo\"");
	expect_stranger(1, "at its api_url answers \"n3\" with the system identifier 79, not 71");
	expect_stranger(2, "");
	expect_stranger(3, "there answers one of scope \"other\", not \"demo\"");
	expect_stranger(4, "there answers \"n1\" with the system identifier 79, not 71");
	patroni_words_put(&words, &cluster);
	assert_int_equal(cluster.total, 5);
	assert_string_equal(cluster.rows[4].name, "10.0.0.9:8008");
	assert_string_equal(cluster.rows[4].role, "unlisted");
	assert_true(cluster.rows[4].is_unheard && !cluster.rows[4].is_asked);
}

/* Where who gave the view does not speak, the scope of the view counts, and what most say. */
static void
test_which_cluster_it_is(void **state)
{
	(void)state;
	speak_of(0, "n1", "other", "79");
	speak_of(1, "n2", "demo", "71");
	speak_of(2, "n3", "demo", "71");
	patroni_whose_mark(&words, &cluster);
	assert_true(words.ones[0].stranger[0] != '\0' && words.ones[1].stranger[0] == '\0');
	assert_string_equal(cluster.scope, "demo");
	snprintf(cluster.scope, sizeof cluster.scope, "other");
	patroni_whose_mark(&words, &cluster);
	assert_true(words.ones[0].stranger[0] == '\0' && words.ones[1].stranger[0] != '\0');
	snprintf(cluster.scope, sizeof cluster.scope, "third");
	patroni_whose_mark(&words, &cluster);
	for (size_t i = 0; i < words.count; i++)
		assert_true(words.ones[i].stranger[0] != '\0');
	assert_string_equal(cluster.scope, "third");
}

/* Before names were told: who holds the lock is the leader, of others nobody knows whose word it is. */
static void
test_one_server_for_all_without_names(void **state)
{
	(void)state;
	for (int64_t i = 2; i >= 0; i--) {
		struct snapshot_patroni *said = speak_of(i, "", "demo", "71");

		said->started_ms = 4711;
		said->has_lock = true;
	}
	patroni_whose_mark(&words, &cluster);
	expect_stranger(0, "at its api_url answers one and the same as at that of n2");
	expect_stranger(1, "at its api_url answers one and the same as at that of n3");
	expect_stranger(2, "");
	for (size_t i = 0; i < words.count; i++)
		words.ones[i].said.has_lock = false;
	patroni_whose_mark(&words, &cluster);
	expect_stranger(2, "at its api_url answers one and the same as at that of n3");
	/* When they were started nobody knows, but the URL is the same. */
	for (size_t i = 0; i < words.count; i++)
		words.ones[i].said.started_ms = SNAPSHOT_NONE;
	patroni_whose_mark(&words, &cluster);
	expect_stranger(2, "");
	snprintf(words.ones[2].url, sizeof words.ones[2].url, "%s", words.ones[0].url);
	patroni_whose_mark(&words, &cluster);
	expect_stranger(2, "at its api_url answers one and the same as at that of n3");
}

/* The longest that can be told is told whole. */
static void
test_long_names_are_cut(void **state)
{
	static const char many[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

	(void)state;
	snprintf(cluster.scope, sizeof cluster.scope, "%.40s", many);
	speak_of(1, many, many, "79");
	patroni_whose_mark(&words, &cluster);
	assert_null(strstr(words.ones[0].stranger, "..."));
	assert_non_null(strstr(words.ones[0].stranger, "\", not \"xxxxxxxxxxxxxxxxxxxxxxxx\""));
}

/* One that could not be asked at its own URL may speak at a given one. */
static void
test_its_word_at_a_given_url(void **state)
{
	(void)state;
	speak_of(0, "n1", "demo", "71");
	speak_of(1, "n1", "demo", "71");
	speak_of(2, "n3", "demo", "71");
	speak_of(-1, "n2", "demo", "71")->lsn = 900;
	patroni_whose_mark(&words, &cluster);
	patroni_words_put(&words, &cluster);
	assert_int_equal(cluster.total, 3);
	assert_true(cluster.rows[1].is_asked && cluster.rows[1].is_unheard);
	assert_int_equal(cluster.rows[1].lag_bytes, 100);
	assert_string_equal(cluster.rows[1].fault, "at its api_url answers \"n1\"");
}

/* A refusal tells nothing of its Patroni, silence does. */
static void
test_who_is_silent(void **state)
{
	(void)state;
	keep_silent(0, "refused");
	keep_silent(1, "not let in");
	keep_silent(2, "no URL");
	words.ones[1].fault.class = ERR_SETUP;
	words.ones[2].fault.class = ERR_USAGE;
	patroni_words_put(&words, &cluster);
	assert_true(!cluster.rows[0].is_unheard && cluster.rows[1].is_unheard && cluster.rows[2].is_unheard);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_all_speak, begin),
		cmocka_unit_test_setup(test_unknown_lag, begin),
		cmocka_unit_test_setup(test_leader_is_silent, begin),
		cmocka_unit_test_setup(test_given_url_of_a_member, begin),
		cmocka_unit_test_setup(test_given_url_of_whom, begin),
		cmocka_unit_test_setup(test_given_url_of_whose_server_is_down, begin),
		cmocka_unit_test_setup(test_given_url_of_nobody, begin),
		cmocka_unit_test_setup(test_no_room, begin),
		cmocka_unit_test_setup(test_without_a_view, begin),
		cmocka_unit_test_setup(test_all_are_who_they_are, begin),
		cmocka_unit_test_setup(test_another_member, begin),
		cmocka_unit_test_setup(test_another_cluster, begin),
		cmocka_unit_test_setup(test_which_cluster_it_is, begin),
		cmocka_unit_test_setup(test_one_server_for_all_without_names, begin),
		cmocka_unit_test_setup(test_long_names_are_cut, begin),
		cmocka_unit_test_setup(test_its_word_at_a_given_url, begin),
		cmocka_unit_test_setup(test_who_is_silent, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
