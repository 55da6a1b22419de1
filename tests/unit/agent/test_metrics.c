#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "lib/agent/metrics.h"
#include "tests/unit/agent/facts.h"

enum { SIZE = 262144, LINES_MAX = 4096 };

static const char three[] = "[peer n2]\n[peer n3]\n[check far]\ncheck = pg_replica\ncritical = 1GB\n";

/* What a scrape at `later_ms` from now would get. */
static const char *
scraped(int64_t later_ms)
{
	static char storage[SIZE];
	struct text text;

	text_init(&text, storage, sizeof storage);
	metrics_write(&world.facts, clock_now_ms() + later_ms, clock_now_us(), &text);
	assert_false(text.is_truncated);
	return storage;
}

static void
expect_line(const char *text, const char *line)
{
	char whole[512];

	snprintf(whole, sizeof whole, "\n%s\n", line);
	if (strstr(text, whole) == NULL)
		fail_msg("there is no line \"%s\" in:\n%s", line, text);
}

static void
expect_no(const char *text, const char *words)
{
	if (strstr(text, words) != NULL)
		fail_msg("there is \"%s\" in:\n%s", words, text);
}

/* The family of a line: its name. */
static size_t
name_length(const char *line)
{
	return strspn(line, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:");
}

/* As Prometheus wants it: each family once and in one piece, behind its HELP and TYPE, no series twice. */
static void
expect_valid(const char *text)
{
	static char copy[SIZE];
	char *lines[LINES_MAX], *rest = copy, *line;
	char family[128] = "", seen[LINES_MAX / 8][128];
	size_t count = 0, seen_count = 0;

	snprintf(copy, sizeof copy, "%s", text);
	while ((line = strsep(&rest, "\n")) != NULL && line[0] != '\0') {
		char name[128];

		assert_true(count < LINES_MAX);
		if (text_starts(line, "# HELP ")) {
			snprintf(name, sizeof name, "%.*s", (int)name_length(line + 7), line + 7);
			for (size_t i = 0; i < seen_count; i++)
				if (strcmp(seen[i], name) == 0)
					fail_msg("family %s is there twice", name);
			memcpy(seen[seen_count++], name, sizeof name);
			memcpy(family, name, sizeof family);
			continue;
		}
		if (text_starts(line, "# TYPE ")) {
			assert_memory_equal(line + 7, family, strlen(family));
			continue;
		}
		snprintf(name, sizeof name, "%.*s", (int)name_length(line), line);
		if (strcmp(name, family) != 0)
			fail_msg("\"%s\" stands in the family %s", line, family);
		assert_non_null(strrchr(line, ' '));
		*strrchr(line, ' ') = '\0';
		for (size_t i = 0; i < count; i++)
			if (strcmp(lines[i], line) == 0)
				fail_msg("series %s is there twice", line);
		lines[count++] = line;
	}
	assert_true(line != NULL && rest == NULL); /* it ends in a newline, without an empty line before */
	assert_true(count > 0);
}

static void
before_anything_was_seen_there_is_little_to_tell(void **state)
{
	const char *text;

	(void)state;
	world_open(three);
	text = scraped(0);
	expect_valid(text);
	expect_line(text, "pgha_up{target=\"postgres\"} 0");
	expect_line(text, "pgha_up{target=\"n2\"} 0");
	expect_line(text, "pgha_probes_total{target=\"n3\"} 0");
	expect_line(text, "pgha_worker_restarts_total{target=\"n3\"} 0");
	expect_line(text, "pgha_check_yes{check=\"far\",target=\"\"} 0");
	expect_line(text, "pgha_agent_info{version=\"1.2.3\"} 1");
	expect_line(text, "pgha_http_connections 0");
	expect_no(text, "pgha_probe_age_seconds{");
	expect_no(text, "pgha_in_recovery{");
	expect_no(text, "\npg_replication_lag_bytes ");
	expect_no(text, "\npg_replication_lag_seconds ");
	assert_non_null(strstr(text, "\npgha_agent_uptime_seconds 9"));
}

static void
a_standby_has_its_own_lag_under_the_known_names(void **state)
{
	const char *text;

	(void)state;
	world_open(three);
	world_see(0, sample_standby("db2:5432", 4096));
	world_see(1, sample_primary("db1:5432", 3, 1));
	world_see(2, sample_fault("db3:5432", ERR_DOWN, "gone"));
	text = scraped(0);
	expect_valid(text);
	expect_line(text, "pg_replication_lag_bytes 4096");
	expect_line(text, "pg_replication_lag_seconds 0.02");
	expect_line(text, "pgha_in_recovery{target=\"postgres\"} 1");
	expect_line(text, "pgha_in_recovery{target=\"n2\"} 0");
	expect_line(text, "pgha_server_timeline{target=\"postgres\"} 3");
	expect_line(text, "pgha_server_timeline{target=\"n2\"} 3");
	expect_line(text, "pgha_probe_duration_seconds{target=\"postgres\"} 0.0015");
	expect_line(text, "pgha_check_yes{check=\"replica\",target=\"db2:5432\"} 1");
	expect_line(text, "pgha_check_state{check=\"leader\",target=\"db2:5432\",state=\"critical\"} 1");
	expect_line(text, "pgha_replay_lag_bytes{check=\"far\",target=\"db2:5432\"} 4096");
}

static void
a_primary_tells_of_its_standbys(void **state)
{
	struct snapshot snapshot = sample_primary("db1:5432", 3, 1);
	const char *text;

	(void)state;
	sample_sender(&snapshot, "n2", "sync");
	sample_sender(&snapshot, "a\\b\"c", "async");
	sample_sender(&snapshot, "hidden", "");
	snapshot.senders.rows[1].behind_bytes = 4096;
	snapshot.senders.rows[1].replay_lag_ms = 1250;
	snapshot.senders.rows[2].behind_bytes = SNAPSHOT_NONE;
	world_open(three);
	world_see(0, snapshot);
	world_see(1, sample_fault("db2:5432", ERR_DOWN, "gone"));
	world_see(2, sample_fault("db3:5432", ERR_DOWN, "gone"));
	text = scraped(0);
	expect_valid(text);
	expect_line(text, "pg_replication_lag_seconds 0");
	expect_no(text, "\npg_replication_lag_bytes ");
	expect_line(text,
		"pg_replication_lag_bytes{application_name=\"n2\",client_addr=\"10.0.0.12\",pid=\"1001\"} 0");
	expect_line(text,
		"pg_replication_lag_seconds{application_name=\"n2\",client_addr=\"10.0.0.12\",pid=\"1001\"} "
		"0");
	expect_line(text,
		"pg_replication_lag_bytes{application_name=\"a\\\\b\\\"c\",client_addr=\"10.0.0.12\",pid="
		"\"1002\"} 4096");
	expect_line(text,
		"pg_replication_lag_seconds{application_name=\"a\\\\b\\\"c\",client_addr=\"10.0.0.12\",pid="
		"\"1002\"} 1.25");
	expect_line(text,
		"pg_replication_sync_state{application_name=\"n2\",client_addr=\"10.0.0.12\",pid=\"1001\","
		"sync_state=\"sync\"} 1");
	expect_no(text, "hidden");
	expect_line(text, "pgha_standbys{target=\"postgres\"} 3");
}

static void
facts_that_are_too_old_are_not_told(void **state)
{
	const char *text;

	(void)state;
	world_open(three);
	world_see(0, sample_standby("db2:5432", 4096));
	world_see(1, sample_fault("db1:5432", ERR_DOWN, "gone"));
	world_see(2, sample_fault("db3:5432", ERR_DOWN, "gone"));
	expect_line(scraped(0), "pgha_check_yes{check=\"replica\",target=\"db2:5432\"} 1");
	text = scraped(10000);
	expect_valid(text);
	expect_line(text, "pgha_up{target=\"postgres\"} 0");
	expect_line(text, "pgha_check_yes{check=\"replica\",target=\"db2:5432\"} 0");
	assert_non_null(strstr(text, "\npgha_probe_age_seconds{target=\"postgres\"} 10"));
	expect_no(text, "pgha_in_recovery{target=\"postgres\"}");
	expect_no(text, "\npg_replication_lag_bytes ");
	expect_no(text, "\npg_replication_lag_seconds ");
}

/* Series by the number of checks, targets and the bounded list of standbys; and a page that holds it. */
static void
however_much_there_is_it_is_bounded(void **state)
{
	struct snapshot snapshot = sample_primary("db1:5432", 3, 1);
	char text[4096] = "";
	size_t length = 0;

	(void)state;
	for (int i = 0; i < PLAN_TARGETS - 1; i++)
		length += (size_t)snprintf(text + length, sizeof text - length, "[peer n%d]\n", i);
	for (int i = 0; i < PLAN_CHECKS - 2; i++)
		length += (size_t)snprintf(
			text + length, sizeof text - length, "[check c%d]\ncheck = replica\n", i);
	world_open(text);
	for (int i = 0; i < SNAPSHOT_SENDERS_MAX; i++) {
		sample_sender(&snapshot, "", "quorum");
		memset(snapshot.senders.rows[i].application, '"',
			sizeof snapshot.senders.rows[i].application - 1);
	}
	snapshot.senders.total = 100000;
	memset(snapshot.target, '\\', sizeof snapshot.target - 1);
	for (size_t i = 0; i < world.plan.target_count; i++)
		world_see(i, snapshot);
	expect_valid(scraped(0));
	assert_true(strlen(scraped(0)) < 192 * 1024); /* HTTP_BODY_MAX */
	expect_line(scraped(0), "pgha_standbys{target=\"postgres\"} 100000");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(before_anything_was_seen_there_is_little_to_tell, world_close),
		cmocka_unit_test_teardown(a_standby_has_its_own_lag_under_the_known_names, world_close),
		cmocka_unit_test_teardown(a_primary_tells_of_its_standbys, world_close),
		cmocka_unit_test_teardown(facts_that_are_too_old_are_not_told, world_close),
		cmocka_unit_test_teardown(however_much_there_is_it_is_bounded, world_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
