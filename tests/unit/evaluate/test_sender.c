#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/evaluate/sender.h"

static struct snapshot snapshot;

/* No senders. */
static int
begin(void **state)
{
	(void)state;
	snapshot_init(&snapshot);
	snapshot_mark(&snapshot, SNAPSHOT_SENDERS);
	snapshot.senders.total = 0;
	return 0;
}

static struct snapshot_sender *
add(const char *application, const char *address)
{
	struct snapshot_sender *sender = &snapshot.senders.rows[snapshot.senders.total++];

	snprintf(sender->application, sizeof sender->application, "%s", application);
	snprintf(sender->address, sizeof sender->address, "%s", address);
	snprintf(sender->state, sizeof sender->state, "streaming");
	sender->pid = 4710 + snapshot.senders.total;
	return sender;
}

static void
expect_name(const struct snapshot_sender *sender, const char *expected)
{
	char name[SENDER_NAME_SIZE];

	assert_string_equal(sender_name(&snapshot, sender, name), expected);
}

static void
the_last_step_that_is_told_of_counts(void **state)
{
	struct snapshot_sender *sender = add("n2", "");

	(void)state;
	assert_int_equal(sender_last_step(sender), SENDER_STEP_COUNT);
	assert_true(sender_lag(sender) == -1);
	sender->sent_behind_bytes = 1; /* what was sent has not arrived */
	assert_int_equal(sender_last_step(sender), SENDER_STEP_COUNT);
	sender->write_behind_bytes = 2;
	assert_int_equal(sender_last_step(sender), SENDER_WRITTEN);
	assert_true(sender_lag(sender) == 2);
	sender->flush_behind_bytes = 3;
	assert_int_equal(sender_last_step(sender), SENDER_FLUSHED);
	assert_true(sender_lag(sender) == 3);
	sender->behind_bytes = 4;
	assert_int_equal(sender_last_step(sender), SENDER_REPLAYED);
	assert_true(sender_lag(sender) == 4);
}

static void
bytes_are_never_negative_and_unknown_is_not_zero(void **state)
{
	struct snapshot_sender *sender = add("n2", "");

	(void)state;
	assert_true(sender_bytes(sender, SENDER_REPLAYED) == -1);
	sender->behind_bytes = -1;
	assert_true(sender_bytes(sender, SENDER_REPLAYED) == 0);
	sender->behind_bytes = INT64_MAX;
	assert_true(sender_bytes(sender, SENDER_REPLAYED) == INT64_MAX);
}

static void
time_is_zero_when_nothing_is_missing_and_else_the_servers(void **state)
{
	struct snapshot_sender *sender = add("n2", "");

	(void)state;
	assert_true(isnan(sender_seconds(sender, SENDER_REPLAYED)));
	sender->replay_lag_ms = 1500;
	assert_true(sender_seconds(sender, SENDER_REPLAYED) == 1.5);
	sender->behind_bytes = 1;
	assert_true(sender_seconds(sender, SENDER_REPLAYED) == 1.5);
	sender->behind_bytes = 0;
	assert_true(sender_seconds(sender, SENDER_REPLAYED) == 0);
	sender->write_lag_ms = 1;
	sender->flush_lag_ms = 2;
	assert_true(sender_seconds(sender, SENDER_WRITTEN) == 0.001);
	assert_true(sender_seconds(sender, SENDER_FLUSHED) == 0.002);
	assert_true(isnan(sender_seconds(sender, SENDER_SENT)));
}

static void
who_is_a_standby(void **state)
{
	struct snapshot_sender *sender = add("n2", "");

	(void)state;
	assert_true(sender_is_standby(sender) && sender_is_streaming(sender));
	snprintf(sender->state, sizeof sender->state, "catchup");
	assert_true(sender_is_standby(sender) && !sender_is_streaming(sender));
	snprintf(sender->state, sizeof sender->state, "backup");
	assert_false(sender_is_standby(sender));
	sender->state[0] = '\0'; /* not permitted to see it: perhaps one */
	assert_true(sender_is_standby(sender));
	sender->is_logical = true;
	assert_false(sender_is_standby(sender));
}

static void
how_fresh_its_last_word_is(void **state)
{
	static const struct {
		int64_t timeout_ms, age_ms;
		enum sender_word expected;
	} cases[] = {
		{60000, SNAPSHOT_NONE, SENDER_HEARD},
		{60000, -3600000, SENDER_HEARD},
		{60000, 35000, SENDER_HEARD},
		{60000, 35001, SENDER_SILENT},
		{60000, 65000, SENDER_SILENT},
		{60000, 65001, SENDER_CLOCK},
		{60000, INT64_MAX, SENDER_CLOCK},
		{0, 35000, SENDER_HEARD},
		{0, 35001, SENDER_STALE},
		{0, INT64_MAX, SENDER_STALE},
		{600000, 35000, SENDER_HEARD},
		{600000, 35001, SENDER_STALE},
		{600000, 305000, SENDER_STALE},
		{600000, 305001, SENDER_SILENT},
		{600000, 605001, SENDER_CLOCK},
		{INT64_MAX, INT64_MAX, SENDER_SILENT},
		{60000, INT64_MIN + 1, SENDER_HEARD},
		{2000, 6000, SENDER_HEARD},
		{2000, 6001, SENDER_SILENT},
		{2000, 7001, SENDER_CLOCK},
	};
	struct snapshot_sender *sender = add("n2", "");

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		sender->reply_age_ms = cases[i].age_ms;
		if (sender_word(sender, cases[i].timeout_ms) != cases[i].expected)
			fail_msg("%lld ms with a timeout of %lld ms: %d", (long long)cases[i].age_ms,
				(long long)cases[i].timeout_ms,
				(int)sender_word(sender, cases[i].timeout_ms));
	}
}

static void
a_name_that_is_its_own_is_enough(void **state)
{
	struct snapshot_sender *sender = add("n2", "10.0.0.12");

	(void)state;
	add("n3", "10.0.0.12");
	add("n2", "10.0.0.12")->is_logical = true; /* no standby: nobody confuses them */
	expect_name(sender, "n2");
}

static void
of_one_name_they_are_told_apart(void **state)
{
	struct snapshot_sender *a = add("n2", "10.0.0.12"), *b = add("n2", "10.0.0.13"), *c, *d;

	(void)state;
	expect_name(a, "n2@10.0.0.12");
	expect_name(b, "n2@10.0.0.13");
	c = add("n2", "10.0.0.13");
	expect_name(a, "n2@10.0.0.12");
	expect_name(b, "n2[4712]");
	expect_name(c, "n2[4713]");
	d = add("n2", "");
	expect_name(d, "n2[4714]");
}

static void
without_a_name_they_are_told_apart_too(void **state)
{
	struct snapshot_sender *a = add("", "10.0.0.12"), *b = add("", "");

	(void)state;
	expect_name(a, "unnamed@10.0.0.12");
	expect_name(b, "unnamed[4712]");
}

static void
a_long_name_is_cut_and_stays_its_own(void **state)
{
	char longest[64], name[2][SENDER_NAME_SIZE];

	(void)state;
	memset(longest, 'x', 63);
	longest[63] = '\0';
	expect_name(add(longest, "10.0.0.12"), longest);
	add(longest, "2001:0db8:85a3:0000:0000:8a2e:0370:7334%eth0");
	for (int i = 0; i < 2; i++) {
		sender_name(&snapshot, &snapshot.senders.rows[i], name[i]);
		assert_int_equal(strlen(name[i]), 63);
		assert_true(strstr(name[i], snapshot.senders.rows[i].address) != NULL);
	}
	assert_string_not_equal(name[0], name[1]);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_last_step_that_is_told_of_counts, begin),
		cmocka_unit_test_setup(bytes_are_never_negative_and_unknown_is_not_zero, begin),
		cmocka_unit_test_setup(time_is_zero_when_nothing_is_missing_and_else_the_servers, begin),
		cmocka_unit_test_setup(who_is_a_standby, begin),
		cmocka_unit_test_setup(how_fresh_its_last_word_is, begin),
		cmocka_unit_test_setup(a_name_that_is_its_own_is_enough, begin),
		cmocka_unit_test_setup(of_one_name_they_are_told_apart, begin),
		cmocka_unit_test_setup(without_a_name_they_are_told_apart_too, begin),
		cmocka_unit_test_setup(a_long_name_is_cut_and_stays_its_own, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
