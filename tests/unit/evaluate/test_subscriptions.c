#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/evaluate/judge.h"
#include "lib/evaluate/publications.h"
#include "lib/evaluate/subscriptions.h"

static const struct limit no_limit;
static const struct policy policy = {.wrong_role = STATE_UNKNOWN};

static const struct subscription_limits subscriber_limits = {.policy = &policy,
	.warning = &no_limit,
	.critical = &no_limit,
	.disabled = STATE_CRITICAL,
	.not_ready = STATE_WARNING};

static const struct publications_limits publisher_limits = {
	.policy = &policy, .warning = &no_limit, .critical = &no_limit, .unused = STATE_CRITICAL};

/* A subscriber with as many subscriptions as a snapshot holds, all of which run. */
static void
fill(struct snapshot *snapshot)
{
	snapshot_init(snapshot);
	snapshot->subscriptions.total = SNAPSHOT_SUBSCRIPTIONS_MAX;
	snapshot->subscriptions.receiver_timeout_ms = 60000;
	for (int i = 0; i < SNAPSHOT_SUBSCRIPTIONS_MAX; i++) {
		struct snapshot_subscription *row = &snapshot->subscriptions.rows[i];

		snprintf(row->name, sizeof row->name, "s%d", i);
		snprintf(row->slot, sizeof row->slot, "s%d", i);
		snprintf(row->database, sizeof row->database, "shop");
		row->is_enabled = true;
		row->worker_pid = 4711 + i;
		row->received_lsn = 0x5000000;
		row->message_age_ms = 100;
		row->tables = 3;
		row->tables_not_ready = 0;
		row->apply_errors = row->sync_errors = row->conflicts = 0;
	}
}

/* A publisher with a slot for each, and more. */
static void
fill_publisher(struct snapshot *snapshot)
{
	snapshot_init(snapshot);
	snapshot_mark(snapshot, SNAPSHOT_ROLE);
	snapshot_mark(snapshot, SNAPSHOT_SLOTS);
	snapshot->role.wal_lsn = 0x6000000;
	snapshot->slots.total = SNAPSHOT_SLOTS_MAX;
	for (int i = 0; i < SNAPSHOT_SLOTS_MAX; i++) {
		struct snapshot_slot *slot = &snapshot->slots.rows[i];

		snprintf(slot->name, sizeof slot->name, "s%d", i);
		snprintf(slot->type, sizeof slot->type, "logical");
		slot->is_active = true;
		slot->confirmed_behind_bytes = 4096;
	}
}

static void
the_verdict_has_room_for_as_many_as_there_may_be(void **state)
{
	static struct snapshot nodes[2];
	struct verdict verdict = {.state = STATE_OK};

	(void)state;
	fill(&nodes[0]);
	fill_publisher(&nodes[1]);
	memcpy(&nodes[0].slots, &nodes[1].slots, sizeof nodes[0].slots); /* it publishes as well */
	subscriptions_judge(nodes, 2, &subscriber_limits, "", &verdict);
	publications_judge(&nodes[0], &publisher_limits, &verdict);
	judge_end(&verdict);
	assert_int_equal(verdict.state, STATE_OK);
	assert_non_null(strstr(verdict.summary, "16 of 16 subscriptions running"));
	assert_non_null(strstr(verdict.summary, "64 logical slots, 64 in use"));
	/* Those of all together come last, and are there. */
	assert_in_range(verdict.metric_count, 40, VERDICT_METRICS);
	assert_string_equal(verdict.metrics[verdict.metric_count - 1].name, "logical_slots_in_use");
}

static void
one_behind_the_figures_is_judged_all_the_same(void **state)
{
	static struct snapshot snapshot;
	struct verdict verdict = {.state = STATE_OK};

	(void)state;
	fill(&snapshot);
	snapshot.subscriptions.rows[SNAPSHOT_SUBSCRIPTIONS_MAX - 1].message_age_ms = 36000;
	strcpy(snapshot.subscriptions.rows[SNAPSHOT_SUBSCRIPTIONS_MAX - 1].worker_wait, "Lock:relation");
	subscriptions_judge(&snapshot, 1, &subscriber_limits, "", &verdict);
	judge_end(&verdict);
	assert_int_equal(verdict.state, STATE_CRITICAL);
	assert_string_equal(verdict.summary, "subscription \"s15\" has taken in nothing for 36 s");
}

static void
a_subscription_without_a_slot_has_no_publisher(void **state)
{
	static struct snapshot nodes[2];
	struct verdict verdict = {.state = STATE_OK};

	(void)state;
	fill(&nodes[0]);
	fill_publisher(&nodes[1]);
	nodes[0].subscriptions.total = 1;
	nodes[0].subscriptions.rows[0].slot[0] = '\0'; /* slot_name = NONE */
	nodes[1].slots.rows[0].name[0] = '\0';
	subscriptions_judge(nodes, 2, &subscriber_limits, "", &verdict);
	judge_end(&verdict);
	assert_non_null(strstr(verdict.summary, "in bytes not known"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_verdict_has_room_for_as_many_as_there_may_be),
		cmocka_unit_test(one_behind_the_figures_is_judged_all_the_same),
		cmocka_unit_test(a_subscription_without_a_slot_has_no_publisher),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
