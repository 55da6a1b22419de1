#define _GNU_SOURCE /* pipe2(), close_range() */
#include "lib/collect/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"

enum {
	OUTPUT_STEP = 65536,
	/* A killed program is gone at once, unless it hangs in the kernel (a dead NFS server): then nobody
	   can wait. */
	GRACE_MS = 20,
	/* Where the kernel has no pidfd (before 5.3), how often to look whether the program has ended. */
	LOOK_MS = 20
};

/* What is read from the program: the status pipe tells why it could not be started. */
enum { STREAM_OUT, STREAM_COMPLAINT, STREAM_STATUS, STREAM_COUNT };

struct run {
	const char *program;
	pid_t pid;
	int pid_fd;                /* readable when it has ended; -1: not to be had */
	int fds[STREAM_COUNT];     /* our ends; -1: closed */
	int far_fds[STREAM_COUNT]; /* the program's ends */
	char *bytes;
	size_t length, size, bytes_max;
	char complaint[4096];
	size_t complaint_length;
	int status_errno; /* why it was not started; 0: it was */
};

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* -- the program's side, between fork() and exec() --------------------------------------------- */

/* Signals that we ignore stay ignored in a program that is started, which it does not expect (SIGPIPE). */
static void
reset_signals(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL); /* refused for SIGKILL, SIGSTOP and the library's own */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
restore_memory(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_DATA, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_DATA, &limit);
	}
}

/* Whoever opened a descriptor without close-on-exec: the program does not get it. */
static void
keep_descriptors(void)
{
	enum { FD_MANY = 1024 };

#ifdef CLOSE_RANGE_CLOEXEC
	if (close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return;
#endif
	for (int fd = STDERR_FILENO + 1; fd < FD_MANY; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* Only what is safe after fork() in any process. */
__attribute__((noreturn)) static void
become(const char *const *argv, const struct run *run, pid_t parent)
{
	int null_fd;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) /* it died before that */
		_exit(127);
	null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null_fd >= 0 && dup2(null_fd, STDIN_FILENO) >= 0
		&& dup2(run->far_fds[STREAM_OUT], STDOUT_FILENO) >= 0
		&& dup2(run->far_fds[STREAM_COMPLAINT], STDERR_FILENO) >= 0) {
		keep_descriptors();
		restore_memory();
		reset_signals();
		execvp(argv[0], (char *const *)argv);
	}
	if (write(run->far_fds[STREAM_STATUS], &errno, sizeof errno) < 0)
		_exit(126);
	_exit(127);
}

/* -- our side ---------------------------------------------------------------------------------- */

static int
start(const char *const *argv, struct run *run, struct err *err)
{
	sigset_t all, before;
	pid_t parent = getpid();

	for (int i = 0; i < STREAM_COUNT; i++) {
		int ends[2];

		if (pipe2(ends, O_CLOEXEC) != 0)
			return err_set(err, ERR_SETUP, "cannot make a pipe: %s", strerror(errno));
		run->fds[i] = ends[0];
		run->far_fds[i] = ends[1];
		fcntl(ends[0], F_SETFL, O_NONBLOCK);
	}
	/* No handler of ours may run in the child. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	run->pid = fork();
	if (run->pid == 0)
		become(argv, run, parent);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (run->pid < 0)
		return err_set(err, ERR_SETUP, "cannot start a process: %s", strerror(errno));
	setpgid(run->pid, run->pid); /* whoever of the two is first */
	run->pid_fd = (int)syscall(SYS_pidfd_open, run->pid, 0);
	for (int i = 0; i < STREAM_COUNT; i++)
		close_fd(&run->far_fds[i]);
	return 0;
}

/* Reads once. 0: nothing is there now, or it has ended and is closed. */
static size_t
read_some(int *fd, void *to, size_t room)
{
	ssize_t got;

	if (*fd < 0)
		return 0;
	do
		got = read(*fd, to, room);
	while (got < 0 && errno == EINTR);
	if (got == 0 || (got < 0 && errno != EAGAIN))
		close_fd(fd);
	return got > 0 ? (size_t)got : 0;
}

static int
grow(struct run *run, struct err *err)
{
	size_t size = run->size == 0 ? OUTPUT_STEP : 2 * run->size;
	char *bytes;

	if (size
		> run->bytes_max + 2) /* the bound, a byte that shows that there is more, and the zero byte */
		size = run->bytes_max + 2;
	bytes = realloc(run->bytes, size);
	if (bytes == NULL)
		return err_set(err, ERR_SETUP, "out of memory for what \"%s\" writes", run->program);
	run->bytes = bytes;
	run->size = size;
	return 0;
}

/* Takes what is there of standard output. */
static int
take_output(struct run *run, struct err *err)
{
	size_t got;

	do {
		if (run->size < run->length + 2 && grow(run, err) != 0)
			return -1;
		got = read_some(&run->fds[STREAM_OUT], run->bytes + run->length, run->size - run->length - 1);
		run->length += got;
		if (run->length > run->bytes_max)
			return err_set(err, ERR_PROTOCOL, "\"%s\" writes more than %zu kB", run->program,
				run->bytes_max / 1024);
	} while (got > 0);
	run->bytes[run->length] = '\0';
	return 0;
}

/* Takes some of standard error; what is past the room is read and forgotten, so that nobody blocks. */
static size_t
take_complaint(struct run *run)
{
	char some[1024];
	size_t got = read_some(&run->fds[STREAM_COMPLAINT], some, sizeof some);
	size_t room = sizeof run->complaint - 1 - run->complaint_length;

	memcpy(run->complaint + run->complaint_length, some, got < room ? got : room);
	run->complaint_length += got < room ? got : room;
	return got;
}

/* Whether the program has ended; it stays a zombie, so that its group's number is not given to another. */
static bool
has_ended(const struct run *run)
{
	siginfo_t info = {.si_pid = 0};

	if (waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
		return errno != EINTR; /* somebody else has waited for it */
	return info.si_pid != 0;
}

/* Until something can be read, the program has ended, or the deadline has come. */
static void
wait_for_any(const struct run *run, int64_t deadline_ms)
{
	struct pollfd fds[STREAM_COUNT + 1];
	int left_ms = clock_left_ms(deadline_ms);

	for (int i = 0; i < STREAM_COUNT; i++)
		fds[i] = (struct pollfd){.fd = run->fds[i], .events = POLLIN};
	fds[STREAM_COUNT] = (struct pollfd){.fd = run->pid_fd, .events = POLLIN};
	poll(fds, STREAM_COUNT + 1, run->pid_fd < 0 && left_ms > LOOK_MS ? LOOK_MS : left_ms);
}

/*
 * Until the program has ended. Not until its pipes have: what it leaves behind (ssh's connection master) may
 * hold them open for hours.
 */
static int
follow(struct run *run, int64_t deadline_ms, struct err *err)
{
	enum { COMPLAINT_READS = 64 };
	bool is_over;

	do {
		if (clock_left_ms(deadline_ms) == 0) {
			err_set(err, ERR_TIMEOUT, "\"%s\" has not ended in time", run->program);
			return err_hint(
				err, "give it longer with -t, or run it by hand to see what it waits for");
		}
		wait_for_any(run, deadline_ms);
		is_over = has_ended(run); /* before its last words are read */
		if (take_output(run, err) != 0)
			return -1;
		for (int i = 0; take_complaint(run) > 0 && i < COMPLAINT_READS; i++)
			continue;
		read_some(&run->fds[STREAM_STATUS], &run->status_errno, sizeof run->status_errno);
	} while (!is_over);
	return 0;
}

/* Ends whoever is left of the group and takes the program's exit status. */
static int
finish(struct run *run)
{
	struct pollfd ended = {.fd = run->pid_fd, .events = POLLIN};
	int status;
	pid_t pid;

	kill(-run->pid, SIGKILL);
	poll(&ended, 1, GRACE_MS); /* without a pidfd just this moment */
	do
		pid = waitpid(run->pid, &status, WNOHANG);
	while (pid < 0 && errno == EINTR);
	return pid == run->pid ? status : -1;
}

static int
explain_start(const struct run *run, struct err *err)
{
	const char *path = getenv("PATH");

	if (run->status_errno != ENOENT) {
		err_set(err, ERR_SETUP, "cannot run \"%s\": %s", run->program, strerror(run->status_errno));
		return err_hint(err, "may this user run it?");
	}
	err_set(err, ERR_SETUP, "there is no program \"%s\"", run->program);
	if (strchr(run->program, '/') != NULL)
		return err_hint(err, "is it a script whose interpreter is not there?");
	return err_hint(
		err, "install it, or name it with --command; PATH is %s", path == NULL ? "not set" : path);
}

/* The line that says most: the first, but of a Python program's traceback the last. */
static const char *
complaint_line(char *text)
{
	char *line = text + strspn(text, "\r\n\t "), *last = line;

	if (text_starts(line, "Traceback "))
		for (char *next = line; (next = strchr(next, '\n')) != NULL; next++)
			if (next[1] != '\0' && next[1] != '\n')
				last = next + 1;
	last[strcspn(last, "\n")] = '\0';
	return last;
}

static int
judge_end(struct run *run, int status, struct command_output *ret, struct err *err)
{
	if (run->status_errno != 0)
		return explain_start(run, err);
	if (status != -1 && WIFSIGNALED(status))
		return err_set(err, ERR_PROTOCOL, "\"%s\" died of signal %d (%s)", run->program,
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	run->complaint[run->complaint_length] = '\0';
	text_clean(ret->complaint, sizeof ret->complaint, complaint_line(run->complaint));
	ret->exit_code = status == -1 ? COMMAND_EXIT_UNKNOWN : WEXITSTATUS(status);
	ret->bytes = run->bytes;
	ret->length = run->length;
	run->bytes = NULL;
	return 0;
}

int
command_run(const char *const *argv, size_t bytes_max, int64_t deadline_ms, struct command_output *ret,
	struct err *err)
{
	struct run run = {.program = argv[0],
		.pid = -1,
		.pid_fd = -1,
		.fds = {-1, -1, -1},
		.far_fds = {-1, -1, -1},
		.bytes_max = bytes_max};
	int status = start(argv, &run, err);

	if (status == 0)
		status = follow(&run, deadline_ms, err);
	if (run.pid > 0) {
		int ended = finish(&run);

		if (status == 0)
			status = judge_end(&run, ended, ret, err);
	}
	for (int i = 0; i < STREAM_COUNT; i++) {
		close_fd(&run.fds[i]);
		close_fd(&run.far_fds[i]);
	}
	close_fd(&run.pid_fd);
	free(run.bytes);
	return status;
}

void
command_release(struct command_output *output)
{
	free(output->bytes);
	output->bytes = NULL;
	output->length = 0;
}
