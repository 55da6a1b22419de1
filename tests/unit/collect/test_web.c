#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/collect/web.h"

/* -- secrets ----------------------------------------------------------------------------------- */

static char secret_file[64];

static void
write_secret(const char *text, mode_t mode)
{
	int fd;

	snprintf(secret_file, sizeof secret_file, "/tmp/pgha-secret-XXXXXX");
	fd = mkstemp(secret_file);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int
read_secret(bool is_token, struct web_secret *ret, struct err *err)
{
	int status = web_read_secret(secret_file, is_token, ret, err);

	unlink(secret_file);
	return status;
}

static void
a_secret_is_the_first_line_of_its_file(void **state)
{
	static const struct {
		const char *text;
		bool is_token;
		const char *user, *password;
	} cases[] = {
		{"admin:s3cret\n", false, "admin", "s3cret"},
		{"admin:with:colons and blanks\r\nmore\n", false, "admin", "with:colons and blanks"},
		{":only-a-password", false, "", "only-a-password"},
		{"b1946ac9-2492-d234\n", true, "", "b1946ac9-2492-d234"},
		{"to:ken", true, "", "to:ken"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct web_secret secret;
		struct err err;

		write_secret(cases[i].text, 0600);
		assert_int_equal(read_secret(cases[i].is_token, &secret, &err), 0);
		assert_string_equal(secret.user, cases[i].user);
		assert_string_equal(secret.password, cases[i].password);
	}
}

static void
expect_refused(const char *text, mode_t mode, bool is_token, const char *words)
{
	struct web_secret secret;
	struct err err;

	write_secret(text, mode);
	assert_int_equal(read_secret(is_token, &secret, &err), -1);
	assert_int_equal(err.class, ERR_SETUP);
	assert_non_null(strstr(err.text, words));
	assert_null(strstr(err.text, "hunter2"));
	assert_null(strstr(err.hint, "hunter2"));
}

static void
a_secret_that_others_may_read_or_of_another_shape_is_refused_and_never_told(void **state)
{
	char longer[1024];
	struct web_secret secret;
	struct err err;

	(void)state;
	expect_refused("admin:hunter2\n", 0640, false, "only its owner may read");
	expect_refused("admin:hunter2\n", 0604, false, "only its owner may read");
	expect_refused("hunter2\n", 0600, false, "USER:PASSWORD");
	expect_refused("admin:\n", 0600, false, "USER:PASSWORD");
	expect_refused("", 0600, false, "USER:PASSWORD");
	expect_refused("\n", 0600, true, "with a token");
	memset(longer, 'x', sizeof longer);
	longer[sizeof longer - 1] = '\0';
	expect_refused(longer, 0600, true, "with a token");
	longer[200] = ':';
	expect_refused(longer, 0600, false, "USER:PASSWORD");
	assert_int_equal(web_read_secret("/nonexistent/file", false, &secret, &err), -1);
	assert_int_equal(err.class, ERR_SETUP);
	assert_int_equal(web_read_secret("/dev/null", true, &secret, &err), -1);
	assert_int_equal(err.class, ERR_SETUP);
}

/* -- requests ---------------------------------------------------------------------------------- */

enum { PATIENCE_MS = 5000 };

static struct web_answer
ask(const char *url, int64_t timeout_ms)
{
	struct web_access access = {.ca_file = ""};
	struct web_request request = {.url = url};
	struct web_answer answer;

	web_ask(&access, &request, 1, clock_now_ms() + timeout_ms, NULL, NULL, &answer);
	return answer;
}

static void
what_is_no_url_of_ours_is_refused_and_its_password_not_told(void **state)
{
	static const char *const urls[] = {"", "ftp://127.0.0.1/", "file:///etc/passwd", "10.0.0.1:8008:1",
		"http://", "http://user:hunter2@127.0.0.1:1/", "http://hunter2@127.0.0.1:1/",
		"http://127.0.0.1:99999/", "http://a b/"};

	(void)state;
	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		struct web_answer answer = ask(urls[i], PATIENCE_MS);

		if (answer.fault.class != ERR_USAGE)
			fail_msg("%s: class %d: %s", urls[i], answer.fault.class, answer.fault.text);
		assert_null(strstr(answer.fault.text, "hunter2"));
		web_release(&answer, 1);
	}
}

/* A server of one connection: sends `reply`, then nothing, and ends when the client does. */
static pid_t
serve(const char *reply, int *ret_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM, 0), client;
	char request[4096];
	pid_t pid;

	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(listener, 4), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	*ret_port = ntohs(address.sin_port);
	pid = fork();
	if (pid == 0) {
		client = accept(listener, NULL, NULL);
		if (read(client, request, sizeof request) > 0 && write(client, reply, strlen(reply)) >= 0)
			while (read(client, request, sizeof request) > 0)
				;
		_exit(0);
	}
	close(listener);
	return pid;
}

static struct web_answer
ask_server(const char *reply, int64_t timeout_ms)
{
	struct web_answer answer;
	char url[64];
	int port;
	pid_t pid = serve(reply, &port);

	snprintf(url, sizeof url, "http://127.0.0.1:%d/leader", port);
	answer = ask(url, timeout_ms);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return answer;
}

static void
an_answer_is_taken_whatever_its_status(void **state)
{
	struct web_answer answer;

	(void)state;
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	answer = ask_server("HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\n{}", PATIENCE_MS);
	assert_int_equal(answer.fault.class, ERR_NONE);
	assert_int_equal(answer.status, 503);
	assert_string_equal(answer.body, "{}");
	web_release(&answer, 1);
	answer = ask_server(
		"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
		PATIENCE_MS);
	assert_int_equal(answer.fault.class, ERR_NONE);
	assert_int_equal(answer.status, 302);
	assert_string_equal(answer.body, "");
	web_release(&answer, 1);
	unsetenv("http_proxy");
}

static void
what_is_no_answer_is_a_fault_of_its_class(void **state)
{
	struct web_answer answer = ask("http://127.0.0.1:1/", PATIENCE_MS);
	int64_t start_ms;

	(void)state;
	assert_int_equal(answer.fault.class, ERR_DOWN);
	answer = ask_server("SSH-2.0-OpenSSH_9.2\r\n", PATIENCE_MS);
	assert_int_equal(answer.fault.class, ERR_PROTOCOL);
	assert_null(answer.body);
	start_ms = clock_now_ms();
	answer = ask_server("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", 300);
	assert_int_equal(answer.fault.class, ERR_TIMEOUT);
	assert_null(answer.body);
	assert_string_not_equal(answer.fault.hint, ""); /* what to look at */
	assert_true(clock_now_ms() - start_ms >= 300);
}

/* -- several ----------------------------------------------------------------------------------- */

static bool
is_first(void *context, size_t index, const struct web_answer *answer)
{
	(void)context;
	return index == 1 && answer->fault.class == ERR_NONE;
}

static void
others_are_not_waited_for_when_one_is_enough(void **state)
{
	struct web_access access = {.ca_file = ""};
	struct web_answer answers[2];
	char urls[2][64];
	int silent_port, port;
	pid_t silent = serve("", &silent_port),
	      good = serve("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", &port);
	struct web_request requests[2] = {{.url = urls[0]}, {.url = urls[1]}};
	int64_t start_ms = clock_now_ms();

	(void)state;
	snprintf(urls[0], sizeof urls[0], "http://127.0.0.1:%d/", silent_port);
	snprintf(urls[1], sizeof urls[1], "http://127.0.0.1:%d/", port);
	web_ask(&access, requests, 2, start_ms + 60000, is_first, NULL, answers);
	assert_true(clock_now_ms() - start_ms < 30000);
	assert_int_equal(answers[1].status, 200);
	assert_true(answers[0].is_open);
	assert_int_equal(answers[0].fault.class, ERR_TIMEOUT);
	web_release(answers, 2);
	assert_int_equal(waitpid(silent, NULL, 0), silent);
	assert_int_equal(waitpid(good, NULL, 0), good);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_is_the_first_line_of_its_file),
		cmocka_unit_test(a_secret_that_others_may_read_or_of_another_shape_is_refused_and_never_told),
		cmocka_unit_test(what_is_no_url_of_ours_is_refused_and_its_password_not_told),
		cmocka_unit_test(an_answer_is_taken_whatever_its_status),
		cmocka_unit_test(what_is_no_answer_is_a_fault_of_its_class),
		cmocka_unit_test(others_are_not_waited_for_when_one_is_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
