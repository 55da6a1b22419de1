#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/agent/board.h"
#include "tests/unit/agent/sample.h"

enum { START_MS = 1000000, MAX_AGE_MS = 3000 };

static struct plan plan, other_plan;
static struct board board, other_board;
static struct verdict verdict;

/* What was told, in its order. */
static struct told {
	size_t check_index;
	bool was_yes, is_yes;
	enum state was_state, state;
	int64_t lasted_ms;
	char summary[128], former_summary[128];
} told[16];
static size_t told_count;

static void
hear(void *context, const struct board_change *change)
{
	assert_ptr_equal(context, told);
	assert_true(told_count < 16);
	told[told_count] = (struct told){.check_index = change->check_index,
		.was_yes = change->was_yes,
		.is_yes = change->is_yes,
		.was_state = change->was_state,
		.state = change->state,
		.lasted_ms = change->lasted_ms};
	snprintf(told[told_count].summary, sizeof told[0].summary, "%s", change->summary);
	snprintf(
		told[told_count].former_summary, sizeof told[0].former_summary, "%s", change->former_summary);
	told_count++;
}

static void
begin(const char *text)
{
	sample_plan(text, &plan);
	board_init(&board, &plan, START_MS);
	told_count = 0;
}

static void
see(size_t index, struct snapshot snapshot, int64_t now_ms)
{
	board_take(&board, index, &snapshot, now_ms, now_ms, hear, told);
}

static bool
answer(const char *line, int64_t now_ms)
{
	struct question question;
	struct err err;

	if (question_read_line(&plan, line, &question, &err) != QUESTION_OK)
		fail_msg("\"%s\": %s", line, err.text);
	return board_answer(&board, &question, now_ms, &verdict);
}

static void
expect(const char *line, int64_t now_ms, bool is_yes, enum state state, const char *summary)
{
	bool is_really = answer(line, now_ms);

	if (is_really != is_yes || verdict.state != state || strstr(verdict.summary, summary) == NULL)
		fail_msg("%s: got %s, %s: %s", line, is_really ? "yes" : "no", state_name(verdict.state),
			verdict.summary);
}

static struct snapshot
leader(void)
{
	return sample_primary("db1:5432", 3, 1690000000000);
}

/* -- how old facts may be ---------------------------------------------------------------------- */

static void
before_the_first_facts_every_answer_is_a_no(void **state)
{
	static const char *const names[] = {"leader", "replica", "read-only", "sync", "async", "health",
		"readiness", "liveness", "standby-leader"};

	(void)state;
	begin("");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_false(answer(names[i], START_MS));
	expect("leader", START_MS, false, STATE_CRITICAL, "nothing is known yet: the agent has just started");
	assert_true(board_age_ms(&board, 0, START_MS) == -1);
	assert_true(verdict.is_stale);
	board_age(&board, START_MS + MAX_AGE_MS - 1, hear, told);
	assert_int_equal(told_count, 0);
	board_age(&board, START_MS + MAX_AGE_MS, hear, told); /* nobody has answered in all that time */
	assert_int_equal(told_count, 2);
	assert_false(told[0].is_yes || told[1].is_yes);
	expect("leader", START_MS + 100000, false, STATE_CRITICAL, "nothing is known yet");
}

/* A peer may dispute what this node says of itself: it is waited for, if it is away no longer than that. */
static void
nothing_is_said_until_every_target_was_heard_of(void **state)
{
	(void)state;
	begin("[peer n2]\n[peer n3]\n");
	see(0, leader(), START_MS);
	see(1, sample_standby("db2:5432", 0), START_MS);
	see(0, leader(), START_MS + 250);
	expect("leader", START_MS + 250, false, STATE_CRITICAL, "nothing is known yet");
	assert_false(answer("liveness", START_MS + 250));
	assert_int_equal(told_count, 0);
	see(2, sample_fault("db3:5432", ERR_DOWN, "gone"),
		START_MS + 300); /* that is to be heard of as well */
	expect("leader", START_MS + 300, true, STATE_OK, "primary on timeline 3");
	assert_false(verdict.is_stale);
	assert_int_equal(told_count, 2);
	assert_true(told[0].is_yes && told[0].lasted_ms == -1);
}

static void
who_is_not_heard_of_has_the_time_that_facts_have(void **state)
{
	(void)state;
	begin("[peer n2]\n");
	see(0, leader(), START_MS + MAX_AGE_MS - 1);
	board_age(&board, START_MS + MAX_AGE_MS - 1, hear, told);
	assert_false(answer("leader", START_MS + MAX_AGE_MS - 1));
	assert_int_equal(told_count, 0);
	board_age(&board, START_MS + MAX_AGE_MS, hear, told);
	assert_int_equal(told_count, 2);
	assert_true(told[0].is_yes);
	expect("leader", START_MS + MAX_AGE_MS, true, STATE_OK, "primary on timeline 3");
}

static void
what_a_peer_disputes_at_the_start_was_never_a_yes(void **state)
{
	(void)state;
	begin("[peer n2]\n");
	see(0, leader(), START_MS);
	assert_false(answer("leader", START_MS));
	see(1, sample_primary("db2:5432", 4, 1700000000000), START_MS + 100);
	expect("leader", START_MS + 100, false, STATE_CRITICAL, "stale primary");
	assert_int_equal(told_count, 2);
	assert_true(!told[0].is_yes && told[0].lasted_ms == -1);
}

static void
facts_are_believed_to_the_last_millisecond_of_max_age(void **state)
{
	(void)state;
	begin("");
	see(0, leader(), START_MS);
	assert_true(board.view_until_ms == START_MS + MAX_AGE_MS + 1);
	expect("leader", START_MS, true, STATE_OK, "primary on timeline 3");
	expect("leader", START_MS + MAX_AGE_MS, true, STATE_OK, "primary on timeline 3");
	expect("leader", START_MS + MAX_AGE_MS + 1, false, STATE_CRITICAL,
		"what is known is too old: from 3.0 s ago, for more than 3.0 s");
	assert_int_equal(verdict.fault.class, ERR_TIMEOUT);
	assert_false(answer("health", START_MS + MAX_AGE_MS + 1));
	assert_false(answer("liveness", START_MS + MAX_AGE_MS + 1));
	expect("leader", START_MS + 12345, false, STATE_CRITICAL, "from 3.0 s ago"); /* as it was found out */
	assert_true(board_age_ms(&board, 0, START_MS + 12345) == 12345);
}

static void
the_configured_age_is_the_one_that_counts(void **state)
{
	(void)state;
	begin("[agent]\nmax_age = 1250ms\n");
	see(0, leader(), START_MS);
	assert_true(answer("leader", START_MS + 1250));
	expect("leader", START_MS + 1251, false, STATE_CRITICAL, "from 1.2 s ago, for more than 1.2 s");
}

static void
facts_that_come_too_late_are_none(void **state)
{
	struct snapshot snapshot = leader();

	(void)state;
	begin("");
	board_take(&board, 0, &snapshot, START_MS, START_MS + MAX_AGE_MS + 1, hear, told);
	assert_false(board.is_known);
	assert_false(answer("leader", START_MS + MAX_AGE_MS + 1));
}

static void
a_question_that_was_stamped_before_the_facts_is_answered_from_them(void **state)
{
	(void)state;
	begin("");
	see(0, leader(), START_MS);
	assert_true(answer("leader", START_MS - 5));
	assert_true(board_age_ms(&board, 0, START_MS - 5) == 0);
	see(0, sample_fault("db1:5432", ERR_DOWN, "gone"), START_MS + 10);
	see(0, leader(), START_MS + 20);
	assert_true(answer("leader", START_MS + 15));
}

static void
an_unknown_that_is_ok_is_no_yes_of_old_facts(void **state)
{
	(void)state;
	begin("[check leader]\nunknown_is_ok = yes\n");
	see(0, leader(), START_MS);
	assert_true(answer("leader", START_MS));
	assert_false(answer("leader", START_MS + MAX_AGE_MS + 1)); /* it is CRITICAL, as a timeout is */
}

/* Those options are for what the server says, or does not; not for an agent that knows nothing. */
static void
whatever_the_options_say_no_facts_and_old_ones_are_no_yes(void **state)
{
	static const char *const words[] = {"ok", "warning", "unknown"};

	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		char text[128];

		snprintf(text, sizeof text,
			"[check leader]\non_timeout = %s\nunknown_is_ok = yes\nfall = 5\n", words[i]);
		begin(text);
		assert_false(answer("leader", START_MS));
		assert_true(verdict.is_stale);
		see(0, leader(), START_MS);
		assert_true(answer("leader", START_MS + MAX_AGE_MS));
		assert_false(verdict.is_stale);
		assert_false(answer("leader", START_MS + MAX_AGE_MS + 1));
		assert_true(verdict.is_stale);
		board_age(&board, START_MS + MAX_AGE_MS + 1, hear, told);
		assert_false(board.checks[sample_check(&plan, "leader")].is_yes);
		assert_false(answer("leader unknown_is_ok=yes", START_MS + MAX_AGE_MS + 2));
	}
}

static void
growing_too_old_is_told_once_whoever_finds_out(void **state)
{
	(void)state;
	for (int is_asked = 0; is_asked <= 1; is_asked++) {
		begin("");
		see(0, leader(), START_MS);
		assert_int_equal(told_count, 2);
		board_age(&board, START_MS + MAX_AGE_MS, hear, told);
		assert_int_equal(told_count, 2);
		if (is_asked)
			assert_false(answer("leader", START_MS + MAX_AGE_MS + 1));
		board_age(&board, START_MS + MAX_AGE_MS + 1, hear, told);
		board_age(&board, START_MS + MAX_AGE_MS + 2, hear, told);
		board_age(&board, START_MS + 60000, hear, told);
		assert_int_equal(told_count, 3); /* the replica's no stays CRITICAL */
		assert_true(told[2].was_yes && !told[2].is_yes);
		assert_int_equal(told[2].check_index, sample_check(&plan, "leader"));
		assert_true(told[2].lasted_ms == MAX_AGE_MS + 1);
	}
}

/* Without this a yes would come back at the first good look. */
static void
growing_too_old_is_a_no_that_damping_sees(void **state)
{
	(void)state;
	for (int is_asked = 0; is_asked <= 2; is_asked++) {
		int64_t late_ms = START_MS + MAX_AGE_MS + 1;

		begin("[check leader]\nrise = 2\nfall = 5\n[peer n2]\n");
		see(1, sample_standby("db2:5432", 0), START_MS);
		see(0, leader(), START_MS);
		see(0, leader(), START_MS);
		assert_true(answer("leader", START_MS));
		if (is_asked == 1)
			assert_false(answer("leader", late_ms));
		if (is_asked == 2) /* the peer's facts find it out */
			see(1, sample_standby("db2:5432", 0), late_ms);
		board_age(&board, late_ms, hear, told);
		see(0, leader(), late_ms + 1);
		expect("leader", late_ms + 1, false, STATE_CRITICAL, "not back yet: 1 of 2 good probes");
		see(0, leader(), late_ms + 2);
		assert_true(answer("leader", late_ms + 2));
	}
}

/* -- what is told ------------------------------------------------------------------------------ */

static void
the_first_answers_are_told_as_such(void **state)
{
	(void)state;
	begin("");
	see(0, leader(), START_MS + 40);
	assert_int_equal(told_count, 2);
	assert_true(told[0].is_yes && told[0].lasted_ms == -1);
	assert_int_equal(told[0].check_index, 0);
	assert_int_equal(told[0].state, STATE_OK);
	assert_string_equal(told[0].summary, "primary on timeline 3");
	assert_false(told[1].is_yes);
	assert_int_equal(told[1].state, STATE_CRITICAL);
}

static void
a_change_is_told_once_with_what_it_was(void **state)
{
	(void)state;
	begin("");
	for (int i = 0; i < 5; i++)
		see(0, leader(), START_MS + i * 250);
	assert_int_equal(told_count, 2);
	for (int i = 5; i < 10; i++)
		see(0, sample_standby("db1:5432", 0), START_MS + i * 250);
	assert_int_equal(told_count, 4);
	assert_true(told[2].was_yes && !told[2].is_yes);
	assert_int_equal(told[2].was_state, STATE_OK);
	assert_int_equal(told[2].state, STATE_CRITICAL);
	assert_true(told[2].lasted_ms == 1250);
	assert_string_equal(told[2].former_summary, "primary on timeline 3");
	assert_string_equal(told[2].summary, "standby, not the leader");
	assert_int_equal(told[3].check_index, 1);
	assert_true(told[3].is_yes);
	assert_true(board.checks[0].since_ms == START_MS + 1250);
}

static void
another_state_is_told_although_the_answer_stays(void **state)
{
	(void)state;
	begin("[check replica]\nwarning = 1MB\ncritical = 16MB\n");
	see(0, sample_standby("db2:5432", 0), START_MS);
	see(0, sample_standby("db2:5432", 2 << 20), START_MS + 250);
	assert_int_equal(told_count, 3);
	assert_true(told[2].was_yes && told[2].is_yes);
	assert_int_equal(told[2].state, STATE_WARNING);
	see(0, sample_standby("db2:5432", 3 << 20), START_MS + 500);
	assert_int_equal(told_count, 3); /* another figure is no change */
}

static void
a_listener_is_not_needed(void **state)
{
	struct snapshot snapshot = leader();

	(void)state;
	begin("");
	board_take(&board, 0, &snapshot, START_MS, START_MS, NULL, NULL);
	board_drain(&board, 0, true, START_MS, NULL, NULL);
	board_age(&board, START_MS + 60000, NULL, NULL);
	assert_false(board.checks[0].is_yes);
}

static void
peers_alone_make_no_answer(void **state)
{
	(void)state;
	begin("[peer n1]\n");
	see(1, leader(), START_MS);
	assert_int_equal(told_count, 0);
	expect("leader", START_MS, false, STATE_CRITICAL, "nothing is known yet");
	see(1, leader(), START_MS + MAX_AGE_MS);
	assert_int_equal(told_count, 2);
	assert_false(told[0].is_yes || told[1].is_yes);
	expect("leader", START_MS + MAX_AGE_MS, false, STATE_CRITICAL, "nothing is known yet");
}

static void
the_generation_grows_with_what_answers_depend_on(void **state)
{
	uint64_t before;

	(void)state;
	begin("[peer n1]\n");
	see(1, leader(), START_MS);
	before = board.generation;
	see(0, leader(), START_MS);
	assert_true(board.generation > before);
	before = board.generation;
	assert_true(answer("leader", START_MS + 10));
	board_age(&board, START_MS + 10, hear, told);
	assert_true(board.generation == before); /* nothing new */
	see(1, leader(), START_MS + 20);
	assert_true(board.generation > before);
	before = board.generation;
	board_drain(&board, 0, true, START_MS + 30, hear, told);
	assert_true(board.generation > before);
	before = board.generation;
	board_drain(&board, 0, true, START_MS + 40, hear, told);
	assert_true(board.generation == before);
	board_age(&board, START_MS + MAX_AGE_MS + 1, hear, told);
	assert_true(board.generation > before);
	before = board.generation;
	answer("leader", START_MS + 2 * MAX_AGE_MS); /* now the peer's are too old as well */
	assert_true(board.generation > before);
}

/* -- damping ----------------------------------------------------------------------------------- */

static struct snapshot
behind(int64_t megabytes, uint64_t replayed_more)
{
	struct snapshot snapshot = sample_standby("db2:5432", 0);

	snapshot.standby.replay_lsn += replayed_more;
	snapshot.standby.latest_end_lsn = snapshot.standby.replay_lsn + ((uint64_t)megabytes << 20);
	return snapshot;
}

static void
a_burst_is_held_and_a_long_one_is_a_no(void **state)
{
	(void)state;
	begin("[check replica]\ncritical = 16MB\nfall = 3\n");
	see(0, behind(0, 0), START_MS);
	see(0, behind(20, 100), START_MS + 250);
	expect("replica", START_MS + 250, true, STATE_WARNING, "still in rotation: 1 of 3 bad probes");
	see(0, behind(20, 200), START_MS + 500);
	expect("replica", START_MS + 500, true, STATE_WARNING, "still in rotation: 2 of 3 bad probes");
	see(0, behind(0, 300), START_MS + 750);
	expect("replica", START_MS + 750, true, STATE_OK, "streaming");
	for (int i = 0; i < 3; i++)
		see(0, behind(20, 400 + (uint64_t)i), START_MS + 1000 + i * 250);
	expect("replica", START_MS + 1500, false, STATE_CRITICAL, "replay lag is 20 MB");
	assert_false(board.checks[sample_check(&plan, "replica")].is_yes);
}

static void
a_standby_that_replays_nothing_is_no_burst(void **state)
{
	(void)state;
	begin("[check replica]\ncritical = 16MB\nfall = 100\n");
	see(0, behind(0, 0), START_MS);
	for (int ms = 250; ms <= 1000; ms += 250) {
		see(0, behind(20, 0), START_MS + ms);
		assert_true(answer("replica", START_MS + ms));
	}
	see(0, behind(20, 0), START_MS + 1250); /* a second and more without progress */
	assert_false(answer("replica", START_MS + 1250));
}

static void
a_long_burst_is_held_while_it_goes_on_replaying(void **state)
{
	(void)state;
	begin("[check replica]\ncritical = 16MB\nfall = 100\n");
	see(0, behind(0, 0), START_MS);
	for (int i = 1; i <= 40; i++) {
		see(0, behind(20, (uint64_t)i), START_MS + i * 250);
		assert_true(answer("replica", START_MS + i * 250));
	}
	/* That the next look is late tells nothing of the replay: as long as these facts are believed. */
	assert_true(answer("replica", START_MS + 40 * 250 + 1001));
	assert_true(answer("replica", START_MS + 40 * 250 + MAX_AGE_MS));
	assert_false(answer("replica", START_MS + 40 * 250 + MAX_AGE_MS + 1));
}

/* How long what was seen was under way is not how long the replay has stood still. */
static void
progress_is_judged_by_when_it_was_seen(void **state)
{
	struct snapshot snapshot = behind(20, 1);

	(void)state;
	begin("[check replica]\ncritical = 16MB\nfall = 100\n");
	see(0, behind(0, 0), START_MS);
	see(0, snapshot, START_MS + 250);
	board_take(&board, 0, &snapshot, START_MS + 1250, START_MS + 2900, hear, told);
	assert_true(answer("replica", START_MS + 2900)); /* it stood still for 1000 ms */
	board_take(&board, 0, &snapshot, START_MS + 1251, START_MS + 2901, hear, told);
	assert_false(answer("replica", START_MS + 2901));
}

static void
what_is_known_for_certain_is_a_no_at_once(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++) {
		struct snapshot snapshot = behind(0, 1);

		begin("[check replica]\ncritical = 16MB\nfall = 100\n");
		see(0, behind(0, 0), START_MS);
		assert_true(answer("replica", START_MS));
		if (i == 0)
			snapshot = sample_fault("db2:5432", ERR_DOWN, "connection refused");
		else if (i == 1)
			snapshot = leader();
		else if (i == 2)
			snapshot.standby.receiver_pid = SNAPSHOT_NONE;
		else if (i == 3)
			snprintf(snapshot.standby.replay_pause, sizeof snapshot.standby.replay_pause,
				"paused");
		else if (i == 4)
			snapshot = sample_fault("db2:5432", ERR_SETUP, "permission denied");
		else
			snapshot = sample_fault("db2:5432", ERR_FULL, "too many connections");
		see(0, snapshot, START_MS + 250);
		if (answer("replica", START_MS + 250))
			fail_msg("%d is held back: %s", i, verdict.summary);
	}
}

static void
a_look_that_is_not_answered_in_time_is_doubt_for_fall_looks(void **state)
{
	struct snapshot late = sample_fault("db1:5432", ERR_TIMEOUT, "no answer before the deadline");

	(void)state;
	begin("[check leader]\nfall = 2\n");
	see(0, leader(), START_MS);
	see(0, late, START_MS + 1000);
	expect("leader", START_MS + 1000, true, STATE_WARNING, "still in rotation: 1 of 2 bad probes");
	see(0, late, START_MS + 2000);
	assert_false(answer("leader", START_MS + 2000));
}

static void
it_comes_back_within_tighter_limits(void **state)
{
	(void)state;
	begin("[check replica]\ncritical = 16MB\nrecover = 1MB\nrise = 2\n");
	see(0, behind(0, 0), START_MS);
	see(0, behind(0, 1), START_MS + 1);
	assert_true(answer("replica", START_MS + 1));
	see(0, behind(20, 2), START_MS + 2);
	assert_false(answer("replica", START_MS + 2));
	for (int i = 0; i < 5; i++)
		see(0, behind(8, 3 + (uint64_t)i), START_MS + 3 + i);
	expect("replica", START_MS + 8, false, STATE_CRITICAL,
		"not back yet: lag must fall below the limit to come back");
	see(0, behind(0, 10), START_MS + 10);
	assert_false(answer("replica", START_MS + 10));
	see(0, behind(1, 11), START_MS + 11);
	assert_true(answer("replica", START_MS + 11));
}

static void
the_weight_climbs_after_a_return(void **state)
{
	(void)state;
	begin("[check replica]\ncritical = 16MB\nweight_ramp = 1s\n");
	see(0, behind(0, 0), START_MS);
	assert_true(answer("replica", START_MS) && verdict.weight_percent == 100); /* it was never away */
	see(0, sample_fault("db2:5432", ERR_DOWN, "gone"), START_MS + 10);
	see(0, behind(0, 1), START_MS + 1000);
	assert_true(answer("replica", START_MS + 1000) && verdict.weight_percent == 1);
	assert_true(answer("replica", START_MS + 1500) && verdict.weight_percent == 50);
	assert_true(answer("replica", START_MS + 2000) && verdict.weight_percent == 100);
}

static void
a_question_with_limits_of_its_own_is_not_damped(void **state)
{
	(void)state;
	begin("[check replica]\ncritical = 16MB\nfall = 3\n");
	see(0, behind(0, 0), START_MS);
	see(0, behind(20, 1), START_MS + 250);
	assert_true(answer("replica", START_MS + 250));
	assert_false(answer("replica lag=16MB", START_MS + 250));
	assert_true(answer("replica lag=32MB", START_MS + 250));
	assert_string_equal(verdict.check, "replica");
}

/* -- the operator's switch --------------------------------------------------------------------- */

static void
what_is_drained_is_a_no_in_every_question_of_it(void **state)
{
	static const char *const drained[] = {
		"replica", "replica lag=1GB", "read-only", "replica accept_primary=yes"};

	(void)state;
	begin("[check other]\ncheck = pg_replica\n");
	see(0, behind(0, 0), START_MS);
	board_drain(&board, sample_check(&plan, "replica"), true, START_MS + 100, hear, told);
	for (size_t i = 0; i < sizeof drained / sizeof drained[0]; i++) {
		expect(drained[i], START_MS + 100, false, STATE_WARNING,
			"drained by the operator; streaming");
		assert_true(verdict.is_drained);
	}
	assert_true(answer("replica drained=ok", START_MS + 100));
	assert_false(verdict.is_drained);
	assert_true(answer("other", START_MS + 100));
	assert_true(answer("health", START_MS + 100));
	assert_int_equal(told_count, 4);
	assert_true(told[3].was_yes && !told[3].is_yes);
	board_drain(&board, sample_check(&plan, "replica"), false, START_MS + 200, hear, told);
	expect("replica", START_MS + 200, true, STATE_OK, "streaming");
	assert_int_equal(told_count, 5);
	assert_true(told[4].is_yes && told[4].lasted_ms == 100);
}

static void
what_is_wrong_beside_the_switch_is_still_told(void **state)
{
	(void)state;
	begin("");
	see(0, sample_fault("db2:5432", ERR_DOWN, "connection refused"), START_MS);
	board_drain(&board, sample_check(&plan, "replica"), true, START_MS, hear, told);
	expect("replica", START_MS, false, STATE_CRITICAL, "connection refused");
	assert_true(verdict.is_drained);
	assert_non_null(strstr(verdict.hint, "drained by the operator as well"));
	assert_false(answer("replica drained=ok", START_MS));
}

static void
a_drain_takes_no_step_of_damping(void **state)
{
	(void)state;
	begin("[check replica]\ncritical = 16MB\nfall = 2\nrise = 5\n");
	for (int i = 0; i < 5; i++)
		see(0, behind(0, (uint64_t)i), START_MS + i);
	see(0, behind(20, 10), START_MS + 10);
	for (int i = 0; i < 10; i++)
		board_drain(&board, sample_check(&plan, "replica"), i % 2 == 0, START_MS + 10, hear, told);
	expect("replica", START_MS + 10, true, STATE_WARNING, "1 of 2 bad probes");
}

/* -- peers ------------------------------------------------------------------------------------- */

static void
a_primary_on_an_older_timeline_is_stale_while_the_newer_is_seen(void **state)
{
	(void)state;
	begin("[peer n2]\n");
	see(1, sample_standby("db2:5432", 0), START_MS);
	see(0, leader(), START_MS);
	see(1, sample_primary("db2:5432", 4, 1700000000000), START_MS + 100);
	expect("leader", START_MS + 100, false, STATE_CRITICAL,
		"stale primary: db2:5432 is primary on the newer timeline 4");
	assert_int_equal(told_count, 3); /* it is told as soon as the peer is seen */
	assert_true(told[2].was_yes && !told[2].is_yes);
	see(1, sample_standby("db2:5432", 0), START_MS + 200);
	see(0, leader(), START_MS + 250);
	expect("leader", START_MS + 250, true, STATE_OK, "primary on timeline 3"); /* it is none any more */
}

/* That it is cut off or too busy is when it matters. */
static void
a_newer_timeline_counts_on_when_its_primary_is_not_seen(void **state)
{
	static const char last_seen[]
		= "stale primary: db2:5432 (as last seen) is primary on the newer timeline 4";
	enum { LATER_MS = START_MS + 10 * MAX_AGE_MS };

	(void)state;
	begin("[peer n2]\n");
	see(0, leader(), START_MS);
	see(1, sample_primary("db2:5432", 4, 1700000000000), START_MS);
	see(1, sample_fault("db2:5432", ERR_TIMEOUT, "no answer"), START_MS + 250);
	see(0, leader(), START_MS + 250);
	expect("leader", START_MS + 250, false, STATE_CRITICAL, last_seen); /* it fails */
	board_age(&board, LATER_MS, hear, told);
	see(0, leader(), LATER_MS);
	expect("leader", LATER_MS, false, STATE_CRITICAL, last_seen); /* it is silent */
	see(0, sample_primary("db1:5432", 4, 1690000000000), LATER_MS + 250);
	expect("leader", LATER_MS + 250, true, STATE_OK, "primary on timeline 4");
}

/* What is left of an earlier look is no timeline of this one's. */
static void
no_timeline_is_newer_than_one_that_is_not_known(void **state)
{
	struct snapshot own = sample_fault("db1:5432", ERR_DOWN, "gone");

	(void)state;
	begin("[peer n2]\n");
	see(0, leader(), START_MS);
	see(1, sample_primary("db2:5432", 4, 1700000000000), START_MS);
	snprintf(own.role.wal_file, sizeof own.role.wal_file, "%s", leader().role.wal_file);
	see(0, own, START_MS + 250);
	see(1, sample_fault("db2:5432", ERR_TIMEOUT, "no answer"), START_MS + 250);
	assert_false(answer("leader", START_MS + 250));
	assert_int_equal(board.view_count, 2);
	assert_string_equal(board.view[1].target, "db2:5432");
}

/* One that was rebuilt as a standby has left its timeline: its next absence must not take out the leader. */
static void
a_newer_timeline_counts_no_more_once_its_primary_is_a_standby(void **state)
{
	(void)state;
	begin("[peer n2]\n");
	see(0, leader(), START_MS);
	see(1, sample_primary("db2:5432", 4, 1700000000000), START_MS);
	see(1, sample_standby("db2:5432", 0), START_MS + 250);
	see(1, sample_fault("db2:5432", ERR_DOWN, "gone"), START_MS + 500);
	see(0, leader(), START_MS + 500);
	expect("leader", START_MS + 500, true, STATE_OK, "primary on timeline 3");
}

static void
two_primaries_of_one_timeline_are_both_a_no(void **state)
{
	(void)state;
	begin("[peer n2]\n");
	see(0, leader(), START_MS);
	see(1, sample_primary("db2:5432", 3, 1700000000000), START_MS);
	expect("leader", START_MS, false, STATE_CRITICAL, "split brain");
}

static void
a_peer_that_is_this_very_server_disputes_nothing(void **state)
{
	(void)state;
	begin("[peer n1]\n");
	see(0, leader(), START_MS);
	see(1, leader(), START_MS);
	expect("leader", START_MS, true, STATE_OK, "primary on timeline 3");
}

static void
a_stale_primary_comes_back_only_as_damping_says(void **state)
{
	(void)state;
	begin("[peer n2]\n[check leader]\nrise = 2\n");
	see(1, sample_standby("db2:5432", 0), START_MS);
	see(0, leader(), START_MS);
	see(0, leader(), START_MS + 1);
	assert_true(answer("leader", START_MS + 1));
	see(1, sample_primary("db2:5432", 4, 1700000000000), START_MS + 2);
	assert_false(answer("leader", START_MS + 2));
	see(0, leader(), START_MS + 3);
	see(1, sample_standby("db2:5432", 0), START_MS + 4);
	see(0, leader(), START_MS + 5);
	expect("leader", START_MS + 5, false, STATE_CRITICAL, "not back yet: 1 of 2 good probes");
}

/* The peer is a standby again before this node is looked at: that it was a no is not lost. */
static void
a_certain_no_that_a_peer_tells_is_a_step_of_damping(void **state)
{
	(void)state;
	begin("[peer n2]\n[check leader]\nrise = 2\nfall = 100\n");
	see(1, sample_standby("db2:5432", 0), START_MS);
	see(0, leader(), START_MS);
	see(0, leader(), START_MS + 1);
	assert_true(answer("leader", START_MS + 1));
	see(1, sample_primary("db2:5432", 4, 1700000000000), START_MS + 2);
	assert_false(board.checks[sample_check(&plan, "leader")].damping.is_yes);
	see(1, sample_standby("db2:5432", 0), START_MS + 3);
	expect("leader", START_MS + 3, false, STATE_CRITICAL, "not back yet: 0 of 2 good probes");
	see(0, leader(), START_MS + 4);
	assert_false(answer("leader", START_MS + 4));
	see(0, leader(), START_MS + 5);
	assert_true(answer("leader", START_MS + 5));
}

/* What the primary says of n2, in the answers to the questions for it. */
static void
expect_sync(const char *sync_state, const char *yes)
{
	static const char *const names[] = {"sync", "synchronous", "read-only-sync", "quorum",
		"read-only-quorum", "async", "asynchronous"};
	struct snapshot primary = leader();

	begin("[peer n1]\n");
	if (sync_state != NULL)
		sample_sender(&primary, "n2", sync_state);
	sample_sender(&primary, "n3", "sync");
	see(0, behind(0, 0), START_MS);
	see(1, primary, START_MS);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		bool is_right = strstr(names[i], yes) != NULL
			&& (strcmp(yes, "sync") != 0 || names[i][0] != 'a');

		if (answer(names[i], START_MS) != is_right)
			fail_msg("%s, which is \"%s\": %s", names[i],
				sync_state == NULL ? "not there" : sync_state, verdict.summary);
	}
}

static void
only_the_primary_knows_who_is_synchronous(void **state)
{
	(void)state;
	expect_sync("sync", "sync");
	expect_sync("quorum", "quorum");
	expect_sync("async", "async");
	expect_sync("potential", "async");
	expect_sync(NULL, "nobody");
	expect_sync("", "nobody");
}

static void
a_question_of_synchronism_needs_what_it_stands_on(void **state)
{
	struct snapshot primary = leader();

	(void)state;
	sample_sender(&primary, "n2", "sync");
	begin("[check replica]\ncritical = 16MB\n");
	see(0, behind(0, 0), START_MS);
	expect("sync", START_MS, false, STATE_UNKNOWN,
		"no primary that is asked here tells whether it is synchronous");
	begin("[peer n1]\n[check replica]\ncritical = 16MB\n");
	see(1, primary, START_MS);
	see(0, behind(20, 0), START_MS + 2000);
	expect("sync", START_MS + 2000, false, STATE_CRITICAL,
		"replay lag"); /* synchronous, but not fit for reads */
	see(0, behind(0, 0), START_MS + MAX_AGE_MS);
	assert_true(answer("sync", START_MS + MAX_AGE_MS));
	assert_false(answer("sync", START_MS + MAX_AGE_MS + 1)); /* the primary's word is too old */
	see(1, primary, START_MS + 4000);
	assert_true(answer("sync", START_MS + 4000));
	board_drain(&board, sample_check(&plan, "replica"), true, START_MS + 4000, hear, told);
	assert_false(answer("sync", START_MS + 4000));
	board_drain(&board, sample_check(&plan, "replica"), false, START_MS + 4000, hear, told);
	see(0, leader(), START_MS + 4000);
	assert_false(answer("sync", START_MS + 4000));
}

static void
a_primary_answers_the_questions_that_accept_it(void **state)
{
	(void)state;
	begin("");
	see(0, leader(), START_MS);
	assert_true(answer("read-only", START_MS));
	assert_true(answer("read-only-sync", START_MS));
	assert_true(answer("read-only-quorum", START_MS));
	assert_false(answer("sync", START_MS));
	assert_false(answer("async", START_MS));
	assert_false(answer("replica", START_MS));
	assert_true(answer("health", START_MS));
	assert_true(answer("readiness", START_MS));
	assert_false(answer("standby-leader", START_MS));
	assert_false(answer("leader tag_x=1", START_MS));
}

static void
the_agent_gets_on_while_its_server_is_away(void **state)
{
	(void)state;
	begin("");
	see(0, sample_fault("db1:5432", ERR_DOWN, "connection refused"), START_MS);
	expect("liveness", START_MS, true, STATE_OK, "the agent gets on");
	assert_false(answer("health", START_MS));
	assert_false(answer("readiness", START_MS));
}

/* -- a new plan -------------------------------------------------------------------------------- */

/* Takes the board over into one for that plan. */
static void
reload(const char *text, int64_t now_ms)
{
	other_plan = plan;
	other_board = board;
	other_board.plan = &other_plan;
	sample_plan(text, &plan);
	board_init(&board, &plan, now_ms);
	board_inherit(&board, &other_board, now_ms);
	told_count = 0;
}

static void
a_reload_keeps_what_is_known_and_tells_nothing(void **state)
{
	static const char text[]
		= "[check replica]\ncritical = 16MB\nfall = 3\n[peer n1]\nconninfo = host=a\n";
	uint64_t generation;

	(void)state;
	begin(text);
	see(1, leader(), START_MS);
	see(0, behind(0, 0), START_MS);
	see(0, behind(20, 1), START_MS + 250);
	board_drain(&board, sample_check(&plan, "leader"), true, START_MS + 250, hear, told);
	generation = board.generation;
	reload("[peer n0]\n[peer n1]\nconninfo = host=a\n[check replica]\ncritical = 16MB\nfall = "
	       "3\n[listen]\nhttp =\n",
		START_MS + 300);
	expect("replica", START_MS + 300, true, STATE_WARNING, "1 of 3 bad probes");
	assert_true(board.checks[sample_check(&plan, "leader")].is_drained);
	assert_true(board_age_ms(&board, 1, START_MS + 300) == -1);
	assert_true(board_age_ms(&board, 2, START_MS + 300) == 300);
	assert_true(board.generation > generation); /* nothing that was kept of an answer counts */
	see(0, behind(20, 2), START_MS + 500);
	assert_int_equal(told_count, 0);
	expect("replica", START_MS + 500, true, STATE_WARNING, "2 of 3 bad probes");
}

static void
another_check_of_the_same_name_begins_anew(void **state)
{
	(void)state;
	begin("[check far]\ncheck = pg_replica\n");
	see(0, behind(0, 0), START_MS);
	assert_true(board.checks[sample_check(&plan, "far")].is_yes);
	reload("[check far]\ncheck = pg_leader\n", START_MS + 10);
	assert_false(board.checks[sample_check(&plan, "far")].is_told);
	assert_false(board.checks[sample_check(&plan, "far")].is_yes);
	assert_false(board.checks[sample_check(&plan, "far")].damping.has_begun);
}

static void
other_limits_count_from_the_next_look_on(void **state)
{
	(void)state;
	begin("[check replica]\ncritical = 16MB\n");
	see(0, behind(8, 0), START_MS);
	assert_true(answer("replica", START_MS));
	reload("[check replica]\ncritical = 4MB\n", START_MS + 10);
	board_settle(&board, START_MS + 10, hear, told);
	expect("replica", START_MS + 10, true, STATE_WARNING, "still in rotation: 0 of 1 bad probes");
	see(0, behind(8, 1), START_MS + 250);
	assert_false(answer("replica", START_MS + 250));
	assert_false(board.checks[sample_check(&plan, "replica")].is_yes);
}

static void
nobody_hears_a_no_only_because_of_a_reload(void **state)
{
	(void)state;
	begin("");
	see(0, behind(0, 0), START_MS);
	reload("[check far]\ncheck = pg_replica\n", START_MS + 10);
	board_settle(&board, START_MS + 10, hear, told);
	assert_true(answer("far", START_MS + 10));
	assert_true(answer("replica", START_MS + 10));
	assert_int_equal(told_count, 1);
	assert_true(told[0].is_yes && told[0].lasted_ms == -1);
	board_settle(&board, START_MS + 10, hear, told);
	assert_int_equal(told_count, 1);
}

static void
what_was_never_seen_cannot_settle(void **state)
{
	(void)state;
	begin("");
	board_settle(&board, START_MS, hear, told);
	board_drain(&board, 0, true, START_MS, hear, told);
	assert_int_equal(told_count, 0);
	assert_false(board.checks[0].damping.has_begun);
	see(0, leader(), START_MS);
	assert_false(answer("leader", START_MS)); /* the switch counts all the same */
	assert_true(told_count == 2 && !told[0].is_yes);
}

static void
the_switch_outlives_another_server(void **state)
{
	(void)state;
	begin("[postgres]\nconninfo = host=a\n");
	see(0, leader(), START_MS);
	board_drain(&board, 0, true, START_MS, hear, told);
	reload("[postgres]\nconninfo = host=b\n", START_MS + 10);
	see(0, leader(), START_MS + 20);
	expect("leader", START_MS + 20, false, STATE_WARNING, "drained by the operator");
}

/* Track files begin with what the board says. */
static void
of_another_server_nothing_is_known(void **state)
{
	(void)state;
	begin("[postgres]\nconninfo = host=a\n");
	see(0, leader(), START_MS);
	assert_true(board.checks[0].is_yes);
	reload("[postgres]\nconninfo = host=b\n", START_MS + 10);
	expect("leader", START_MS + 10, false, STATE_CRITICAL, "nothing is known yet");
	assert_false(board.checks[0].is_yes);
	assert_false(board.checks[0].damping.is_yes);
}

static void
facts_that_grow_too_old_behind_a_reload_are_a_no_that_damping_sees(void **state)
{
	static const char text[] = "[check leader]\nrise = 2\n";

	(void)state;
	begin(text);
	see(0, leader(), START_MS);
	see(0, leader(), START_MS);
	reload(text, START_MS + 10);
	assert_true(answer("leader", START_MS + 10));
	board_age(&board, START_MS + MAX_AGE_MS + 1, hear, told);
	assert_int_equal(told_count, 1);
	assert_false(told[0].is_yes);
	see(0, leader(), START_MS + MAX_AGE_MS + 2);
	assert_false(answer("leader", START_MS + MAX_AGE_MS + 2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_the_first_facts_every_answer_is_a_no),
		cmocka_unit_test(facts_are_believed_to_the_last_millisecond_of_max_age),
		cmocka_unit_test(the_configured_age_is_the_one_that_counts),
		cmocka_unit_test(facts_that_come_too_late_are_none),
		cmocka_unit_test(a_question_that_was_stamped_before_the_facts_is_answered_from_them),
		cmocka_unit_test(an_unknown_that_is_ok_is_no_yes_of_old_facts),
		cmocka_unit_test(growing_too_old_is_told_once_whoever_finds_out),
		cmocka_unit_test(growing_too_old_is_a_no_that_damping_sees),
		cmocka_unit_test(the_first_answers_are_told_as_such),
		cmocka_unit_test(a_change_is_told_once_with_what_it_was),
		cmocka_unit_test(another_state_is_told_although_the_answer_stays),
		cmocka_unit_test(a_listener_is_not_needed),
		cmocka_unit_test(peers_alone_make_no_answer),
		cmocka_unit_test(the_generation_grows_with_what_answers_depend_on),
		cmocka_unit_test(a_burst_is_held_and_a_long_one_is_a_no),
		cmocka_unit_test(a_standby_that_replays_nothing_is_no_burst),
		cmocka_unit_test(what_is_known_for_certain_is_a_no_at_once),
		cmocka_unit_test(a_look_that_is_not_answered_in_time_is_doubt_for_fall_looks),
		cmocka_unit_test(it_comes_back_within_tighter_limits),
		cmocka_unit_test(the_weight_climbs_after_a_return),
		cmocka_unit_test(a_question_with_limits_of_its_own_is_not_damped),
		cmocka_unit_test(what_is_drained_is_a_no_in_every_question_of_it),
		cmocka_unit_test(what_is_wrong_beside_the_switch_is_still_told),
		cmocka_unit_test(a_drain_takes_no_step_of_damping),
		cmocka_unit_test(a_primary_on_an_older_timeline_is_stale_while_the_newer_is_seen),
		cmocka_unit_test(two_primaries_of_one_timeline_are_both_a_no),
		cmocka_unit_test(a_peer_that_is_this_very_server_disputes_nothing),
		cmocka_unit_test(a_stale_primary_comes_back_only_as_damping_says),
		cmocka_unit_test(only_the_primary_knows_who_is_synchronous),
		cmocka_unit_test(a_question_of_synchronism_needs_what_it_stands_on),
		cmocka_unit_test(a_primary_answers_the_questions_that_accept_it),
		cmocka_unit_test(the_agent_gets_on_while_its_server_is_away),
		cmocka_unit_test(a_reload_keeps_what_is_known_and_tells_nothing),
		cmocka_unit_test(another_check_of_the_same_name_begins_anew),
		cmocka_unit_test(other_limits_count_from_the_next_look_on),
		cmocka_unit_test(nobody_hears_a_no_only_because_of_a_reload),
		cmocka_unit_test(what_was_never_seen_cannot_settle),
		cmocka_unit_test(the_switch_outlives_another_server),
		cmocka_unit_test(of_another_server_nothing_is_known),
		cmocka_unit_test(facts_that_grow_too_old_behind_a_reload_are_a_no_that_damping_sees),
		cmocka_unit_test(a_long_burst_is_held_while_it_goes_on_replaying),
		cmocka_unit_test(progress_is_judged_by_when_it_was_seen),
		cmocka_unit_test(nothing_is_said_until_every_target_was_heard_of),
		cmocka_unit_test(who_is_not_heard_of_has_the_time_that_facts_have),
		cmocka_unit_test(what_a_peer_disputes_at_the_start_was_never_a_yes),
		cmocka_unit_test(whatever_the_options_say_no_facts_and_old_ones_are_no_yes),
		cmocka_unit_test(a_newer_timeline_counts_on_when_its_primary_is_not_seen),
		cmocka_unit_test(no_timeline_is_newer_than_one_that_is_not_known),
		cmocka_unit_test(a_newer_timeline_counts_no_more_once_its_primary_is_a_standby),
		cmocka_unit_test(a_certain_no_that_a_peer_tells_is_a_step_of_damping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
