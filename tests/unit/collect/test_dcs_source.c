/* What options say of a store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/collect/dcs_source.h"

static const struct web_access no_access = {.ca_file = ""};

static struct dcs_source
source(const char *endpoints, const char *scope, const char *name_space)
{
	return (struct dcs_source){.endpoints = endpoints,
		.scope = scope,
		.name_space = name_space,
		.access = &no_access,
		.token_file = ""};
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

/* One without a scheme is a host, with its port or the usual one, as the hosts of a command line are. */
static void
test_endpoints_without_a_scheme(void **state)
{
	static const struct web_access tls = {.ca_file = "ca.pem"};
	static const struct {
		const char *endpoint;
		enum dcs_kind kind;
		const struct web_access *access;
		const char *url;
	} cases[] = {
		{"a", DCS_AUTO, &no_access, "http://a:2379"},
		{"a/", DCS_AUTO, &no_access, "http://a:2379"},
		{"10.0.0.11", DCS_CONSUL, &no_access, "http://10.0.0.11:8500"},
		{"a", DCS_ZOOKEEPER, &no_access, "http://a:8080"},
		{"[::1]", DCS_ETCD, &no_access, "http://[::1]:2379"},
		{"[::1]:4", DCS_ETCD, &no_access, "http://[::1]:4"},
		{"a:1", DCS_AUTO, &no_access, "http://a:1"},
		{"a/etcd", DCS_AUTO, &no_access, "http://a/etcd"},
		{"http://a", DCS_AUTO, &no_access, "http://a"},
		{"a", DCS_AUTO, &tls, "https://a:2379"},
		{"a:1", DCS_AUTO, &tls, "https://a:1"},
		{"http://a:1,b", DCS_AUTO, &tls, "http://a:1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct dcs_source taken = source(cases[i].endpoint, "", "service");
		struct snapshot_dcs dcs = {.total = 0};
		struct err err;

		taken.kind = cases[i].kind;
		taken.access = cases[i].access;
		assert_int_equal(dcs_source_take_endpoints(&taken, &dcs, &err), 0);
		assert_string_equal(dcs.rows[0].url, cases[i].url);
	}
}

static void
test_endpoints_that_are_none(void **state)
{
	char long_one[200];
	struct snapshot_dcs dcs;
	struct err err;
	const char *const others[] = {"", "a,,b", "a,", "a,b,c,d,e,f,g,h,i,j", "a:1,http://a:1/", "a:1/?x",
		"http://a:1#x", "u:secret@a:1", "http://u:secret@a:1", long_one};

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

/* A password would go in the clear to whom no certificate has made known. */
static void
test_tls_for_nobody(void **state)
{
	static const struct web_access trust = {.ca_file = "ca.pem"}, own = {.cert_file = "own.pem"};
	struct dcs_source taken = source("http://a:1,http://b:2", "", "service");
	struct snapshot_dcs dcs = {.total = 0};
	struct err err;

	(void)state;
	taken.access = &trust;
	assert_int_equal(dcs_source_take_endpoints(&taken, &dcs, &err), -1);
	assert_int_equal(err.class, ERR_USAGE);
	assert_string_equal(err.text, "option --ca-file has no effect: no endpoint is asked by https");
	taken.access = &own;
	assert_int_equal(dcs_source_take_endpoints(&taken, &dcs, &err), -1);
	assert_string_equal(err.text, "option --cert-file has no effect: no endpoint is asked by https");
	taken.endpoints = "http://a:1,https://b:2";
	assert_int_equal(dcs_source_take_endpoints(&taken, &dcs, &err), 0);
}

/* The hosts of a command line, as a list of endpoints. */
static void
test_hosts(void **state)
{
	static const struct {
		const char *host, *port, *ca_file, *cert_file;
		enum dcs_kind kind;
		const char *endpoints;
	} hosts[] = {
		{"10.0.0.11", "", "", "", DCS_AUTO, "http://10.0.0.11:2379"},
		{"10.0.0.11", "", "", "", DCS_ETCD, "http://10.0.0.11:2379"},
		{"10.0.0.11", "", "", "", DCS_ETCD2, "http://10.0.0.11:2379"},
		{"10.0.0.11", "", "", "", DCS_CONSUL, "http://10.0.0.11:8500"},
		{"10.0.0.11", "", "", "", DCS_ZOOKEEPER, "http://10.0.0.11:8080"},
		{"10.0.0.11", "99", "", "", DCS_CONSUL, "http://10.0.0.11:99"},
		{"a,b", "", "", "", DCS_AUTO, "http://a:2379,http://b:2379"},
		{"a,b", "9", "", "", DCS_AUTO, "http://a:9,http://b:9"},
		{"a,b,c", "1,,3", "", "", DCS_AUTO, "http://a:1,http://b:2379,http://c:3"},
		{"::1,[fe80::2],c", "", "", "", DCS_AUTO,
			"http://[::1]:2379,http://[fe80::2]:2379,http://c:2379"},
		{"a", "", "ca.pem", "", DCS_AUTO, "https://a:2379"},
		{"a", "", "", "c.pem", DCS_AUTO, "https://a:2379"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		struct web_access access = {.ca_file = ""};
		struct target target = {.host = ""};
		struct dcs_source taken = source("", "", "service");
		char list[200];
		struct err err;

		snprintf(access.ca_file, sizeof access.ca_file, "%s", hosts[i].ca_file);
		snprintf(access.cert_file, sizeof access.cert_file, "%s", hosts[i].cert_file);
		snprintf(target.host, sizeof target.host, "%s", hosts[i].host);
		snprintf(target.port, sizeof target.port, "%s", hosts[i].port);
		taken.access = &access;
		taken.kind = hosts[i].kind;
		assert_int_equal(dcs_source_name_hosts(&taken, &target, list, sizeof list, &err), 0);
		assert_string_equal(list, hosts[i].endpoints);
	}
}

static void
test_hosts_that_are_none(void **state)
{
	static const char *const others[] = {"/run/postgresql", "@abstract", "a,", ",a", "a,,b",
		"10.0.0.11:2379", "http://10.0.0.11", "u:secret@a", "a,http://u:secret@b",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	const struct web_access access = {.ca_file = ""};
	struct dcs_source taken = source("", "", "service");
	struct target target = {.port = ""};
	char list[40];
	struct err err;

	(void)state;
	taken.access = &access;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		snprintf(target.host, sizeof target.host, "%s", others[i]);
		if (dcs_source_name_hosts(&taken, &target, list, sizeof list, &err) == 0)
			fail_msg("\"%s\" is taken", others[i]);
		assert_int_equal(err.class, ERR_USAGE);
		assert_null(strstr(err.text, "secret"));
		assert_null(strstr(err.hint, "secret"));
	}
	snprintf(target.host, sizeof target.host, "a,b,c");
	snprintf(target.port, sizeof target.port, "1,2");
	assert_int_equal(dcs_source_name_hosts(&taken, &target, list, sizeof list, &err), -1);
	assert_int_equal(err.class, ERR_USAGE);
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
		{"service", "/demo", "service/demo/leader"},
		{"/service/", "//demo/0/", "service/demo/0/leader"},
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

static void
test_key_of_nothing(void **state)
{
	struct dcs_source taken = source("a", "/", "service");
	struct dcs_dialect_plan plan = {.key = ""};
	struct err err;

	(void)state;
	assert_int_equal(dcs_source_take_key(&taken, &plan, &err), -1);
	assert_int_equal(err.class, ERR_USAGE);
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
		cmocka_unit_test(test_endpoints_without_a_scheme),
		cmocka_unit_test(test_endpoints_that_are_none),
		cmocka_unit_test(test_tls_for_nobody),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_hosts_that_are_none),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_key_of_nothing),
		cmocka_unit_test(test_long_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
