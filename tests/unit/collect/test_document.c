#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/collect/document.h"
#include "lib/model/snapshot_parts.h"

static struct json_t *
parse(const char *text)
{
	struct json_t *document = NULL;
	struct err err;

	if (document_parse(text, strlen(text), &document, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	return document;
}

static void
members_are_read_by_their_type(void **state)
{
	struct json_t *document = parse(
		" {\"a\": \"x\", \"n\": 67110032, \"t\": true, \"l\": [1, {}], \"o\": {}, \"z\": null} \n");
	const char *text;
	int64_t number;
	bool truth;
	struct json_t *list, *object;
	struct err err;

	(void)state;
	assert_false(document_is_list(document));
	assert_int_equal(document_text(document, "a", &text, &err), 0);
	assert_string_equal(text, "x");
	assert_int_equal(document_number(document, "n", &number, &err), 0);
	assert_int_equal(number, 67110032);
	assert_int_equal(document_truth(document, "t", &truth, &err), 0);
	assert_true(truth);
	assert_int_equal(document_list(document, "l", &list, &err), 0);
	assert_int_equal(document_count(list), 2);
	assert_non_null(document_item(list, 1));
	assert_null(document_item(list, 2));
	assert_int_equal(document_object(document, "o", &object, &err), 0);
	assert_non_null(object);
	/* What is not there, or null, is none. */
	assert_int_equal(document_number(document, "z", &number, &err), 0);
	assert_true(number == SNAPSHOT_NONE);
	assert_int_equal(document_text(document, "absent", &text, &err), 0);
	assert_null(text);
	assert_int_equal(document_count(NULL), 0);
	document_release(document);
}

static void
a_member_of_another_type_is_a_fault_that_names_it(void **state)
{
	struct json_t *document = parse(
		"{\"a\": 1, \"n\": \"1\", \"t\": 1, \"l\": {}, \"o\": [], \"huge\": 1e300}");
	const char *text;
	int64_t number;
	bool truth;
	struct json_t *value;
	struct err err;

	(void)state;
	assert_int_equal(document_text(document, "a", &text, &err), -1);
	assert_int_equal(err.class, ERR_PROTOCOL);
	assert_non_null(strstr(err.text, "\"a\""));
	assert_int_equal(document_number(document, "n", &number, &err), -1);
	assert_int_equal(document_number(document, "huge", &number, &err), -1);
	assert_int_equal(document_truth(document, "t", &truth, &err), -1);
	assert_int_equal(document_list(document, "l", &value, &err), -1);
	assert_int_equal(document_object(document, "o", &value, &err), -1);
	document_release(document);
}

static void
what_is_not_one_document_is_a_fault(void **state)
{
	static const char *const texts[] = {"", " ", "{", "{}}", "{} {}", "[1,]", "{\"a\": 1, \"a\": 2}",
		"nul", "\"\xff\"", "{\"a\": \"\\ud800\"}", "<html></html>", "1"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct json_t *document = NULL;
		struct err err;

		if (document_parse(texts[i], strlen(texts[i]), &document, &err) == 0)
			fail_msg("taken: %s", texts[i]);
		assert_int_equal(err.class, ERR_PROTOCOL);
		assert_null(document);
	}
}

static void
what_is_nested_without_end_is_a_fault(void **state)
{
	enum { DEPTH = 200000 };
	char *text = malloc(DEPTH + 1);
	struct json_t *document;
	struct err err;

	(void)state;
	assert_non_null(text);
	memset(text, '[', DEPTH);
	text[DEPTH] = '\0';
	assert_int_equal(document_parse(text, DEPTH, &document, &err), -1);
	assert_int_equal(err.class, ERR_PROTOCOL);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_read_by_their_type),
		cmocka_unit_test(a_member_of_another_type_is_a_fault_that_names_it),
		cmocka_unit_test(what_is_not_one_document_is_a_fault),
		cmocka_unit_test(what_is_nested_without_end_is_a_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
