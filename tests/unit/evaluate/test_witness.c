#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/evaluate/judge.h"
#include "lib/evaluate/witness.h"
#include "lib/evaluate/witness_patroni.h"
#include "lib/evaluate/witness_replica.h"
#include "lib/evaluate/witness_rival.h"

static struct snapshot node;
static struct verdict verdict;
static struct policy policy;
static enum state unreachable[WITNESS_MANAGERS];
static const struct witness_limits limits = {.policy = &policy, .unreachable = unreachable};
static const struct check asking = {.name = "pg_leader", .title = "PG LEADER"};

#define SET(field, text) assert_true(snprintf(field, sizeof(field), "%s", text) < (int)sizeof(field))

/* A primary on timeline 3 of cluster 77 at 10.0.0.11. */
static int
begin(void **state)
{
	(void)state;
	snapshot_init(&node);
	snapshot_mark(&node, SNAPSHOT_ROLE);
	snapshot_mark(&node, SNAPSHOT_IDENTITY);
	SET(node.target, "10.0.0.11:5432");
	SET(node.role.wal_file, "000000030000000000000005");
	SET(node.identity.system_identifier, "77");
	node.identity.started_ms = 1000;
	policy = (struct policy){.wrong_role = STATE_CRITICAL};
	policy.on[ERR_SETUP] = policy.on[ERR_USAGE] = STATE_UNKNOWN;
	for (int i = 0; i < WITNESS_MANAGERS; i++)
		unreachable[i] = STATE_CRITICAL;
	judge_begin(&verdict, &asking, &node);
	return 0;
}

static void
judge_primary(void)
{
	witness_judge_primary(&node, &limits, &verdict);
	judge_end(&verdict);
}

static void
fail_part(enum snapshot_part part, enum err_class class, const char *hint)
{
	struct err fault;

	err_set(&fault, class, "no answer in time");
	if (hint[0] != '\0')
		err_hint(&fault, "%s", hint);
	snapshot_fail(&node, part, &fault);
}

/* -- who is there ------------------------------------------------------------------------------ */

static void
nobody_named_nobody_judged(void **state)
{
	(void)state;
	judge_primary();
	assert_int_equal(verdict.state, STATE_OK);
	assert_int_equal(verdict.reason_count, 0);
	assert_int_equal(witness_replica_behind_bytes(&node), -1);
}

static void
each_manager_has_a_state_of_its_own(void **state)
{
	static const enum snapshot_part parts[] = {SNAPSHOT_PATRONI, SNAPSHOT_REPMGR, SNAPSHOT_AUTO_FAILOVER};

	for (int i = 0; i < WITNESS_MANAGERS; i++) {
		begin(state);
		for (int other = 0; other < WITNESS_MANAGERS; other++)
			unreachable[other] = other == i ? STATE_UNKNOWN : STATE_OK;
		fail_part(parts[i], ERR_TIMEOUT, "");
		judge_primary();
		assert_int_equal(verdict.state, STATE_UNKNOWN);
		assert_int_equal(verdict.reason_count, 1);
		assert_non_null(strstr(verdict.summary, "could not be asked (no answer in time)"));
	}
}

/* The damping looks at it: an answer that is late is no fall that counts at once. */
static void
the_fault_is_kept_where_it_decides(void **state)
{
	fail_part(SNAPSHOT_PATRONI, ERR_TIMEOUT, "");
	judge_primary();
	assert_int_equal(verdict.fault.class, ERR_TIMEOUT);
	assert_string_equal(
		verdict.hint, "see check_patroni; --patroni-unreachable ok trusts PostgreSQL alone");

	begin(state);
	unreachable[WITNESS_PATRONI] = STATE_WARNING;
	fail_part(SNAPSHOT_PATRONI, ERR_TIMEOUT, "");
	judge_primary();
	assert_int_equal(verdict.fault.class, ERR_NONE);
	assert_int_equal(verdict.state, STATE_WARNING);
}

static void
the_hint_of_the_fault_comes_first(void **state)
{
	(void)state;
	fail_part(SNAPSHOT_PATRONI, ERR_SETUP, "give the certificate");
	judge_primary();
	assert_string_equal(verdict.hint, "give the certificate");
}

static void
what_cannot_be_asked_at_all_is_no_matter_of_policy(void **state)
{
	(void)state;
	for (int i = 0; i < WITNESS_MANAGERS; i++)
		unreachable[i] = STATE_OK;
	fail_part(SNAPSHOT_PATRONI, ERR_USAGE, "");
	judge_primary();
	assert_int_equal(verdict.state, STATE_UNKNOWN);
	assert_int_equal(verdict.fault.class, ERR_USAGE);
}

/* -- which of several nodes is this one -------------------------------------------------------- */

/* Two nodes of repmgr, of which none is marked. */
static void
set_repmgr(const char *first, const char *second)
{
	static const char *const types[] = {"primary", "standby"};

	snapshot_mark(&node, SNAPSHOT_REPMGR);
	node.repmgr.total = 2;
	for (int i = 0; i < 2; i++) {
		node.repmgr.rows[i].id = i + 1;
		node.repmgr.rows[i].is_active = true;
		SET(node.repmgr.rows[i].name, i == 0 ? "n1" : "n2");
		SET(node.repmgr.rows[i].type, types[i]);
		SET(node.repmgr.rows[i].place, i == 0 ? first : second);
	}
}

static void
repmgrs_node_is_found_by_its_place(void **state)
{
	set_repmgr("10.0.0.11:5432", "10.0.0.12:5432");
	judge_primary();
	assert_string_equal(verdict.summary, "repmgr's primary \"n1\"");

	begin(state);
	set_repmgr("10.0.0.12:5432", "10.0.0.11:5432");
	judge_primary();
	assert_int_equal(verdict.state, STATE_CRITICAL);
	assert_non_null(strstr(verdict.summary, "its node \"n2\" is a standby, and the primary is \"n1\""));

	begin(state);
	set_repmgr("", "10.0.0.12:5432");
	node.target[0] = '\0';
	judge_primary();
	assert_int_equal(verdict.state, STATE_UNKNOWN);
}

static void
the_mark_counts_more_than_the_place(void **state)
{
	(void)state;
	set_repmgr("10.0.0.11:5432", "10.0.0.12:5432");
	node.repmgr.rows[1].is_own = true;
	judge_primary();
	assert_int_equal(verdict.state, STATE_CRITICAL);
}

static void
the_monitors_node_is_found_by_its_place(void **state)
{
	(void)state;
	snapshot_mark(&node, SNAPSHOT_AUTO_FAILOVER);
	node.auto_failover.total = 2;
	for (int i = 0; i < 2; i++) {
		struct snapshot_auto_failover_node *row = &node.auto_failover.rows[i];

		row->group = 0;
		row->port = 5432;
		SET(row->host, i == 0 ? "10.0.0.12" : "10.0.0.11");
		SET(row->name, i == 0 ? "node_1" : "node_2");
		SET(row->goal_state, i == 0 ? "secondary" : "primary");
		SET(row->reported_state, i == 0 ? "secondary" : "primary");
	}
	judge_primary();
	assert_string_equal(verdict.summary, "the monitor's \"node_2\" (primary)");
}

/* Of two rows that may be this node's by their start, the one at its place is. */
static void
the_row_at_the_place_that_was_asked_is_its_own(void **state)
{
	(void)state;
	set_repmgr("10.0.0.12:5432", "10.0.0.11:5432");
	node.repmgr.is_own_asked = true;
	SET(node.target, "10.0.0.11:5432");
	snapshot_mark(&node, SNAPSHOT_IDENTITY);
	node.identity.started_ms = 1000;
	for (int i = 0; i < 2; i++) {
		struct snapshot_repmgr_node *row = &node.repmgr.rows[i];

		row->own_started_ms = 1000;
		row->is_active = true;
		SET(row->name, i == 0 ? "n2" : "n1");
		SET(row->type, i == 0 ? "primary" : "standby");
	}
	judge_primary();
	assert_int_equal(verdict.state, STATE_CRITICAL);
	assert_non_null(strstr(verdict.summary, "to repmgr its node \"n1\" is a standby"));
}

/* More rows than are held are told by the total alone. */
static void
a_total_beyond_the_rows_is_no_row(void **state)
{
	(void)state;
	set_repmgr("10.0.0.12:5432", "10.0.0.13:5432");
	node.repmgr.total = SNAPSHOT_NUMBER_MAX;
	judge_primary();
	assert_int_equal(verdict.state, STATE_UNKNOWN);
}

static void
rivals(void **state)
{
	static const struct {
		int64_t theirs;
		enum state state;
		const char *summary;
	} cases[] = {
		{4, STATE_CRITICAL, "stale primary: n2 is primary on the newer timeline 4"},
		{3, STATE_CRITICAL, "split brain: n2 is primary on timeline 3 as well"},
		{2, STATE_OK, "n2 is a stale primary on timeline 2"},
		{0, STATE_CRITICAL, "split brain: n2 is primary as well"},
		{SNAPSHOT_NONE, STATE_CRITICAL, "split brain: n2 is primary as well"},
		{SNAPSHOT_NUMBER_MAX, STATE_CRITICAL,
			"stale primary: n2 is primary on the newer timeline 1152921504606846976"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		begin(state);
		witness_rival_judge("n2", cases[i].theirs, 3, WITNESS_RIGHT_UNKNOWN, &verdict);
		judge_end(&verdict);
		assert_int_equal(verdict.state, cases[i].state);
		assert_string_equal(verdict.summary, cases[i].summary);
	}
}

static void
set_monitor(const char *goal, int64_t their_timeline)
{
	struct snapshot_auto_failover *monitor = &node.auto_failover;

	snapshot_mark(&node, SNAPSHOT_AUTO_FAILOVER);
	monitor->total = 2;
	for (int i = 0; i < 2; i++) {
		monitor->rows[i].is_own = i == 0;
		SET(monitor->rows[i].name, i == 0 ? "n1" : "n2");
		SET(monitor->rows[i].reported_state, i == 0 ? goal : "secondary");
		SET(monitor->rows[i].goal_state, i == 0 ? goal : "secondary");
	}
	SET(monitor->rows[1].own_role, "primary");
	monitor->rows[1].own_timeline = their_timeline;
}

/* A copied command line has another node's name. */
static void
a_name_that_is_not_that_of_the_server_asked_is_refused(void **state)
{
	(void)state;
	set_monitor("secondary", 3);
	SET(node.auto_failover.rows[0].host, "10.0.0.11");
	SET(node.auto_failover.rows[1].host, "10.0.0.12");
	node.auto_failover.rows[0].port = node.auto_failover.rows[1].port = 5432;
	SET(node.target, "10.0.0.12:5432");
	assert_int_equal(witness_right(&node), WITNESS_RIGHT_UNKNOWN);
	judge_primary();
	assert_int_equal(verdict.state, STATE_UNKNOWN);
	assert_string_equal(verdict.summary, "the server asked is the monitor's node \"n2\", not \"n1\"");
	begin(state);
	set_monitor("primary", 2);
	SET(node.auto_failover.rows[0].host, "10.0.0.11");
	SET(node.target, "10.0.0.10:5432"); /* an address that the monitor does not know */
	judge_primary();
	assert_int_equal(verdict.state, STATE_OK);
}

/* Who is told to stop "this server" at three in the morning does so. */
static void
nobody_is_told_to_stop_the_server_that_is_wanted(void **state)
{
	static const struct {
		enum witness_right right;
		int64_t theirs;
		const char *hint;
	} cases[] = {
		{WITNESS_RIGHT_UNKNOWN, 4, "stop this server at once"},
		{WITNESS_RIGHT_UNKNOWN, 3, "stop one of the two"},
		{WITNESS_RIGHT_UNKNOWN, 2, "stop that server"},
		{WITNESS_RIGHT_HERE, 4, "this one's manager wants it to be the primary"},
		{WITNESS_RIGHT_HERE, 3, "this one's manager wants it to be the primary"},
		{WITNESS_RIGHT_HERE, 0, "this one's manager wants it to be the primary"},
		{WITNESS_RIGHT_HERE, 2, "stop that server"},
		{WITNESS_RIGHT_ELSEWHERE, 4, "stop this server at once"},
		{WITNESS_RIGHT_ELSEWHERE, 3, "let nobody write here"},
		{WITNESS_RIGHT_ELSEWHERE, 0, "let nobody write here"},
		{WITNESS_RIGHT_ELSEWHERE, 2, "let nobody write here"},
		{WITNESS_RIGHT_REGISTERED, 4, "the other one was promoted behind its manager's back"},
		{WITNESS_RIGHT_REGISTERED, 3, "the other one was promoted behind its manager's back"},
		{WITNESS_RIGHT_REGISTERED, 2, "stop that server"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		begin(state);
		witness_rival_judge("n2", cases[i].theirs, 3, cases[i].right, &verdict);
		judge_end(&verdict);
		if (strstr(verdict.hint, cases[i].hint) != verdict.hint)
			fail_msg("case %zu: %s", i, verdict.hint);
		assert_int_equal(verdict.state,
			cases[i].theirs == 2 && cases[i].right != WITNESS_RIGHT_ELSEWHERE ? STATE_OK
											  : STATE_CRITICAL);
	}
}

static void
the_monitor_is_whom_to_believe(void **state)
{
	(void)state;
	assert_int_equal(witness_right(&node), WITNESS_RIGHT_UNKNOWN);
	set_monitor("primary", 4);
	assert_int_equal(witness_right(&node), WITNESS_RIGHT_HERE);
	judge_primary();
	assert_int_equal(verdict.state, STATE_CRITICAL);
	assert_non_null(strstr(verdict.hint, "stop the other one"));
	begin(state);
	set_monitor("secondary", 2);
	assert_int_equal(witness_right(&node), WITNESS_RIGHT_ELSEWHERE);
	judge_primary();
	assert_int_equal(verdict.state, STATE_CRITICAL);
	assert_non_null(strstr(verdict.hint, "let nobody write here"));
}

/* -- whose Patroni it is ----------------------------------------------------------------------- */

static void
set_patroni(const char *identifier, int64_t started_ms)
{
	snapshot_mark(&node, SNAPSHOT_PATRONI);
	SET(node.patroni.system_identifier, identifier);
	SET(node.patroni.role, "primary");
	node.patroni.started_ms = started_ms;
	node.patroni.has_lock = true;
	node.patroni.timeline = 3;
}

/* Known to be another, known to be this one, or neither. */
static void
whose_patroni_it_is(void **state)
{
	static const struct {
		const char *identifier;
		int64_t started_ms;
		int64_t timeline;
		bool is_stranger, is_same;
	} cases[] = {
		{"77", 1000, 3, false, true},
		{"77", 999, 3, false, true},
		{"77", 1001, 3, false, true},
		{"77", 1002, 3, true, false},
		{"77", 998, 3, true, false},
		{"78", 1000, 3, true, false},
		{"77", SNAPSHOT_NONE, 3, false, false},
		{"", 1000, 3, false, false},
		{"77", 1000, 4, false, true},
		{"77", SNAPSHOT_NONE, 4, true, false},
		{"77", SNAPSHOT_NONE, SNAPSHOT_NONE, false, false},
		{"77", SNAPSHOT_NUMBER_MAX, 3, true, false},
		{"77", -SNAPSHOT_NUMBER_MAX, 3, true, false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		begin(state);
		set_patroni(cases[i].identifier, cases[i].started_ms);
		node.patroni.timeline = cases[i].timeline;
		assert_int_equal(witness_patroni_is_stranger(&node), cases[i].is_stranger);
		assert_int_equal(witness_patroni_is_same_server(&node), cases[i].is_same);
	}
	begin(state);
	set_patroni("78", 1);
	node.obtained &= ~(1U << SNAPSHOT_IDENTITY);
	assert_false(witness_patroni_is_stranger(&node));
	assert_false(witness_patroni_is_same_server(&node));
}

static void
the_lock_is_whom_to_believe(void **state)
{
	(void)state;
	set_patroni("77", 1000);
	node.patroni.has_lock = true;
	assert_int_equal(witness_right(&node), WITNESS_RIGHT_HERE);
	SET(node.patroni.role, "demoted");
	assert_int_equal(witness_right(&node), WITNESS_RIGHT_ELSEWHERE);
	SET(node.patroni.role, "primary");
	node.patroni.is_paused = node.patroni.is_unlocked = true;
	assert_int_equal(witness_right(&node), WITNESS_RIGHT_UNKNOWN);
	node.patroni.is_paused = node.patroni.is_unlocked = node.patroni.has_lock = false;
	assert_int_equal(witness_right(&node), WITNESS_RIGHT_ELSEWHERE);
	set_monitor("primary", 2);
	assert_int_equal(witness_right(&node), WITNESS_RIGHT_ELSEWHERE);
	node.patroni.started_ms = 5; /* of another server */
	assert_int_equal(witness_right(&node), WITNESS_RIGHT_HERE);
}

/* -- how far a replica is behind --------------------------------------------------------------- */

/* A standby that has replayed all that it was told of, and its Patroni. */
static void
set_replica(uint64_t replayed, uint64_t replayed_later, uint64_t leader_lsn)
{
	node.role.in_recovery = true;
	node.standby.replay_lsn = replayed;
	node.standby.latest_end_lsn = node.standby.receive_lsn = replayed;
	node.standby.receiver_pid = 1;
	node.standby.has_heard = true;
	node.standby.receipt_age_ms = 0;
	node.standby.receiver_timeout_ms = 60000;
	SET(node.standby.receiver_status, "streaming");
	set_patroni("77", 1000);
	SET(node.patroni.role, "replica");
	node.patroni.has_lock = false;
	node.patroni.lsn = replayed_later;
	node.patroni.leader_lsn = leader_lsn;
}

static void
the_lag_by_the_leader(void **state)
{
	static const struct {
		uint64_t replayed, replayed_later, leader;
		int64_t bytes;
	} cases[] = {
		{1000, 1000, 1000, 0},
		{1000, 1000, 1100, 100},
		{1000, 1080, 1100, 20}, /* what came while it was asked */
		{1000, 900, 1100, 100}, /* an older look of the agent's */
		{1000, 1000, 900, 0},   /* likewise */
		{1000, 1000, 0, -1},    /* nobody knows the leader's position */
		{0, 1000, 1100, -1},    /* nor this one's */
		{1, 1, UINT64_MAX, INT64_MAX},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		begin(state);
		set_replica(cases[i].replayed, cases[i].replayed_later, cases[i].leader);
		assert_int_equal(witness_replica_behind_bytes(&node), cases[i].bytes);
	}
}

static void
the_receivers_word_counts_where_it_is_worse(void **state)
{
	(void)state;
	set_replica(1000, 1000, 1100);
	node.standby.latest_end_lsn = 1500;
	assert_int_equal(witness_replica_behind_bytes(&node), 500);
}

static void
a_stranger_tells_no_lag(void **state)
{
	(void)state;
	set_replica(1000, 1000, 1100);
	node.patroni.started_ms = 5;
	assert_int_equal(witness_replica_behind_bytes(&node), -1);
}

static void
whether_its_sender_is_the_leader(void **state)
{
	static const struct {
		const char *url, *host, *tags;
		bool is_leader;
	} cases[] = {
		{"http://10.0.0.1:8008", "10.0.0.1", "", true},
		{"https://10.0.0.1", "10.0.0.1", "", true},
		{"http://10.0.0.1/x", "10.0.0.1", "", true},
		{"http://pg1.example:8008", "pg1.example", "nofailover=true", true},
		{"http://[fd00::1]:8008", "fd00::1", "", true},
		{"http://10.0.0.1:8008", "10.0.0.2", "", false},
		{"http://10.0.0.11:8008", "10.0.0.1", "", false},
		{"http://10.0.0.1:8008", "10.0.0.11", "", false},
		{"http://[fd00::11]:8008", "fd00::1", "", false},
		{"http://10.0.0.1:8008", "", "", false},
		{"", "10.0.0.1", "", false},
		{"", "", "", false},
		{"10.0.0.1", "10.0.0.1", "", false},
		{"http://10.0.0.1:8008", "10.0.0.1", "replicatefrom=n3", false},
		{"http://10.0.0.1:8008", "10.0.0.1", "a=b,replicatefrom=n3,c=d", false},
		{"http://10.0.0.1:8008", "10.0.0.1", "no_replicatefrom=n3", true},
		{"http://10.0.0.1:8008", "/run/postgresql", "", false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		begin(state);
		set_replica(1000, 1000, 1100);
		SET(node.patroni.leader_url, cases[i].url);
		SET(node.patroni.tags, cases[i].tags);
		SET(node.standby.sender_host, cases[i].host);
		if (witness_replica_is_sender_leader(&node) != cases[i].is_leader)
			fail_msg("%s, %s, %s", cases[i].url, cases[i].host, cases[i].tags);
	}
	node.patroni.started_ms = 5;
	assert_false(witness_replica_is_sender_leader(&node));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nobody_named_nobody_judged, begin),
		cmocka_unit_test_setup(each_manager_has_a_state_of_its_own, begin),
		cmocka_unit_test_setup(the_fault_is_kept_where_it_decides, begin),
		cmocka_unit_test_setup(the_hint_of_the_fault_comes_first, begin),
		cmocka_unit_test_setup(what_cannot_be_asked_at_all_is_no_matter_of_policy, begin),
		cmocka_unit_test_setup(repmgrs_node_is_found_by_its_place, begin),
		cmocka_unit_test_setup(the_mark_counts_more_than_the_place, begin),
		cmocka_unit_test_setup(the_monitors_node_is_found_by_its_place, begin),
		cmocka_unit_test_setup(the_row_at_the_place_that_was_asked_is_its_own, begin),
		cmocka_unit_test_setup(a_total_beyond_the_rows_is_no_row, begin),
		cmocka_unit_test_setup(rivals, begin),
		cmocka_unit_test_setup(nobody_is_told_to_stop_the_server_that_is_wanted, begin),
		cmocka_unit_test_setup(the_monitor_is_whom_to_believe, begin),
		cmocka_unit_test_setup(a_name_that_is_not_that_of_the_server_asked_is_refused, begin),
		cmocka_unit_test_setup(the_lock_is_whom_to_believe, begin),
		cmocka_unit_test_setup(whether_its_sender_is_the_leader, begin),
		cmocka_unit_test_setup(whose_patroni_it_is, begin),
		cmocka_unit_test_setup(the_lag_by_the_leader, begin),
		cmocka_unit_test_setup(the_receivers_word_counts_where_it_is_worse, begin),
		cmocka_unit_test_setup(a_stranger_tells_no_lag, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
