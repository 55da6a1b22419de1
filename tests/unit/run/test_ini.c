#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/run/ini.h"

static struct err err;

/* Everything that the reader was told, in one line: "[agent] interval=1s . [listen] ." */
static char told[16384];
static struct text told_text;

static int
section(void *context, const char *name, struct err *ret_err)
{
	assert_ptr_equal(context, told);
	text_add(&told_text, "[%s] ", name);
	return strcmp(name, "bad") == 0 ? err_set(ret_err, ERR_USAGE, "unknown section \"%s\"", name) : 0;
}

static int
key(void *context, const char *name, const char *value, struct err *ret_err)
{
	assert_ptr_equal(context, told);
	text_add(&told_text, "%s=%s ", name, value);
	if (strcmp(name, "bad") != 0)
		return 0;
	err_set(ret_err, ERR_USAGE, "unknown setting \"%s\"", name);
	return err_hint(ret_err, "did you mean \"good\"?");
}

static int
section_end(void *context, struct err *ret_err)
{
	assert_ptr_equal(context, told);
	text_add(&told_text, ". ");
	if (strstr(told, "loose=") != NULL)
		return err_set(ret_err, ERR_USAGE, "a loose end");
	return 0;
}

static const struct ini_reader reader = {
	.section = section, .key = key, .section_end = section_end, .context = told};

static int
read_text(const char *text)
{
	memset(&err, 0, sizeof err);
	text_init(&told_text, told, sizeof told);
	return ini_read_text(text, "agent.ini", &reader, &err);
}

static void
expect_told(const char *text, const char *wanted)
{
	if (read_text(text) != 0)
		fail_msg("refused: %s", err.text);
	assert_string_equal(told, wanted);
}

/* Refused as usage with exactly this text. */
static void
expect_refused(const char *text, const char *wanted)
{
	if (read_text(text) != -1)
		fail_msg("taken, instead of \"%s\"", wanted);
	assert_string_equal(err.text, wanted);
	assert_int_equal(err.class, ERR_USAGE);
}

static void
sections_and_keys_are_told_in_order(void **state)
{
	(void)state;
	expect_told("[agent]\ninterval = 1s\n[listen]\nhttp=127.0.0.1:8008\nhaproxy = 8009\n",
		"[agent] interval=1s . [listen] http=127.0.0.1:8008 haproxy=8009 . ");
	expect_told("[agent]\n[check  leader]\n[listen]", "[agent] . [check leader] . [listen] . ");
	expect_told("[ \tagent ]  \n", "[agent] . ");
	expect_told("[agent]\nlog =\nmax_age=  3s\t \n", "[agent] log= max_age=3s . ");
	expect_told(
		"[agent]\na = 1\na = 2\n", "[agent] a=1 a=2 . "); /* whether it may is the reader's to say */
	expect_told("[agent]\nconninfo = host=a user=b\n", "[agent] conninfo=host=a user=b . ");
	expect_told("[agent]\na : 1\n", "[agent] a=1 . ");
	expect_told("", "");
	expect_told("\n \n\t\n", "");
}

static void
the_end_of_a_section_is_not_asked_for(void **state)
{
	const struct ini_reader without = {.section = section, .key = key, .context = told};

	(void)state;
	text_init(&told_text, told, sizeof told);
	assert_int_equal(ini_read_text("[a]\nb=c\n[d]\n", "f", &without, &err), 0);
	assert_string_equal(told, "[a] b=c [d] ");
}

static void
comments_are_left_out(void **state)
{
	(void)state;
	expect_told("; first\n# second\n[agent] ; third\n;a = b\n  ; fourth\nlog = stderr ; fifth\n",
		"[agent] log=stderr . ");
	/* Only behind a blank, and only ";": else it belongs to the value. */
	expect_told("[agent]\na = b;c\nd = e #f\n", "[agent] a=b;c d=e #f . ");
	expect_told("[agent]\na = ; nothing\n", "[agent] a= . ");
}

static void
files_of_other_systems_are_read(void **state)
{
	(void)state;
	expect_told("[agent]\r\nlog = stderr\r\n\r\n[listen]\r\n", "[agent] log=stderr . [listen] . ");
	expect_told("\xEF\xBB\xBF[agent]\nlog = stderr\n", "[agent] log=stderr . ");
	expect_told("\xEF\xBB\xBF", "");
	expect_told("[agent]\nlog = stderr", "[agent] log=stderr . ");
	expect_told("[agent]\nlog = \xC3\xA9t\xC3\xA9\n", "[agent] log=\xC3\xA9t\xC3\xA9 . ");
	expect_refused("[agent]\rlog = stderr\r", "agent.ini:1: a character that is not text");
}

static void
what_the_reader_refuses_gets_its_place(void **state)
{
	(void)state;
	expect_refused("[agent]\n\n; so\nbad = 1\n", "agent.ini:4: unknown setting \"bad\"");
	assert_string_equal(err.hint, "did you mean \"good\"?");
	expect_refused("\n[bad]\n", "agent.ini:2: unknown section \"bad\"");
	expect_refused("[agent]\n[bad]", "agent.ini:2: unknown section \"bad\"");
	/* What holds for a whole section is told where that begins. */
	expect_refused("[agent]\nloose = 1\na = b\n\n[listen]\nbad = 1\n", "agent.ini:1: a loose end");
	expect_refused("[a]\n[agent]\nloose = 1\n", "agent.ini:2: a loose end");
}

static void
the_first_error_ends_the_reading(void **state)
{
	(void)state;
	expect_refused("[agent]\nbad = 1\nafter = 2\n[bad]\n", "agent.ini:2: unknown setting \"bad\"");
	assert_string_equal(told, "[agent] bad=1 ");
	expect_refused("[agent]\nnonsense\nafter = 2\n", "agent.ini:2: neither a section nor a setting");
	assert_string_equal(told, "[agent] ");
	expect_refused("[agent]\nnonsense\nbad = 2\n", "agent.ini:2: neither a section nor a setting");
	expect_refused("[bad]\na = 1\n", "agent.ini:1: unknown section \"bad\"");
	assert_string_equal(told, "[bad] ");
}

static void
lines_that_are_nothing_are_refused(void **state)
{
	(void)state;
	expect_refused("[agent]\npassword sesame\n", "agent.ini:2: neither a section nor a setting");
	assert_null(strstr(err.hint, "sesame"));
	expect_refused("[agent]\npassword sesame", "agent.ini:2: neither a section nor a setting");
	expect_refused("[agent]\na ; = b", "agent.ini:2: neither a section nor a setting");
	expect_refused("[agent]\n= 1\n", "agent.ini:2: a value without a name");
	expect_refused("; first\ninterval = 1s\n[agent]\n", "agent.ini:2: a setting before any section");
	expect_refused("nonsense\n", "agent.ini:1: a setting before any section");
}

static void
headers_that_are_none_are_refused(void **state)
{
	static const char *const wrong[] = {"[]", "[ ]", "[agent", "[", "[agent] x", "[agent]x", "[agent];x",
		"[agent] # x", "[agent ;x]",
		"[0123456789012345678901234567890123456789012345678901234567890123]"};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		expect_refused(wrong[i], "agent.ini:1: this is not the name of a section");
	/* inih alone would cut it to 49. */
	expect_told("[012345678901234567890123456789012345678901234567890123456789012]\na=b\n",
		"[012345678901234567890123456789012345678901234567890123456789012] a=b . ");
}

static void
a_section_stands_there_once(void **state)
{
	(void)state;
	expect_refused("\n[agent]\na = 1\n[listen]\n[agent]\n",
		"agent.ini:5: section [agent] is there twice, first in line 2");
	expect_refused("[peer a]\n[peer b]\n[peer  a ]\n",
		"agent.ini:3: section [peer a] is there twice, first in line 1");
	expect_told("[agent]\n[Agent]\n", "[agent] . [Agent] . ");
}

static void
a_file_has_a_bounded_number_of_sections(void **state)
{
	char storage[4096];
	struct text text;

	(void)state;
	text_init(&text, storage, sizeof storage);
	for (int i = 0; i < 128; i++)
		text_add(&text, "[peer %d]\n", i);
	assert_int_equal(read_text(storage), 0);
	text_add(&text, "[peer 128]\n");
	expect_refused(storage, "agent.ini:129: too many sections");
}

/* inih alone would append the second line to the first value, or make it a setting of its own. */
static void
indented_lines_are_refused(void **state)
{
	(void)state;
	expect_refused("[agent]\nconninfo = host=a\n  password=sesame\n",
		"agent.ini:3: a line that begins with a blank");
	assert_null(strstr(err.hint, "sesame"));
	expect_refused("[agent]\n\tinterval = 1s\n", "agent.ini:2: a line that begins with a blank");
	expect_refused("[agent]\n [listen]\n", "agent.ini:2: a line that begins with a blank");
	expect_refused(" [agent]\n", "agent.ini:1: a line that begins with a blank");
}

/* inih alone would read the rest of the line as the next one. */
static void
long_lines_are_refused(void **state)
{
	char line[256], file[512];

	(void)state;
	memset(line, 'x', sizeof line);
	memcpy(line, "a = ", 4);
	line[198] = '\0';
	snprintf(file, sizeof file, "[agent]\n%s\r\nb = c\n", line);
	assert_int_equal(read_text(file), 0);
	assert_int_equal(strlen(told), strlen("[agent] ") + 198 - 2 + strlen(" b=c . "));
	line[198] = 'x';
	line[199] = '\0';
	snprintf(file, sizeof file, "[agent]\n%s\n", line);
	expect_refused(file, "agent.ini:2: a line of 199 characters");
	assert_non_null(strstr(err.hint, "198"));
	assert_string_equal(told, "[agent] ");
	line[0] = ';'; /* a comment is no exception: its second half would be read as a setting */
	snprintf(file, sizeof file, "%s", line);
	expect_refused(file, "agent.ini:1: a line of 199 characters");
	/* The mark before the first line is not a part of it. */
	line[198] = '\0';
	snprintf(file, sizeof file, "\xEF\xBB\xBF%s", line);
	assert_int_equal(read_text(file), 0);
}

static void
a_long_path_does_not_hide_the_error(void **state)
{
	char path[400];

	(void)state;
	memset(path, 'd', sizeof path);
	memcpy(path + sizeof path - 11, "/agent.ini", 11);
	memset(&err, 0, sizeof err);
	assert_int_equal(ini_read_text("nonsense", path, &reader, &err), -1);
	assert_true(text_starts(err.text, "...ddd"));
	assert_non_null(strstr(err.text, "d/agent.ini:1: a setting before any section"));
}

/* -- files ------------------------------------------------------------------------------------- */

static char directory[64];
static char path[80];

static void
write_file(const char *bytes, size_t length)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static int
read_path(const char *name)
{
	memset(&err, 0, sizeof err);
	text_init(&told_text, told, sizeof told);
	return ini_read(name, &reader, &err);
}

/* The path, and then this. */
static void
expect_path_refused(const char *name, const char *wanted)
{
	assert_int_equal(read_path(name), -1);
	assert_int_equal(err.class, ERR_USAGE);
	assert_true(text_starts(err.text, name));
	assert_string_equal(err.text + strlen(name), wanted);
}

static int
make_directory(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/test_ini.XXXXXX");
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/agent.ini", directory);
	return 0;
}

static int
remove_directory(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

static void
a_file_is_read(void **state)
{
	static const char bytes[] = "[agent]\nlog = stderr\n";

	(void)state;
	write_file(bytes, sizeof bytes - 1);
	assert_int_equal(read_path(path), 0);
	assert_string_equal(told, "[agent] log=stderr . ");
	write_file("", 0);
	assert_int_equal(read_path(path), 0);
	assert_string_equal(told, "");
	write_file("[agent]\nbad = 1\n", 16);
	expect_path_refused(path, ":2: unknown setting \"bad\"");
}

static void
zero_bytes_are_refused(void **state)
{
	static const char utf16[] = "\xFF\xFE[\0a\0]\0\n";

	(void)state;
	write_file("[agent]\nlog = a\0bad\n", 20);
	expect_path_refused(path, ":2: a character that is not text");
	write_file("[agent]\n\0", 9);
	expect_path_refused(path, ":2: a character that is not text");
	write_file(utf16, sizeof utf16);
	expect_path_refused(path, ":1: a character that is not text");
}

static void
a_file_has_at_most_64_kib(void **state)
{
	static char bytes[65537];

	(void)state;
	memset(bytes, '\n', sizeof bytes);
	write_file(bytes, sizeof bytes - 1);
	assert_int_equal(read_path(path), 0);
	write_file(bytes, sizeof bytes);
	expect_path_refused(path, ": larger than 65536 bytes");
}

static void
what_cannot_be_read_is_told(void **state)
{
	(void)state;
	expect_path_refused("/nonexistent/agent.ini", ": cannot be read: No such file or directory");
	expect_path_refused("", ": cannot be read: No such file or directory");
	expect_path_refused(directory, ": is a directory");
	expect_path_refused("/dev/null", ": is not a file");
	assert_int_equal(mkfifo(path, 0600), 0); /* without a writer, to open it would last for ever */
	expect_path_refused(path, ": is not a file");
	unlink(path);
	/* For root nothing is unreadable but a link to itself. */
	assert_int_equal(symlink(path, path), 0);
	expect_path_refused(path, ": cannot be read: Too many levels of symbolic links");
	unlink(path);
	write_file("", 0);
	assert_int_equal(chmod(path, 0), 0);
	if (geteuid() != 0)
		expect_path_refused(path, ": cannot be read: Permission denied");
}

static void
no_descriptor_is_left_open(void **state)
{
	int before = dup(0), after;

	(void)state;
	assert_true(before >= 0);
	close(before);
	write_file("[agent]\nbad = 1\n", 16);
	assert_int_equal(read_path(path), -1);
	assert_int_equal(read_path(directory), -1);
	write_file("[agent]\n", 8);
	assert_int_equal(read_path(path), 0);
	after = dup(0);
	assert_int_equal(after, before);
	close(after);
}

#define FILE_TEST(function) cmocka_unit_test_setup_teardown(function, make_directory, remove_directory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections_and_keys_are_told_in_order),
		cmocka_unit_test(the_end_of_a_section_is_not_asked_for),
		cmocka_unit_test(comments_are_left_out),
		cmocka_unit_test(files_of_other_systems_are_read),
		cmocka_unit_test(what_the_reader_refuses_gets_its_place),
		cmocka_unit_test(the_first_error_ends_the_reading),
		cmocka_unit_test(lines_that_are_nothing_are_refused),
		cmocka_unit_test(headers_that_are_none_are_refused),
		cmocka_unit_test(a_section_stands_there_once),
		cmocka_unit_test(a_file_has_a_bounded_number_of_sections),
		cmocka_unit_test(indented_lines_are_refused),
		cmocka_unit_test(long_lines_are_refused),
		cmocka_unit_test(a_long_path_does_not_hide_the_error),
		FILE_TEST(a_file_is_read),
		FILE_TEST(zero_bytes_are_refused),
		FILE_TEST(a_file_has_at_most_64_kib),
		FILE_TEST(what_cannot_be_read_is_told),
		FILE_TEST(no_descriptor_is_left_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
