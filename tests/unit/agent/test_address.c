#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lib/agent/address.h"

static struct sockaddr_storage where;
static struct err err;

static void
expect(const char *text, int family, const char *host, int port)
{
	char got[INET6_ADDRSTRLEN] = "";
	socklen_t length = 0;
	int got_port;

	if (address_parse(text, &where, &length, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	assert_int_equal(where.ss_family, family);
	if (family == AF_INET) {
		inet_ntop(family, &((struct sockaddr_in *)&where)->sin_addr, got, sizeof got);
		got_port = ntohs(((struct sockaddr_in *)&where)->sin_port);
		assert_int_equal(length, sizeof(struct sockaddr_in));
	} else {
		inet_ntop(family, &((struct sockaddr_in6 *)&where)->sin6_addr, got, sizeof got);
		got_port = ntohs(((struct sockaddr_in6 *)&where)->sin6_port);
		assert_int_equal(length, sizeof(struct sockaddr_in6));
	}
	assert_string_equal(got, host);
	assert_int_equal(got_port, port);
}

static void
an_address_is_a_number_and_a_port(void **state)
{
	(void)state;
	expect("127.0.0.1:8009", AF_INET, "127.0.0.1", 8009);
	expect("0.0.0.0:1", AF_INET, "0.0.0.0", 1);
	expect("255.255.255.255:65535", AF_INET, "255.255.255.255", 65535);
	expect("[::1]:8009", AF_INET6, "::1", 8009);
	expect("[::]:80", AF_INET6, "::", 80);
	expect("[2001:db8:1:2:3:4:5:6]:443", AF_INET6, "2001:db8:1:2:3:4:5:6", 443);
	expect("[::ffff:10.0.0.1]:443", AF_INET6, "::ffff:10.0.0.1", 443);
}

static void
nothing_else_is_one(void **state)
{
	static const char *const texts[] = {"", ":", ":8009", "8009", "127.0.0.1",
		"127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:8009x", "127.0.0.1:+80",
		"127.0.0.1:-1", "127.0.0.1: 80", " 127.0.0.1:80", "127.0.0.1 :80", "127.0.0.1:80 ",
		"127.1:80", "1.2.3.4.5:80", "256.0.0.1:80", "0x7f000001:80", "localhost:80", "*:80", "::1:80",
		"::1", "[::1]", "[::1]80", "[::1]:", "[::1]:0", "[]:80", "[127.0.0.1]:80", "[::1:80",
		"::1]:80", "[:80", "]:80", "[fe80::1%eth0]:80", "[[::1]]:80", "[::1]]:80", "127.0.0.1:80:80",
		"127.0.0.1:99999999999999999999",
		"0000000000000000000000000000000000000000000000000000000000000000000000000127.0.0.1:80",
		"/run/x:80"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		socklen_t length = 77;

		if (address_parse(texts[i], &where, &length, &err) == 0)
			fail_msg("\"%s\" is taken", texts[i]);
		assert_int_equal(err.class, ERR_USAGE);
		assert_int_equal(length, 77);
		assert_true(err.hint[0] != '\0');
	}
}

static void
items_stand_between_commas_without_their_blanks(void **state)
{
	static const char list[] = " 127.0.0.1:1 ,\t[::1]:2,,x";
	char item[32];

	(void)state;
	assert_int_equal(address_item(list, 0, item, sizeof item), 0);
	assert_string_equal(item, "127.0.0.1:1");
	assert_int_equal(address_item(list, 1, item, sizeof item), 0);
	assert_string_equal(item, "[::1]:2");
	assert_int_equal(address_item(list, 2, item, sizeof item), 0);
	assert_string_equal(item, "");
	assert_int_equal(address_item("12345", 0, item, 5), -1);
	assert_int_equal(address_item("1234", 0, item, 5), 0);
}

static void
a_list_is_good_if_every_item_is(void **state)
{
	static const char *const bad[] = {",", "127.0.0.1:1,", ",127.0.0.1:1", "127.0.0.1:1 127.0.0.1:2",
		"127.0.0.1:1,x", "127.0.0.1:1,,127.0.0.1:2", " "};
	char longest[300];

	(void)state;
	assert_int_equal(address_verify_list("", &err), 0);
	assert_int_equal(address_verify_list("127.0.0.1:1", &err), 0);
	assert_int_equal(address_verify_list("127.0.0.1:1, [::1]:2 ,0.0.0.0:3", &err), 0);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (address_verify_list(bad[i], &err) == 0)
			fail_msg("\"%s\" is taken", bad[i]);
	/* Cut where there is room for it no more, it would look like another one. */
	snprintf(longest, sizeof longest, "%*s%s", 200, "127.0.0.1:8009", "x");
	assert_int_equal(address_verify_list(longest, &err), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_a_number_and_a_port),
		cmocka_unit_test(nothing_else_is_one),
		cmocka_unit_test(items_stand_between_commas_without_their_blanks),
		cmocka_unit_test(a_list_is_good_if_every_item_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
