#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/evaluate/growth.h"

enum { MINUTE_MS = 60000 };

/* The counters of one subscription as a look saw them. */
struct counters {
	int64_t apply_errors, sync_errors, conflicts;
};

static struct snapshot_subscription *
add(struct snapshot *snapshot, const char *database, const char *name, struct counters counters)
{
	struct snapshot_subscription *row = &snapshot->subscriptions.rows[snapshot->subscriptions.total++];

	snprintf(row->database, sizeof row->database, "%s", database);
	snprintf(row->name, sizeof row->name, "%s", name);
	row->apply_errors = counters.apply_errors;
	row->sync_errors = counters.sync_errors;
	row->conflicts = counters.conflicts;
	row->new_errors = row->new_conflicts = 4711; /* whatever stood there before */
	return row;
}

static struct snapshot
empty_look(void)
{
	struct snapshot snapshot;

	snapshot_init(&snapshot);
	snapshot_mark(&snapshot, SNAPSHOT_SUBSCRIPTIONS);
	snapshot.subscriptions.total = 0;
	return snapshot;
}

/* A look at one subscription. */
static struct snapshot
look(struct counters counters)
{
	struct snapshot snapshot = empty_look();

	add(&snapshot, "shop", "orders", counters);
	return snapshot;
}

static void
expect_new(const struct snapshot *snapshot, int row, int64_t errors, int64_t conflicts)
{
	const struct snapshot_subscription *got = &snapshot->subscriptions.rows[row];

	if (got->new_errors != errors || got->new_conflicts != conflicts)
		fail_msg("row %d: %lld errors and %lld conflicts instead of %lld and %lld", row,
			(long long)got->new_errors, (long long)got->new_conflicts, (long long)errors,
			(long long)conflicts);
}

/* -- between two looks ------------------------------------------------------------------------- */

static void
what_has_come_since_is_the_difference_of_both_kinds(void **state)
{
	enum { NONE = -1 };
	static const struct {
		struct counters before, now;
		int64_t new_errors, new_conflicts; /* NONE: not known */
	} cases[] = {
		{{0, 0, 0}, {0, 0, 0}, 0, 0},
		{{3, 4, 5}, {3, 4, 5}, 0, 0},
		{{3, 4, 5}, {4, 4, 5}, 1, 0},
		{{3, 4, 5}, {3, 6, 5}, 2, 0},
		{{3, 4, 5}, {4, 6, 5}, 3, 0},
		{{3, 4, 5}, {3, 4, 9}, 0, 4},
		/* Lower ones were reset meanwhile: all of what they count came since. */
		{{3, 4, 5}, {1, 0, 2}, 1, 2},
		{{3, 4, 5}, {0, 0, 0}, 0, 0},
		/* Before 15 the server counts no errors, before 18 no conflicts. */
		{{NONE, NONE, NONE}, {NONE, NONE, NONE}, NONE, NONE},
		{{1, 1, NONE}, {2, 1, NONE}, 1, NONE},
		{{NONE, NONE, 1}, {NONE, NONE, 2}, NONE, 1},
		/* An upgrade between the looks. */
		{{NONE, NONE, NONE}, {1, 2, 3}, NONE, NONE},
		{{1, 2, 3}, {NONE, NONE, NONE}, NONE, NONE},
		{{1, NONE, 0}, {2, 2, 0}, NONE, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct snapshot before = look(cases[i].before), now = look(cases[i].now);
		struct snapshot_subscription *rows[2] = {
			&before.subscriptions.rows[0], &now.subscriptions.rows[0]};
		struct growth_mark mark;

		for (int j = 0; j < 2; j++) {
			int64_t *counters[] = {
				&rows[j]->apply_errors, &rows[j]->sync_errors, &rows[j]->conflicts};

			for (int k = 0; k < 3; k++)
				if (*counters[k] == NONE)
					*counters[k] = SNAPSHOT_NONE;
		}
		growth_take(&mark, &before, 1000);
		growth_since(&mark, &now);
		expect_new(&now, 0, cases[i].new_errors == NONE ? SNAPSHOT_NONE : cases[i].new_errors,
			cases[i].new_conflicts == NONE ? SNAPSHOT_NONE : cases[i].new_conflicts);
	}
}

/* A file that keeps a look may hold any number, which no server ever said. */
static void
numbers_that_no_server_says_are_not_known_or_at_least_harmless(void **state)
{
	static const int64_t odd[] = {SNAPSHOT_NONE, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
	enum { COUNT = sizeof odd / sizeof odd[0] };

	(void)state;
	for (size_t i = 0; i < COUNT; i++)
		for (size_t j = 0; j < COUNT; j++)
			for (size_t k = 0; k < COUNT; k++) {
				struct snapshot before = look((struct counters){odd[i], odd[j], odd[i]});
				struct snapshot now = look((struct counters){odd[k], odd[j], odd[k]});
				const struct snapshot_subscription *row = &now.subscriptions.rows[0];
				struct growth_mark mark;

				growth_take(&mark, &before, 0);
				growth_since(&mark, &now);
				assert_true(row->new_errors == SNAPSHOT_NONE || row->new_errors >= 0);
				assert_true(row->new_conflicts == SNAPSHOT_NONE || row->new_conflicts >= 0);
				if (odd[i] < 0 || odd[k] < 0)
					assert_true(row->new_conflicts == SNAPSHOT_NONE);
				if (odd[i] < 0 || odd[j] < 0 || odd[k] < 0)
					assert_true(row->new_errors == SNAPSHOT_NONE);
			}
}

/* A name is one's own in its database only. */
static void
subscriptions_are_known_again_by_name_and_database(void **state)
{
	struct snapshot before = empty_look(), now = empty_look();
	struct growth_mark mark;

	(void)state;
	add(&before, "shop", "orders", (struct counters){1, 0, 0});
	add(&before, "shop", "stock", (struct counters){2, 0, 0});
	add(&before, "news", "orders", (struct counters){3, 0, 0});
	growth_take(&mark, &before, 0);
	add(&now, "news", "orders", (struct counters){33, 0, 3});
	add(&now, "shop", "Orders", (struct counters){5, 0, 0});
	add(&now, "shop", "stock", (struct counters){22, 0, 2});
	add(&now, "news", "stock", (struct counters){7, 0, 0});
	add(&now, "shop", "orders", (struct counters){11, 0, 1});
	growth_since(&mark, &now);
	expect_new(&now, 0, 30, 3);
	expect_new(&now, 1, SNAPSHOT_NONE, SNAPSHOT_NONE); /* nobody has seen it before */
	expect_new(&now, 2, 20, 2);
	expect_new(&now, 3, SNAPSHOT_NONE, SNAPSHOT_NONE);
	expect_new(&now, 4, 10, 1);
	/* What is no row is left alone. */
	assert_true(now.subscriptions.rows[5].new_errors == SNAPSHOT_NONE);
}

static void
as_many_are_noted_as_a_snapshot_holds(void **state)
{
	struct snapshot before = empty_look(), now;
	struct growth_mark mark;

	(void)state;
	for (int i = 0; i < SNAPSHOT_SUBSCRIPTIONS_MAX; i++) {
		char name[24];

		snprintf(name, sizeof name, "s%d", i);
		add(&before, "shop", name, (struct counters){i, 0, 0});
	}
	now = before;
	before.subscriptions.total = INT64_MAX; /* there are more than there is room for */
	growth_take(&mark, &before, 0);
	assert_true(mark.count == SNAPSHOT_SUBSCRIPTIONS_MAX);
	for (int i = 0; i < SNAPSHOT_SUBSCRIPTIONS_MAX; i++)
		now.subscriptions.rows[i].apply_errors += i;
	growth_since(&mark, &now);
	for (int i = 0; i < SNAPSHOT_SUBSCRIPTIONS_MAX; i++)
		expect_new(&now, i, i, 0);
}

static void
a_look_that_saw_no_subscriptions_tells_nothing(void **state)
{
	struct snapshot blind = look((struct counters){1, 2, 3}), now = look((struct counters){4, 5, 6});
	struct growth_mark mark;
	struct err fault;

	(void)state;
	err_set(&fault, ERR_SETUP, "not permitted");
	snapshot_fail(&blind, SNAPSHOT_SUBSCRIPTIONS, &fault);
	memset(&mark, 0xA5, sizeof mark);
	growth_take(&mark, &blind, 1000);
	assert_true(mark.at_ms == SNAPSHOT_NONE);
	assert_true(mark.count == 0);
	growth_since(&mark, &now);
	expect_new(&now, 0, SNAPSHOT_NONE, SNAPSHOT_NONE);
	/* There is nothing to set, either. */
	growth_take(&mark, &now, 1000);
	assert_true(mark.at_ms == 1000 && mark.count == 1);
	growth_since(&mark, &blind);
	expect_new(&blind, 0, 4711, 4711);
}

/* -- looking all the time ---------------------------------------------------------------------- */

/* Looks at a moment, and returns how many errors are new. */
static int64_t
follow(struct growth *growth, int64_t errors, int64_t now_ms)
{
	struct snapshot snapshot = look((struct counters){errors, 0, errors * 2});

	growth_follow(growth, &snapshot, now_ms);
	if (snapshot.subscriptions.rows[0].new_errors != SNAPSHOT_NONE)
		assert_true(snapshot.subscriptions.rows[0].new_conflicts
			== snapshot.subscriptions.rows[0].new_errors * 2);
	return snapshot.subscriptions.rows[0].new_errors;
}

static void
the_first_look_knows_of_nothing_new(void **state)
{
	struct growth growth;

	(void)state;
	memset(&growth, 0xA5, sizeof growth);
	growth_init(&growth);
	assert_true(follow(&growth, 100, 5000) == 0);
	assert_true(follow(&growth, 101, 6000) == 1);
	assert_true(follow(&growth, 103, 7000) == 3);
}

/* Whenever it comes: seen for a minute at least, so that nobody who asks once a minute misses it. */
static void
an_error_is_new_for_one_to_two_minutes(void **state)
{
	(void)state;
	for (int64_t at_ms = 1000; at_ms <= 10 * MINUTE_MS; at_ms += 7000) {
		struct growth growth;
		int64_t told_until_ms = -1;

		growth_init(&growth);
		for (int64_t now_ms = 0; now_ms <= 14 * MINUTE_MS; now_ms += 1000) {
			int64_t fresh = follow(&growth, now_ms < at_ms ? 7 : 8, now_ms);

			assert_true(fresh == 0 || (fresh == 1 && now_ms >= at_ms));
			if (now_ms == at_ms)
				assert_true(fresh == 1);
			if (fresh == 1) {
				/* Without a gap. */
				assert_true(told_until_ms == -1 || told_until_ms == now_ms - 1000);
				told_until_ms = now_ms;
			}
		}
		assert_in_range(told_until_ms - at_ms, MINUTE_MS - 1000, 2 * MINUTE_MS);
	}
}

static void
errors_that_go_on_are_told_all_the_time(void **state)
{
	struct growth growth;

	(void)state;
	growth_init(&growth);
	for (int64_t now_ms = 0; now_ms <= 10 * MINUTE_MS; now_ms += 500) {
		int64_t fresh = follow(&growth, now_ms / 5000, now_ms); /* one each 5 s, as a worker fails */

		assert_true(fresh <= 2 * MINUTE_MS / 5000 + 1);
		if (now_ms >= MINUTE_MS)
			assert_true(fresh >= MINUTE_MS / 5000);
	}
}

static void
a_reset_makes_all_of_a_counter_new_until_it_is_old(void **state)
{
	struct growth growth;

	(void)state;
	growth_init(&growth);
	for (int64_t now_ms = 0; now_ms < 3 * MINUTE_MS; now_ms += 1000)
		assert_true(follow(&growth, 50, now_ms) == 0);
	assert_true(follow(&growth, 2, 3 * MINUTE_MS) == 2);
	for (int64_t now_ms = 3 * MINUTE_MS + 1000; now_ms < 6 * MINUTE_MS; now_ms += 1000)
		follow(&growth, 2, now_ms);
	assert_true(follow(&growth, 2, 6 * MINUTE_MS) == 0);
}

/* The server was down, or the part could not be seen: the look before stands. */
static void
a_look_that_saw_nothing_is_passed_over(void **state)
{
	struct snapshot blind = look((struct counters){0, 0, 0});
	struct growth growth;
	struct err fault;

	(void)state;
	err_set(&fault, ERR_DOWN, "connection refused");
	snapshot_fail(&blind, SNAPSHOT_SUBSCRIPTIONS, &fault);
	growth_init(&growth);
	growth_follow(&growth, &blind, 0);
	expect_new(&blind, 0, 4711, 4711);
	assert_true(follow(&growth, 10, 1000) == 0); /* the first that saw it */
	growth_follow(&growth, &blind, 2000);
	assert_true(follow(&growth, 12, 3000) == 2);
}

static void
a_subscription_that_is_new_itself_is_known_when_it_is_old_enough(void **state)
{
	struct growth growth;

	(void)state;
	growth_init(&growth);
	for (int64_t now_ms = 0; now_ms <= 5 * MINUTE_MS; now_ms += 1000) {
		struct snapshot snapshot = empty_look();
		int64_t fresh;

		if (now_ms >= MINUTE_MS)
			add(&snapshot, "shop", "orders", (struct counters){now_ms / 1000, 0, 0});
		growth_follow(&growth, &snapshot, now_ms);
		fresh = snapshot.subscriptions.rows[0].new_errors;
		if (now_ms < MINUTE_MS)
			continue;
		if (now_ms >= 3 * MINUTE_MS)
			assert_in_range(fresh, MINUTE_MS / 1000, 2 * MINUTE_MS / 1000);
		else
			assert_true(fresh == SNAPSHOT_NONE || fresh > 0); /* never a zero that nobody saw */
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_come_since_is_the_difference_of_both_kinds),
		cmocka_unit_test(numbers_that_no_server_says_are_not_known_or_at_least_harmless),
		cmocka_unit_test(subscriptions_are_known_again_by_name_and_database),
		cmocka_unit_test(as_many_are_noted_as_a_snapshot_holds),
		cmocka_unit_test(a_look_that_saw_no_subscriptions_tells_nothing),
		cmocka_unit_test(the_first_look_knows_of_nothing_new),
		cmocka_unit_test(an_error_is_new_for_one_to_two_minutes),
		cmocka_unit_test(errors_that_go_on_are_told_all_the_time),
		cmocka_unit_test(a_reset_makes_all_of_a_counter_new_until_it_is_old),
		cmocka_unit_test(a_look_that_saw_nothing_is_passed_over),
		cmocka_unit_test(a_subscription_that_is_new_itself_is_known_when_it_is_old_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
