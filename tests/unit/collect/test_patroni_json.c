/* What Patroni's REST API answers, over its versions, and in other shapes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/collect/patroni_instant.h"
#include "lib/collect/patroni_json.h"
#include "lib/collect/patroni_view.h"

/* -- a member's own word --------------------------------------------------------------------------- */

/* 3.0.2, as it answers on Debian. */
static const char replica_30[]
	= "{\"state\": \"running\", \"postmaster_start_time\": \"2026-11-21 17:01:27.361840+00:00\", "
	  "\"role\": \"replica\", \"server_version\": 150020, \"xlog\": {\"received_location\": 10490201, "
	  "\"replayed_location\": 10490200, \"replayed_timestamp\": null, \"paused\": false}, \"timeline\": "
	  "3, "
	  "\"cluster_unlocked\": true, \"dcs_last_seen\": 1795280488, "
	  "\"tags\": {\"clonefrom\": true, \"dc\": \"east\", \"noloadbalance\": true}, "
	  "\"database_system_identifier\": \"7710670975610281139\", \"pending_restart\": true, "
	  "\"patroni\": {\"version\": \"3.0.2\", \"scope\": \"demo\"}, \"pause\": true}";

static const char leader_40[]
	= "{\"state\":\"running\",\"postmaster_start_time\":\"2026-05-02 03:59:59.123456+02:00\","
	  "\"role\":\"primary\",\"server_version\":170004,\"xlog\":{\"location\":67108960},\"timeline\":5,"
	  "\"replication\":[{\"usename\":\"r\",\"application_name\":\"n2\",\"client_addr\":\"10.0.0.12\","
	  "\"state\":\"streaming\",\"sync_state\":\"sync\",\"sync_priority\":1},"
	  "{\"usename\":\"r\",\"application_name\":\"n3\",\"state\":\"startup\"},"
	  "{\"application_name\":\"pg_basebackup\",\"state\":\"backup\"}],"
	  "\"failsafe_mode_is_active\":true,\"watchdog_failed\":true,\"dcs_last_seen\":1777687199,"
	  "\"database_system_identifier\":\"7500000000000000001\",\"logger_queue_size\":1000,"
	  "\"patroni\":{\"version\":\"4.0.4\",\"scope\":\"demo\",\"name\":\"n1\"}}";

/* The same with a scope, which every Patroni tells, in front of an object that says nothing of Patroni. */
static const char *
with_scope(const char *text)
{
	static char storage[8192];

	if (text[0] != '{' || strstr(text, "\"patroni\"") != NULL || strlen(text) > 4096)
		return text;
	snprintf(storage, sizeof storage, "{\"patroni\":{\"scope\":\"demo\"}%s%s", text[1] == '}' ? "" : ",",
		text + 1);
	return storage;
}

static struct snapshot_patroni
must(const char *text)
{
	struct snapshot_patroni patroni;
	struct err err = {.text = ""};

	text = with_scope(text);
	memset(&patroni, 0xa5, sizeof patroni);
	if (patroni_json_member(text, strlen(text), &patroni, &err) != 0)
		fail_msg("%s", err.text);
	return patroni;
}

static void
assert_refused(const char *text, const char *why)
{
	struct snapshot_patroni patroni, before;
	struct err err;

	text = with_scope(text);
	memset(&patroni, 0xa5, sizeof patroni);
	before = patroni;
	assert_int_equal(patroni_json_member(text, strlen(text), &patroni, &err), -1);
	assert_string_equal(err.text, why);
	assert_int_equal(err.class, ERR_PROTOCOL);
	assert_memory_equal(&patroni, &before, sizeof patroni);
}

static void
test_replica(void **state)
{
	struct snapshot_patroni patroni = must(replica_30);

	(void)state;
	assert_string_equal(patroni.name, "");
	assert_string_equal(patroni.scope, "demo");
	assert_string_equal(patroni.version, "3.0.2");
	assert_string_equal(patroni.role, "replica");
	assert_string_equal(patroni.state, "running");
	assert_string_equal(patroni.replication_state, "");
	assert_string_equal(patroni.system_identifier, "7710670975610281139");
	assert_int_equal(patroni.timeline, 3);
	assert_int_equal(patroni.lsn, 10490200);
	assert_int_equal(patroni.started_ms, 1795280487361);
	assert_int_equal(patroni.dcs_seen_ms, 1795280488000);
	assert_true(patroni.is_paused);
	assert_false(patroni.is_replay_paused);
	assert_true(patroni.is_unlocked);
	assert_true(patroni.has_pending_restart);
	assert_false(patroni.is_failsafe);
	assert_false(patroni.has_failed_watchdog);
	assert_false(patroni.has_lock);
	assert_true(patroni.has_noloadbalance);
	assert_false(patroni.has_nofailover);
	assert_string_equal(patroni.tags, "clonefrom=true,dc=east,noloadbalance=true");
	assert_int_equal(patroni.leader_lsn, 0);
	assert_int_equal(patroni.leader_timeline, SNAPSHOT_NONE);
}

static void
test_leader(void **state)
{
	struct snapshot_patroni patroni = must(leader_40);

	(void)state;
	assert_string_equal(patroni.name, "n1");
	assert_string_equal(patroni.role, "primary");
	assert_int_equal(patroni.lsn, 67108960);
	assert_int_equal(patroni.started_ms, 1777687199123);
	assert_true(patroni.is_failsafe);
	assert_true(patroni.has_failed_watchdog);
	assert_false(patroni.is_paused);
	assert_false(patroni.is_unlocked);
	assert_string_equal(patroni.tags, "");
	assert_true(must("{\"state\":\"running\",\"role\":\"replica\",\"xlog\":{\"paused\":true}}")
			    .is_replay_paused);
}

static void
test_roles(void **state)
{
	(void)state;
	assert_string_equal(must("{\"state\":\"running\",\"role\":\"master\"}").role, "primary");
	assert_string_equal(must("{\"state\":\"stopped\",\"role\":\"demoted\"}").role, "demoted");
	assert_true(
		must("{\"state\":\"running\",\"role\":\"replica\",\"sync_standby\":true}").is_sync_standby);
	assert_true(
		must("{\"state\":\"running\",\"role\":\"replica\",\"quorum_standby\":true}").is_sync_standby);
	assert_true(must("{\"state\":\"running\",\"role\":\"replica\",\"quorum_standby\":true}")
			    .is_quorum_standby);
	assert_string_equal(
		must("{\"state\":\"running\",\"role\":\"replica\",\"replication_state\":\"streaming\"}")
			.replication_state,
		"streaming");
}

/* A standby cluster's leader sends on what it received; a replica is where it has replayed to. */
static void
test_position(void **state)
{
	(void)state;
	assert_int_equal(must("{\"state\":\"running\",\"role\":\"standby_leader\",\"xlog\":{"
			      "\"received_location\":300,\"replayed_location\":200}}")
				 .lsn,
		300);
	assert_int_equal(must("{\"state\":\"running\",\"role\":\"standby_leader\",\"xlog\":{"
			      "\"received_location\":100,\"replayed_location\":200}}")
				 .lsn,
		200);
	assert_int_equal(must("{\"state\":\"running\",\"role\":\"replica\",\"xlog\":{"
			      "\"received_location\":300,\"replayed_location\":200}}")
				 .lsn,
		200);
	assert_int_equal(must("{\"state\":\"starting\",\"role\":\"replica\"}").lsn, 0);
	assert_int_equal(
		must("{\"state\":\"running\",\"role\":\"replica\",\"xlog\":{\"replayed_location\":null}}")
			.lsn,
		0);
}

/* Patroni writes 0 or null for what it does not know. */
static void
test_unknown_numbers(void **state)
{
	struct snapshot_patroni patroni = must(
		"{\"state\":\"running\",\"role\":\"replica\",\"timeline\":0,\"dcs_last_seen\":0}");

	(void)state;
	assert_int_equal(patroni.timeline, SNAPSHOT_NONE);
	assert_int_equal(patroni.dcs_seen_ms, SNAPSHOT_NONE);
	assert_int_equal(patroni.started_ms, SNAPSHOT_NONE);
	assert_int_equal(must("{\"state\":\"running\",\"role\":\"replica\",\"timeline\":null}").timeline,
		SNAPSHOT_NONE);
}

static void
assert_tags(const char *tags, const char *expected, bool has_noloadbalance, bool has_nofailover)
{
	char text[2048];
	struct snapshot_patroni patroni;

	snprintf(text, sizeof text, "{\"state\":\"running\",\"role\":\"replica\",\"tags\":%s}", tags);
	patroni = must(text);
	assert_string_equal(patroni.tags, expected);
	assert_int_equal(patroni.has_noloadbalance, has_noloadbalance);
	assert_int_equal(patroni.has_nofailover, has_nofailover);
}

static void
test_tags(void **state)
{
	char long_tags[1024];

	(void)state;
	assert_tags("{}", "", false, false);
	assert_tags("null", "", false, false);
	assert_tags("{\"noloadbalance\":true,\"nofailover\":true}", "noloadbalance=true,nofailover=true",
		true, true);
	assert_tags("{\"noloadbalance\":false,\"nofailover\":0}", "noloadbalance=false,nofailover=0", false,
		false);
	assert_tags("{\"noloadbalance\":\"false\"}", "noloadbalance=false", true, false); /* Python's truth */
	assert_tags("{\"noloadbalance\":\"\"}", "noloadbalance=", false, false);
	assert_tags("{\"failover_priority\":0}", "failover_priority=0", false, true);
	assert_tags("{\"failover_priority\":\"0\"}", "failover_priority=0", false, true);
	assert_tags("{\"failover_priority\":2}", "failover_priority=2", false, false);
	assert_tags("{\"failover_priority\":0,\"nofailover\":false}", "failover_priority=0,nofailover=false",
		false, false);
	assert_tags("{\"a\":null,\"b\":1.5,\"c\":[1],\"d\":{\"e\":1}}", "b=1.5,c=?,d=?", false, false);
	/* None looks like two. */
	assert_tags("{\"x\":\"1,noloadbalance=true\",\"y=z\":\"a=b\"}", "x=1;noloadbalance=true,y;z=a=b",
		false, false);
	assert_tags("{\"x\\n\":\"a\\u0007|b\"}", "x=a /b", false, false);
	/* What does not fit whole is left out, and a shorter one behind it is not. */
	snprintf(long_tags, sizeof long_tags, "{\"a\":\"%0200d\",\"b\":\"%0200d\",\"c\":1}", 1, 2);
	{
		char expected[512];

		snprintf(expected, sizeof expected, "a=%0200d,c=1", 1);
		assert_tags(long_tags, expected, false, false);
	}
}

static void
test_other_shapes(void **state)
{
	(void)state;
	assert_refused("", "it is empty");
	assert_refused("[]", "it is not an object");
	assert_refused("\"running\"", "not JSON: line 1, column 9: '[' or '{' expected near '\"running\"'");
	assert_refused("{}", "it has no \"role\" and \"state\"");
	assert_refused("{\"role\":\"primary\"}", "it has no \"role\" and \"state\"");
	assert_refused("{\"state\":\"running\",\"role\":1}", "\"role\" is not text");
	assert_refused("{\"state\":[],\"role\":\"primary\"}", "\"state\" is not text");
	assert_refused("{\"state\":\"running\",\"role\":\"replica\",\"timeline\":\"1\"}",
		"\"timeline\" is not a number that can be read");
	assert_refused(
		"{\"state\":\"running\",\"role\":\"replica\",\"pause\":1}", "\"pause\" is not true or false");
	assert_refused(
		"{\"state\":\"running\",\"role\":\"replica\",\"xlog\":[]}", "\"xlog\" is not an object");
	assert_refused("{\"state\":\"running\",\"role\":\"replica\",\"xlog\":{\"location\":-1}}",
		"\"location\" is below zero");
	assert_refused("{\"state\":\"running\",\"role\":\"replica\",\"xlog\":{\"location\":1e300}}",
		"\"location\" is not a number that can be read");
	assert_refused(
		"{\"state\":\"running\",\"role\":\"replica\",\"tags\":[]}", "\"tags\" is not an object");
	assert_refused("{\"state\":\"running\",\"role\":\"replica\",\"patroni\":\"4\"}",
		"\"patroni\" is not an object");
	assert_refused("{\"state\":\"running\",\"role\":\"replica\",\"dcs_last_seen\":1e15}",
		"\"dcs_last_seen\" is not seconds since 1970");
	assert_refused("{\"state\":\"running\",\"role\":\"replica\",\"postmaster_start_time\":1}",
		"\"postmaster_start_time\" is not text");
	assert_refused(
		"{\"state\":\"running\",\"role\":\"replica\"} x", "not JSON: there is something behind it");
	assert_refused("{\"state\":\"running\",\"role\":\"replica\",\"role\":\"primary\"}",
		"not JSON: line 1, column 69: duplicate object key near '\"role\"'");
}

/* -- the view -------------------------------------------------------------------------------------- */

static const char view_30[]
	= "{\"members\": [{\"name\": \"n1\", \"role\": \"leader\", \"state\": \"running\", \"api_url\": "
	  "\"http://127.0.0.1:25555/patroni\", \"host\": \"127.0.0.1\", \"port\": 23579, \"timeline\": 1}, "
	  "{\"name\": \"n2\", \"role\": \"sync_standby\", \"state\": \"running\", \"api_url\": "
	  "\"http://127.0.0.1:24113/patroni\", \"host\": \"127.0.0.1\", \"port\": 26309, \"timeline\": 1, "
	  "\"pending_restart\": true, \"tags\": {\"nofailover\": true}, \"lag\": 42}, "
	  "{\"name\": \"n3\", \"role\": \"replica\", \"state\": \"stopped\", \"api_url\": "
	  "\"https://[::1]:8008/patroni/\", \"lag\": \"unknown\"}], \"pause\": true, "
	  "\"scheduled_switchover\": {\"at\": \"2026-11-21T18:01:53+00:00\", \"from\": \"n1\", \"to\": "
	  "\"n2\"}}";

static struct snapshot_patroni_cluster cluster;

static const struct snapshot_patroni_cluster *
must_view(const char *text)
{
	struct err err = {.text = ""};

	memset(&cluster, 0xa5, sizeof cluster);
	if (patroni_view_read(text, strlen(text), &cluster, &err) != 0)
		fail_msg("%s", err.text);
	return &cluster;
}

static void
assert_view_refused(const char *text, const char *why)
{
	struct err err;

	assert_int_equal(patroni_view_read(text, strlen(text), &cluster, &err), -1);
	assert_string_equal(err.text, why);
	assert_int_equal(err.class, ERR_PROTOCOL);
}

static void
test_view(void **state)
{
	const struct snapshot_patroni_cluster *view = must_view(view_30);

	(void)state;
	assert_int_equal(view->total, 3);
	assert_true(view->is_paused);
	assert_false(view->is_standby_cluster);
	assert_string_equal(view->switchover, "at 2026-11-21T18:01:53+00:00 from n1 to n2");
	assert_string_equal(view->rows[0].name, "n1");
	assert_string_equal(view->rows[0].role, "leader");
	assert_string_equal(view->rows[0].api_url, "http://127.0.0.1:25555");
	assert_string_equal(view->rows[0].host, "127.0.0.1");
	assert_int_equal(view->rows[0].port, 23579);
	assert_int_equal(view->rows[0].timeline, 1);
	assert_int_equal(view->rows[0].lag_bytes, SNAPSHOT_NONE);
	assert_int_equal(view->rows[1].lag_bytes, 42);
	assert_true(view->rows[1].has_pending_restart);
	assert_true(view->rows[1].has_nofailover);
	assert_false(view->rows[1].has_noloadbalance);
	assert_int_equal(view->rows[2].lag_bytes, SNAPSHOT_NONE);
	assert_int_equal(view->rows[2].timeline, SNAPSHOT_NONE);
	assert_int_equal(view->rows[2].port, SNAPSHOT_NONE);
	assert_string_equal(view->rows[2].api_url, "https://[::1]:8008");
	assert_false(view->rows[2].is_asked);
	assert_int_equal(view->ttl_ms, SNAPSHOT_NONE);
	assert_string_equal(view->config_hash, "");
}

static void
test_view_of_later_versions(void **state)
{
	const struct snapshot_patroni_cluster *view = must_view(
		"{\"members\":[{\"name\":\"a\",\"role\":\"standby_leader\",\"state\":\"streaming\"},"
		"{\"name\":\"b\",\"role\":\"quorum_standby\",\"state\":\"in archive "
		"recovery\",\"lsn\":\"0/4000060\","
		"\"lag\":7,\"receive_lsn\":\"0/4000060\",\"receive_lag\":0,\"replay_lsn\":\"unknown\","
		"\"replay_lag\":\"unknown\"},"
		"{\"name\":\"c\",\"role\":\"replica\",\"state\":\"streaming\",\"lag\":7,\"replay_lag\":9}],"
		"\"scope\":\"demo\",\"scheduled_switchover\":{\"at\":\"2026-11-21T18:01:53+00:00\"}}");

	(void)state;
	assert_string_equal(view->scope, "demo");
	assert_true(view->is_standby_cluster);
	assert_string_equal(view->switchover, "at 2026-11-21T18:01:53+00:00");
	assert_true(patroni_view_is_leader(&view->rows[0]));
	assert_false(patroni_view_is_leader(&view->rows[1]));
	assert_int_equal(view->rows[1].lag_bytes, SNAPSHOT_NONE);
	assert_int_equal(view->rows[2].lag_bytes, 9);
	assert_string_equal(view->rows[0].api_url, "");
}

static void
test_many_members(void **state)
{
	char text[4096];
	size_t length = (size_t)snprintf(text, sizeof text, "{\"members\":[");
	const struct snapshot_patroni_cluster *view;

	(void)state;
	for (int i = 0; i < 20; i++)
		length += (size_t)snprintf(text + length, sizeof text - length,
			"%s{\"name\":\"n%d\",\"role\":\"%s\",\"state\":\"\"}", i == 0 ? "" : ",", i,
			i == 18 ? "leader" : "replica");
	snprintf(text + length, sizeof text - length, "]}");
	view = must_view(text);
	assert_int_equal(view->total, 20);
	assert_string_equal(view->rows[14].name, "n14");
	assert_string_equal(view->rows[15].name, "n18");
}

/* Half a URL is none. */
static void
test_long_url(void **state)
{
	char text[512];

	(void)state;
	snprintf(text, sizeof text,
		"{\"members\":[{\"name\":\"a\",\"role\":\"replica\",\"api_url\":\"http://%0100d/patroni\"}]}",
		0);
	assert_string_equal(must_view(text)->rows[0].api_url, "");
}

static void
assert_url(const char *url, const char *expected)
{
	char kept[64];

	snprintf(kept, sizeof kept, "%.*s", (int)patroni_view_url_length(url), url);
	assert_string_equal(kept, expected);
}

static void
test_url(void **state)
{
	(void)state;
	assert_url("http://10.0.0.11:8008/patroni", "http://10.0.0.11:8008");
	assert_url("http://10.0.0.11:8008/patroni/", "http://10.0.0.11:8008");
	assert_url("http://10.0.0.11:8008//", "http://10.0.0.11:8008");
	assert_url("https://[::1]:8008", "https://[::1]:8008");
	assert_url("http://a/b/patroni", "http://a/b");
	assert_url("http://patroni", "http://patroni");
	assert_url("http://patroni/patroni", "http://patroni");
	assert_url("", "");
	assert_url("/patroni", "");
	assert_url("http://", "");
	assert_url("http:///patroni", "");
	assert_url("://a", "");
	assert_url("HTTPS://a", "HTTPS://a");
	assert_url("HTTP://", "");
	assert_url("http://:8008", "");
	assert_url("http://?a", "");
	assert_url("http://#a", "");
	assert_url("http:/a", "");
	assert_url("ftp://a", "");
	assert_url("file:///etc/passwd", "");
	assert_url("ahttp://a", "");
	assert_url("10.0.0.11:8008", "");
}

static void
test_other_views(void **state)
{
	(void)state;
	assert_view_refused("{}", "it has no \"members\"");
	assert_view_refused("[]", "it is not an object");
	assert_view_refused("{\"members\":{}}", "\"members\" is not a list");
	assert_view_refused("{\"members\":[1]}", "member 1: it is not an object");
	assert_view_refused("{\"members\":[{\"name\":\"a\"}]}", "member 1: it has no \"name\" and \"role\"");
	assert_view_refused(
		"{\"members\":[{\"name\":\"a\",\"role\":\"leader\"},{\"name\":7,\"role\":\"leader\"}]}",
		"member 2: \"name\" is not text");
	assert_view_refused("{\"members\":[{\"name\":\"a\",\"role\":\"replica\",\"lag\":-5}]}",
		"member 1: \"lag\" is below zero");
	assert_view_refused("{\"members\":[{\"name\":\"a\",\"role\":\"replica\",\"lag\":true}]}",
		"member 1: \"lag\" is not a number that can be read");
	assert_view_refused("{\"members\":[{\"name\":\"a\",\"role\":\"replica\",\"port\":\"5432\"}]}",
		"member 1: \"port\" is not a number that can be read");
	assert_view_refused("{\"members\":[],\"pause\":\"yes\"}", "\"pause\" is not true or false");
	assert_view_refused(
		"{\"members\":[],\"scheduled_switchover\":[]}", "\"scheduled_switchover\" is not an object");
	assert_view_refused("{\"members\":[],\"scheduled_switchover\":{\"at\":5}}", "\"at\" is not text");
}

/* -- the configuration ----------------------------------------------------------------------------- */

static const struct snapshot_patroni_cluster *
must_config(const char *text)
{
	struct err err = {.text = ""};

	patroni_view_init(&cluster);
	if (patroni_view_config(text, strlen(text), &cluster, &err) != 0)
		fail_msg("%s", err.text);
	return &cluster;
}

static void
test_config(void **state)
{
	const struct snapshot_patroni_cluster *config = must_config(
		"{\"ttl\": 30, \"loop_wait\": \"10\", \"synchronous_mode\": \"quorum\", \"failsafe_mode\": "
		"true}");

	(void)state;
	assert_int_equal(config->ttl_ms, 30000);
	assert_int_equal(config->loop_wait_ms, 10000);
	assert_true(config->is_synchronous);
	assert_true(config->is_failsafe_enabled);
	assert_false(config->is_standby_cluster);
	config = must_config(
		"{\"ttl\": [], \"loop_wait\": -1, \"synchronous_mode\": \"off\", \"failsafe_mode\": 0, "
		"\"standby_cluster\": {\"host\": \"10.0.0.1\"}}");
	assert_int_equal(config->ttl_ms, SNAPSHOT_NONE);
	assert_int_equal(config->loop_wait_ms, SNAPSHOT_NONE);
	assert_false(config->is_synchronous);
	assert_false(config->is_failsafe_enabled);
	assert_true(config->is_standby_cluster);
	assert_true(must_config("{\"synchronous_mode\": true}")->is_synchronous);
	assert_true(must_config("{\"synchronous_mode\": \"On\"}")->is_synchronous);
	assert_false(must_config("{\"standby_cluster\": null}")->is_standby_cluster);
}

/*
 * The hash is given to --config-hash and kept: it must stay what it is. FNV-1a of the bytes
 * {"a":1.5,"b":"x"}, and of {}.
 */
static void
test_hash(void **state)
{
	char first[20];

	(void)state;
	assert_string_equal(must_config("{}")->config_hash, "08f44b07b5901a25");
	assert_string_equal(must_config("{\"b\": \"x\",\n \"a\": 1.5}")->config_hash, "14a1fc9eab5aa3c2");
	assert_string_equal(must_config("{\"a\": 1.5, \"b\": \"x\"}")->config_hash, "14a1fc9eab5aa3c2");
	snprintf(first, sizeof first, "%s", must_config("{\"ttl\": 30}")->config_hash);
	assert_string_not_equal(must_config("{\"ttl\": 31}")->config_hash, first);
	/* A pause is kept there, too, and is no change of it. */
	assert_string_equal(must_config("{\"ttl\": 30, \"pause\": true}")->config_hash, first);
	assert_string_equal(must_config("{\"ttl\": 30, \"pause\": null}")->config_hash, first);
}

static void
test_other_configs(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(patroni_view_config("[]", 2, &cluster, &err), -1);
	assert_string_equal(err.text, "it is not an object");
	assert_int_equal(patroni_view_config("{", 1, &cluster, &err), -1);
	assert_int_equal(err.class, ERR_PROTOCOL);
}

/* -- who streams ----------------------------------------------------------------------------------- */

static int
take_senders(const char *text, struct err *err)
{
	return patroni_json_senders(text, strlen(text), &cluster, err);
}

static void
test_senders(void **state)
{
	struct err err = {.text = ""};

	(void)state;
	must_view(view_30);
	assert_int_equal(take_senders(leader_40, &err), 0);
	assert_string_equal(cluster.rows[0].sender_state, "");
	assert_string_equal(cluster.rows[1].sender_state, "streaming");
	assert_string_equal(cluster.rows[2].sender_state, "startup");
	/* Another connection of its name takes nothing away. */
	assert_int_equal(
		take_senders("{\"replication\":[{\"application_name\":\"n2\",\"state\":\"backup\"}]}", &err),
		0);
	assert_string_equal(cluster.rows[1].sender_state, "streaming");
	assert_int_equal(take_senders("{}", &err), 0);
	assert_int_equal(take_senders("{\"replication\":[1,{\"application_name\":2}]}", &err), 0);
	assert_int_equal(take_senders("{\"replication\":{}}", &err), -1);
	assert_string_equal(err.text, "\"replication\" is not a list");
}

/* What becomes of a member's name in PostgreSQL: 63 bytes, and ASCII alone. */
static const char *
sender_state_of(const char *member, const char *application)
{
	struct err err = {.text = ""};
	char view[512], senders[512];

	snprintf(view, sizeof view,
		"{\"members\":[{\"name\":\"%s\",\"role\":\"replica\",\"state\":\"running\"},"
		"{\"name\":\"n2\",\"role\":\"leader\",\"state\":\"running\"}]}",
		member);
	snprintf(senders, sizeof senders,
		"{\"replication\":[{\"application_name\":\"%s\",\"state\":\"streaming\"}]}", application);
	must_view(view);
	assert_int_equal(take_senders(senders, &err), 0);
	assert_string_equal(cluster.rows[1].sender_state, strcmp(application, "n2") == 0 ? "streaming" : "");
	return cluster.rows[0].sender_state;
}

#define TEN "0123456789"
#define SIXTY TEN TEN TEN TEN TEN TEN

static void
test_names_of_senders(void **state)
{
	(void)state;
	assert_string_equal(sender_state_of("n\u00f61", "n??1"), "streaming");
	assert_string_equal(sender_state_of("n\u00f61", "n\\\\xc3\\\\xb61"), "streaming");
	assert_string_equal(sender_state_of("n\u00f61", "n\\\\xc3\\\\xb71"), "");
	assert_string_equal(sender_state_of("n\u00f61", "n??2"), "");
	assert_string_equal(sender_state_of("n\u00f61", "n??"), "");
	assert_string_equal(sender_state_of("n\u00f61", "n??12"), "");
	assert_string_equal(sender_state_of("n?1", "n?1"), "streaming");
	assert_string_equal(sender_state_of("n1", "n?"), "");
	assert_string_equal(sender_state_of("n?", "n2"), "");
	/* It is that of n2 itself. */
	assert_string_equal(sender_state_of("n\u00f6", "n2"), "");
	/* 63 bytes, and more. */
	assert_string_equal(sender_state_of(SIXTY "abc", SIXTY "abc"), "streaming");
	assert_string_equal(sender_state_of(SIXTY "abc", SIXTY "abd"), "");
	assert_string_equal(sender_state_of(SIXTY "abcdef", SIXTY "abc"), "streaming");
	assert_string_equal(sender_state_of("x" SIXTY "abcdef", SIXTY "abc"), "");
	assert_string_equal(sender_state_of(SIXTY "abcdef", SIXTY), "");
	assert_string_equal(sender_state_of(SIXTY, SIXTY "abc"), "");
	/* Where the numbers of its bytes no longer fit. */
	assert_string_equal(sender_state_of(TEN TEN TEN TEN TEN "12345678\u00f6\u00f6",
				    TEN TEN TEN TEN TEN "12345678\\\\xc3\\\\"),
		"streaming");
}

/* -- instants -------------------------------------------------------------------------------------- */

static void
test_instants(void **state)
{
	(void)state;
	assert_int_equal(patroni_instant_parse("1970-01-01 00:00:00+00:00"), 0);
	assert_int_equal(patroni_instant_parse("1970-01-01T00:00:00.5Z"), 500);
	assert_int_equal(patroni_instant_parse("2000-02-29 12:00:00.001999+00:00"), 951825600001);
	assert_int_equal(patroni_instant_parse("2026-11-21 17:01:27.361840+00:00"), 1795280487361);
	assert_int_equal(patroni_instant_parse("2026-11-21 18:01:27.361840+01"), 1795280487361);
	assert_int_equal(patroni_instant_parse("2026-11-21 13:31:27.361840-03:30"), 1795280487361);
	assert_int_equal(patroni_instant_parse("2100-03-01 00:00:00Z"), 4107542400000);
	assert_int_equal(patroni_instant_parse("2026-12-31 23:59:60Z"), 1798761600000); /* a leap second */
	/* 1.6 and before 2.0: by the name of a zone, or none. */
	assert_int_equal(patroni_instant_parse("2019-09-16 10:00:00.123 UTC"), SNAPSHOT_NONE);
	assert_int_equal(patroni_instant_parse("2019-09-16 10:00:00.123"), SNAPSHOT_NONE);
	assert_int_equal(patroni_instant_parse(""), SNAPSHOT_NONE);
	assert_int_equal(patroni_instant_parse("never"), SNAPSHOT_NONE);
	assert_int_equal(patroni_instant_parse("1969-12-31 23:59:59Z"), SNAPSHOT_NONE);
	assert_int_equal(patroni_instant_parse("2026-13-21 17:01:27Z"), SNAPSHOT_NONE);
	assert_int_equal(patroni_instant_parse("2026-00-21 17:01:27Z"), SNAPSHOT_NONE);
	assert_int_equal(patroni_instant_parse("2026-01-00 17:01:27Z"), SNAPSHOT_NONE);
	assert_int_equal(patroni_instant_parse("2026-01-01 24:01:27Z"), SNAPSHOT_NONE);
	assert_int_equal(patroni_instant_parse("2026-01-01 17:01:27+"), SNAPSHOT_NONE);
	assert_int_equal(patroni_instant_parse("2026-01-01 17:01:27+00:00x"), SNAPSHOT_NONE);
	assert_int_equal(patroni_instant_parse("2026-01-01 17:01:2"), SNAPSHOT_NONE);
}

/* Our own agent answers the same paths. */
static void
test_not_patroni(void **state)
{
	static const char *const texts[] = {
		"{\"state\":\"running\",\"role\":\"primary\",\"patroni\":{\"version\":\"0.1.0\",\"name\":"
		"\"n1\"}}",
		"{\"state\":\"running\",\"role\":\"primary\",\"patroni\":{\"scope\":\"demo\"},\"pgha\":{"
		"\"answer\":\"yes\"}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct snapshot_patroni patroni;
		struct err err = {.text = ""};

		assert_int_equal(patroni_json_member(texts[i], strlen(texts[i]), &patroni, &err), -1);
		assert_int_equal(err.class, ERR_PROTOCOL);
		assert_non_null(strstr(err.text, "it is not Patroni's own word"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replica),
		cmocka_unit_test(test_leader),
		cmocka_unit_test(test_not_patroni),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_position),
		cmocka_unit_test(test_unknown_numbers),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_other_shapes),
		cmocka_unit_test(test_view),
		cmocka_unit_test(test_view_of_later_versions),
		cmocka_unit_test(test_many_members),
		cmocka_unit_test(test_long_url),
		cmocka_unit_test(test_url),
		cmocka_unit_test(test_other_views),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_other_configs),
		cmocka_unit_test(test_senders),
		cmocka_unit_test(test_names_of_senders),
		cmocka_unit_test(test_instants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
