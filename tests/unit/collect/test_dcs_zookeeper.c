/* What ZooKeeper's admin server answers (3.8, as on Debian), and in other shapes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/collect/dcs_zookeeper.h"

#define LEADER                                                                                               \
	"{\n  \"is_leader\" : true,\n  \"leader_id\" : 3,\n  \"leader_ip\" : \"127.0.0.1\",\n  "             \
	"\"command\" : \"leader\",\n  \"error\" : null\n}"
#define MONITOR(state, more)                                                                                 \
	"{\"version\":\"3.8.0-${mvngit.commit.id}, built on 2024-12-29 17:54 "                               \
	"UTC\",\"server_state\":\"" state "\",\"avg_latency\":0.0,\"approximate_data_size\":182," more       \
	"\"command\":\"monitor\",\"error\":null}"
#define NOT_SERVING "This ZooKeeper instance is not currently serving requests"

static struct web_answer
say(int status, const char *body)
{
	struct web_answer answer = {.status = status, .elapsed_us = 1500};

	answer.body = (char *)(uintptr_t)body;
	answer.length = strlen(body);
	return answer;
}

struct seen {
	int status;
	struct snapshot snapshot;
	struct snapshot_dcs_endpoint *row;
	struct dcs_dialect_lock lock;
	struct err err;
};

static void
look(struct seen *seen, struct web_answer leader, struct web_answer monitor)
{
	struct web_answer answers[] = {leader, monitor};
	struct dcs_dialect_plan plan = {.key = ""};

	memset(seen, 0, sizeof *seen);
	snapshot_init(&seen->snapshot);
	seen->row = &seen->snapshot.dcs.rows[0];
	seen->status = dcs_zookeeper_dialect.read(
		&plan, answers, seen->row, &seen->snapshot.dcs, &seen->lock, &seen->err);
	snapshot_mark(&seen->snapshot, SNAPSHOT_DCS);
	assert_true(snapshot_is_sound(&seen->snapshot));
}

static void
test_leader(void **state)
{
	struct seen seen;

	(void)state;
	look(&seen, say(200, LEADER),
		say(200,
			MONITOR("leader",
				"\"quorum_size\":5,\"synced_followers\":4,\"synced_non_voting_followers\":"
				"1,")));
	assert_int_equal(seen.status, 0);
	assert_true(seen.row->has_quorum);
	assert_string_equal(seen.row->leader, "3");
	assert_string_equal(seen.row->id, "3");
	assert_string_equal(seen.row->role, "leader");
	assert_string_equal(seen.row->version, "3.8.0");
	assert_int_equal(seen.row->size_bytes, 182);
	assert_int_equal(seen.snapshot.dcs.members, 5);
	assert_int_equal(seen.snapshot.dcs.members_alive, 4);
}

static void
test_others(void **state)
{
	struct seen seen;

	(void)state;
	look(&seen, say(200, "{\"is_leader\":false,\"leader_id\":3,\"command\":\"leader\",\"error\":null}"),
		say(200, MONITOR("observer", "\"quorum_size\":3,")));
	assert_string_equal(seen.row->role, "observer");
	assert_string_equal(seen.row->id, "");
	assert_int_equal(seen.snapshot.dcs.members_alive, SNAPSHOT_NONE);
	/* It needs nobody, and says that as an error. */
	look(&seen, say(200, "{\"error\":\"server is not initialized\",\"command\":\"leader\"}"),
		say(200, MONITOR("standalone", "")));
	assert_true(seen.row->has_quorum);
	assert_string_equal(seen.row->fault, "");
	assert_int_equal(seen.snapshot.dcs.members, 1);
	look(&seen, say(200, LEADER), say(200, MONITOR("read-only", "")));
	assert_false(seen.row->has_quorum);
}

/* 3.8 has an error page for the one command, 3.9 status 503 for both. */
static void
test_not_serving(void **state)
{
	struct seen seen;

	(void)state;
	look(&seen, say(200, "{\"command\":\"leader\",\"error\":\"" NOT_SERVING "\"}"),
		say(500, "<html>Error 500 java.lang.NullPointerException"));
	assert_int_equal(seen.status, 0);
	assert_false(seen.row->has_quorum);
	assert_string_equal(seen.row->fault, NOT_SERVING);
	assert_string_equal(seen.row->role, "");
	look(&seen, say(503, "{\"command\":\"leader\",\"error\":\"" NOT_SERVING "\"}"),
		say(503, "{\"command\":\"monitor\",\"error\":\"" NOT_SERVING "\"}"));
	assert_int_equal(seen.status, 0);
	assert_false(seen.row->has_quorum);
}

static void
test_the_lock_is_not_told(void **state)
{
	struct web_answer answers[] = {say(200, LEADER), say(200, MONITOR("leader", ""))};
	struct dcs_dialect_plan plan = {.key = "service/demo/leader"};
	struct dcs_dialect_lock lock = {.is_told = false};
	struct snapshot snapshot;
	struct err err;

	(void)state;
	snapshot_init(&snapshot);
	assert_int_equal(
		dcs_zookeeper_dialect.read(&plan, answers, &snapshot.dcs.rows[0], &snapshot.dcs, &lock, &err),
		0);
	assert_false(lock.is_told);
	assert_int_equal(lock.fault.class, ERR_SETUP);
}

static void
test_other_shapes(void **state)
{
	static const char *const others[] = {"", "[]", "{}", "{\"command\":\"ruok\"}", "{\"command\":5}",
		"{\"command\":\"leader\"}", "{\"command\":\"leader\",\"leader_id\":\"3\"}",
		"{\"command\":\"leader\",\"leader_id\":3,\"is_leader\":1}",
		"{\"command\":\"leader\",\"error\":7}", "{\"command\":\"leader\",\"leader_id\":1e300}",
		"<html>"};
	struct seen seen;

	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		look(&seen, say(200, others[i]), say(200, MONITOR("leader", "")));
		if (seen.status == 0)
			fail_msg("%s is read", others[i]);
		assert_int_equal(seen.err.class, ERR_PROTOCOL);
	}
	look(&seen, say(200, LEADER), say(200, MONITOR("leader", "\"synced_followers\":\"2\",")));
	assert_int_equal(seen.status, -1);
	/* Figures that are none. */
	look(&seen, say(200, LEADER),
		say(200,
			MONITOR("leader",
				"\"quorum_size\":-3,\"synced_followers\":9007199254740991,"
				"\"synced_non_voting_followers\":-9007199254740991,")));
	assert_int_equal(seen.status, 0);
	assert_int_equal(seen.snapshot.dcs.members, SNAPSHOT_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leader),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_not_serving),
		cmocka_unit_test(test_the_lock_is_not_told),
		cmocka_unit_test(test_other_shapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
