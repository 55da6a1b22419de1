/* What Consul answers, by its documentation, and in other shapes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/collect/dcs_consul.h"

#define SELF                                                                                                 \
	"{\"Config\":{\"Datacenter\":\"dc1\",\"NodeName\":\"c1\",\"NodeID\":\"ed0b\",\"Server\":true,"       \
	"\"Version\":\"1.17.1\"},\"Stats\":{\"raft\":{\"state\":\"Leader\",\"last_log_index\":\"42\","       \
	"\"term\":\"3\"}},\"Member\":{}}"
#define KEY                                                                                                  \
	"[{\"LockIndex\":1,\"Key\":\"service/demo/leader\",\"Flags\":0,\"Value\":\"bjE=\","                  \
	"\"Session\":\"adf4238a-882b-9ddc-4a9d-5b6758e4159e\",\"CreateIndex\":20,\"ModifyIndex\":40}]"
#define HEALTH                                                                                               \
	"{\"Healthy\":false,\"FailureTolerance\":0,\"Servers\":[{\"Healthy\":true,\"Voter\":true},"          \
	"{\"Healthy\":false,\"Voter\":true},{\"Healthy\":true,\"Voter\":true},{\"Healthy\":true,"            \
	"\"Voter\":false}]}"

static struct web_answer
say(int status, const char *body)
{
	struct web_answer answer = {.status = status, .elapsed_us = 1500};

	answer.body = (char *)(uintptr_t)body;
	answer.length = strlen(body);
	return answer;
}

/* The answers of a server that is well, in the order of the questions. */
enum { LEADER, KEY_AT, SELF_AT, PEERS, HEALTH_AT, COUNT };

static void
fill(struct web_answer answers[COUNT])
{
	answers[LEADER] = say(200, "\"10.1.10.12:8300\"");
	answers[KEY_AT] = say(200, KEY);
	answers[SELF_AT] = say(200, SELF);
	answers[PEERS] = say(200, "[\"10.1.10.12:8300\",\"10.1.10.11:8300\"]");
	answers[HEALTH_AT] = say(429, HEALTH);
}

struct seen {
	int status;
	struct snapshot snapshot;
	struct snapshot_dcs_endpoint *row;
	struct dcs_dialect_lock lock;
	struct err err;
};

static void
look(struct seen *seen, const struct web_answer answers[COUNT])
{
	struct dcs_dialect_plan plan = {.key = "service/demo/leader"};

	memset(seen, 0, sizeof *seen);
	snapshot_init(&seen->snapshot);
	seen->row = &seen->snapshot.dcs.rows[0];
	seen->lock.ttl_ms = seen->lock.granted_ms = SNAPSHOT_NONE;
	seen->status = dcs_consul_dialect.read(
		&plan, answers, seen->row, &seen->snapshot.dcs, &seen->lock, &seen->err);
	snapshot_mark(&seen->snapshot, SNAPSHOT_DCS);
	assert_true(snapshot_is_sound(&seen->snapshot));
}

static void
test_a_leader(void **state)
{
	struct web_answer answers[COUNT];
	struct seen seen;

	(void)state;
	fill(answers);
	look(&seen, answers);
	assert_int_equal(seen.status, 0);
	assert_true(seen.row->has_quorum);
	assert_string_equal(seen.row->leader, "10.1.10.12:8300");
	assert_string_equal(seen.row->name, "c1");
	assert_string_equal(seen.row->cluster, "dc1");
	assert_string_equal(seen.row->role, "leader");
	assert_string_equal(seen.row->version, "1.17.1");
	assert_int_equal(seen.row->raft_index, 42);
	assert_int_equal(seen.row->raft_term, 3);
	assert_int_equal(seen.snapshot.dcs.members, 3);
	assert_int_equal(seen.snapshot.dcs.members_alive, 2);
	assert_true(seen.lock.is_told && seen.lock.is_there);
	assert_false(seen.lock.has_lease); /* whether the session lives is asked next */
	assert_string_equal(seen.lock.holder, "n1");
	assert_string_equal(seen.lock.lease, "adf4238a-882b-9ddc-4a9d-5b6758e4159e");
	assert_int_equal(seen.lock.ttl_ms, SNAPSHOT_NONE);
}

static void
test_what_may_be_missing(void **state)
{
	struct web_answer answers[COUNT];
	struct seen seen;

	(void)state;
	fill(answers);
	answers[SELF_AT] = answers[HEALTH_AT] = say(403, "Permission denied");
	look(&seen, answers);
	assert_int_equal(seen.status, 0);
	assert_true(seen.row->has_quorum);
	assert_string_equal(seen.row->role, "");
	assert_int_equal(seen.snapshot.dcs.members, 2);
	assert_int_equal(seen.snapshot.dcs.members_alive, SNAPSHOT_NONE);
	answers[SELF_AT] = say(200, "{\"Config\":{\"Server\":false},\"Stats\":{\"raft\":{\"term\":5}}}");
	answers[PEERS] = say(200, "{}");
	look(&seen, answers);
	assert_string_equal(seen.row->role, "client");
	assert_int_equal(seen.row->raft_term, SNAPSHOT_NONE);
	assert_int_equal(seen.snapshot.dcs.members, SNAPSHOT_NONE);
}

static void
test_the_key(void **state)
{
	struct web_answer answers[COUNT];
	struct seen seen;

	(void)state;
	fill(answers);
	answers[KEY_AT] = say(404, "");
	look(&seen, answers);
	assert_true(seen.row->has_quorum && seen.lock.is_told);
	assert_false(seen.lock.is_there);
	answers[KEY_AT] = say(200, "[{\"Value\":null}]");
	look(&seen, answers);
	assert_true(seen.lock.is_there);
	assert_string_equal(seen.lock.holder, "");
	answers[KEY_AT] = say(500, "No cluster leader");
	look(&seen, answers);
	assert_int_equal(seen.status, 0);
	assert_false(seen.row->has_quorum || seen.row->is_refused || seen.lock.is_told);
	assert_string_equal(seen.row->fault, "HTTP status 500: No cluster leader");
	answers[KEY_AT] = say(403, "Permission denied");
	look(&seen, answers);
	assert_true(seen.row->is_refused);
	assert_int_equal(seen.lock.fault.class, ERR_SETUP);
	/* A path that something else does not know is no key that is not there. */
	answers[KEY_AT] = say(404, "404 page not found");
	look(&seen, answers);
	assert_false(seen.row->has_quorum || seen.lock.is_told);
}

static void
test_other_shapes_of_the_key(void **state)
{
	static const char *const keys[] = {"[]", "{}", "[5]", "[{\"Value\":5}]", "[{\"Value\":\"%\"}]",
		"[{\"Value\":\"bjE=\",\"Session\":{}}]",
		"[{\"Value\":\"bjE=\",\"Session\":\"0123456789012345678901234567890123456789\"}]"};
	struct web_answer answers[COUNT];
	struct seen seen;

	(void)state;
	fill(answers);
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		answers[KEY_AT] = say(200, keys[i]);
		look(&seen, answers);
		if (seen.lock.is_told)
			fail_msg("%s is read", keys[i]);
	}
}

static void
test_no_leader(void **state)
{
	static const char *const others[] = {"5", "null", "[]", "{}", "", "10.1.10.12:8300", "\"a\" \"b\""};
	struct web_answer answers[COUNT];
	struct seen seen;

	(void)state;
	fill(answers);
	answers[LEADER] = say(200, "\"\"");
	look(&seen, answers);
	assert_int_equal(seen.status, 0);
	assert_string_equal(seen.row->leader, "");
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		answers[LEADER] = say(200, others[i]);
		look(&seen, answers);
		if (seen.status == 0)
			fail_msg("%s is read", others[i]);
		assert_int_equal(seen.err.class, ERR_PROTOCOL);
	}
}

static void
test_session(void **state)
{
	static const char *const others[] = {
		"{}", "[1]", "[[]]", "[{}]", "[{\"ID\":1}]", "[{\"ID\":\"y\",\"TTL\":\"15s\"}]"};
	struct web_answer answer = say(200, "[{\"ID\":\"x\",\"TTL\":\"15.0s\"}]");
	struct dcs_dialect_lock lock = {.has_lease = false, .lease = "x"};
	struct err err;

	(void)state;
	assert_int_equal(dcs_consul_dialect.read_lease(&answer, &lock, &err), 0);
	assert_true(lock.has_lease);
	assert_int_equal(lock.granted_ms, 15000);
	answer = say(200, "[{\"ID\":\"x\",\"TTL\":\"soon\"}]");
	assert_int_equal(dcs_consul_dialect.read_lease(&answer, &lock, &err), 0);
	assert_int_equal(lock.granted_ms, SNAPSHOT_NONE);
	answer = say(200, "[]");
	assert_int_equal(dcs_consul_dialect.read_lease(&answer, &lock, &err), 0);
	assert_false(lock.has_lease);
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		answer = say(200, others[i]);
		if (dcs_consul_dialect.read_lease(&answer, &lock, &err) == 0)
			fail_msg("%s is a session", others[i]);
		assert_int_equal(err.class, ERR_PROTOCOL);
	}
	answer = say(403, "Permission denied");
	assert_int_equal(dcs_consul_dialect.read_lease(&answer, &lock, &err), -1);
	assert_int_equal(err.class, ERR_SETUP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_leader),
		cmocka_unit_test(test_what_may_be_missing),
		cmocka_unit_test(test_the_key),
		cmocka_unit_test(test_other_shapes_of_the_key),
		cmocka_unit_test(test_no_leader),
		cmocka_unit_test(test_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
