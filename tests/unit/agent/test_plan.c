#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "tests/unit/agent/sample.h"

static struct plan plan, again;

/* -- what is there without a word -------------------------------------------------------------- */

static void
an_empty_file_is_a_whole_plan(void **state)
{
	(void)state;
	sample_plan("", &plan);
	assert_string_equal(plan.agent.name, "");
	assert_int_equal(plan.agent.interval_ms, 250);
	assert_int_equal(plan.agent.timeout_ms, 1000);
	assert_int_equal(plan.agent.max_age_ms, 3000);
	assert_string_equal(plan.agent.run_directory, "/run/pgha");
	assert_int_equal(plan.agent.log, LOG_LEVEL_INFO);
	assert_string_equal(plan.listen.http, "127.0.0.1:8009");
	assert_string_equal(plan.listen.agent, "127.0.0.1:8010");
	assert_string_equal(plan.listen.socket, "");
	assert_int_equal(plan.listen.max_connections, 1000);
	assert_int_equal(plan.listen.request_timeout_ms, 5000);
	assert_int_equal(plan.target_count, 1);
	assert_string_equal(plan.targets[0].name, "postgres");
	assert_string_equal(plan.targets[0].target.dbname, "");
	assert_string_equal(plan.targets[0].target.application, "pgha-agent");
	assert_int_equal(plan.targets[0].target.timeout_ms, 1000);
	assert_int_equal(plan.check_count, 2);
	assert_string_equal(plan.checks[0].name, "leader");
	assert_string_equal(plan.checks[0].check->name, "pg_leader");
	assert_string_equal(plan.checks[1].name, "replica");
	assert_string_equal(plan.checks[1].check->name, "pg_replica");
	assert_int_equal(plan.track_count, 0);
}

static void
a_check_answers_by_default_as_its_program_does(void **state)
{
	(void)state;
	sample_plan("", &plan);
	for (size_t i = 0; i < plan.check_count; i++) {
		const struct plan_check *check = &plan.checks[i];

		assert_int_equal(check->limits.policy.on[ERR_DOWN], STATE_CRITICAL);
		assert_int_equal(check->limits.policy.on[ERR_TIMEOUT], STATE_CRITICAL);
		assert_int_equal(check->limits.policy.on[ERR_SETUP], STATE_UNKNOWN);
		assert_int_equal(check->limits.policy.on[ERR_USAGE], STATE_UNKNOWN);
		assert_int_equal(check->limits.policy.wrong_role, STATE_CRITICAL);
		assert_int_equal(check->answer.damping.rise, 1);
		assert_int_equal(check->answer.damping.fall, 1);
		assert_int_equal(check->answer.damping.weight_ramp_ms, 0);
		assert_true(check->answer.damping.weight_min >= 1);
		assert_false(check->answer.warning_is_failure || check->answer.unknown_is_ok);
	}
}

static void
places_follow_the_run_directory_unless_they_are_said(void **state)
{
	char path[PLAN_PATH_SIZE];

	(void)state;
	sample_plan("[track_file leader]\n[agent]\nrun_directory = /srv/x\n[check replica]\nmaintenance = "
		    "/etc/away\n"
		    "[track_file reads]\ncheck = replica\nfile = /var/reads\n",
		&plan);
	assert_string_equal(plan_path(&plan, "agent.sock", path), "/srv/x/agent.sock");
	assert_string_equal(
		plan_maintenance_path(&plan, plan_find_check(&plan, "leader"), path), "/srv/x/leader.drain");
	assert_string_equal(
		plan_maintenance_path(&plan, plan_find_check(&plan, "replica"), path), "/etc/away");
	assert_string_equal(plan.tracks[0].file, "/srv/x/leader.track");
	assert_int_equal(plan.tracks[0].check_index, sample_check(&plan, "leader"));
	assert_string_equal(plan.tracks[1].file, "/var/reads");
	assert_int_equal(plan.tracks[1].check_index, sample_check(&plan, "replica"));
}

/* -- sections ---------------------------------------------------------------------------------- */

static void
sections_come_in_any_order(void **state)
{
	(void)state;
	sample_plan("[track_file fast]\n[check fast]\ncheck = replica\ncritical = 1MB\n[peer n3]\nconninfo = "
		    "host=c\n"
		    "[peer n2]\nconninfo = host=b\n[postgres]\nconninfo = host=a\n[agent]\ntimeout = "
		    "2s\nname = n1\n",
		&plan);
	assert_int_equal(plan.target_count, 3);
	assert_string_equal(plan.targets[0].target.dbname, "host=a");
	assert_string_equal(plan.targets[1].name, "n3");
	assert_string_equal(plan.targets[1].target.dbname, "host=c");
	assert_string_equal(plan.targets[2].name, "n2");
	for (size_t i = 0; i < plan.target_count; i++)
		assert_int_equal(plan.targets[i].target.timeout_ms, 2000);
	assert_int_equal(plan.tracks[0].check_index, sample_check(&plan, "fast"));
	assert_string_equal(plan.agent.name, "n1");
}

static void
a_check_has_settings_of_its_own_and_leaves_the_others(void **state)
{
	const struct plan_check *reporting;

	(void)state;
	sample_plan("[check reporting]\ncheck = pg_replica\nrise = 3\nfall = 2\nweight_ramp = "
		    "30s\non_timeout = warning\n"
		    "warning_is_failure = yes\nunknown_is_ok = on\nagent = 127.0.0.1:9001\n",
		&plan);
	reporting = plan_find_check(&plan, "reporting");
	assert_ptr_equal(reporting->check, plan_find_check(&plan, "replica")->check);
	assert_int_equal(reporting->answer.damping.rise, 3);
	assert_int_equal(reporting->answer.damping.fall, 2);
	assert_int_equal(reporting->answer.damping.weight_ramp_ms, 30000);
	assert_true(reporting->answer.damping.warning_is_failure);
	assert_true(reporting->answer.warning_is_failure && reporting->answer.unknown_is_ok);
	assert_int_equal(reporting->limits.policy.on[ERR_TIMEOUT], STATE_WARNING);
	assert_string_equal(reporting->answer.agent, "127.0.0.1:9001");
	assert_int_equal(plan_find_check(&plan, "replica")->limits.policy.on[ERR_TIMEOUT], STATE_CRITICAL);
	assert_null(plan_find_check(&plan, "pg_replica"));
}

static void
recover_may_be_as_tight_as_critical_or_tighter(void **state)
{
	(void)state;
	sample_plan("[check replica]\ncritical = 16MB\nrecover = 16MB\n", &plan);
	sample_plan("[check replica]\nrecover = 1MB\ncritical = 16MB\n", &plan);
	sample_plan("[check replica]\ncritical = 30s\ncritical = 16MB\nrecover = 5s\n", &plan);
	assert_true(plan_find_check(&plan, "replica")->answer.recover.of[UNIT_SECONDS].is_set);
	assert_false(plan_find_check(&plan, "replica")->answer.recover.of[UNIT_BYTES].is_set);
}

/* -- what is refused --------------------------------------------------------------------------- */

struct refusal {
	const char *text, *message, *hint; /* a hint of NULL is not looked at */
};

static const struct refusal with_line[] = {
	{"[agnet]\n", "agent.ini:1: unknown section \"[agnet]\"", "did you mean \"[agent]\"?"},
	{"\n[nonsense x]\n", "agent.ini:2: unknown section \"[nonsense]\"",
		"sections are agent, postgres, peer NAME, listen, check NAME, track_file NAME"},
	{"[agent main]\n", "agent.ini:1: section \"[agent]\" takes no name", NULL},
	{"[postgres n1]\n", "agent.ini:1: section \"[postgres]\" takes no name", NULL},
	{"[peer]\n", "agent.ini:1: section \"[peer]\" needs a name", "write [peer NAME]"},
	{"[check]\n", "agent.ini:1: section \"[check]\" needs a name", "write [check NAME]"},
	{"[track_file]\n", "agent.ini:1: section \"[track_file]\" needs a name", "write [track_file NAME]"},
	{"[peer a b]\n", "agent.ini:1: \"a b\" is no name",
		"names have at most 47 letters, digits, \"_\", \"-\" and \".\""},
	{"[peer ..]\n", "agent.ini:1: \"..\" is no name", NULL},
	{"[check ../x]\n", "agent.ini:1: \"../x\" is no name", NULL},
	{"[track_file a/b]\n", "agent.ini:1: \"a/b\" is no name", NULL},
	{"[peer n1\"]\n", "agent.ini:1: \"n1\"\" is no name", NULL},
	{"[peer 012345678901234567890123456789012345678901234567]\n", "is no name", NULL},
	{"[agent]\nintervall = 1s\n", "agent.ini:2: ", "did you mean"},
	{"[agent]\n\ninterval = soon\n", "agent.ini:3: setting \"interval\": \"soon\" is not a duration",
		NULL},
	{"[agent]\ninterval = 0\n", "agent.ini:2: setting \"interval\": \"0\" is not above zero", NULL},
	{"[agent]\nlog = loud\n", "agent.ini:2: setting \"log\": ", NULL},
	{"[agent]\ninterval = 1s\ninterval = 2s\n", "agent.ini:3: ", NULL},
	{"[agent]\n[agent]\n", "agent.ini:2: section [agent] is there twice, first in line 1", NULL},
	{"[peer a]\n[peer  a]\n", "agent.ini:2: section [peer a] is there twice, first in line 1", NULL},
	{"[listen]\nmax_connections = 0\n",
		"agent.ini:2: setting \"max_connections\": \"0\" is out of range (1 to 100000)", NULL},
	{"[listen]\nmax_connections = 5x\n",
		"agent.ini:2: setting \"max_connections\": \"5x\" is not a whole number", NULL},
	{"[check replica]\nrise = 0\n", "agent.ini:2: setting \"rise\": ", NULL},
	{"[check replica]\nfall = 1001\n", "agent.ini:2: setting \"fall\": ", NULL},
	{"[check leader]\ncritical = 16MB\n", "agent.ini:2: setting \"critical\": ", NULL},
	{"[check leader]\naccept_primary = yes\n", "agent.ini:2: ", NULL},
	{"[check replica]\nwarning = 16MB\ncritical = 1MB\n", "agent.ini:1: ", NULL},
	{"[check reporting]\ncritical = 1GB\n",
		"agent.ini:2: [check reporting] does not say which check it is",
		"begin the section with a line such as: check = pg_replica"},
	{"[check reporting]\nagent = 127.0.0.1:9\n",
		"agent.ini:2: [check reporting] does not say which check it is", NULL},
	{"[check reporting]\ncheck = pg_replika\n", "agent.ini:2: there is no check \"pg_replika\"",
		"did you mean \"pg_replica\"?"},
	{"[check reporting]\ncheck = weather\n", "agent.ini:2: there is no check \"weather\"",
		"checks are named as their programs are, without \"check_\""},
	{"[check replica]\ncheck = pg_leader\n",
		"agent.ini:2: [check replica] is already named after the check \"pg_replica\"",
		"give the section another name"},
	{"[check primary]\ncheck = pg_leader\n",
		"agent.ini:1: \"primary\" already is the name of a question that every agent answers", NULL},
	{"[check read-only]\n",
		"agent.ini:1: \"read-only\" already is the name of a question that every agent answers",
		NULL},
	{"[check health]\n", "agent.ini:1: \"health\" already is", NULL},
	{"[check primary]\n", "agent.ini:1: \"primary\" already is", NULL},
	{"interval = 1s\n", "agent.ini:1: ", NULL},
	{"[agent]\nnonsense\n", "agent.ini:2: ", NULL},
	/* Series and log lines go by this name, and the node's own target has it. */
	{"[peer postgres]\n", "agent.ini:1: ", NULL},
};

static const struct refusal as_a_whole[] = {
	{"[agent]\ninterval = 2s\ntimeout = 1s\nmax_age = 2999ms\n",
		"agent.ini: [agent]: max_age is shorter than interval and timeout together", NULL},
	{"[agent]\nmax_age = 3601s\n", "agent.ini: [agent]: max_age is longer than an hour", NULL},
	{"[check leader]\nmaintenance = run/drain\n",
		"agent.ini: [check leader]: maintenance: \"run/drain\" is no absolute path", NULL},
	{"[agent]\nrun_directory = pgha\n",
		"agent.ini: [agent]: run_directory is no absolute path of at most 90 characters", NULL},
	{"[agent]\nrun_directory =\n", "agent.ini: [agent]: run_directory is no absolute path", NULL},
	{"[agent]\nrun_directory = "
	 "/890123456789012345678901234567890123456789012345678901234567890123456789012345678"
	 "9012345678\n",
		"agent.ini: [agent]: run_directory is no absolute path", NULL},
	{"[agent]\nname = a b\n", "agent.ini: \"a b\" is no name", NULL},
	{"[listen]\ntls_certificate = /x\n",
		"agent.ini: [listen]: TLS needs both tls_certificate and tls_key", NULL},
	{"[listen]\ntls_key = /x\n", "agent.ini: [listen]: TLS needs both tls_certificate and tls_key", NULL},
	{"[listen]\ntls_client_ca = /x\n", "agent.ini: [listen]: TLS needs both tls_certificate and tls_key",
		"tls_client_ca comes on top of them"},
	{"[check reporting]\n", "agent.ini: [check reporting] does not say which check it is", NULL},
	{"[check replica]\nweight_ramp = 25h\n",
		"agent.ini: [check replica]: weight_ramp is longer than a day", NULL},
	{"[check leader]\nrecover = 1MB\ncritical = 1s\n",
		"agent.ini: [check leader]: recover is of a unit that the check does not measure", NULL},
	{"[check replica]\nrecover = 1MB\n",
		"agent.ini: [check replica]: recover is looser than critical, or critical has no such limit",
		NULL},
	{"[check replica]\nrecover = 5s\ncritical = 16MB\n",
		"agent.ini: [check replica]: recover is looser than critical", NULL},
	{"[check replica]\nrecover = 17MB\ncritical = 16MB\n",
		"agent.ini: [check replica]: recover is looser than critical",
		"what is critical must not be good enough to come back"},
	{"[track_file reads]\n", "agent.ini: [track_file reads]: there is no [check reads]", NULL},
	{"[track_file leader]\ncheck = lead\n", "agent.ini: [track_file leader]: there is no [check lead]",
		NULL},
	/* A path's name is another name for a check, not a check. */
	{"[track_file primary]\n", "agent.ini: [track_file primary]: there is no [check primary]", NULL},
	{"[track_file leader]\nfile = leader\n",
		"agent.ini: [track_file leader]: \"leader\" is no absolute path", NULL},
	{"[track_file leader]\n[track_file other]\ncheck = replica\nfile = /run/pgha/leader.track\n",
		"agent.ini: [track_file leader] and [track_file other] are one file", NULL},
};

static void
expect_refused(const struct refusal *refusal)
{
	struct err err = {.class = ERR_NONE};

	if (plan_read_text(refusal->text, "agent.ini", table_checks, &plan, &err) == 0)
		fail_msg("taken: %s", refusal->text);
	assert_int_equal(err.class, ERR_USAGE);
	if (strstr(err.text, refusal->message) == NULL)
		fail_msg("got \"%s\", expected \"%s\"", err.text, refusal->message);
	if (refusal->hint != NULL && strstr(err.hint, refusal->hint) == NULL)
		fail_msg("%s: got the hint \"%s\", expected \"%s\"", err.text, err.hint, refusal->hint);
}

static void
what_is_wrong_in_a_line_is_told_with_its_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof with_line / sizeof with_line[0]; i++)
		expect_refused(&with_line[i]);
}

static void
what_does_not_fit_together_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof as_a_whole / sizeof as_a_whole[0]; i++)
		expect_refused(&as_a_whole[i]);
}

/* A section each, as many as there may be and one more. */
static void
expect_bound(const char *word, const char *rest, size_t most, const char *message)
{
	struct refusal refusal = {.message = message};
	char text[8192];
	size_t length = 0;

	for (size_t i = 0; i <= most; i++) {
		if (i == most)
			sample_plan(text, &plan);
		length += (size_t)snprintf(
			text + length, sizeof text - length, "[%s a%zu]\n%s", word, i, rest);
	}
	refusal.text = text;
	expect_refused(&refusal);
}

static void
there_are_so_many_of_each_and_no_more(void **state)
{
	(void)state;
	expect_bound("peer", "", PLAN_TARGETS - 1, "agent.ini:8: more than 7 peers");
	expect_bound("check", "check = leader\n", PLAN_CHECKS - 2, "more than 24 checks");
	expect_bound("track_file", "check = leader\n", PLAN_TRACKS, "more than 24 track files");
}

static void
a_password_is_in_no_message(void **state)
{
	static const char *const texts[] = {
		"[postgres]\nconninfo = host=a password=sesame\nconninfo = host=b\n",
		"[postgres]\nconninf = host=a password=sesame\n",
		"[peer n2]\nconninfo = postgresql://u:sesame@h/\nmore = x\n",
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		assert_int_equal(plan_read_text(texts[i], "agent.ini", table_checks, &plan, &err), -1);
		assert_null(strstr(err.text, "sesame"));
		assert_null(strstr(err.hint, "sesame"));
	}
}

/* -- files ------------------------------------------------------------------------------------- */

static void
a_file_is_read_like_its_text_and_named_in_messages(void **state)
{
	char path[] = "/tmp/test_plan_XXXXXX";
	int fd = mkstemp(path);
	struct err err;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "[agent]\nname = n7\n", 18), 18);
	assert_int_equal(plan_read(path, table_checks, &plan, &err), 0);
	assert_string_equal(plan.agent.name, "n7");
	assert_int_equal(write(fd, "nam = n8\n", 9), 9);
	assert_int_equal(plan_read(path, table_checks, &plan, &err), -1);
	assert_non_null(strstr(err.text, path));
	assert_non_null(strstr(err.text, ":3: "));
	close(fd);
	unlink(path);
	assert_int_equal(plan_read(path, table_checks, &plan, &err), -1);
	assert_int_equal(err.class, ERR_USAGE);
	assert_non_null(strstr(err.text, path));
}

/* -- writing ----------------------------------------------------------------------------------- */

static const char *
written(const struct plan *of, bool is_documented)
{
	static char storage[65536];
	struct text text;

	text_init(&text, storage, sizeof storage);
	plan_write(of, is_documented, &text);
	assert_false(text.is_truncated);
	return storage;
}

static const char rich[]
	= "[agent]\nname = n1\ninterval = 500ms\ntimeout = 700ms\nmax_age = 90s\nrun_directory = /srv/pgha\n"
	  "log = warning\n[postgres]\nconninfo = host=/tmp user=pgha\n[peer n2]\nconninfo = host=b "
	  "port=5433\n"
	  "[listen]\nhttp = 127.0.0.1:1, [::1]:2\nagent =\nsocket = none\nmax_connections = 7\n"
	  "request_timeout = 1min\n[check replica]\nwarning = 1MB\nwarning = 3s\ncritical = 16MB\ncritical = "
	  "30s\n"
	  "recover = 2MB\nrise = 4\nfall = 5\nweight_ramp = 20s\nallow_archive_recovery = yes\nweight_min = "
	  "10\n"
	  "on_setup = warning\nwrong_role = ok\n[check leader]\nallow_read_only = yes\nmaintenance = /x/y\n"
	  "[check far]\ncheck = pg_replica\ncritical = 1GB\nreplayed = 16/B374D848\nagent = 127.0.0.1:3\n"
	  "warning_is_failure = yes\n[track_file leader]\n[track_file far]\nfile = /srv/far\n"
	  "[track_file two]\ncheck = far\n";

static void
expect_same_plan(bool is_documented)
{
	char first[65536];

	snprintf(first, sizeof first, "%s", written(&plan, is_documented));
	sample_plan(first, &again);
	assert_memory_equal(&again.agent, &plan.agent, sizeof plan.agent);
	assert_memory_equal(&again.listen, &plan.listen, sizeof plan.listen);
	assert_int_equal(again.target_count, plan.target_count);
	for (size_t i = 0; i < plan.target_count; i++) {
		assert_string_equal(again.targets[i].name, plan.targets[i].name);
		assert_string_equal(again.targets[i].target.dbname, plan.targets[i].target.dbname);
	}
	assert_int_equal(again.check_count, plan.check_count);
	for (size_t i = 0; i < plan.check_count; i++) {
		assert_string_equal(again.checks[i].name, plan.checks[i].name);
		assert_memory_equal(again.checks[i].limits.bytes, plan.checks[i].limits.bytes, PLAN_LIMITS);
		assert_memory_equal(&again.checks[i].answer.damping, &plan.checks[i].answer.damping,
			sizeof plan.checks[i].answer.damping);
		assert_memory_equal(&again.checks[i].answer.recover, &plan.checks[i].answer.recover,
			sizeof plan.checks[i].answer.recover);
		assert_string_equal(again.checks[i].answer.agent, plan.checks[i].answer.agent);
		assert_string_equal(again.checks[i].answer.maintenance, plan.checks[i].answer.maintenance);
	}
	assert_int_equal(again.track_count, plan.track_count);
	for (size_t i = 0; i < plan.track_count; i++) {
		assert_string_equal(again.tracks[i].file, plan.tracks[i].file);
		assert_int_equal(again.tracks[i].check_index, plan.tracks[i].check_index);
	}
	assert_string_equal(written(&again, is_documented), first);
}

static void
what_is_written_reads_back_as_the_same_plan(void **state)
{
	static const char *const texts[] = {"", rich};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		for (int is_documented = 0; is_documented <= 1; is_documented++) {
			sample_plan(texts[i], &plan);
			expect_same_plan(is_documented);
		}
}

static void
passwords_are_masked_where_a_plan_is_written(void **state)
{
	(void)state;
	sample_plan("[postgres]\nconninfo = host=a password=sesame user=u\n"
		    "[peer n2]\nconninfo = postgresql://u:sesame@h/db\n",
		&plan);
	for (int is_documented = 0; is_documented <= 1; is_documented++) {
		const char *text = written(&plan, is_documented);

		assert_null(strstr(text, "sesame"));
		assert_non_null(strstr(text, "***"));
		assert_non_null(strstr(text, "user=u"));
	}
	assert_non_null(strstr(plan.targets[0].target.dbname, "sesame")); /* libpq needs it */
}

/* The examples of a documented file, without their ";", are good ones. */
static void
the_examples_that_are_shown_can_be_taken_as_they_are(void **state)
{
	char text[65536];
	const char *from;
	size_t length = 0;

	(void)state;
	sample_plan("", &plan);
	from = strstr(written(&plan, true), ";[peer n2]");
	assert_non_null(from);
	for (; *from != '\0'; from++)
		if (*from != ';' || (from[1] == ' '))
			text[length++] = *from;
	text[length] = '\0';
	sample_plan(text, &again);
	assert_int_equal(again.target_count, 2);
	assert_non_null(plan_find_check(&again, "reporting"));
	assert_int_equal(again.track_count, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_is_a_whole_plan),
		cmocka_unit_test(a_check_answers_by_default_as_its_program_does),
		cmocka_unit_test(places_follow_the_run_directory_unless_they_are_said),
		cmocka_unit_test(sections_come_in_any_order),
		cmocka_unit_test(a_check_has_settings_of_its_own_and_leaves_the_others),
		cmocka_unit_test(recover_may_be_as_tight_as_critical_or_tighter),
		cmocka_unit_test(what_is_wrong_in_a_line_is_told_with_its_line),
		cmocka_unit_test(what_does_not_fit_together_is_refused),
		cmocka_unit_test(there_are_so_many_of_each_and_no_more),
		cmocka_unit_test(a_password_is_in_no_message),
		cmocka_unit_test(a_file_is_read_like_its_text_and_named_in_messages),
		cmocka_unit_test(what_is_written_reads_back_as_the_same_plan),
		cmocka_unit_test(passwords_are_masked_where_a_plan_is_written),
		cmocka_unit_test(the_examples_that_are_shown_can_be_taken_as_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
