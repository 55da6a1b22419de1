#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/evaluate/config_rules.h"

/* What a check's reason has room for: "NAME: REASON; REMEDY". */
enum { ROOM = 288 };

static struct snapshot node, primary;
static struct config_rules_facts facts;
static struct config_rules_finding finding;

static void
set(struct snapshot *snapshot, enum snapshot_part part, const char *name, const char *value)
{
	const struct snapshot_field *field = snapshot_field_find(part, name);
	struct err err;

	assert_non_null(field);
	if (snapshot_set(snapshot, field, value, &err) != 0)
		fail_msg("%s: %s", name, err.text);
	snapshot_mark(snapshot, part);
}

static void
set_config(struct snapshot *snapshot)
{
	static const struct {
		const char *name, *value;
	} values[] = {
		{"wal_level", "replica"},
		{"hot_standby", "on"},
		{"wal_log_hints", "on"},
		{"data_checksums", "on"},
		{"full_page_writes", "on"},
		{"fsync", "on"},
		{"archive_mode", "on"},
		{"max_slot_wal_keep_size", "10GB"},
		{"wal_keep_size", "1GB"},
		{"synchronous_standby_names", "ANY 1 (n1, n2, n3)"},
		{"synchronous_commit", "on"},
		{"wal_receiver_timeout", "1min"},
		{"wal_sender_timeout", "1min"},
		{"hot_standby_feedback", "on"},
		{"recovery_target_timeline", "latest"},
		{"primary_slot_name", "n2"},
		{"sync_replication_slots", "off"},
		{"has_primary_conninfo", "t"},
		{"has_application_name", "t"},
		{"has_dbname", "t"},
		{"tcp_keepalives_idle", "60"},
		{"tcp_keepalives_interval", "10"},
		{"tcp_keepalives_count", "6"},
		{"tcp_user_timeout", "30000"},
		{"max_wal_senders", "10"},
		{"max_replication_slots", "10"},
		{"max_connections", "100"},
		{"max_worker_processes", "8"},
		{"max_prepared_transactions", "0"},
		{"max_locks_per_transaction", "64"},
		{"slots", "2"},
		{"logical_slots", "0"},
		{"failover_slots", "0"},
		{"weak_commit_roles", "0"},
	};

	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
		set(snapshot, SNAPSHOT_CONFIG, values[i].name, values[i].value);
}

/* A good primary with the standbys n2 and n3; then, where it is wanted, a good standby n2 of it. */
static void
begin(bool is_standby)
{
	snapshot_init(&node);
	snapshot_init(&primary);
	node.server_version = primary.server_version = 180000;
	set_config(&node);
	set_config(&primary);
	set(&node, SNAPSHOT_ROLE, "in_recovery", is_standby ? "t" : "f");
	set(&primary, SNAPSHOT_ROLE, "in_recovery", "f");
	set(&primary, SNAPSHOT_SENDERS, "total", "2");
	snprintf(primary.senders.rows[0].application, SNAPSHOT_NAME_SIZE, "n2");
	snprintf(primary.senders.rows[1].application, SNAPSHOT_NAME_SIZE, "n3");
	node.senders = primary.senders;
	if (is_standby) {
		node.senders.total = 0;
		set(&node, SNAPSHOT_STANDBY, "application", "n2");
	}
	facts = (struct config_rules_facts){.node = &node, .primary = is_standby ? &primary : NULL};
}

static void
begin_file(void)
{
	begin(false);
	snapshot_init(&node);
	set_config(&node);
	set(&node, SNAPSHOT_CONFIG, "file", "postgresql.conf");
	set(&node, SNAPSHOT_CONFIG, "data_checksums", NULL);
	node.config.slots = node.config.logical_slots = SNAPSHOT_NONE;
	node.config.failover_slots = node.config.weak_commit_roles = SNAPSHOT_NONE;
}

static enum config_rules_result
judge(const char *name)
{
	for (size_t i = 0; i < config_rules_count; i++)
		if (strcmp(config_rules[i].name, name) == 0)
			return config_rules_judge(&config_rules[i], &facts, &finding);
	fail_msg("no rule is called %s", name);
	return CONFIG_RULES_NOT_JUDGED;
}

static void
assert_broken(const char *name, enum state state, const char *reason)
{
	if (judge(name) != CONFIG_RULES_BROKEN)
		fail_msg("%s is not broken", name);
	assert_string_equal(finding.reason, reason);
	assert_int_equal(finding.state, state);
	assert_true(strlen(name) + strlen(finding.reason) + strlen(finding.remedy) + 4 < ROOM);
}

#define assert_kept(name) assert_int_equal(judge(name), CONFIG_RULES_KEPT)
#define assert_not_judged(name) assert_int_equal(judge(name), CONFIG_RULES_NOT_JUDGED)

static void
nothing_is_broken_where_all_is_well(void **state)
{
	(void)state;
	for (int place = 0; place < 3; place++) {
		if (place == 2)
			begin_file();
		else
			begin(place == 1);
		for (size_t i = 0; i < config_rules_count; i++)
			if (config_rules_judge(&config_rules[i], &facts, &finding) == CONFIG_RULES_BROKEN)
				fail_msg("%d: %s: %s", place, config_rules[i].name, finding.reason);
	}
}

static void
rules_have_names_of_their_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < config_rules_count; i++) {
		assert_true(strspn(config_rules[i].name, "abcdefghijklmnopqrstuvwxyz_")
			== strlen(config_rules[i].name));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(config_rules[i].name, config_rules[j].name);
	}
}

static void
each_rule_has_a_place_where_it_is_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < config_rules_count; i++) {
		bool is_judged = false;

		for (int place = 0; place < 3; place++) {
			if (place == 2)
				begin_file();
			else
				begin(place == 1);
			node.config.failover_slots = node.config.logical_slots = 1;
			set(&node, SNAPSHOT_CONFIG, "synchronized_standby_slots", "n2");
			is_judged = is_judged
				|| config_rules_judge(&config_rules[i], &facts, &finding)
					!= CONFIG_RULES_NOT_JUDGED;
		}
		if (!is_judged)
			fail_msg("%s is never judged", config_rules[i].name);
	}
}

static void
values_of_older_recordings_that_are_not_there_are_not_judged(void **state)
{
	(void)state;
	begin(false);
	set(&node, SNAPSHOT_CONFIG, "wal_receiver_timeout", NULL);
	set(&node, SNAPSHOT_CONFIG, "wal_sender_timeout", "soon");
	set(&node, SNAPSHOT_CONFIG, "synchronous_commit", NULL);
	node.config.weak_commit_roles = SNAPSHOT_NONE;
	assert_not_judged("wal_receiver_timeout");
	assert_not_judged("wal_sender_timeout");
	assert_not_judged("synchronous_commit");
	assert_not_judged("weak_commit_roles");
}

static void
what_needs_the_primary_is_not_judged_without_it(void **state)
{
	(void)state;
	begin(true);
	node.config.max_connections = 1;
	assert_broken("lower_than_primary", STATE_CRITICAL,
		"max_connections 1 < 100: replay pauses, or the server refuses to start");
	facts.primary = NULL;
	assert_not_judged("lower_than_primary");
	assert_not_judged("sync_replication_slots");
	set(&node, SNAPSHOT_CONFIG, "synchronous_standby_names", "*");
	assert_not_judged("sync_after_failover");
	set(&node, SNAPSHOT_CONFIG, "synchronous_standby_names", NULL);
	assert_not_judged("sync_after_failover");
	begin(false); /* nor of a primary */
	node.config.max_connections = 1;
	assert_not_judged("lower_than_primary");
	assert_not_judged("sync_after_failover");
	assert_not_judged("primary_conninfo");
}

static void
commits_after_a_failover(void **state)
{
	(void)state;
	begin(true);
	assert_kept("sync_after_failover");
	set(&node, SNAPSHOT_CONFIG, "synchronous_standby_names", "2 (n1, n2, n3)");
	assert_broken("sync_after_failover", STATE_WARNING,
		"after a failover to this node commits block: needs the first 2 of (n1, n2, n3), 1 connected "
		"to the "
		"primary besides itself");
	set(&node, SNAPSHOT_CONFIG, "synchronous_standby_names", "*");
	assert_kept("sync_after_failover");
	primary.senders.total = 1;
	assert_broken("sync_after_failover", STATE_WARNING,
		"after a failover to this node commits block: needs the first 1 of (*), 0 connected to the "
		"primary "
		"besides itself");
	set(&node, SNAPSHOT_CONFIG, "synchronous_standby_names", "ALL (n2)"); /* another rule's */
	assert_kept("sync_after_failover");
	assert_int_equal(judge("synchronous_standby_names"), CONFIG_RULES_BROKEN);
	set(&primary, SNAPSHOT_CONFIG, "synchronous_standby_names", NULL);
	set(&node, SNAPSHOT_CONFIG, "synchronous_standby_names", NULL);
	assert_kept("sync_after_failover");
}

static void
standbys_that_are_there(void **state)
{
	(void)state;
	begin(false);
	assert_kept("sync_candidates");
	assert_kept("sync_spare");
	snprintf(node.senders.rows[1].state, sizeof node.senders.rows[1].state, "backup");
	assert_broken("sync_spare", STATE_WARNING,
		"needs 1 of (n1, n2, n3), 1 connected: commits block when one of them is gone");
	snprintf(node.senders.rows[0].state, sizeof node.senders.rows[0].state, "backup");
	assert_broken(
		"sync_candidates", STATE_CRITICAL, "commits block: needs 1 of (n1, n2, n3), 0 connected");
	assert_not_judged("sync_spare");
	set(&node, SNAPSHOT_CONFIG, "synchronous_standby_names", NULL);
	assert_not_judged("sync_candidates");
	assert_not_judged("sync_spare");
}

static void
the_longest_texts_have_room(void **state)
{
	char names[1000] = "ANY 30 (";

	(void)state;
	begin_file();
	for (int i = 0; i < 20; i++)
		snprintf(names + strlen(names), sizeof names - strlen(names),
			"%sa_standby_with_a_long_name_%d", i > 0 ? ", " : "", i);
	strcat(names, ")");
	set(&node, SNAPSHOT_CONFIG, "synchronous_standby_names", names);
	assert_int_equal(judge("sync_candidates"), CONFIG_RULES_BROKEN);
	assert_true(strlen("sync_candidates") + strlen(finding.reason) + strlen(finding.remedy) + 4 < ROOM);
	begin(true);
	node.config.max_connections = node.config.max_worker_processes = node.config.max_wal_senders = 1;
	node.config.max_locks_per_transaction = 10;
	primary.config.max_connections = primary.config.max_worker_processes = 262143;
	primary.config.max_prepared_transactions = primary.config.max_wal_senders = 262143;
	assert_broken("lower_than_primary", STATE_CRITICAL,
		"max_connections 1 < 262143, max_locks_per_transaction 10 < 64, max_prepared_transactions 0 "
		"< 262143, "
		"max_wal_senders 1 < 262143, max_worker_processes 1 < 262143: replay pauses, or the server "
		"refuses to "
		"start");
}

static void
a_file_is_held_against_what_holds_in_either_role(void **state)
{
	(void)state;
	begin_file();
	assert_kept("file");
	assert_not_judged("wal_keep_size");
	assert_not_judged("logical_slots");
	assert_not_judged("sync_candidates");
	assert_kept("sync_spare");
	set(&node, SNAPSHOT_CONFIG, "wal_log_hints", "off");
	assert_int_equal(judge("wal_log_hints"), CONFIG_RULES_BROKEN);
	assert_int_equal(finding.state, STATE_OK);
	set(&node, SNAPSHOT_CONFIG, "max_slot_wal_keep_size", "-1");
	assert_int_equal(judge("max_slot_wal_keep_size"), CONFIG_RULES_BROKEN);
	assert_int_equal(finding.state, STATE_OK);
	set(&node, SNAPSHOT_CONFIG, "refused", "a.conf:1: syntax error");
	assert_broken("file", STATE_CRITICAL, "the server would refuse it: a.conf:1: syntax error");
	set(&node, SNAPSHOT_CONFIG, "recovery_target_timeline", "current");
	assert_int_equal(judge("recovery_target_timeline"), CONFIG_RULES_BROKEN);
	assert_int_equal(finding.state, STATE_WARNING);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_broken_where_all_is_well),
		cmocka_unit_test(rules_have_names_of_their_own),
		cmocka_unit_test(each_rule_has_a_place_where_it_is_judged),
		cmocka_unit_test(values_of_older_recordings_that_are_not_there_are_not_judged),
		cmocka_unit_test(what_needs_the_primary_is_not_judged_without_it),
		cmocka_unit_test(commits_after_a_failover),
		cmocka_unit_test(standbys_that_are_there),
		cmocka_unit_test(the_longest_texts_have_room),
		cmocka_unit_test(a_file_is_held_against_what_holds_in_either_role),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
