#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"

static int ends[2], standard_error;

/* Standard error goes into a pipe. */
static int
begin(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	log_set_level(LOG_LEVEL_INFO);
	standard_error = dup(STDERR_FILENO);
	if (pipe(ends) != 0 || dup2(ends[1], STDERR_FILENO) < 0)
		return -1;
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	dup2(standard_error, STDERR_FILENO);
	close(standard_error);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static const char *
written(void)
{
	static char bytes[8192];
	ssize_t got = read(ends[0], bytes, sizeof bytes - 1);

	bytes[got > 0 ? got : 0] = '\0';
	return bytes;
}

static void
names_stand_in_the_order_of_the_levels(void **state)
{
	(void)state;
	assert_string_equal(log_level_names[LOG_LEVEL_ERROR], "error");
	assert_string_equal(log_level_names[LOG_LEVEL_WARNING], "warning");
	assert_string_equal(log_level_names[LOG_LEVEL_INFO], "info");
	assert_null(log_level_names[LOG_LEVEL_COUNT]);
}

static void
lines_up_to_the_level_are_written_and_no_others(void **state)
{
	(void)state;
	for (enum log_level highest = LOG_LEVEL_ERROR; highest < LOG_LEVEL_COUNT; highest++)
		for (enum log_level level = LOG_LEVEL_ERROR; level < LOG_LEVEL_COUNT; level++) {
			log_set_level(highest);
			log_write(level, "%s: %d", "word", 42);
			assert_string_equal(written(), level <= highest ? "pgha-agent: word: 42\n" : "");
		}
}

static void
under_the_journal_a_line_has_its_priority(void **state)
{
	static const char *const lines[] = {"<3>x\n", "<4>x\n", "<6>x\n"};

	(void)state;
	setenv("JOURNAL_STREAM", "8:1234", 1);
	for (enum log_level level = LOG_LEVEL_ERROR; level < LOG_LEVEL_COUNT; level++) {
		log_write(level, "x");
		assert_string_equal(written(), lines[level]);
	}
	unsetenv("JOURNAL_STREAM");
}

static void
nobody_forges_a_line(void **state)
{
	(void)state;
	log_write(LOG_LEVEL_INFO, "leader: %s", "no\npgha-agent: leader: yes\r\x1B[31m\x01");
	assert_string_equal(written(), "pgha-agent: leader: no pgha-agent: leader: yes [31m\n");
	log_write(LOG_LEVEL_INFO, "%s", "%s%n%d");
	assert_string_equal(written(), "pgha-agent: %s%n%d\n");
}

static void
a_long_line_is_cut_and_still_one(void **state)
{
	char longest[5000];
	const char *line;

	(void)state;
	memset(longest, 'x', sizeof longest);
	longest[sizeof longest - 1] = '\0';
	log_write(LOG_LEVEL_INFO, "%s", longest);
	line = written();
	assert_true(strlen(line) > 1000 && strlen(line) < 4096); /* below PIPE_BUF */
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void
who_does_not_read_holds_nothing_up(void **state)
{
	int64_t start_ms = clock_now_ms();

	(void)state;
	for (int i = 0; i < 10000; i++) /* more than a pipe holds */
		log_write(LOG_LEVEL_INFO, "line %d of very many that nobody wants to see", i);
	assert_true(clock_now_ms() - start_ms < 5000);
	assert_memory_equal(written(), "pgha-agent: line 0 of", 21);
}

static void
without_a_standard_error_nothing_happens(void **state)
{
	(void)state;
	close(STDERR_FILENO);
	log_write(LOG_LEVEL_ERROR, "x");
	assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	assert_string_equal(written(), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_stand_in_the_order_of_the_levels),
		cmocka_unit_test_setup_teardown(lines_up_to_the_level_are_written_and_no_others, begin, end),
		cmocka_unit_test_setup_teardown(under_the_journal_a_line_has_its_priority, begin, end),
		cmocka_unit_test_setup_teardown(nobody_forges_a_line, begin, end),
		cmocka_unit_test_setup_teardown(a_long_line_is_cut_and_still_one, begin, end),
		cmocka_unit_test_setup_teardown(who_does_not_read_holds_nothing_up, begin, end),
		cmocka_unit_test_setup_teardown(without_a_standard_error_nothing_happens, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
