#define _GNU_SOURCE /* close_range() */
#include "lib/agent/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Standard streams stay; the channel becomes the next descriptor, and all others are closed. */
enum { CHANNEL = 3 };

/* Signals of the service are for the serving process: a worker ends when its channel does. */
static void
reset_signals(const sigset_t *unblocked)
{
	static const int ignored[] = {SIGINT, SIGHUP, SIGUSR1};
	static const int usual[] = {SIGTERM, SIGCHLD};

	for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
		signal(ignored[i], SIG_IGN);
	for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
		signal(usual[i], SIG_DFL);
	sigprocmask(SIG_SETMASK, unblocked, NULL);
}

static void
become_child(int channel, pid_t parent, enum child_bond bond, const sigset_t *unblocked)
{
	if (bond == CHILD_DIES_WITH_PARENT) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent) /* it died before this took effect */
			_exit(0);
	}
	reset_signals(unblocked);
	prctl(PR_SET_DUMPABLE, 0); /* no core with passwords, and no other process of this user looks in */
	if (channel != CHANNEL && dup2(channel, CHANNEL) < 0)
		_exit(1);
	if (close_range(CHANNEL + 1, ~0U, 0) != 0) /* a kernel before 5.9 */
		for (int fd = CHANNEL + 1; fd < sysconf(_SC_OPEN_MAX); fd++)
			close(fd);
	fcntl(CHANNEL, F_SETFD, FD_CLOEXEC);
}

int
child_start(void (*work)(void *context, int channel), void *context, enum child_bond bond, pid_t *ret_pid,
	int *ret_fd, struct err *err)
{
	pid_t parent = getpid(), pid;
	sigset_t all, before;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return err_set(err, ERR_USAGE, "cannot make a channel to a process: %s", strerror(errno));
	/* A signal between the fork and the reset would run our handlers in the child. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0) {
		become_child(pair[1], parent, bond, &before);
		work(context, CHANNEL);
		_exit(0);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return err_set(err, ERR_USAGE, "cannot start a process: %s", strerror(errno));
	}
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	*ret_pid = pid;
	*ret_fd = pair[0];
	return 0;
}
