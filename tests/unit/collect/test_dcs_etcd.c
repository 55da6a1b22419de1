/* What etcd's API v3 answers, over its versions, and in other shapes; and its API v2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/collect/dcs_etcd.h"
#include "lib/collect/dcs_etcd2.h"
#include "lib/collect/dcs_etcd_login.h"

/* -- answers of etcd 3.4.23, as it gives them ------------------------------------------------------ */

#define HEADER                                                                                               \
	"\"header\":{\"cluster_id\":\"6136766651220510793\",\"member_id\":\"12757913001218796067\","         \
	"\"revision\":\"2\",\"raft_term\":\"2\"}"

static const char status_leader[]
	= "{" HEADER ",\"version\":\"3.4.23\",\"dbSize\":\"28672\","
	  "\"leader\":\"12757913001218796067\",\"raftIndex\":\"17\",\"raftTerm\":\"2\","
	  "\"raftAppliedIndex\":\"17\",\"dbSizeInUse\":\"16384\"}";
static const char status_lost[]
	= "{" HEADER ",\"version\":\"3.4.23\",\"dbSize\":\"28672\",\"raftIndex\":\"37\",\"raftTerm\":\"2\","
	  "\"errors\":[\"etcdserver: no leader\"],\"dbSizeInUse\":\"16384\"}";
static const char status_alarm[]
	= "{" HEADER ",\"version\":\"3.4.23\",\"dbSize\":\"28672\",\"leader\":\"1\",\"raftIndex\":\"21\","
	  "\"raftTerm\":\"2\",\"errors\":[\"memberID:12757913001218796067 alarm:NOSPACE \","
	  "\"memberID:7 alarm:CORRUPT \",\"something else\"],\"dbSizeInUse\":\"16384\"}";
static const char members[] = "{" HEADER ",\"members\":[{\"ID\":\"2639315147859573275\",\"name\":\"e3\"},"
			      "{\"ID\":\"12757913001218796067\",\"name\":\"e1\"},{\"ID\":\"7\",\"name\":"
			      "\"e4\",\"isLearner\":true},"
			      "{\"ID\":\"16816791533649774731\",\"name\":\"\"}]}";
static const char key[] = "{" HEADER ",\"kvs\":[{\"key\":\"L3NlcnZpY2UvZGVtby9sZWFkZXI=\",\"version\":\"1\","
			  "\"value\":\"bjE=\",\"lease\":\"7648134708769238028\"}],\"count\":\"1\"}";
static const char no_key[] = "{" HEADER "}";

#define REFUSAL(words, code) "{\"error\":\"" words "\",\"message\":\"" words "\",\"code\":" #code "}"

/* -- asking ----------------------------------------------------------------------------------------- */

static struct web_answer
say(int status, const char *body)
{
	struct web_answer answer = {.status = status, .elapsed_us = 1500};

	answer.body = (char *)(uintptr_t)body;
	answer.length = strlen(body);
	return answer;
}

static struct web_answer
silence(void)
{
	struct web_answer answer = {.elapsed_us = 900000};

	err_set(&answer.fault, ERR_TIMEOUT, "no answer in time");
	return answer;
}

/* What comes of the answers of one endpoint. */
struct seen {
	int status;
	struct snapshot snapshot;
	struct snapshot_dcs_endpoint *row;
	struct dcs_dialect_lock lock;
	struct err err;
};

static void
look(struct seen *seen, const struct dcs_dialect *dialect, const char *version, const char *leader_key,
	struct web_answer a, struct web_answer b, struct web_answer c, struct web_answer d)
{
	struct web_answer answers[] = {a, b, c, d};
	struct dcs_dialect_plan plan = {.wants_quota = true};

	memset(seen, 0, sizeof *seen);
	snapshot_init(&seen->snapshot);
	seen->row = &seen->snapshot.dcs.rows[0];
	seen->lock.ttl_ms = seen->lock.granted_ms = SNAPSHOT_NONE;
	snprintf(plan.key, sizeof plan.key, "%s", leader_key);
	snprintf(plan.version, sizeof plan.version, "%s", version);
	seen->status = dialect->read(&plan, answers, seen->row, &seen->snapshot.dcs, &seen->lock, &seen->err);
	snapshot_mark(&seen->snapshot, SNAPSHOT_DCS);
	assert_true(snapshot_is_sound(&seen->snapshot));
}

static void
look_v3(struct seen *seen, const char *status, struct web_answer range)
{
	look(seen, &dcs_etcd_dialect, "3.4.23", "service/demo/leader", say(200, status), say(200, members),
		range, say(404, "404 page not found\n"));
}

/* -- API v3 ----------------------------------------------------------------------------------------- */

static void
test_leader(void **state)
{
	struct seen seen;

	(void)state;
	look_v3(&seen, status_leader, say(200, key));
	assert_int_equal(seen.status, 0);
	assert_string_equal(seen.row->id, "12757913001218796067");
	assert_string_equal(seen.row->cluster, "6136766651220510793");
	assert_string_equal(seen.row->leader, seen.row->id);
	assert_string_equal(seen.row->role, "leader");
	assert_string_equal(seen.row->name, "e1");
	assert_string_equal(seen.snapshot.dcs.leader_id, seen.row->leader);
	assert_string_equal(seen.snapshot.dcs.leader_name, "e1");
	assert_string_equal(seen.row->version, "3.4.23");
	assert_int_equal(seen.row->size_bytes, 28672);
	assert_int_equal(seen.row->raft_index, 17);
	assert_int_equal(seen.row->raft_term, 2);
	assert_int_equal(seen.row->response_us, 1500);
	assert_int_equal(seen.row->quota_bytes, SNAPSHOT_NONE);
	assert_true(seen.row->has_quorum);
	assert_string_equal(seen.row->alarm, "");
	assert_string_equal(seen.row->health, "");
	assert_int_equal(seen.snapshot.dcs.members, 3); /* a learner is none, one that never started is */
	assert_true(seen.lock.is_told && seen.lock.is_there && seen.lock.has_lease);
	assert_string_equal(seen.lock.holder, "n1");
	assert_string_equal(seen.lock.lease, "7648134708769238028");
}

static void
test_nobody_holds_the_lock(void **state)
{
	struct seen seen;

	(void)state;
	look_v3(&seen, status_leader, say(200, no_key));
	assert_true(seen.row->has_quorum && seen.lock.is_told);
	assert_false(seen.lock.is_there || seen.lock.has_lease);
}

static void
test_no_quorum(void **state)
{
	struct seen seen;

	(void)state;
	look_v3(&seen, status_lost, say(503, REFUSAL("etcdserver: request timed out", 14)));
	assert_int_equal(seen.status, 0);
	assert_false(seen.row->has_quorum || seen.row->is_refused || seen.lock.is_told);
	assert_string_equal(seen.row->leader, "");
	assert_string_equal(seen.row->role, "");
	assert_string_equal(seen.row->health, ""); /* "no leader" is seen by itself */
	assert_string_equal(seen.row->fault, "etcdserver: request timed out");
	assert_int_equal(seen.lock.fault.class, ERR_DOWN);
	look_v3(&seen, status_leader, silence());
	assert_int_equal(seen.status, 0);
	assert_false(seen.row->has_quorum);
	assert_string_equal(seen.row->fault, "no answer in time");
}

static void
test_rights(void **state)
{
	struct seen seen;

	(void)state;
	/* Both come after the quorum was asked for. */
	look_v3(&seen, status_leader, say(403, REFUSAL("etcdserver: permission denied", 7)));
	assert_true(seen.row->has_quorum);
	assert_false(seen.lock.is_told);
	assert_int_equal(seen.lock.fault.class, ERR_SETUP);
	look_v3(&seen, status_leader, say(400, REFUSAL("etcdserver: user name is empty", 3)));
	assert_true(seen.row->has_quorum);
	assert_string_equal(seen.lock.fault.text, "etcdserver: user name is empty");
	look_v3(&seen, status_leader, say(400, REFUSAL("etcdserver: key is not provided", 3)));
	assert_false(seen.row->has_quorum);
	look_v3(&seen, status_leader, say(401, REFUSAL("etcdserver: invalid auth token", 16)));
	assert_false(seen.row->has_quorum);
	assert_true(seen.row->is_refused);
}

static void
test_alarms(void **state)
{
	struct seen seen;

	(void)state;
	look_v3(&seen, status_alarm, say(200, no_key));
	assert_string_equal(seen.row->alarm, "NOSPACE of 12757913001218796067, CORRUPT of 7");
	assert_string_equal(seen.row->health, "something else");
	assert_string_equal(seen.row->role, "follower");
}

static void
test_quota(void **state)
{
	struct seen seen;

	(void)state;
	look(&seen, &dcs_etcd_dialect, "3.5.12", "", say(200, status_leader), silence(), say(200, no_key),
		say(200, "# HELP x\netcd_server_quota_backend_bytes 2.147483648e+09\n"));
	assert_int_equal(seen.row->quota_bytes, INT64_C(2147483648));
	assert_int_equal(seen.snapshot.dcs.members, SNAPSHOT_NONE);
	look(&seen, &dcs_etcd_dialect, "3.5.12", "", say(200, status_leader), silence(), say(200, no_key),
		say(200, "# HELP x\netcd_server_quota_backend_bytes nan\n"));
	assert_int_equal(seen.row->quota_bytes, SNAPSHOT_NONE);
	look(&seen, &dcs_etcd_dialect, "3.6.1", "", say(200, "{" HEADER ",\"dbSizeQuota\":\"2147483648\"}"),
		silence(), say(200, no_key), silence());
	assert_int_equal(seen.row->quota_bytes, INT64_C(2147483648));
}

static void
test_prefix(void **state)
{
	(void)state;
	assert_string_equal(dcs_etcd_prefix("3.2.32"), "/v3alpha");
	assert_string_equal(dcs_etcd_prefix("3.3.0"), "/v3beta");
	assert_string_equal(dcs_etcd_prefix("3.4.0"), "/v3");
	assert_string_equal(dcs_etcd_prefix("3.20.1"), "/v3");
	assert_string_equal(dcs_etcd_prefix("3.6.0-rc.1"), "/v3");
	assert_string_equal(dcs_etcd_prefix(""), "/v3");
}

static void
refuse(const char *status)
{
	struct seen seen;

	look_v3(&seen, status, say(200, key));
	if (seen.status == 0)
		fail_msg("%s is read", status);
	assert_int_equal(seen.err.class, ERR_PROTOCOL);
}

static void
test_other_shapes(void **state)
{
	(void)state;
	refuse("");
	refuse("[]");
	refuse("{}");
	refuse("{\"header\":[]}");
	refuse("{\"header\":{},\"version\":\"3.4.23\"}");
	refuse("{" HEADER "}");
	refuse("{\"header\":{\"member_id\":12757913001218796067}}");
	refuse("{\"header\":{\"member_id\":\"12 34\"}}");
	refuse("{" HEADER ",\"version\":\"3.4.23\",\"leader\":\"123456789012345678901234567890\"}");
	refuse("{" HEADER ",\"version\":\"3.4.23\",\"dbSize\":\"-1\"}");
	refuse("{" HEADER ",\"version\":\"3.4.23\",\"dbSize\":\"1152921504606846977\"}");
	refuse("{" HEADER ",\"version\":\"3.4.23\",\"raftIndex\":\"0x11\"}");
	refuse("{" HEADER ",\"version\":\"3.4.23\",\"raftTerm\":true}");
	refuse("{" HEADER ",\"version\":\"3.4.23\",\"isLearner\":\"no\"}");
	refuse("{" HEADER ",\"version\":\"3.4.23\",\"errors\":[1]}");
	refuse("{" HEADER ",\"version\":\"3.4.23\",\"errors\":\"none\"}");
}

/* A key whose answer is of another shape is not told, though there is a quorum. */
static void
test_other_shapes_of_the_key(void **state)
{
	static const char *const ranges[] = {"{" HEADER ",\"kvs\":1}", "{" HEADER ",\"kvs\":[{\"value\":5}]}",
		"{" HEADER ",\"kvs\":[{\"value\":\"%\"}]}",
		"{" HEADER ",\"kvs\":[{\"value\":\"bjE=\",\"lease\":\"x\"}]}",
		"{" HEADER ",\"kvs\":[{\"value\":\"bjE\"}]}"};
	struct seen seen;

	(void)state;
	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
		look_v3(&seen, status_leader, say(200, ranges[i]));
		assert_int_equal(seen.status, 0);
		assert_true(seen.row->has_quorum);
		if (seen.lock.is_told)
			fail_msg("%s is read", ranges[i]);
		assert_int_equal(seen.lock.fault.class, ERR_PROTOCOL);
	}
}

/* Neither a quorum nor the loss of one. */
static void
test_a_read_that_is_none(void **state)
{
	static const char *const ranges[] = {"", "[]", "null", "{}", "{\"kvs\":[]}", "{\"header\":{}}",
		"{\"header\":{\"member_id\":\"0\",\"cluster_id\":\"0\"}}"};
	struct seen seen;

	(void)state;
	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
		look_v3(&seen, status_leader, say(200, ranges[i]));
		if (seen.status == 0)
			fail_msg("\"%s\" is an answer", ranges[i]);
		assert_int_equal(seen.err.class, ERR_PROTOCOL);
		assert_false(seen.row->has_quorum || seen.lock.is_told);
	}
	/* A proxy's word that etcd does not answer. */
	look_v3(&seen, status_leader, say(504, "<html>504 Gateway Time-out</html>"));
	assert_int_equal(seen.status, 0);
	assert_false(seen.row->has_quorum);
	assert_non_null(strstr(seen.row->fault, "504"));
}

/* -- the lease -------------------------------------------------------------------------------------- */

static int
lease(const char *body, struct dcs_dialect_lock *lock)
{
	struct web_answer answer = say(200, body);
	struct err err;

	lock->ttl_ms = lock->granted_ms = SNAPSHOT_NONE;
	return dcs_etcd_dialect.read_lease(&answer, lock, &err);
}

static void
test_lease(void **state)
{
	struct dcs_dialect_lock lock;

	(void)state;
	assert_int_equal(lease("{" HEADER ",\"ID\":\"7\",\"TTL\":\"29\",\"grantedTTL\":\"30\"}", &lock), 0);
	assert_int_equal(lock.ttl_ms, 29000);
	assert_int_equal(lock.granted_ms, 30000);
	assert_int_equal(lease("{\"ID\":\"7\",\"TTL\":\"-1\"}", &lock), 0);
	assert_int_equal(lock.ttl_ms, 0);
	assert_int_equal(lock.granted_ms, SNAPSHOT_NONE);
	/* Zero is left out. */
	assert_int_equal(lease("{\"ID\":\"7\",\"grantedTTL\":\"30\"}", &lock), 0);
	assert_int_equal(lock.ttl_ms, 0);
	assert_int_equal(lease("{\"TTL\":\"-2\"}", &lock), -1);
	assert_int_equal(lease("{\"TTL\":\"9999999999\"}", &lock), -1);
	assert_int_equal(lease("{\"TTL\":\"soon\"}", &lock), -1);
	assert_int_equal(lease("[]", &lock), -1);
}

/* -- logging in ------------------------------------------------------------------------------------- */

static void
test_login(void **state)
{
	struct web_secret secret = {.user = "o\"n\\e", .password = "\xc3\xa4\n"};
	struct web_answer answer = say(200, "{\"token\":\"MimBCRcmfDuTSQFw.35\"}");
	char body[200], token[40];
	struct err err;

	(void)state;
	assert_int_equal(dcs_etcd_login_write(&secret, body, sizeof body, &err), 0);
	assert_string_equal(body, "{\"name\":\"o\\\"n\\\\e\",\"password\":\"\xc3\xa4\\n\"}");
	assert_int_equal(dcs_etcd_login_write(&secret, body, 20, &err), -1);
	secret.password[0] = '\xff';
	assert_int_equal(dcs_etcd_login_write(&secret, body, sizeof body, &err), -1);
	assert_int_equal(err.class, ERR_SETUP);
	assert_int_equal(dcs_etcd_login_read(&answer, token, sizeof token, &err), 0);
	assert_string_equal(token, "MimBCRcmfDuTSQFw.35");
	assert_int_equal(dcs_etcd_login_read(&answer, token, 10, &err), -1);
	answer = say(400, REFUSAL("etcdserver: authentication failed, invalid user ID or password", 3));
	assert_int_equal(dcs_etcd_login_read(&answer, token, sizeof token, &err), -1);
	assert_int_equal(err.class, ERR_SETUP);
	answer = say(400, REFUSAL("etcdserver: authentication is not enabled", 9));
	assert_int_equal(dcs_etcd_login_read(&answer, token, sizeof token, &err), 0);
	assert_string_equal(token, "");
}

/* -- API v2 ----------------------------------------------------------------------------------------- */

#define SELF                                                                                                 \
	"{\"name\":\"e1\",\"id\":\"b10d3647c0fbea23\",\"state\":\"StateLeader\",\"leaderInfo\":{\"leader\":" \
	"\"b10d3647c0fbea23\",\"uptime\":\"83ms\"},\"recvAppendRequestCnt\":0,\"sendPkgRate\":531.6}"

static void
look_v2(struct seen *seen, struct web_answer value)
{
	look(seen, &dcs_etcd2_dialect, "", "service/demo/leader", say(200, SELF),
		say(200, "{\"members\":[{\"id\":\"1\"},{\"id\":\"2\"},{\"id\":\"3\"}]}\n"), value, silence());
}

static void
test_v2(void **state)
{
	struct seen seen;

	(void)state;
	look_v2(&seen,
		say(200,
			"{\"action\":\"get\",\"node\":{\"key\":\"/service/demo/leader\",\"value\":\"n1\","
			"\"expiration\":\"2026-11-21T16:44:46Z\",\"ttl\":29,\"modifiedIndex\":8}}"));
	assert_int_equal(seen.status, 0);
	assert_true(seen.row->has_quorum && seen.lock.is_there && seen.lock.has_lease);
	assert_string_equal(seen.row->name, "e1");
	assert_string_equal(seen.row->role, "leader");
	assert_string_equal(seen.row->leader, "b10d3647c0fbea23");
	assert_int_equal(seen.lock.ttl_ms, 29000);
	assert_int_equal(seen.snapshot.dcs.members, 3);
	look_v2(&seen,
		say(404, "{\"errorCode\":100,\"message\":\"Key not found\",\"cause\":\"/x\",\"index\":7}"));
	assert_true(seen.row->has_quorum && seen.lock.is_told);
	assert_false(seen.lock.is_there);
	look_v2(&seen, say(200, "{\"node\":{\"value\":\"n1\"}}"));
	assert_true(seen.lock.is_there);
	assert_false(seen.lock.has_lease);
}

static void
test_v2_without_quorum(void **state)
{
	struct seen seen;

	(void)state;
	look_v2(&seen,
		say(500,
			"{\"errorCode\":300,\"message\":\"Raft Internal Error\",\"cause\":\"etcdserver: "
			"request "
			"timed out\",\"index\":0}"));
	assert_int_equal(seen.status, 0);
	assert_false(seen.row->has_quorum || seen.lock.is_told);
	assert_string_equal(seen.row->leader, ""); /* it goes on to name itself */
	assert_string_equal(seen.row->role, "");
	assert_string_equal(seen.row->fault, "Raft Internal Error: etcdserver: request timed out");
	look_v2(&seen,
		say(401, "{\"errorCode\":110,\"message\":\"The request requires user authentication\"}"));
	assert_true(seen.row->is_refused);
	look_v2(&seen, say(404, "404 page not found\n"));
	assert_false(seen.row->has_quorum);
	look_v2(&seen, say(404, "{\"errorCode\":105,\"message\":\"Key already exists\"}"));
	assert_false(seen.row->has_quorum);
	look_v2(&seen, say(200, "{\"node\":{\"value\":\"n1\",\"ttl\":-5}}"));
	assert_false(seen.lock.is_there);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leader),
		cmocka_unit_test(test_nobody_holds_the_lock),
		cmocka_unit_test(test_no_quorum),
		cmocka_unit_test(test_rights),
		cmocka_unit_test(test_alarms),
		cmocka_unit_test(test_quota),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_other_shapes),
		cmocka_unit_test(test_other_shapes_of_the_key),
		cmocka_unit_test(test_a_read_that_is_none),
		cmocka_unit_test(test_lease),
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_v2),
		cmocka_unit_test(test_v2_without_quorum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
