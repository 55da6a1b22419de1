#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>

#include "tests/unit/render/sample.h"

/* The value of a header, or fails. */
static const char *
header(const char *answer, const char *name)
{
	static char value[128];
	char line[64];
	const char *found;

	snprintf(line, sizeof line, "\r\n%s: ", name);
	found = strstr(answer, line);
	if (found == NULL || found > strstr(answer, "\r\n\r\n"))
		fail_msg("no header %s in %s", name, answer);
	snprintf(value, sizeof value, "%.*s", (int)strcspn(found + strlen(line), "\r"), found + strlen(line));
	return value;
}

static const char *
body(const char *answer)
{
	const char *end = strstr(answer, "\r\n\r\n");

	if (end == NULL)
		fail_msg("the headers do not end: %s", answer);
	return end + 4;
}

static void
expect_status(const struct verdict *verdict, const struct format_options *options, const char *line)
{
	const char *answer = sample_written(FORMAT_HTTP, verdict, options);

	if (!text_starts(answer, line) || !text_starts(answer + strlen(line), "\r\n"))
		fail_msg("expected \"%s\", got \"%s\"", line, answer);
}

static const char yes_line[] = "HTTP/1.1 200 OK";
static const char no_line[] = "HTTP/1.1 503 Service Unavailable";

static void
the_status_is_200_for_a_yes_and_503_for_a_no(void **state)
{
	static const struct format_options strict = {.warning_is_failure = true};
	static const struct format_options lenient = {.unknown_is_ok = true};
	struct verdict verdict;

	(void)state;
	for (enum state each = STATE_OK; each < STATE_COUNT; each++) {
		verdict = sample_verdict(each, "so it is");
		expect_status(&verdict, NULL, each == STATE_OK || each == STATE_WARNING ? yes_line : no_line);
		expect_status(&verdict, &strict, each == STATE_OK ? yes_line : no_line);
		expect_status(&verdict, &lenient, each == STATE_CRITICAL ? no_line : yes_line);
		verdict.is_wrong_role = true;
		expect_status(&verdict, &lenient, no_line);
	}
	verdict = sample_fault(ERR_USAGE, STATE_UNKNOWN);
	expect_status(&verdict, &lenient, no_line);
}

static void
content_length_is_that_of_the_body_for_every_verdict(void **state)
{
	struct verdict verdicts[] = {sample_verdict(STATE_OK, "caf\xC3\xA9 \xE4\xB8\xAD"),
		sample_fault(ERR_TIMEOUT, STATE_CRITICAL), sample_verdict(STATE_WARNING, "\"\\\""),
		sample_largest()};

	(void)state;
	for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
		const char *answer = sample_written(FORMAT_HTTP, &verdicts[i], NULL);

		assert_int_equal(strtoul(header(answer, "Content-Length"), NULL, 10), strlen(body(answer)));
	}
}

static void
the_body_is_the_json_answer(void **state)
{
	struct verdict verdict = sample_largest();
	char *json = strdup(sample_written(FORMAT_JSON, &verdict, NULL));
	const char *answer = sample_written(FORMAT_HTTP, &verdict, NULL);
	json_t *object = json_loads(body(answer), 0, NULL);

	(void)state;
	assert_string_equal(body(answer), json);
	assert_string_equal(header(answer, "Content-Type"), "application/json");
	assert_non_null(object);
	json_decref(object);
	free(json);
}

static void
head_is_answered_like_get_without_the_body(void **state)
{
	static const struct format_options head = {.is_head_request = true};
	struct verdict verdict = sample_fault(ERR_DOWN, STATE_CRITICAL);
	char *whole = strdup(sample_written(FORMAT_HTTP, &verdict, NULL));
	const char *answer = sample_written(FORMAT_HTTP, &verdict, &head);

	(void)state;
	assert_string_equal(body(answer), "");
	assert_int_equal(strlen(answer), (size_t)(body(whole) - whole));
	assert_memory_equal(answer, whole, strlen(answer));
	free(whole);
}

static void
the_connection_ends_and_nobody_keeps_the_answer(void **state)
{
	struct verdict verdict = sample_verdict(STATE_OK, "fine");
	const char *answer = sample_written(FORMAT_HTTP, &verdict, NULL);

	(void)state;
	assert_string_equal(header(answer, "Connection"), "close");
	assert_string_equal(header(answer, "Cache-Control"), "no-store");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_status_is_200_for_a_yes_and_503_for_a_no),
		cmocka_unit_test(content_length_is_that_of_the_body_for_every_verdict),
		cmocka_unit_test(the_body_is_the_json_answer),
		cmocka_unit_test(head_is_answered_like_get_without_the_body),
		cmocka_unit_test(the_connection_ends_and_nobody_keeps_the_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
