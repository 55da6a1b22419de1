#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/collect/place.h"

static struct place_list
list_of(const char *host, const char *hostaddr, const char *port)
{
	struct place_list list;

	snprintf(list.host, sizeof list.host, "%s", host);
	snprintf(list.hostaddr, sizeof list.hostaddr, "%s", hostaddr);
	snprintf(list.port, sizeof list.port, "%s", port);
	return list;
}

static void
hosts_addresses_and_ports_are_paired_as_libpq_does(void **state)
{
	static const struct {
		const char *host, *hostaddr, *port;
		size_t count;
		struct place places[3];
	} cases[] = {
		{"db1", "", "5432", 1, {{"db1", "", "5432"}}},
		{"db1,db2", "", "5432", 2, {{"db1", "", "5432"}, {"db2", "", "5432"}}}, /* one port for all */
		{"db1,db2", "", "", 2, {{"db1", "", ""}, {"db2", "", ""}}},
		{"db1,db2,db3", "", "1,2,3", 3, {{"db1", "", "1"}, {"db2", "", "2"}, {"db3", "", "3"}}},
		{"db1,db2", "", "5432,", 2, {{"db1", "", "5432"}, {"db2", "", ""}}}, /* empty: the default */
		{"db1,db2", "::1,10.0.0.2", "5432", 2, {{"db1", "::1", "5432"}, {"db2", "10.0.0.2", "5432"}}},
		{"", "10.0.0.1,10.0.0.2", "1,2", 2, {{"", "10.0.0.1", "1"}, {"", "10.0.0.2", "2"}}},
		{"db1,db2", ",10.0.0.2", "5432", 2, {{"db1", "", "5432"}, {"db2", "10.0.0.2", "5432"}}},
		{"/run/postgresql,db2", "", "5433", 2,
			{{"/run/postgresql", "", "5433"}, {"db2", "", "5433"}}},
		{"db1,,db3", "", "5432", 3, {{"db1", "", "5432"}, {"", "", "5432"}, {"db3", "", "5432"}}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct place_list list = list_of(cases[i].host, cases[i].hostaddr, cases[i].port);

		assert_int_equal(place_count(&list), cases[i].count);
		for (size_t j = 0; j < cases[i].count; j++) {
			struct place got;

			place_at(&list, j, &got);
			assert_string_equal(got.host, cases[i].places[j].host);
			assert_string_equal(got.hostaddr, cases[i].places[j].hostaddr);
			assert_string_equal(got.port, cases[i].places[j].port);
		}
	}
}

static void
only_names_are_looked_up(void **state)
{
	static const struct {
		const char *host, *hostaddr;
		bool needs_lookup;
	} cases[] = {
		{"db1", "", true},
		{"localhost", "", true},
		{"db1.example.org", "", true},
		{"1and1.example", "", true},
		{"127.1", "", true},
		{"300.0.0.1", "", true}, /* no addresses, though getaddrinfo() takes the first */
		{"db1", "10.0.0.1", false},
		{"10.0.0.1", "", false},
		{"::1", "", false},
		{"2001:db8::5", "", false},
		{"fe80::1%eth0", "", false},
		{"/run/postgresql", "", false},
		{"@abstract", "", false},
		{"", "10.0.0.1", false},
		{"", "", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct place place = {.port = "5432"};

		snprintf(place.host, sizeof place.host, "%s", cases[i].host);
		snprintf(place.hostaddr, sizeof place.hostaddr, "%s", cases[i].hostaddr);
		if (place_needs_lookup(&place) != cases[i].needs_lookup)
			fail_msg("\"%s\" (\"%s\")", cases[i].host, cases[i].hostaddr);
	}
}

static void
a_place_is_written_for_people(void **state)
{
	static const struct {
		struct place place;
		const char *expected;
	} cases[] = {
		{{"db1", "", "5432"}, "db1:5432"},
		{{"db1", "10.0.0.1", "6432"}, "db1 (10.0.0.1):6432"},
		{{"", "10.0.0.1", "6432"}, "10.0.0.1:6432"},
		{{"::1", "", "5432"}, "[::1]:5432"},
		{{"", "2001:db8::5", "5432"}, "[2001:db8::5]:5432"},
		{{"fe80::1%eth0", "", "5432"}, "[fe80::1%eth0]:5432"},
		{{"/run/postgresql", "", "5432"}, "/run/postgresql:5432"},
		{{"/odd:directory", "", "5432"}, "/odd:directory:5432"},
		{{"@abstract", "", "5432"}, "@abstract:5432"},
		{{"db1", "", ""}, "db1:5432"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char storage[64];
		struct text text;

		text_init(&text, storage, sizeof storage);
		place_write(&cases[i].place, &text);
		assert_string_equal(storage, cases[i].expected);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_addresses_and_ports_are_paired_as_libpq_does),
		cmocka_unit_test(only_names_are_looked_up),
		cmocka_unit_test(a_place_is_written_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
