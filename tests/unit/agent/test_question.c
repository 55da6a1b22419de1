#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/agent/plan_rows.h"
#include "lib/agent/question.h"
#include "lib/run/settings.h"
#include "tests/unit/agent/sample.h"

static const char text[] = "[check replica]\nwarning = 8MB\ncritical = 16MB\ncritical = 30s\n"
			   "[check restored]\ncheck = pg_replica\nallow_archive_recovery = yes\n"
			   "[check strict]\ncheck = pg_leader\nwarning_is_failure = yes\n";

static struct plan plan;
static struct question question;
static struct err err;

static int
read_plan(void **state)
{
	(void)state;
	sample_plan(text, &plan);
	return 0;
}

/* The question of a line as pgha-ask has it; it must be one. */
static void
ask(const char *line)
{
	if (question_read_line(&plan, line, &question, &err) != QUESTION_OK)
		fail_msg("\"%s\": %s", line, err.text);
}

static void
expect_bad(const char *line, const char *message)
{
	if (question_read_line(&plan, line, &question, &err) != QUESTION_BAD)
		fail_msg("\"%s\" is not refused as bad", line);
	assert_int_equal(err.class, ERR_USAGE);
	if (strstr(err.text, message) == NULL)
		fail_msg("\"%s\": got \"%s\", expected \"%s\"", line, err.text, message);
}

/* A setting of the question's check. */
static void *
member(const char *name)
{
	static struct plan_answer ignored;
	static struct settings_group groups[PLAN_QUESTION_GROUPS];
	const struct settings_group *group;
	const struct setting *row;

	plan_rows_list_question(question.check, question.limits.bytes, &ignored, groups);
	row = settings_find(groups, PLAN_QUESTION_GROUPS, name, &group);
	if (row == NULL)
		fail_msg("there is no setting \"%s\"", name);
	return settings_member(group, row);
}

static const struct limit *
limit(const char *name)
{
	return member(name);
}

/* -- names ------------------------------------------------------------------------------------- */

static void
a_configured_check_is_asked_as_it_is_configured(void **state)
{
	static const char *const lines[] = {
		"replica", "replica\n", " replica \r\n", "\treplica\t\nlag=1", "replica\n\n"};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		ask(lines[i]);
		assert_string_equal(question.name, "replica");
		assert_int_equal(question.check_index, sample_check(&plan, "replica"));
		assert_int_equal(question.owner_index, question.check_index);
		assert_int_equal(question.kind, ROUTE_CHECK);
		assert_memory_equal(
			question.limits.bytes, plan_find_check(&plan, "replica")->limits.bytes, PLAN_LIMITS);
	}
	ask("strict");
	assert_true(question.warning_is_failure);
	assert_false(question.unknown_is_ok);
}

static void
a_path_of_patroni_is_the_check_below_it(void **state)
{
	static const char *const leaders[] = {"primary", "master", "leader", "read-write"};

	(void)state;
	for (size_t i = 0; i < sizeof leaders / sizeof leaders[0]; i++) {
		ask(leaders[i]);
		assert_int_equal(question.check_index, sample_check(&plan, "leader"));
	}
	ask("sync");
	assert_int_equal(question.sync, ROUTE_SYNC);
	assert_int_equal(question.check_index, -1); /* it is not what the check's damping saw */
	assert_int_equal(question.owner_index, sample_check(&plan, "replica"));
	ask("read-only");
	assert_true(*(bool *)member("accept-primary"));
	assert_int_equal(question.check_index, -1);
	assert_int_equal(question.owner_index, sample_check(&plan, "replica"));
	ask("replica");
	assert_false(*(bool *)member("accept-primary"));
}

static void
questions_of_health_belong_to_no_check(void **state)
{
	static const struct {
		const char *name;
		enum route_kind kind;
		const struct check *check;
	} cases[] = {
		{"health", ROUTE_HEALTH, &health_up},
		{"readiness", ROUTE_READINESS, &health_ready},
		{"liveness", ROUTE_LIVENESS, &health_up},
		{"standby-leader", ROUTE_STANDBY_LEADER, &health_standby_leader},
		{"standby_leader", ROUTE_STANDBY_LEADER, &health_standby_leader},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ask(cases[i].name);
		assert_int_equal(question.kind, cases[i].kind);
		assert_ptr_equal(question.check, cases[i].check);
		assert_int_equal(question.check_index, -1);
		assert_int_equal(question.owner_index, -1);
		assert_int_equal(question.limits.policy.on[ERR_DOWN], STATE_CRITICAL);
		assert_int_equal(question.limits.policy.on[ERR_SETUP], STATE_UNKNOWN);
	}
	ask("readiness");
	assert_int_equal(question.limits.health.ready_bytes, HEALTH_READY_BYTES);
	assert_false(question.limits.health.is_by_write);
}

static void
a_name_that_there_is_not_is_told_with_those_that_there_are(void **state)
{
	static const char *const names[] = {"pg_replica", "Leader", "leader.", "../leader", "a", "%s%n",
		"leaderleaderleaderleaderleaderleaderleaderleaderleader"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		assert_int_equal(question_read(&plan, names[i], NULL, 0, &question, &err), QUESTION_UNKNOWN);
		assert_non_null(strstr(err.text, names[i]));
		assert_non_null(strstr(err.hint, "leader, replica, restored, strict"));
	}
	assert_int_equal(question_read_line(&plan, "nobody lag=1", &question, &err), QUESTION_UNKNOWN);
}

static void
a_line_without_a_word_asks_for_nothing(void **state)
{
	static const char *const lines[] = {"", "\n", "   \t ", "\r\n", "\nleader"};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		assert_int_equal(question_read_line(&plan, lines[i], &question, &err), QUESTION_UNKNOWN);
}

/* -- settings ---------------------------------------------------------------------------------- */

static void
a_setting_of_the_check_changes_this_question_and_no_other(void **state)
{
	struct plan before = plan;

	(void)state;
	ask("replica accept_primary=yes on_timeout=ok weight-min=7 warning_is_failure=1 unknown_is_ok=on "
	    "replayed=0/1");
	assert_true(*(bool *)member("accept-primary"));
	assert_int_equal(question.limits.policy.on[ERR_TIMEOUT], STATE_OK);
	assert_true(*(int64_t *)member("weight-min") == 7);
	assert_true(question.warning_is_failure && question.unknown_is_ok);
	assert_true(*(uint64_t *)member("replayed") == 1);
	assert_int_equal(question.check_index, -1);
	assert_int_equal(question.owner_index, sample_check(&plan, "replica"));
	assert_memory_equal(&before, &plan, sizeof plan);
	ask("replica");
	assert_false(*(bool *)member("accept-primary"));
}

static void
a_limit_takes_the_place_of_the_configured_ones(void **state)
{
	(void)state;
	ask("replica critical=1GB");
	assert_true(limit("critical")->of[UNIT_BYTES].end == 1073741824.0);
	assert_false(limit("critical")->of[UNIT_SECONDS].is_set);
	assert_true(limit("warning")->of[UNIT_BYTES].is_set);
	ask("replica critical=1GB critical=5s");
	assert_true(limit("critical")->of[UNIT_BYTES].end == 1073741824.0);
	assert_true(limit("critical")->of[UNIT_SECONDS].end == 5.0);
	ask("replica critical= warning=");
	assert_false(limit("critical")->of[UNIT_BYTES].is_set || limit("critical")->of[UNIT_SECONDS].is_set);
	assert_int_equal(question.check_index, -1);
}

static void
a_setting_that_is_repeated_as_configured_still_has_its_own_answer(void **state)
{
	(void)state;
	ask("replica accept-primary=no");
	assert_int_equal(question.check_index, -1);
}

static void
what_is_not_understood_is_refused(void **state)
{
	static const struct {
		const char *line, *message;
	} cases[] = {
		{"replica critical=much", "critical"},
		{"replica critical=16XB", "unknown unit"},
		{"replica critical=5%", "critical"},
		{"replica critical=16MB,1", "critical"},
		{"replica accept_primary=maybe", "accept_primary"},
		{"replica accept_primary=", "accept_primary"},
		{"replica weight_min=101", "weight_min"},
		{"replica on_down=fine", "on_down"},
		{"replica replayed=12", "replayed"},
		{"replica nonsense=1", "nonsense"},
		{"replica =1", ""},
		{"replica critical", "\"critical\" is no NAME=VALUE"},
		{"replica leader", "\"leader\" is no NAME=VALUE"},
		{"replica critical=1MB critical=2MB", "critical"},
		{"replica accept_primary=yes accept-primary=yes", "accept"},
		{"replica warning=20MB", "warning"}, /* looser than the configured critical */
		{"replica critical=1MB", "warning"},
		{"leader accept_primary=yes", "accept_primary"},
		{"leader critical=1MB", "critical"},
		/* What is the section's, and no question's. */
		{"replica rise=1", "rise"},
		{"replica fall=5", "fall"},
		{"replica recover=1MB", "recover"},
		{"replica maintenance=/x", "maintenance"},
		{"replica agent=x", "agent"},
		{"replica check=pg_leader", "check"},
		{"replica conninfo=host=x", "conninfo"},
		/* Those of Patroni that mean nothing there. */
		{"replica mode=write", "mode"},
		{"health replication_state=streaming", "replication_state"},
		{"readiness mode=read", "parameter \"mode\": \"read\" is neither apply nor write"},
		{"readiness mode=", "mode"},
		{"replica replication_state=fine", "parameter \"replication_state\": \"fine\" is none"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		expect_bad(cases[i].line, cases[i].message);
}

static void
a_line_has_sixteen_parameters_and_no_more(void **state)
{
	char line[512] = "replica";

	(void)state;
	for (int i = 0; i < 16; i++)
		strcat(line, " tag_x=1");
	ask(line);
	strcat(line, " tag_y=1");
	expect_bad(line, "too many parameters at \"tag_y=1\"");
}

/* What stands behind the end of a line that is cut may be the limit. */
static void
a_line_that_is_too_long_is_refused_not_cut(void **state)
{
	char line[2048];

	(void)state;
	memset(line, ' ', sizeof line);
	memcpy(line, "replica", 7);
	strcpy(line + 1200, "lag=1");
	assert_int_equal(question_read_line(&plan, line, &question, &err), QUESTION_BAD);
	memset(line, ' ', sizeof line);
	memcpy(line, "replica", 7);
	strcpy(line + 1000, "lag=1");
	ask(line);
	assert_true(limit("critical")->of[UNIT_BYTES].end == 1);
}

/* -- Patroni's ---------------------------------------------------------------------------------- */

static void
lag_is_a_limit_in_bytes_as_patroni_writes_it(void **state)
{
	static const struct {
		const char *value;
		double bytes;
	} cases[] = {{"0", 0}, {"1", 1}, {"1048576", 1048576}, {"1MB", 1048576}, {"1mb", 1048576},
		{"10kB", 10240}, {"10KB", 10240}, {"16B", 16}, {"2GB", 2147483648.0},
		{"1TB", 1099511627776.0}, {"1.5kB", 1536}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct question_parameter lag = {.name = "lag", .value = cases[i].value};

		if (question_read(&plan, "replica", &lag, 1, &question, &err) != QUESTION_OK)
			fail_msg("lag=%s: %s", cases[i].value, err.text);
		assert_true(limit("critical")->of[UNIT_BYTES].is_set
			&& limit("critical")->of[UNIT_BYTES].end == cases[i].bytes);
		/* What warned earlier would else be looser than what is critical now. */
		assert_false(limit("warning")->of[UNIT_BYTES].is_set);
		assert_true(limit("critical")->of[UNIT_SECONDS].is_set); /* nobody spoke of it */
		assert_int_equal(question.check_index, -1);
	}
}

static void
a_lag_that_is_no_size_is_refused(void **state)
{
	static const char *const values[] = {"", "-1", "-1MB", "1s", "30s", "5%", "MB", "1MBs",
		"1MB:", ":1MB", "~:1MB", "@1", "1 2", "0x10", "inf", "nan", "1e3", "1,5MB", "9e18",
		"99999999999999999999", "1KiB"};

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		struct question_parameter lag = {.name = "lag", .value = values[i]};

		if (question_read(&plan, "replica", &lag, 1, &question, &err) != QUESTION_BAD)
			fail_msg("lag=%s is taken", values[i]);
		assert_non_null(strstr(err.text, "lag"));
	}
}

static void
lag_belongs_to_what_has_one(void **state)
{
	(void)state;
	expect_bad("leader lag=1MB", "parameter \"lag\": \"leader\" has no lag");
	expect_bad("primary lag=1MB", "parameter \"lag\": \"primary\" has no lag");
	expect_bad("health lag=1MB", "has no lag");
	expect_bad("liveness lag=1MB", "has no lag");
	expect_bad("standby-leader lag=1MB", "has no lag");
	ask("readiness lag=10MB");
	assert_int_equal(question.limits.health.ready_bytes, 10485760);
	ask("readiness lag=10MB mode=write");
	assert_true(question.limits.health.is_by_write);
	ask("readiness mode=apply");
	assert_false(question.limits.health.is_by_write);
	ask("read-only lag=1MB");
	assert_true(*(bool *)member("accept-primary"));
	ask("async lag=1MB");
	assert_int_equal(question.sync, ROUTE_ASYNC);
	ask("restored lag=1MB");
	assert_true(limit("critical")->of[UNIT_BYTES].end == 1048576);
}

/* Of two that say different things, one would be ignored. */
static void
what_is_given_twice_is_refused(void **state)
{
	static const char *const lines[] = {
		"replica lag=1MB lag=100GB",
		"replica lag=16MB critical=1GB",
		"replica critical=1GB lag=16MB",
		"readiness lag=1MB lag=2MB",
		"readiness mode=apply mode=write",
		"replica replication_state=streaming replication_state=in_archive",
		"read-only accept_primary=yes accept_primary=no",
	};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		expect_bad(lines[i], "");
}

static void
replication_state_chooses_who_may_answer_yes(void **state)
{
	struct question_parameter streaming = {.name = "replication_state", .value = "streaming"};
	struct question_parameter archive = {.name = "replication_state", .value = "in archive recovery"};

	(void)state;
	assert_int_equal(question_read(&plan, "replica", &streaming, 1, &question, &err), QUESTION_OK);
	assert_false(*(bool *)member("allow-archive-recovery"));
	assert_int_equal(question_read(&plan, "replica", &archive, 1, &question, &err), QUESTION_OK);
	assert_true(*(bool *)member("allow-archive-recovery"));
	assert_int_equal(question.check_index, -1);
	assert_int_equal(question_read(&plan, "leader", &archive, 1, &question, &err), QUESTION_BAD);
}

static void
who_asks_for_streaming_gets_no_archive_recovery_that_is_configured(void **state)
{
	struct question_parameter streaming = {.name = "replication_state", .value = "streaming"};

	(void)state;
	assert_int_equal(question_read(&plan, "restored", &streaming, 1, &question, &err), QUESTION_OK);
	assert_false(*(bool *)member("allow-archive-recovery"));
}

static void
tags_are_what_the_node_has_to_have(void **state)
{
	char line[400] = "replica tag_x=";

	(void)state;
	ask("replica tag_zone=a tag_zone=b");
	assert_string_equal(question.tags, "zone=a,zone=b");
	assert_false(question.never || question.has_no_tags);
	assert_int_equal(question.check_index, sample_check(&plan, "replica")); /* damped as ever */
	ask("primary tag_=");
	assert_string_equal(question.tags, "=");
	assert_true(question.has_no_tags);
	ask("leader tag_x=1"); /* the check: what is asked for counts */
	assert_string_equal(question.tags, "x=1");
	assert_false(question.has_no_tags);
	ask("health tag_x=1");
	assert_string_equal(question.tags, "x=1");
	ask("replica");
	assert_string_equal(question.tags, "");
	expect_bad("replica tag=1", "tag");
	memset(line + strlen(line), 'y', QUESTION_TAGS);
	expect_bad(line, "parameter \"tag_x\": the tags are too long");
}

/* Else "a=b,c=d" would be the two tags a and c. */
static void
no_node_has_a_tag_with_a_comma(void **state)
{
	(void)state;
	ask("replica tag_a=b,c=d");
	assert_true(question.never);
	ask("replica tag_a,b=c");
	assert_true(question.never);
}

static void
the_leader_of_standbys_is_a_leader_by_patronis_path_and_no_primary(void **state)
{
	(void)state;
	assert_int_equal(question_read_path(&plan, "leader", NULL, 0, &question, &err), QUESTION_OK);
	assert_true(question.is_for_standby_leader);
	assert_int_equal(question.check_index, sample_check(&plan, "leader"));
	assert_int_equal(question_read_path(&plan, "strict", NULL, 0, &question, &err), QUESTION_UNKNOWN);
	assert_int_equal(question_read(&plan, "leader", NULL, 0, &question, &err), QUESTION_OK);
	assert_false(question.is_for_standby_leader);
	ask("leader");
	assert_false(question.is_for_standby_leader);
	assert_int_equal(question.check_index, sample_check(&plan, "leader"));
	ask("primary");
	assert_false(question.is_for_standby_leader);
	ask("read-write");
	assert_false(question.is_for_standby_leader);
}

/* [check leader] may accept the leader of a standby cluster, for an address that is to follow it. */
static void
a_primary_is_no_standby_leader_whatever_a_leader_may_be(void **state)
{
	sample_plan("[check leader]\nstandby-leader = yes\n", &plan);
	ask("leader");
	assert_true(*(bool *)member("standby-leader"));
	ask("primary");
	assert_false(*(bool *)member("standby-leader"));
	assert_int_equal(question.check_index, -1);
	assert_int_equal(read_plan(state), 0);
}

static void
readiness_trusts_a_primary_as_the_leader_check_does(void **state)
{
	ask("readiness");
	assert_int_equal(question.limits.health.unreachable[WITNESS_PATRONI], STATE_CRITICAL);
	sample_plan("[check leader]\npatroni-unreachable = warning\n", &plan);
	ask("readiness");
	assert_int_equal(question.limits.health.unreachable[WITNESS_PATRONI], STATE_WARNING);
	assert_int_equal(question.limits.health.unreachable[WITNESS_REPMGR], STATE_CRITICAL);
	assert_int_equal(read_plan(state), 0);
}

static enum state
unconfirmed(const char *configured)
{
	sample_plan(configured, &plan);
	ask("read-only");
	return *(enum state *)member("unconfirmed-primary");
}

/* Where more than one manager is asked, a no of any is one. */
static void
a_primary_that_is_read_from_is_trusted_as_the_leader_check_does(void **state)
{
#define PATRONI "[patroni]\nurl = http://10.0.0.12:8008\n"
#define MONITOR "[pg_auto_failover]\nconninfo = host=10.0.0.9\n"
	assert_int_equal(unconfirmed(""), STATE_CRITICAL);
	assert_int_equal(unconfirmed("[check leader]\nmonitor-unreachable = warning\n"), STATE_CRITICAL);
	assert_int_equal(
		unconfirmed(MONITOR "[check leader]\nmonitor-unreachable = warning\n"), STATE_WARNING);
	assert_int_equal(
		unconfirmed(MONITOR "[check leader]\npatroni-unreachable = warning\n"), STATE_CRITICAL);
	assert_int_equal(unconfirmed(PATRONI MONITOR "[check leader]\nmonitor-unreachable = warning\n"),
		STATE_CRITICAL);
	assert_int_equal(unconfirmed(PATRONI MONITOR
				 "[check leader]\nmonitor-unreachable = warning\npatroni-unreachable = ok\n"),
		STATE_WARNING);
	assert_int_equal(unconfirmed(PATRONI "[check replica]\nunconfirmed-primary = ok\n"), STATE_OK);
	assert_int_equal(unconfirmed(PATRONI "[check leader]\npatroni-unreachable = ok\n"
					     "[check replica]\nunconfirmed-primary = unknown\n"),
		STATE_UNKNOWN);
	ask("read-only unconfirmed-primary=critical");
	assert_int_equal(*(enum state *)member("unconfirmed-primary"), STATE_CRITICAL);
	assert_int_equal(read_plan(state), 0);
}

static void
a_health_check_beside_agent_check_may_look_past_the_switch(void **state)
{
	(void)state;
	ask("replica drained=ok");
	assert_true(question.is_drain_ignored);
	assert_int_equal(question.check_index, sample_check(&plan, "replica")); /* damped as ever */
	ask("replica");
	assert_false(question.is_drain_ignored);
	expect_bad("replica drained=", "parameter \"drained\": \"\" is not ok");
	expect_bad("replica drained=yes", "parameter \"drained\": \"yes\" is not ok");
}

/* -- what is configured ------------------------------------------------------------------------- */

static void
the_question_of_a_check_is_the_one_of_its_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < plan.check_count; i++) {
		struct question own;

		question_of_check(&plan, i, &own);
		ask(plan.checks[i].name);
		assert_memory_equal(own.limits.bytes, question.limits.bytes, PLAN_LIMITS);
		assert_int_equal(own.check_index, i);
		assert_int_equal(own.owner_index, i);
		assert_int_equal(own.warning_is_failure, question.warning_is_failure);
		assert_int_equal(own.unknown_is_ok, question.unknown_is_ok);
		assert_false(own.never);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_configured_check_is_asked_as_it_is_configured),
		cmocka_unit_test(a_path_of_patroni_is_the_check_below_it),
		cmocka_unit_test(questions_of_health_belong_to_no_check),
		cmocka_unit_test(a_name_that_there_is_not_is_told_with_those_that_there_are),
		cmocka_unit_test(a_line_without_a_word_asks_for_nothing),
		cmocka_unit_test(a_setting_of_the_check_changes_this_question_and_no_other),
		cmocka_unit_test(a_limit_takes_the_place_of_the_configured_ones),
		cmocka_unit_test(a_setting_that_is_repeated_as_configured_still_has_its_own_answer),
		cmocka_unit_test(what_is_not_understood_is_refused),
		cmocka_unit_test(a_line_has_sixteen_parameters_and_no_more),
		cmocka_unit_test(a_line_that_is_too_long_is_refused_not_cut),
		cmocka_unit_test(lag_is_a_limit_in_bytes_as_patroni_writes_it),
		cmocka_unit_test(a_lag_that_is_no_size_is_refused),
		cmocka_unit_test(lag_belongs_to_what_has_one),
		cmocka_unit_test(what_is_given_twice_is_refused),
		cmocka_unit_test(replication_state_chooses_who_may_answer_yes),
		cmocka_unit_test(who_asks_for_streaming_gets_no_archive_recovery_that_is_configured),
		cmocka_unit_test(tags_are_what_the_node_has_to_have),
		cmocka_unit_test(no_node_has_a_tag_with_a_comma),
		cmocka_unit_test(the_leader_of_standbys_is_a_leader_by_patronis_path_and_no_primary),
		cmocka_unit_test(a_primary_is_no_standby_leader_whatever_a_leader_may_be),
		cmocka_unit_test(readiness_trusts_a_primary_as_the_leader_check_does),
		cmocka_unit_test(a_primary_that_is_read_from_is_trusted_as_the_leader_check_does),
		cmocka_unit_test(a_health_check_beside_agent_check_may_look_past_the_switch),
		cmocka_unit_test(the_question_of_a_check_is_the_one_of_its_name),
	};

	return cmocka_run_group_tests(tests, read_plan, NULL);
}
