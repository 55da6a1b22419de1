#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/agent/track.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "tests/unit/agent/sample.h"

enum { PATIENCE_MS = 5000, SILENCE_MS = 60000, LEADER = 0, REPLICA = 1 };

static char directory[] = "/tmp/test_track_XXXXXX";
static struct plan plan, other_plan;

static const char *
in_directory(const char *name)
{
	static char paths[4][512];
	static int next;

	next = (next + 1) % 4;
	snprintf(paths[next], sizeof paths[next], "%s/%s", directory, name);
	return paths[next];
}

/* A plan whose files are in the directory. */
static void
plan_with(const char *sections, struct plan *to)
{
	char text[1024];

	snprintf(text, sizeof text, "[agent]\nrun_directory = %s\n%s", directory, sections);
	sample_plan(text, to);
}

static int
make_directory(void **state)
{
	(void)state;
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	if (mkdtemp(directory) == NULL)
		return -1;
	plan_with("[track_file leader]\n[track_file replica]\n", &plan);
	return 0;
}

static int
file_count(void)
{
	DIR *of = opendir(directory);
	int count = 0;

	for (const struct dirent *entry; of != NULL && (entry = readdir(of)) != NULL;)
		count += entry->d_name[0] != '.';
	if (of != NULL)
		closedir(of);
	return count;
}

static int
remove_directory(void **state)
{
	DIR *of = opendir(directory);

	(void)state;
	for (const struct dirent *entry; of != NULL && (entry = readdir(of)) != NULL;)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0
			&& unlink(in_directory(entry->d_name)) != 0)
			rmdir(in_directory(entry->d_name));
	if (of != NULL)
		closedir(of);
	return rmdir(directory);
}

/* The file's one line: '0', '1', or '-' when there is none. */
static char
file_says(const char *name)
{
	char bytes[8] = "";
	int fd = open(in_directory(name), O_RDONLY);
	ssize_t got;

	if (fd < 0)
		return '-';
	got = read(fd, bytes, sizeof bytes);
	close(fd);
	if (got != 2 || bytes[1] != '\n')
		fail_msg("%s holds %zd bytes", name, got);
	return bytes[0];
}

static void
await_file(const char *name, char wanted)
{
	int64_t until_ms = clock_now_ms() + PATIENCE_MS;

	while (file_says(name) != wanted && clock_now_ms() < until_ms)
		poll(NULL, 0, 2);
	if (file_says(name) != wanted)
		fail_msg("%s says %c, not %c", name, file_says(name), wanted);
}

/* Holds a file that is there now, to see whether it stays: numbers of inodes are used again. */
static int
hold(const char *name)
{
	int fd = open(in_directory(name), O_RDONLY);

	assert_true(fd >= 0);
	return fd;
}

/* Whether another file has taken the place of one that is held; lets go of it. */
static bool
is_replaced(int fd)
{
	struct stat status;

	assert_int_equal(fstat(fd, &status), 0);
	close(fd);
	return status.st_nlink == 0;
}

static struct track *
opened(const bool *answers, int64_t silence_ms)
{
	struct err err;
	struct track *track = track_open(&plan, answers, silence_ms, &err);

	if (track == NULL)
		fail_msg("%s", err.text);
	return track;
}

static void
expect_no_children(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* -- what the files say ------------------------------------------------------------------------ */

static void
files_say_no_until_somebody_says_yes(void **state)
{
	struct track *track = opened(NULL, SILENCE_MS);

	(void)state;
	await_file("leader.track", '0');
	await_file("replica.track", '0');
	track_set(track, LEADER, true);
	await_file("leader.track", '1');
	assert_int_equal(file_says("replica.track"), '0');
	track_set(track, LEADER, false);
	track_set(track, REPLICA, true);
	await_file("replica.track", '1');
	assert_int_equal(file_says("leader.track"), '0');
	track_close(track);
	expect_no_children();
}

static void
a_file_begins_with_the_answer_that_there_is(void **state)
{
	static const bool answers[] = {false, true};
	struct track *track = opened(answers, SILENCE_MS);

	(void)state;
	await_file("replica.track", '1');
	await_file("leader.track", '0');
	track_close(track);
}

static void
a_file_is_renamed_into_place_and_anybody_may_read_it(void **state)
{
	mode_t mask = umask(0077);
	struct track *track;
	struct stat status;
	int before;

	(void)state;
	track = opened(NULL, SILENCE_MS);
	await_file("leader.track", '0');
	before = hold("leader.track");
	track_set(track, LEADER, true);
	await_file("leader.track", '1');
	assert_true(is_replaced(before));
	assert_int_equal(stat(in_directory("leader.track"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0644);
	assert_int_equal(file_count(), 2); /* nothing temporary is left */
	track_close(track);
	umask(mask);
}

static void
a_file_is_written_on_change_only(void **state)
{
	struct track *track = opened(NULL, SILENCE_MS);
	int leader, replica;

	(void)state;
	track_set(track, LEADER, true);
	await_file("leader.track", '1');
	await_file("replica.track", '0');
	leader = hold("leader.track");
	replica = hold("replica.track");
	for (int i = 0; i < 50; i++) {
		track_beat(track);
		track_set(track, LEADER, true);
	}
	track_set(track, REPLICA, true); /* what came before it has been seen to */
	await_file("replica.track", '1');
	assert_false(is_replaced(leader));
	assert_true(is_replaced(replica));
	track_close(track);
}

static void
what_lies_where_the_new_file_is_made_does_no_harm(void **state)
{
	struct track *track;

	(void)state;
	assert_int_equal(symlink("/dev/null", in_directory("leader.track.new")), 0);
	assert_int_equal(symlink(in_directory("elsewhere"), in_directory("replica.track")), 0);
	track = opened(NULL, SILENCE_MS);
	await_file("replica.track", '0');
	track_set(track, REPLICA, true);
	await_file("replica.track", '1');
	assert_int_equal(file_says("elsewhere"), '-'); /* a link is replaced, not followed */
	assert_true(file_says("leader.track") != '1');
	track_close(track);
}

/* -- when nobody says anything ----------------------------------------------------------------- */

static void
at_the_end_every_file_says_no(void **state)
{
	static const bool answers[] = {true, true};
	struct track *track = opened(answers, SILENCE_MS);

	(void)state;
	await_file("leader.track", '1');
	await_file("replica.track", '1');
	track_close(track);
	assert_int_equal(file_says("leader.track"), '0'); /* it has waited for that */
	assert_int_equal(file_says("replica.track"), '0');
	expect_no_children();
	track_close(NULL);
}

static void
silence_is_a_no_and_a_beat_takes_it_back(void **state)
{
	enum { SHORT_MS = 600 };
	static const bool answers[] = {true, false};
	struct track *track = opened(answers, SHORT_MS);
	int64_t start_ms;

	(void)state;
	await_file("leader.track", '1');
	for (int i = 0; i < 5; i++) {
		poll(NULL, 0, SHORT_MS / 3);
		track_beat(track);
		assert_int_equal(file_says("leader.track"), '1');
	}
	start_ms = clock_now_ms();
	await_file("leader.track", '0');
	assert_in_range(clock_now_ms() - start_ms, SHORT_MS / 3, 20 * SHORT_MS);
	track_beat(track);
	await_file("leader.track", '1');
	assert_int_equal(file_says("replica.track"), '0');
	track_close(track);
}

static void
when_the_agent_is_killed_every_file_says_no(void **state)
{
	pid_t agent;

	(void)state;
	/* The writer has no parent then: it would be ours to wait for. */
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	agent = fork();
	assert_true(agent >= 0);
	if (agent == 0) {
		static const bool answers[] = {true, true};

		opened(answers, SILENCE_MS);
		for (;;)
			pause();
	}
	await_file("leader.track", '1');
	await_file("replica.track", '1');
	kill(agent, SIGKILL);
	assert_int_equal(waitpid(agent, NULL, 0), agent);
	await_file("leader.track", '0');
	await_file("replica.track", '0');
	assert_true(waitpid(-1, NULL, 0) > 0);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
	expect_no_children();
}

static void
a_writer_that_is_told_to_stop_does_not(void **state)
{
	static const bool answers[] = {true, true};
	struct track *track = opened(answers, SILENCE_MS);

	(void)state;
	await_file("leader.track", '1');
	kill(track_pid(track), SIGTERM);
	kill(track_pid(track), SIGINT);
	kill(track_pid(track), SIGHUP);
	track_set(track, LEADER, false);
	await_file("leader.track", '0');
	track_close(track);
	assert_int_equal(file_says("replica.track"), '0');
}

static void
a_writer_that_dies_is_replaced_and_told_all(void **state)
{
	static const bool answers[] = {true, false};
	struct track *track = opened(answers, SILENCE_MS);
	pid_t first = track_pid(track);
	int status;

	(void)state;
	await_file("leader.track", '1');
	assert_false(track_reap(track, first + 1000000));
	kill(first, SIGKILL);
	assert_int_equal(waitpid(first, &status, 0), first);
	assert_int_equal(unlink(in_directory("leader.track")), 0);
	track_set(track, REPLICA, true); /* before its end is known */
	assert_true(track_reap(track, first));
	assert_true(track_pid(track) > 0 && track_pid(track) != first);
	await_file("leader.track", '1');
	await_file("replica.track", '1');
	track_close(track);
	expect_no_children();
}

/* -- another plan ------------------------------------------------------------------------------ */

static void
a_hand_over_leaves_a_yes_to_who_goes_on(void **state)
{
	static const bool answers[] = {true, true};
	struct track *track = opened(answers, SILENCE_MS);
	int leader;

	(void)state;
	await_file("leader.track", '1');
	await_file("replica.track", '1');
	leader = hold("leader.track");
	plan_with("[track_file leader]\n", &other_plan);
	track_hand_over(track, &other_plan);
	assert_int_equal(file_says("leader.track"), '1');
	assert_false(is_replaced(leader));                 /* there was no moment of no */
	assert_int_equal(file_says("replica.track"), '0'); /* nobody keeps this one */
	expect_no_children();
}

static void
by_whatever_name_the_other_plan_has_the_file(void **state)
{
	static const bool answers[] = {true, true};
	struct track *track = opened(answers, SILENCE_MS);
	char sections[PLAN_PATH_SIZE + 64];

	(void)state;
	await_file("replica.track", '1');
	snprintf(sections, sizeof sections, "[track_file x]\ncheck = replica\nfile = %s\n",
		in_directory("replica.track"));
	plan_with(sections, &other_plan);
	track_hand_over(track, &other_plan);
	assert_int_equal(file_says("replica.track"), '1');
	assert_int_equal(file_says("leader.track"), '0');
}

/* -- what cannot be written -------------------------------------------------------------------- */

static void
everything_can_be_made_no_without_a_writer(void **state)
{
	(void)state;
	assert_int_equal(track_write_no(&plan), 0);
	assert_int_equal(file_says("leader.track"), '0');
	assert_int_equal(file_says("replica.track"), '0');
	assert_int_equal(file_count(), 2);
}

static void
a_yes_that_cannot_be_replaced_is_removed(void **state)
{
	int fd = open(in_directory("leader.track"), O_WRONLY | O_CREAT, 0644);

	(void)state;
	assert_int_equal(write(fd, "1\n", 2), 2);
	close(fd);
	assert_int_equal(mkdir(in_directory("leader.track.new"), 0700), 0); /* nothing can be made here */
	assert_int_equal(track_write_no(&plan), -1);
	assert_int_equal(file_says("leader.track"), '-'); /* which keepalived takes for 0 */
	assert_int_equal(file_says("replica.track"), '0');
}

static void
what_cannot_be_put_in_place_is_told_and_leaves_nothing(void **state)
{
	(void)state;
	assert_int_equal(mkdir(in_directory("leader.track"), 0700), 0);
	assert_int_equal(track_write_no(&plan), -1);
	assert_int_equal(file_says("replica.track"), '0'); /* the others are seen to all the same */
	assert_int_equal(file_count(), 2);
}

/* keepalived reads a file anew whenever it is replaced. */
static void
a_file_that_says_so_already_stays(void **state)
{
	static const bool answers[] = {false, true};
	struct track *track;
	int leader, replica;

	(void)state;
	assert_int_equal(track_write_no(&plan), 0);
	leader = hold("leader.track");
	replica = hold("replica.track");
	track = opened(answers, SILENCE_MS);
	await_file("replica.track", '1');
	assert_false(is_replaced(leader));
	assert_true(is_replaced(replica));
	track_close(track);
}

static void
what_could_not_be_written_is_tried_again(void **state)
{
	static const bool answers[] = {true, true};
	struct track *track;

	(void)state;
	assert_int_equal(mkdir(in_directory("leader.track.new"), 0700), 0);
	track = opened(answers, SILENCE_MS);
	await_file("replica.track", '1');
	assert_int_equal(file_says("leader.track"), '-');
	assert_int_equal(rmdir(in_directory("leader.track.new")), 0);
	track_beat(track);
	await_file("leader.track", '1');
	track_close(track);
}

/* keepalived's init_file, or a person. Nothing has changed for the agent. */
static void
what_somebody_else_has_written_is_healed(void **state)
{
	static const bool answers[] = {true, false};
	struct track *track = opened(answers, SILENCE_MS);
	int leader;

	(void)state;
	await_file("leader.track", '1');
	await_file("replica.track", '0');
	leader = open(in_directory("leader.track"), O_WRONLY);
	assert_int_equal(write(leader, "0\n", 2), 2);
	close(leader);
	assert_int_equal(unlink(in_directory("replica.track")), 0);
	track_beat(track);
	await_file("leader.track", '1');
	await_file("replica.track", '0');
	track_close(track);
}

/* It would go on to write the files of who comes after. */
static void
a_writer_that_does_not_end_is_killed(void **state)
{
	static const bool answers[] = {true, true};

	(void)state;
	for (int is_handed_over = 0; is_handed_over <= 1; is_handed_over++) {
		struct track *track = opened(answers, SILENCE_MS);
		int64_t start_ms = clock_now_ms();

		kill(track_pid(track), SIGSTOP);
		if (is_handed_over)
			track_hand_over(track, &plan);
		else
			track_close(track);
		assert_in_range(clock_now_ms() - start_ms, is_handed_over ? 100 : 1000, 4000);
		expect_no_children();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			files_say_no_until_somebody_says_yes, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			a_file_begins_with_the_answer_that_there_is, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(a_file_is_renamed_into_place_and_anybody_may_read_it,
			make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			a_file_is_written_on_change_only, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			what_lies_where_the_new_file_is_made_does_no_harm, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			at_the_end_every_file_says_no, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			silence_is_a_no_and_a_beat_takes_it_back, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			when_the_agent_is_killed_every_file_says_no, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			a_writer_that_is_told_to_stop_does_not, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			a_writer_that_dies_is_replaced_and_told_all, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			a_hand_over_leaves_a_yes_to_who_goes_on, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			by_whatever_name_the_other_plan_has_the_file, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			everything_can_be_made_no_without_a_writer, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			a_yes_that_cannot_be_replaced_is_removed, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			what_could_not_be_written_is_tried_again, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(what_cannot_be_put_in_place_is_told_and_leaves_nothing,
			make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			a_file_that_says_so_already_stays, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			what_somebody_else_has_written_is_healed, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			a_writer_that_does_not_end_is_killed, make_directory, remove_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
