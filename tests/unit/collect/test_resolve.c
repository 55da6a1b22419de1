#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/collect/resolve.h"

/* Long enough for a machine that is busy; what hangs takes longer than any of it. */
enum { PLENTY_MS = 10000 };

static bool
is_address(const char *text)
{
	struct in6_addr ignored;

	return inet_pton(AF_INET, text, &ignored) == 1 || inet_pton(AF_INET6, text, &ignored) == 1;
}

static void
localhost_has_numeric_addresses(void **state)
{
	struct resolve_result found = {.count = 99};
	struct err err;

	(void)state;
	if (resolve_host("localhost", clock_now_ms() + PLENTY_MS, &found, &err) != 0)
		fail_msg("%s", err.text);
	assert_in_range(found.count, 1, RESOLVE_ADDRESSES);
	for (size_t i = 0; i < found.count; i++) {
		assert_true(is_address(found.addresses[i]));
		/* Asked for without a socket type, each would come three times. */
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(found.addresses[i], found.addresses[j]);
	}
}

static void
an_address_is_its_own(void **state)
{
	static const char *const addresses[] = {"127.0.0.1", "10.0.0.11", "::1", "2001:db8::5"};

	(void)state;
	for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
		struct resolve_result found;
		struct err err;

		/* Nobody is asked, so it takes no time: "was not resolved in time" would be nonsense. */
		if (resolve_host(addresses[i], clock_now_ms() - 1, &found, &err) != 0)
			fail_msg("%s", err.text);
		assert_int_equal(found.count, 1);
		assert_string_equal(found.addresses[0], addresses[i]);
	}
}

/* Names under .invalid never exist; who answers for them, and how fast, depends on the network. */
static void
a_name_that_does_not_exist_is_down_or_late_but_within_the_deadline(void **state)
{
	int64_t start_ms = clock_now_ms();
	struct resolve_result found;
	struct err err;

	(void)state;
	assert_int_equal(resolve_host("no-such-host.invalid", start_ms + 400, &found, &err), -1);
	assert_true(clock_now_ms() - start_ms < PLENTY_MS / 2);
	assert_true(err.class == ERR_DOWN || err.class == ERR_TIMEOUT);
	assert_non_null(strstr(err.text, "\"no-such-host.invalid\""));
	assert_string_not_equal(err.hint, "");
}

static void
what_is_no_name_at_all_is_down(void **state)
{
	char long_name[400];
	struct resolve_result found;
	struct err err;

	(void)state;
	memset(long_name, 'a', sizeof long_name - 1);
	long_name[sizeof long_name - 1] = '\0';
	assert_int_equal(resolve_host(long_name, clock_now_ms() + PLENTY_MS, &found, &err), -1);
	assert_int_equal(err.class, ERR_DOWN);
	assert_int_equal(resolve_host("a b", clock_now_ms() + 400, &found, &err), -1);
	assert_true(err.class == ERR_DOWN || err.class == ERR_TIMEOUT);
}

static void
a_deadline_that_has_passed_waits_for_nothing(void **state)
{
	int64_t start_ms = clock_now_ms();
	struct resolve_result found;
	struct err err;

	(void)state;
	/* Some may be answered from a file in no time; none may be waited for. */
	for (int i = 0; i < 5; i++)
		if (resolve_host("no-such-host.invalid", start_ms - 1000, &found, &err) != -1
			|| (err.class != ERR_TIMEOUT && err.class != ERR_DOWN))
			fail_msg("class %s", err_class_name(err.class));
	assert_true(clock_now_ms() - start_ms < PLENTY_MS / 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(localhost_has_numeric_addresses),
		cmocka_unit_test(an_address_is_its_own),
		cmocka_unit_test(a_name_that_does_not_exist_is_down_or_late_but_within_the_deadline),
		cmocka_unit_test(what_is_no_name_at_all_is_down),
		cmocka_unit_test(a_deadline_that_has_passed_waits_for_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
