#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/evaluate/sync_standbys.h"

static struct snapshot snapshot;
static struct sync_names names;
static struct sync_standbys standbys;

/* -- what is looked at ------------------------------------------------------------------------- */

static int
begin(void **state)
{
	(void)state;
	snapshot_init(&snapshot);
	snapshot.senders.total = 0;
	snapshot.senders.sender_timeout_ms = 60000;
	return 0;
}

/* A sender that streams, caught up, in the next place; what is told of it is set by look(). */
static struct snapshot_sender *
add(const char *application)
{
	struct snapshot_sender *sender = &snapshot.senders.rows[snapshot.senders.total++];

	sender->place = snapshot.senders.total;
	snprintf(sender->application, sizeof sender->application, "%s", application);
	snprintf(sender->state, sizeof sender->state, "streaming");
	sender->flush_lsn = sender->replay_lsn = 0x5000148;
	sender->behind_bytes = 0;
	sender->reply_age_ms = 100;
	return sender;
}

/* Looks at the senders as a server would have them that goes by the setting. */
static void
look(const char *value)
{
	struct err err;

	if (sync_names_parse(value, &names, &err) != 0)
		fail_msg("%s: %s", value, err.text);
	for (int64_t i = 0; i < snapshot.senders.total && i < SNAPSHOT_SENDERS_MAX; i++) {
		struct snapshot_sender *sender = &snapshot.senders.rows[i];

		sender->sync_priority = sender->flush_lsn == 0
			? 0
			: sync_names_priority(&names, sender->application);
	}
	sync_standbys_look(&names, &snapshot.senders, &standbys);
}

static void
expect_list(enum sync_standbys_who who, const char *expected)
{
	char storage[1024];
	struct text text;

	text_init(&text, storage, sizeof storage);
	sync_standbys_list(&standbys, who, &text);
	assert_string_equal(storage, expected);
}

static void
expect_states(const char *sync, const char *quorum, const char *potential, const char *async)
{
	expect_list(SYNC_STANDBYS_WHO_SYNC, sync);
	expect_list(SYNC_STANDBYS_WHO_QUORUM, quorum);
	expect_list(SYNC_STANDBYS_WHO_POTENTIAL, potential);
	expect_list(SYNC_STANDBYS_WHO_ASYNC, async);
}

static void
expect_count(int candidates, int margin)
{
	assert_int_equal(standbys.candidates, candidates);
	assert_int_equal(standbys.margin, margin);
}

/* -- states and margin ------------------------------------------------------------------------- */

static void
of_a_priority_list_the_first_are_synchronous(void **state)
{
	(void)state;
	add("n3");
	add("n2");
	add("n4");
	look("FIRST 1 (n2, n3)");
	expect_states("n2", "", "n3", "n4");
	expect_count(2, 1);
	look("2 (n2, n3, n4)");
	expect_states("n3, n2", "", "n4", "");
	expect_count(3, 1);
	look("n4, n3");
	expect_states("n4", "", "n3", "n2");
	expect_count(2, 1);
}

static void
of_one_priority_the_place_decides(void **state)
{
	(void)state;
	add("b")->place = 3;
	add("a")->place = 1;
	add("c")->place = 2;
	look("*");
	expect_states("a", "", "b, c", "");
	look("FIRST 2 (*)");
	expect_states("a, c", "", "b", "");
	look("FIRST 2 (b, *)");
	expect_states("b, a", "", "c", "");
}

static void
of_a_quorum_all_count(void **state)
{
	(void)state;
	add("n2");
	add("n3");
	add("n4");
	look("ANY 1 (n2, N3)");
	expect_states("", "n2, n3", "", "n4");
	expect_count(2, 1);
	look("ANY 2 (n2, n3)");
	expect_count(2, 0);
}

static void
off_is_none_of_it(void **state)
{
	(void)state;
	add("n2");
	look("");
	expect_states("", "", "", "n2");
	assert_int_equal(names.required, 0);
}

/* The server shows "sync" for the one there is, and every commit hangs. */
static void
with_fewer_than_required_commits_block(void **state)
{
	(void)state;
	add("n2");
	look("FIRST 5 (n2)");
	expect_states("n2", "", "", "");
	expect_count(1, -4);
	assert_int_equal(standbys.named, 1);
	look("ANY 2 (n2, n3)");
	expect_states("", "n2", "", "");
	expect_count(1, -1);
	expect_list(SYNC_STANDBYS_WHO_ABSENT, "n3");
}

static void
only_one_that_streams_counts(void **state)
{
	static const struct {
		const char *state;
		bool has_flushed, is_candidate, is_late;
	} cases[] = {
		{"streaming", true, true, false},
		{"stopping", true, true, false},
		{"startup", true, false, true},
		{"catchup", true, false, true},
		{"backup", true, false, false},
		{"streaming", false, false, true},
		{"backup", false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct snapshot_sender *sender;
		char late[32];

		begin(NULL);
		sender = add("n2");
		snprintf(sender->state, sizeof sender->state, "%s", cases[i].state);
		sender->flush_lsn = cases[i].has_flushed ? 1 : 0;
		look("FIRST 1 (n2)");
		expect_count(cases[i].is_candidate, cases[i].is_candidate - 1);
		expect_states(cases[i].is_candidate ? "n2" : "", "",
			cases[i].has_flushed && !cases[i].is_candidate ? "n2" : "",
			cases[i].has_flushed ? "" : "n2");
		snprintf(late, sizeof late, "n2 (%s)", cases[i].state);
		expect_list(SYNC_STANDBYS_WHO_LATE, cases[i].is_late ? late : "");
	}
}

static void
several_of_one_name_count_each(void **state)
{
	(void)state;
	add("n2");
	add("N2");
	look("FIRST 2 (n2)");
	expect_states("n2, N2", "", "", "");
	expect_count(2, 0);
	expect_list(SYNC_STANDBYS_WHO_TWINS, "n2 (2)");
	look("FIRST 2 (*)"); /* "walreceiver" is what they all are called, if nobody names them */
	expect_list(SYNC_STANDBYS_WHO_TWINS, "");
}

static void
members_count_once(void **state)
{
	(void)state;
	add("n2");
	look("ANY 2 (n2, N2, *, \"*\", n3)");
	assert_int_equal(standbys.named, 2);
	expect_count(1, -1);
	expect_list(SYNC_STANDBYS_WHO_ABSENT, "n3");
	look("FIRST 1 (n2, n2)");
	expect_states("n2", "", "", "");
	assert_int_equal(standbys.named, 1);
}

/* -- more than that ---------------------------------------------------------------------------- */

static void
who_holds_up_commits(void **state)
{
	(void)state;
	add("n2")->behind_bytes = 1;
	add("n3")->behind_bytes = SNAPSHOT_NONE;
	add("n4")->behind_bytes = 0;
	look("FIRST 1 (n2, n3, n4)");
	expect_list(SYNC_STANDBYS_WHO_BEHIND, "n2");
	assert_int_equal(standbys.caught_up, 0);
	look("FIRST 1 (n4, n3, n2)");
	expect_list(SYNC_STANDBYS_WHO_BEHIND, "");
	assert_int_equal(standbys.caught_up, 1);
	look("ANY 2 (*)");
	expect_list(SYNC_STANDBYS_WHO_BEHIND, "n2, n3");
	assert_int_equal(standbys.caught_up, 1);
}

static void
who_has_said_nothing_for_too_long(void **state)
{
	(void)state;
	add("n2")->reply_age_ms = 35000;
	add("n3")->reply_age_ms = 35001;
	add("n4")->reply_age_ms = SNAPSHOT_NONE;
	add("n5")->reply_age_ms = 90000; /* not waited for */
	look("ANY 1 (n2, n3, n4)");
	expect_list(SYNC_STANDBYS_WHO_SILENT, "n3 (35 s)");
	snapshot.senders.sender_timeout_ms = 0;
	look("ANY 1 (n2, n3, n4)");
	expect_list(SYNC_STANDBYS_WHO_SILENT, "");
}

static void
a_state_that_may_not_be_seen_hides_all(void **state)
{
	(void)state;
	add("n2");
	look("n2");
	assert_false(standbys.is_hidden);
	add("n3")->state[0] = '\0';
	look("n2");
	assert_true(standbys.is_hidden);
}

static void
the_senders_may_go_by_another_setting(void **state)
{
	struct snapshot_sender *sender = add("n2");

	(void)state;
	snprintf(sender->sync_state, sizeof sender->sync_state, "sync");
	look("n2");
	assert_true(standbys.is_settled);
	look("ANY 1 (n2)");
	assert_false(standbys.is_settled);
	snprintf(sender->sync_state, sizeof sender->sync_state, "async");
	look("n2");
	assert_false(standbys.is_settled);
	/* The server's word for the priority stands: it is what commits go by. */
	sender->sync_priority = 0;
	sync_standbys_look(&names, &snapshot.senders, &standbys);
	expect_states("", "", "", "n2");
	assert_false(standbys.is_settled);
	look("n3");
	assert_true(standbys.is_settled);
}

static void
a_logical_subscriber_is_told_apart(void **state)
{
	(void)state;
	add("sub")->is_logical = true;
	look("ANY 1 (*)");
	expect_states("", "sub (logical)", "", "");
	expect_count(1, 0);
}

static void
long_lists_are_counted(void **state)
{
	char name[8];

	(void)state;
	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof name, "n%d", i);
		add(name);
	}
	look("ANY 1 (*)");
	expect_list(SYNC_STANDBYS_WHO_QUORUM, "n0, n1, n2, n3, n4, n5, n6, n7");
	add("n8");
	add("");
	look("ANY 1 (*)");
	expect_list(SYNC_STANDBYS_WHO_QUORUM, "n0, n1, n2, n3, n4, n5, n6, n7 and 2 more");
	look("ANY 1 (\"\")");
	expect_list(SYNC_STANDBYS_WHO_QUORUM, "\"\"");
}

static void
with_more_senders_than_rows_the_server_is_believed(void **state)
{
	(void)state;
	for (int i = 0; i < SNAPSHOT_SENDERS_MAX; i++)
		add(i == 0 ? "n2" : "other");
	snapshot.senders.total = SNAPSHOT_SENDERS_MAX + 1;
	look("FIRST 1 (n2, n3)");
	assert_false(standbys.is_partial); /* what is listed comes first */
	expect_states("n2", "", "", "other, other, other, other, other, other, other, other and 23 more");
	expect_list(SYNC_STANDBYS_WHO_ABSENT, "n3");
	snprintf(snapshot.senders.rows[5].sync_state, sizeof snapshot.senders.rows[5].sync_state, "sync");
	look("FIRST 1 (*, n3)");
	assert_true(standbys.is_partial);
	expect_list(SYNC_STANDBYS_WHO_SYNC, "other");
	expect_list(SYNC_STANDBYS_WHO_ABSENT, "");
	assert_int_equal(standbys.candidates, SNAPSHOT_SENDERS_MAX);
}

/* A recording may hold anything. */
static void
a_total_below_zero_is_none(void **state)
{
	(void)state;
	add("n2");
	snapshot.senders.total = -1;
	look("n2");
	expect_count(0, -1);
	snapshot.senders.total = SNAPSHOT_NONE;
	look("n2");
	expect_count(0, -1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(of_a_priority_list_the_first_are_synchronous, begin),
		cmocka_unit_test_setup(of_one_priority_the_place_decides, begin),
		cmocka_unit_test_setup(of_a_quorum_all_count, begin),
		cmocka_unit_test_setup(off_is_none_of_it, begin),
		cmocka_unit_test_setup(with_fewer_than_required_commits_block, begin),
		cmocka_unit_test_setup(only_one_that_streams_counts, begin),
		cmocka_unit_test_setup(several_of_one_name_count_each, begin),
		cmocka_unit_test_setup(members_count_once, begin),
		cmocka_unit_test_setup(who_holds_up_commits, begin),
		cmocka_unit_test_setup(who_has_said_nothing_for_too_long, begin),
		cmocka_unit_test_setup(a_state_that_may_not_be_seen_hides_all, begin),
		cmocka_unit_test_setup(the_senders_may_go_by_another_setting, begin),
		cmocka_unit_test_setup(a_logical_subscriber_is_told_apart, begin),
		cmocka_unit_test_setup(long_lists_are_counted, begin),
		cmocka_unit_test_setup(with_more_senders_than_rows_the_server_is_believed, begin),
		cmocka_unit_test_setup(a_total_below_zero_is_none, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
