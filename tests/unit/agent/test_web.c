#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "lib/agent/web.h"
#include "tests/unit/agent/facts.h"

static char storage[HTTP_BODY_MAX];
static struct http_answer answer;

/* Answers a path, with one parameter if `name` is not NULL. */
static void
get(const char *path, const char *name, const char *value)
{
	struct question_parameter parameter = {.name = name, .value = value};
	struct http_request request = {.path = path, .parameters = &parameter, .count = name != NULL};

	answer = (struct http_answer){.code = 0};
	text_init(&answer.body, storage, sizeof storage);
	web_answer(&world.facts, &request, &answer);
	assert_false(answer.body.is_truncated);
}

static void
expect(const char *path, int code)
{
	get(path, NULL, NULL);
	if (answer.code != code)
		fail_msg("%s: got %d, expected %d: %s", path, answer.code, code, storage);
}

static json_t *
body(void)
{
	json_t *json = json_loads(storage, JSON_REJECT_DUPLICATES, NULL);

	assert_string_equal(answer.media_type, "application/json");
	if (json == NULL)
		fail_msg("no JSON: %s", storage);
	return json;
}

/* Each path of Patroni with its code for a primary, a standby, and a server that is down. */
static const struct {
	const char *path;
	int primary, standby, down;
} paths[] = {
	{"/", 200, 503, 503},
	{"/primary", 200, 503, 503},
	{"/master", 200, 503, 503},
	{"/leader", 200, 503, 503},
	{"/read-write", 200, 503, 503},
	{"/replica", 503, 200, 503},
	{"/read-only", 200, 200, 503},
	{"/sync", 503, 200, 503},
	{"/synchronous", 503, 200, 503},
	{"/read-only-sync", 200, 200, 503},
	{"/read-only-synchronous", 200, 200, 503},
	{"/quorum", 503, 503, 503},
	{"/read-only-quorum", 200, 503, 503},
	{"/async", 503, 503, 503},
	{"/asynchronous", 503, 503, 503},
	{"/standby-leader", 503, 503, 503},
	{"/standby_leader", 503, 503, 503},
	{"/health", 200, 200, 503},
	{"/readiness", 200, 200, 503},
	{"/liveness", 200, 200, 200},
	{"/patroni", 200, 200, 200},
};

static void
each_path_of_patroni_has_its_code(void **state)
{
	struct snapshot primary = sample_primary("db1:5432", 3, 1);

	(void)state;
	sample_sender(&primary, "n2", "sync");
	world_open("[peer n1]\n");
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		world_see(1, sample_standby("db2:5432", 0));
		world_see(0, sample_primary("db1:5432", 3, 1));
		expect(paths[i].path, paths[i].primary);
		world_see(1, primary);
		world_see(0, sample_standby("db2:5432", 0));
		expect(paths[i].path, paths[i].standby);
		world_see(0, sample_fault("db2:5432", ERR_DOWN, "connection refused"));
		expect(paths[i].path, paths[i].down);
	}
}

static void
the_body_is_patronis_with_our_answer_in_it(void **state)
{
	json_t *json;

	(void)state;
	world_open("");
	world_see(0, sample_primary("db1:5432", 3, 1));
	expect("/primary", 200);
	json = body();
	assert_string_equal(json_string_value(json_object_get(json, "role")), "primary");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(json, "pgha"), "answer")), "yes");
	json_decref(json);
	expect("/patroni", 200);
	json = body();
	assert_null(json_object_get(json, "pgha"));
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(json, "patroni"), "name")), "n1");
	json_decref(json);
}

static void
a_check_answers_in_the_format_json(void **state)
{
	json_t *json;

	(void)state;
	world_open("[check far]\ncheck = pg_replica\ncritical = 16MB\n");
	world_see(0, sample_standby("db2:5432", 2 << 20));
	expect("/check/far", 200);
	json = body();
	assert_string_equal(json_string_value(json_object_get(json, "check")), "far");
	assert_string_equal(json_string_value(json_object_get(json, "state")), "OK");
	json_decref(json);
	assert_false(answer.is_stable); /* its weight may climb */
	expect("/check/leader", 503);
	assert_true(answer.is_stable);
	get("/check/far", "critical", "1MB");
	assert_int_equal(answer.code, 503);
	get("/check/far", "lag", "1MB");
	assert_int_equal(answer.code, 503);
	get("/check/far", "lag", "4MB");
	assert_int_equal(answer.code, 200);
	get("/replica", "lag", "1MB");
	assert_int_equal(answer.code, 503);
	get("/replica", "lag", "4MB");
	assert_int_equal(answer.code, 200);
}

static void
what_is_not_there_is_404(void **state)
{
	static const char *const unknown[] = {"/nonsense", "/Primary", "/primary/", "//primary", "/check",
		"/check/", "/check/nobody", "/check/leader/", "/metrics/", "/status/", "/status.html", "/far",
		"", "primary", "*", "/%s%n"};

	(void)state;
	world_open("[check far]\ncheck = pg_replica\n");
	world_see(0, sample_primary("db1:5432", 3, 1));
	for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
		json_t *json;

		expect(unknown[i], 404);
		json = body();
		assert_non_null(json_object_get(json, "error"));
		assert_non_null(json_object_get(json, "hint"));
		json_decref(json);
	}
}

static void
what_is_not_understood_is_400(void **state)
{
	static const struct {
		const char *path, *name, *value;
	} cases[] = {
		{"/replica", "lag", "much"},
		{"/replica", "lag", ""},
		{"/replica", "lags", "1MB"},
		{"/leader", "lag", "1MB"},
		{"/check/replica", "critical", "x"},
		{"/health", "x", "y"},
		{"/readiness", "mode", "x"},
		{"/patroni", "x", "y"},
		{"/metrics", "x", "y"},
		{"/snapshot", "x", "y"},
		{"/status", "x", "y"},
		{"/liveness", "\"\\", "\n"},
	};

	(void)state;
	world_open("");
	world_see(0, sample_standby("db2:5432", 0));
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		json_t *json;

		get(cases[i].path, cases[i].name, cases[i].value);
		if (answer.code != 400)
			fail_msg("%s?%s=%s: %d", cases[i].path, cases[i].name, cases[i].value, answer.code);
		json = body();
		assert_non_null(json_object_get(json, "error"));
		json_decref(json);
	}
}

static void
drained_is_503(void **state)
{
	(void)state;
	world_open("");
	world_see(0, sample_standby("db2:5432", 0));
	assert_int_equal(world_drain(NULL, sample_check(&world.plan, "replica"), true, NULL), 0);
	expect("/replica", 503);
	assert_non_null(strstr(storage, "drained by the operator"));
	expect("/check/replica", 503);
	expect("/read-only", 503);
	expect("/health", 200);
	get("/replica", "drained", "ok");
	assert_int_equal(answer.code, 200);
}

static void
before_anything_was_seen_only_what_is_no_question_is_200(void **state)
{
	json_t *json;

	(void)state;
	world_open("");
	expect("/primary", 503);
	expect("/replica", 503);
	expect("/liveness", 503);
	expect("/readiness", 503);
	expect("/patroni", 200);
	expect("/metrics", 200);
	expect("/status", 200);
	expect("/snapshot", 200);
	json = body();
	json_decref(json);
}

static void
the_pages_have_their_types(void **state)
{
	(void)state;
	world_open("[peer n2]\n");
	world_see(0, sample_primary("db1:5432", 3, 1));
	world_see(1, sample_standby("db2:5432", 0));
	expect("/metrics", 200);
	assert_true(text_starts(answer.media_type, "text/plain; version=0.0.4"));
	assert_null(answer.policy);
	assert_false(answer.is_stable);
	expect("/status", 200);
	assert_string_equal(answer.media_type, "text/html; charset=utf-8");
	assert_non_null(strstr(answer.policy, "default-src 'none'"));
	assert_false(answer.is_stable);
	expect("/snapshot", 200);
	assert_string_equal(answer.media_type, "application/json");
	assert_non_null(strstr(storage, "db1:5432"));
	assert_non_null(strstr(storage, "db2:5432"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(each_path_of_patroni_has_its_code, world_close),
		cmocka_unit_test_teardown(the_body_is_patronis_with_our_answer_in_it, world_close),
		cmocka_unit_test_teardown(a_check_answers_in_the_format_json, world_close),
		cmocka_unit_test_teardown(what_is_not_there_is_404, world_close),
		cmocka_unit_test_teardown(what_is_not_understood_is_400, world_close),
		cmocka_unit_test_teardown(drained_is_503, world_close),
		cmocka_unit_test_teardown(
			before_anything_was_seen_only_what_is_no_question_is_200, world_close),
		cmocka_unit_test_teardown(the_pages_have_their_types, world_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
