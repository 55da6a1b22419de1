#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/evaluate/sync_state.h"

enum { NODE, PRIMARY, OTHER, COUNT };

static struct snapshot snapshots[COUNT];

static void
add_sender(struct snapshot *to, const char *application, const char *sync_state)
{
	struct snapshot_sender *sender = &to->senders.rows[to->senders.total++];

	snprintf(sender->application, sizeof sender->application, "%s", application);
	snprintf(sender->sync_state, sizeof sender->sync_state, "%s", sync_state);
}

/* A standby called n2, its primary without standbys, and another standby, of one cluster. */
static int
begin(void **state)
{
	(void)state;
	for (int i = 0; i < COUNT; i++) {
		snapshot_init(&snapshots[i]);
		for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++)
			snapshot_mark(&snapshots[i], part);
		snapshots[i].role.in_recovery = i != PRIMARY;
		snapshots[i].senders.total = 0;
		snprintf(snapshots[i].identity.system_identifier,
			sizeof snapshots[i].identity.system_identifier, "77");
	}
	snprintf(snapshots[NODE].standby.application, sizeof snapshots[NODE].standby.application, "n2");
	return 0;
}

static void
expect(const char *state)
{
	const char *got = sync_state_of(snapshots, COUNT);

	if (state == NULL)
		assert_null(got);
	else if (got == NULL)
		fail_msg("it is not known, instead of \"%s\"", state);
	else
		assert_string_equal(got, state);
}

static void
it_is_what_the_primary_says(void **state)
{
	static const char *const states[] = {"sync", "quorum", "potential", "async"};

	(void)state;
	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
		begin(NULL);
		add_sender(&snapshots[PRIMARY], "n1", "sync");
		add_sender(&snapshots[PRIMARY], "n2", states[i]);
		expect(states[i]);
	}
}

/* A standby's senders are its own standbys, to whom nobody is synchronous. */
static void
a_standby_that_has_standbys_is_not_asked(void **state)
{
	(void)state;
	add_sender(&snapshots[OTHER], "n2", "async");
	expect(NULL);
	add_sender(&snapshots[PRIMARY], "n2", "sync");
	expect("sync");
	add_sender(&snapshots[NODE], "n2", "async");
	expect("sync");
}

static void
the_primary_of_another_cluster_is_not_asked(void **state)
{
	(void)state;
	add_sender(&snapshots[PRIMARY], "n2", "sync");
	snprintf(snapshots[PRIMARY].identity.system_identifier, 3, "78");
	expect(NULL);
	begin(NULL);
	add_sender(&snapshots[PRIMARY], "n2", "sync");
	snapshots[PRIMARY].obtained &= ~(1U << SNAPSHOT_IDENTITY);
	expect(NULL);
	begin(NULL);
	add_sender(&snapshots[PRIMARY], "n2", "sync");
	snapshots[NODE].obtained &= ~(1U << SNAPSHOT_IDENTITY);
	expect(NULL);
}

static void
what_was_not_obtained_says_nothing(void **state)
{
	static const struct {
		int node;
		enum snapshot_part part;
	} cases[] = {{NODE, SNAPSHOT_STANDBY}, {PRIMARY, SNAPSHOT_ROLE}, {PRIMARY, SNAPSHOT_SENDERS}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		begin(NULL);
		add_sender(&snapshots[PRIMARY], "n2", "sync");
		expect("sync");
		snapshots[cases[i].node].obtained &= ~(1U << cases[i].part);
		expect(NULL);
	}
}

static void
a_name_that_is_not_there_or_twice_says_nothing(void **state)
{
	(void)state;
	add_sender(&snapshots[PRIMARY], "n22", "sync");
	add_sender(&snapshots[PRIMARY], "N2", "sync");
	add_sender(&snapshots[PRIMARY], "", "sync");
	expect(NULL);
	add_sender(&snapshots[PRIMARY], "n2", "sync");
	expect("sync");
	add_sender(&snapshots[PRIMARY], "n2", "sync");
	expect(NULL);
}

static void
a_standby_without_a_name_is_nobody(void **state)
{
	(void)state;
	snapshots[NODE].standby.application[0] = '\0';
	add_sender(&snapshots[PRIMARY], "", "sync");
	expect(NULL);
}

static void
a_state_that_may_not_be_seen_is_none(void **state)
{
	(void)state;
	add_sender(&snapshots[PRIMARY], "n2", "");
	expect(NULL);
}

static void
only_the_rows_that_are_held_are_read(void **state)
{
	(void)state;
	for (int i = 0; i < SNAPSHOT_SENDERS_MAX; i++)
		add_sender(&snapshots[PRIMARY], "other", "async");
	snapshots[PRIMARY].senders.total = INT64_MAX;
	expect(NULL);
	snapshots[PRIMARY].senders.total = SNAPSHOT_NONE;
	expect(NULL);
}

static void
alone_it_knows_nothing(void **state)
{
	(void)state;
	assert_null(sync_state_of(snapshots, 1));
	snapshots[NODE].role.in_recovery = false; /* not even a primary of itself */
	add_sender(&snapshots[NODE], "n2", "sync");
	assert_null(sync_state_of(snapshots, 1));
}

/* A primary that was left behind still believes to have its standbys. */
static void
of_two_primaries_the_one_on_the_newer_timeline_is_asked(void **state)
{
	static const char *const files[] = {"000000030000000000000014", "000000040000000000000014"};

	(void)state;
	add_sender(&snapshots[PRIMARY], "n2", "sync");
	add_sender(&snapshots[OTHER], "n2", "async");
	snapshots[OTHER].role.in_recovery = false;
	for (int newer = 0; newer <= 1; newer++) {
		snprintf(snapshots[PRIMARY].role.wal_file, sizeof snapshots[0].role.wal_file, "%s",
			files[1 - newer]);
		snprintf(snapshots[OTHER].role.wal_file, sizeof snapshots[0].role.wal_file, "%s",
			files[newer]);
		expect(newer == 1 ? "async" : "sync");
	}
	snapshots[OTHER].senders.total = 0; /* nor is the older one asked in its place */
	expect(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(it_is_what_the_primary_says, begin),
		cmocka_unit_test_setup(a_standby_that_has_standbys_is_not_asked, begin),
		cmocka_unit_test_setup(the_primary_of_another_cluster_is_not_asked, begin),
		cmocka_unit_test_setup(what_was_not_obtained_says_nothing, begin),
		cmocka_unit_test_setup(a_name_that_is_not_there_or_twice_says_nothing, begin),
		cmocka_unit_test_setup(a_standby_without_a_name_is_nobody, begin),
		cmocka_unit_test_setup(a_state_that_may_not_be_seen_is_none, begin),
		cmocka_unit_test_setup(only_the_rows_that_are_held_are_read, begin),
		cmocka_unit_test_setup(alone_it_knows_nothing, begin),
		cmocka_unit_test_setup(of_two_primaries_the_one_on_the_newer_timeline_is_asked, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
