#define _GNU_SOURCE /* getaddrinfo_a */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netdb.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/collect/resolve.h"

/* -- a name server that answers when it is told to, in the place of the C library's --------------- */

enum { ASKED_MAX = 8, NOW_MS = 1000000 };

static struct gaicb *asked[ASKED_MAX];
static size_t asked_count;
static int64_t now_ms = NOW_MS;

int
getaddrinfo_a(int mode, struct gaicb *list[], int count, struct sigevent *event)
{
	(void)mode;
	(void)event;
	assert_int_equal(count, 1);
	assert_true(asked_count < ASKED_MAX);
	asked[asked_count++] = list[0];
	list[0]->__return = EAI_INPROGRESS;
	return 0;
}

int
gai_error(struct gaicb *request)
{
	return request->__return;
}

int
gai_suspend(const struct gaicb *const list[], int count, const struct timespec *patience)
{
	(void)list;
	(void)count;
	now_ms += patience->tv_sec * 1000 + patience->tv_nsec / 1000000;
	return EAI_AGAIN;
}

static void
answer(size_t number, const char *address)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};

	asked[number]->__return = getaddrinfo(address, NULL, &hints, &asked[number]->ar_result);
	assert_int_equal(asked[number]->__return, 0);
}

int64_t
clock_now_us(void)
{
	return now_ms * 1000;
}

int64_t
clock_now_ms(void)
{
	return now_ms;
}

int64_t
clock_wall_ms(void)
{
	return now_ms;
}

int
clock_left_ms(int64_t deadline_ms)
{
	return deadline_ms > now_ms ? (int)(deadline_ms - now_ms) : 0;
}

/* -- the tests ----------------------------------------------------------------------------------- */

static int
forget(void **state)
{
	(void)state;
	asked_count = 0;
	return 0;
}

static void
expect_late(const char *host)
{
	struct resolve_result found;
	struct err err;

	assert_int_equal(resolve_host(host, now_ms + 200, &found, &err), -1);
	assert_int_equal(err.class, ERR_TIMEOUT);
	assert_non_null(strstr(err.text, host));
}

static void
expect_found(const char *host, const char *address)
{
	struct resolve_result found;
	struct err err;

	if (resolve_host(host, now_ms + 200, &found, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(found.count, 1);
	assert_string_equal(found.addresses[0], address);
}

static void
a_name_server_that_never_answers_is_asked_once_for_each_name(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		expect_late("db1");
		expect_late("db2");
	}
	assert_int_equal(asked_count, 2);
	answer(0, "10.0.0.1");
	answer(1, "10.0.0.2");
	expect_found("db2", "10.0.0.2"); /* late as it is, it is the newest that there is */
	expect_late("db2");              /* and is used once */
	assert_int_equal(asked_count, 3);
	expect_found("db1", "10.0.0.1");
	answer(2, "10.0.0.3");
	expect_found("db2", "10.0.0.3");
}

static void
an_answer_from_long_ago_is_not_used(void **state)
{
	(void)state;
	expect_late("db4");
	answer(0, "10.0.0.1");
	now_ms += 60000;
	expect_late("db4");
	assert_int_equal(asked_count, 2);
	now_ms += 60000;
	expect_late("db4"); /* that one still runs: what it finds will be new */
	assert_int_equal(asked_count, 2);
	answer(1, "10.0.0.2");
	now_ms += 60000;
	expect_late("db4");
	answer(2, "10.0.0.5");
	expect_found("db4", "10.0.0.5");
}

static void
two_who_ask_for_one_name_wait_for_one_each(void **state)
{
	struct resolve_lookup *first = resolve_begin("db5"), *second = resolve_begin("db5");
	struct resolve_result found;
	struct err err;

	(void)state;
	assert_int_equal(asked_count, 2);
	assert_int_equal(resolve_end(first, &found, &err), -1);
	assert_int_equal(resolve_end(second, &found, &err), -1);
	for (int i = 0; i < 100; i++)
		expect_late("db5");
	assert_int_equal(asked_count, 2);
	answer(0, "10.0.0.1");
	answer(1, "10.0.0.1");
	expect_found("db5", "10.0.0.1");
	expect_found("db5", "10.0.0.1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_name_server_that_never_answers_is_asked_once_for_each_name, forget),
		cmocka_unit_test_setup(an_answer_from_long_ago_is_not_used, forget),
		cmocka_unit_test_setup(two_who_ask_for_one_name_wait_for_one_each, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
