#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/collect/wire.h"

/* Bytes with their length, which may hold zero bytes. */
#define SAID(bytes) bytes, sizeof bytes - 1

static void
expect_heard(enum wire_phase phase, const char *bytes, size_t length, enum wire_heard expected)
{
	enum wire_heard got;
	char again[64];
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(write(ends[0], bytes, length), length);
	got = wire_listen(ends[1], phase);
	if (got != expected)
		fail_msg("phase %d, \"%.*s\": heard %d, not %d", phase, (int)length, bytes, got, expected);
	assert_int_equal(recv(ends[1], again, sizeof again, MSG_DONTWAIT), length); /* nothing was taken */
	close(ends[0]);
	close(ends[1]);
}

static void
the_answer_to_a_request_for_encryption_is_one_byte_or_an_old_error(void **state)
{
	(void)state;
	expect_heard(WIRE_TLS_REQUEST, SAID("S"), WIRE_SERVER);
	expect_heard(WIRE_TLS_REQUEST, SAID("N"), WIRE_SERVER);
	/* Last words of a server that goes down, also behind its "N". */
	expect_heard(WIRE_TLS_REQUEST, SAID("EFATAL: no\n"), WIRE_ERROR);
	expect_heard(WIRE_TLS_REQUEST, SAID("E\0\0\0\x73SFATAL"), WIRE_ERROR);
	expect_heard(WIRE_TLS_REQUEST, SAID("NE\0\0\0\x73SFATAL"), WIRE_ERROR);
	expect_heard(WIRE_TLS_REQUEST, SAID("N\0\0\0\x73SWARNING"), WIRE_ERROR);
	expect_heard(WIRE_STARTUP, SAID("N\0\0\0\x73SWARNING"), WIRE_ERROR);
	expect_heard(WIRE_TLS_REQUEST, SAID("G"), WIRE_STRANGE);
	expect_heard(WIRE_TLS_REQUEST, SAID("SSH-2.0"), WIRE_STRANGE);
	expect_heard(WIRE_TLS_REQUEST, SAID("NOTICE"), WIRE_STRANGE);
	expect_heard(WIRE_TLS_REQUEST, SAID("HTTP/1.1 400"), WIRE_STRANGE);
	expect_heard(WIRE_TLS_REQUEST, SAID("\0"), WIRE_STRANGE);
	expect_heard(WIRE_GSS_REQUEST, SAID("G"), WIRE_SERVER);
	expect_heard(WIRE_GSS_REQUEST, SAID("N"), WIRE_SERVER);
	expect_heard(WIRE_GSS_REQUEST, SAID("S"), WIRE_STRANGE);
	expect_heard(WIRE_GSS_REQUEST, SAID("GET"), WIRE_STRANGE);
}

static void
the_first_message_of_a_server_has_a_type_and_a_length(void **state)
{
	(void)state;
	expect_heard(WIRE_STARTUP, SAID("R\0\0\0\x0C\0\0\0\x05salt"), WIRE_SERVER);
	expect_heard(WIRE_STARTUP, SAID("E\0\0\0\x50SFATAL"), WIRE_SERVER);
	expect_heard(WIRE_STARTUP, SAID("EFATAL:  an error of the old protocol"), WIRE_SERVER);
	expect_heard(WIRE_STARTUP, SAID("v\0\0\0\x0C\0\0\0\0\0\0\0\0"), WIRE_SERVER);
	expect_heard(WIRE_STARTUP, SAID("R"), WIRE_SERVER); /* the rest is still on its way */
	expect_heard(WIRE_STARTUP, SAID("R\0\0"), WIRE_SERVER);
	expect_heard(WIRE_STARTUP, SAID("R\0\0\x07\xD0\0\0\0\x0A"), WIRE_SERVER);  /* 2000 bytes */
	expect_heard(WIRE_STARTUP, SAID("R\0\0\x07\xD1\0\0\0\x0A"), WIRE_STRANGE); /* one more */
	expect_heard(WIRE_STARTUP, SAID("R\0\0\0\x07\0\0\0"), WIRE_STRANGE);
	expect_heard(WIRE_STARTUP, SAID("Rubbish and more"), WIRE_STRANGE);
	expect_heard(WIRE_STARTUP, SAID("RTSP/1.0 400"), WIRE_STRANGE);
	expect_heard(WIRE_STARTUP, SAID("-ERR unknown"), WIRE_STRANGE);
	expect_heard(WIRE_STARTUP, SAID("220 mail"), WIRE_STRANGE);
	expect_heard(WIRE_STARTUP, SAID("\0\0\0\0"), WIRE_STRANGE);
}

static void
a_server_that_asks_for_no_authentication_is_noticed(void **state)
{
	(void)state;
	expect_heard(WIRE_STARTUP, SAID("R\0\0\0\x08\0\0\0\0S\0\0\0"), WIRE_LET_IN);
	expect_heard(WIRE_STARTUP, SAID("R\0\0\0\x08\0\0\0\0"), WIRE_LET_IN);
	expect_heard(WIRE_STARTUP, SAID("R\0\0\0\x08\0\0\0\x03"), WIRE_SERVER); /* a password, please */
	expect_heard(WIRE_STARTUP, SAID("R\0\0\0\x08\0\0\0"), WIRE_SERVER);
	expect_heard(WIRE_ANY, SAID("R\0\0\0\x08\0\0\0\0"), WIRE_SERVER);
}

static void
past_the_first_message_any_byte_is_the_servers(void **state)
{
	(void)state;
	expect_heard(WIRE_ANY, SAID("\0"), WIRE_SERVER);
	expect_heard(WIRE_ANY, SAID("HTTP"), WIRE_SERVER);
	expect_heard(WIRE_ANY, SAID("\x15\x03\x01"), WIRE_SERVER);
}

static void
silence_is_no_news_and_the_end_is_the_end(void **state)
{
	int ends[2];

	(void)state;
	for (enum wire_phase phase = WIRE_TLS_REQUEST; phase <= WIRE_ANY; phase++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
		assert_int_equal(wire_listen(ends[1], phase), WIRE_SERVER);
		close(ends[0]);
		assert_int_equal(wire_listen(ends[1], phase), WIRE_CLOSED);
		close(ends[1]);
		assert_int_equal(wire_listen(ends[1], phase), WIRE_CLOSED);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_answer_to_a_request_for_encryption_is_one_byte_or_an_old_error),
		cmocka_unit_test(the_first_message_of_a_server_has_a_type_and_a_length),
		cmocka_unit_test(a_server_that_asks_for_no_authentication_is_noticed),
		cmocka_unit_test(past_the_first_message_any_byte_is_the_servers),
		cmocka_unit_test(silence_is_no_news_and_the_end_is_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
