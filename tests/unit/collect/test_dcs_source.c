/* What options say of a store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/collect/dcs_source.h"

static struct dcs_source
source(const char *endpoints, const char *scope, const char *name_space)
{
	return (struct dcs_source){
		.endpoints = endpoints, .scope = scope, .name_space = name_space, .token_file = ""};
}

static int
take(const char *endpoints, struct snapshot_dcs *dcs, struct err *err)
{
	struct dcs_source taken = source(endpoints, "", "service");

	memset(dcs, 0, sizeof *dcs);
	return dcs_source_take_endpoints(&taken, dcs, err);
}

static void
test_endpoints(void **state)
{
	struct snapshot_dcs dcs;
	struct err err;

	(void)state;
	assert_int_equal(take("http://a:1,b:2,https://c:3//,[::1]:4", &dcs, &err), 0);
	assert_int_equal(dcs.total, 4);
	assert_string_equal(dcs.rows[0].url, "http://a:1");
	assert_string_equal(dcs.rows[1].url, "http://b:2");
	assert_string_equal(dcs.rows[2].url, "https://c:3");
	assert_string_equal(dcs.rows[3].url, "http://[::1]:4");
	assert_int_equal(take("a,b,c,d,e,f,g,h,i", &dcs, &err), 0);
	assert_int_equal(dcs.total, SNAPSHOT_DCS_MAX);
}

static void
test_endpoints_that_are_none(void **state)
{
	char long_one[200];
	struct snapshot_dcs dcs;
	struct err err;
	const char *const others[] = {"", "a,,b", "a,", "a,b,c,d,e,f,g,h,i,j", "a:1,http://a:1/",
		"u:secret@a:1", "http://u:secret@a:1", long_one};

	(void)state;
	memset(long_one, 'a', sizeof long_one - 1);
	long_one[sizeof long_one - 1] = '\0';
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		if (take(others[i], &dcs, &err) == 0)
			fail_msg("\"%s\" is taken", others[i]);
		assert_int_equal(err.class, ERR_USAGE);
		assert_null(strstr(err.text, "secret"));
		assert_null(strstr(err.hint, "secret"));
	}
}

static void
test_key(void **state)
{
	static const struct {
		const char *name_space, *scope, *key;
	} keys[] = {
		{"service", "demo", "service/demo/leader"},
		{"/service/", "demo", "service/demo/leader"},
		{"db/ours", "demo/0", "db/ours/demo/0/leader"},
		{"", "demo", "demo/leader"},
		{"/", "demo", "demo/leader"},
		{"service", "", ""},
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		struct dcs_source taken = source("a", keys[i].scope, keys[i].name_space);
		struct dcs_dialect_plan plan = {.key = ""};

		assert_int_equal(dcs_source_take_key(&taken, &plan, &err), 0);
		assert_string_equal(plan.key, keys[i].key);
	}
}

/* The longest that options take, and one whose path would not fit. */
static void
test_long_keys(void **state)
{
	char name[64];
	struct dcs_source taken = source("a", name, name);
	struct dcs_dialect_plan plan = {.key = ""};
	struct err err;

	(void)state;
	memset(name, 'a', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	assert_int_equal(dcs_source_take_key(&taken, &plan, &err), 0);
	assert_int_equal(strlen(plan.key), 63 + 1 + 63 + strlen("/leader"));
	name[0] = ' ';
	assert_int_equal(dcs_source_take_key(&taken, &plan, &err), -1);
	assert_int_equal(err.class, ERR_USAGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_endpoints_that_are_none),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_long_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
