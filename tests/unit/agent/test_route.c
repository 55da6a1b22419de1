#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/agent/route.h"

static const struct {
	const char *name;
	enum route_kind kind;
	const char *base;
	enum route_sync sync;
	bool accepts_primary;
} expected[] = {
	{"", ROUTE_CHECK, "leader", ROUTE_ANY_SYNC, false},
	{"primary", ROUTE_CHECK, "leader", ROUTE_ANY_SYNC, false},
	{"master", ROUTE_CHECK, "leader", ROUTE_ANY_SYNC, false},
	{"leader", ROUTE_CHECK, "leader", ROUTE_ANY_SYNC, false},
	{"read-write", ROUTE_CHECK, "leader", ROUTE_ANY_SYNC, false},
	{"replica", ROUTE_CHECK, "replica", ROUTE_ANY_SYNC, false},
	{"read-only", ROUTE_CHECK, "replica", ROUTE_ANY_SYNC, true},
	{"sync", ROUTE_CHECK, "replica", ROUTE_SYNC, false},
	{"synchronous", ROUTE_CHECK, "replica", ROUTE_SYNC, false},
	{"read-only-sync", ROUTE_CHECK, "replica", ROUTE_SYNC, true},
	{"read-only-synchronous", ROUTE_CHECK, "replica", ROUTE_SYNC, true},
	{"quorum", ROUTE_CHECK, "replica", ROUTE_QUORUM, false},
	{"read-only-quorum", ROUTE_CHECK, "replica", ROUTE_QUORUM, true},
	{"async", ROUTE_CHECK, "replica", ROUTE_ASYNC, false},
	{"asynchronous", ROUTE_CHECK, "replica", ROUTE_ASYNC, false},
	{"standby-leader", ROUTE_STANDBY_LEADER, NULL, ROUTE_ANY_SYNC, false},
	{"standby_leader", ROUTE_STANDBY_LEADER, NULL, ROUTE_ANY_SYNC, false},
	{"health", ROUTE_HEALTH, NULL, ROUTE_ANY_SYNC, false},
	{"readiness", ROUTE_READINESS, NULL, ROUTE_ANY_SYNC, false},
	{"liveness", ROUTE_LIVENESS, NULL, ROUTE_ANY_SYNC, false},
};

static void
every_path_of_patroni_is_the_question_that_it_should_be(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		const struct route *route = route_find(expected[i].name);

		if (route == NULL || route->kind != expected[i].kind || route->sync != expected[i].sync
			|| route->accepts_primary != expected[i].accepts_primary)
			fail_msg("\"%s\" is another question", expected[i].name);
		if (expected[i].base != NULL)
			assert_string_equal(route->base, expected[i].base);
	}
}

/* As Patroni's are, whose tags are about who may be read from. */
static void
who_asks_for_a_leader_asks_for_no_tags(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		const struct route *route = route_find(expected[i].name);
		bool is_leader = route->kind == ROUTE_STANDBY_LEADER
			|| (route->kind == ROUTE_CHECK && strcmp(route->base, "leader") == 0);

		assert_int_equal(route->has_no_tags, is_leader);
		assert_int_equal(route->is_for_primary,
			is_leader && route->kind == ROUTE_CHECK && !route->accepts_standby_leader);
		assert_int_equal(route->accepts_standby_leader, strcmp(route->name, "leader") == 0);
	}
}

static void
a_name_is_taken_whole_and_as_it_is_written(void **state)
{
	static const char *const names[] = {"Primary", "PRIMARY", "primary/", "/primary", " primary",
		"primar", "primary2", "read_only", "no", "."};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (route_find(names[i]) != NULL)
			fail_msg("\"%s\" is a route", names[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_path_of_patroni_is_the_question_that_it_should_be),
		cmocka_unit_test(who_asks_for_a_leader_asks_for_no_tags),
		cmocka_unit_test(a_name_is_taken_whole_and_as_it_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
