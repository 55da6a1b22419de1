/* Base64 as JSON carries bytes with it, and keys as URLs carry them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/collect/dcs_base64.h"
#include "lib/collect/dcs_path.h"

/* From RFC 4648. */
static const struct {
	const char *plain, *encoded;
} pairs[] = {
	{"", ""},
	{"f", "Zg=="},
	{"fo", "Zm8="},
	{"foo", "Zm9v"},
	{"foob", "Zm9vYg=="},
	{"fooba", "Zm9vYmE="},
	{"foobar", "Zm9vYmFy"},
	{"\xc3\xbf\xc3\xbe", "w7/Dvg=="},
};

static void
test_both_ways(void **state)
{
	char storage[64];
	struct text text;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		text_init(&text, storage, sizeof storage);
		dcs_base64_write(pairs[i].plain, strlen(pairs[i].plain), &text);
		assert_string_equal(storage, pairs[i].encoded);
		assert_int_equal(dcs_base64_read(pairs[i].encoded, storage, sizeof storage, &err), 0);
		assert_string_equal(storage, pairs[i].plain);
	}
}

static void
test_what_is_none(void **state)
{
	static const char *const others[] = {
		"Z", "Zg", "Zg=", "Zg===", "====", "Z===", "Zg==Zg==", "Zm9v\n", "Zm9-", "Zm 9v", "=Zm9"};
	char to[16] = "kept";
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		if (dcs_base64_read(others[i], to, sizeof to, &err) == 0)
			fail_msg("\"%s\" is read", others[i]);
		assert_int_equal(err.class, ERR_PROTOCOL);
	}
	assert_string_equal(to, "kept");
}

/* What is longer than any name is cut, what would break a line is made clean. */
static void
test_bounds(void **state)
{
	char encoded[4097], to[8];
	struct err err;

	(void)state;
	memset(encoded, 'Y', 4096);
	encoded[4096] = '\0';
	assert_int_equal(dcs_base64_read(encoded, to, sizeof to, &err), 0);
	assert_int_equal(strlen(to), 7);
	assert_int_equal(dcs_base64_read("YQpifA==", to, sizeof to, &err), 0);
	assert_string_equal(to, "a b/");
	assert_int_equal(dcs_base64_read("YQBi", to, sizeof to, &err), 0);
	assert_string_equal(to, "a");
}

static void
test_paths(void **state)
{
	char storage[64];
	struct text text;

	(void)state;
	text_init(&text, storage, sizeof storage);
	dcs_path_write("service/demo-1_a.b~/x y?z#%\xc3\xa4&+", &text);
	assert_string_equal(storage, "service/demo-1_a.b~/x%20y%3Fz%23%25%C3%A4%26%2B");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_what_is_none),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
