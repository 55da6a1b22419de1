#include "lib/run/ask_agent.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"

static int
set_timeout(const char *path, const char *what, struct err *err)
{
	err_set(err, ERR_TIMEOUT, "no answer from the agent at \"%s\" in time (%s)", path, what);
	return err_hint(err, "is pgha-agent held up or stopped? systemctl status pgha-agent");
}

/* -- permission -------------------------------------------------------------------------------- */

/* The name of a group, from the file: getgrgid() may ask a directory service, and wait for it. */
static bool
find_group(gid_t gid, char *name, size_t size)
{
	FILE *file = fopen("/etc/group", "re");
	struct group *group = NULL;

	if (file == NULL)
		return false;
	do
		group = fgetgrent(file);
	while (group != NULL && group->gr_gid != gid);
	if (group != NULL)
		text_clean(name, size, group->gr_name);
	fclose(file);
	return group != NULL;
}

/* Says who may use the socket, or the directory that it is in. */
static void
hint_permission(const char *path, struct err *err)
{
	char directory[sizeof((struct sockaddr_un *)0)->sun_path] = "", group[64];
	const char *slash = strrchr(path, '/');
	mode_t needed = S_IWGRP;
	struct stat status;

	if (stat(path, &status) != 0) {
		needed = S_IXGRP;
		snprintf(directory, sizeof directory, "%.*s", slash == NULL ? 0 : (int)(slash - path), path);
		if (stat(directory[0] == '\0' ? "." : directory, &status) != 0) {
			err_hint(err, "the directory that the socket is in is closed to this user");
			return;
		}
	}
	if ((status.st_mode & needed) == 0)
		err_hint(err, "only its owner may use it (uid %lu); see the agent's configuration",
			(unsigned long)status.st_uid);
	else if (find_group(status.st_gid, group, sizeof group))
		err_hint(err, "the group \"%s\" may use it: add the user that runs pgha-ask to it", group);
	else
		err_hint(err, "the group %lu may use it: add the user that runs pgha-ask to it",
			(unsigned long)status.st_gid);
}

/* -- connecting -------------------------------------------------------------------------------- */

static int
refuse(const char *path, int error, struct err *err)
{
	if (error == EAGAIN || error == EINTR)
		return set_timeout(path, "its queue of connections is full", err);
	if (error == EACCES || error == EPERM) {
		err_set(err, ERR_SETUP, "permission denied for the agent's socket \"%s\"", path);
		hint_permission(path, err);
		return -1;
	}
	err_set(err, ERR_DOWN, "no agent at \"%s\": %s", path, strerror(error));
	return err_hint(err, "is pgha-agent running? systemctl status pgha-agent; -s names another socket");
}

/*
 * A UNIX socket whose queue is full cannot be waited for with poll(): connect() on a non-blocking one fails
 * with EAGAIN at once, and nothing tells when to try again. A blocking connect() waits, for as long
 * as SO_SNDTIMEO says (unix(7) is silent; net/unix/af_unix.c, unix_stream_connect()).
 */
static int
connect_within(int fd, const char *path, int64_t deadline_ms)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int status, left_ms;

	if (text_copy(address.sun_path, sizeof address.sun_path, path) != 0) {
		errno = ENAMETOOLONG;
		return -1;
	}
	do {
		struct timeval patience;

		left_ms = clock_left_ms(deadline_ms);
		/* A time of zero would mean: for ever. */
		patience = (struct timeval){.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000 + 1};
		if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0)
			return -1;
		status = connect(fd, (const struct sockaddr *)&address, sizeof address);
	} while (status != 0 && errno == EINTR && left_ms > 0);
	return status;
}

/* -- asking ------------------------------------------------------------------------------------ */

static bool
wait_for(int fd, short events, int64_t deadline_ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};
	int ready;

	do
		ready = poll(&poll_fd, 1, clock_left_ms(deadline_ms));
	while (ready < 0 && errno == EINTR);
	return ready > 0;
}

static bool
is_worth_waiting(ssize_t status)
{
	return status < 0 && (errno == EAGAIN || errno == EINTR);
}

/* An agent that closes early (it has too many connections) may have answered before: that is read all the
 * same. */
static int
send_request(
	int fd, const char *path, const char *request, size_t length, int64_t deadline_ms, struct err *err)
{
	while (length > 0) {
		ssize_t sent = send(fd, request, length, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (is_worth_waiting(sent)) {
			if (!wait_for(fd, POLLOUT, deadline_ms))
				return set_timeout(path, "it does not read", err);
			continue;
		}
		if (sent < 0)
			return 0;
		request += sent;
		length -= (size_t)sent;
	}
	return 0;
}

static int
set_broken(const char *path, const struct ask_agent_answer *answer, struct err *err)
{
	/* As far as the first control character, or what one sees of a line is its end. */
	int length = 0;

	while (length < 16 && (size_t)length < answer->received_count && answer->raw[length] >= ' ')
		length++;
	err_set(err, ERR_PROTOCOL, "broken answer from the agent at \"%s\": it begins with \"%.*s\"", path,
		length, answer->raw);
	return err_hint(err, "is this the socket of pgha-agent, and of the same version?");
}

/*
 * Reads the line at the start as far as it is there. Its length, 0 when it is not whole yet, -1 when
 * it is no such line.
 */
static int
read_head(struct ask_agent_answer *answer)
{
	size_t length = 0;
	int i;

	for (i = 0; i < ASK_AGENT_HEAD_MAX && (size_t)i < answer->received_count; i++) {
		char byte = answer->raw[i];

		if (byte == '\n' && i > 2) {
			answer->code = answer->raw[0] - '0';
			answer->length = length;
			answer->bytes = answer->raw + i + 1;
			return length <= ASK_AGENT_LENGTH_MAX ? i + 1 : -1;
		}
		if (i == 0 ? byte < '0' || byte > '3' : i == 1 ? byte != ' ' : byte < '0' || byte > '9')
			return -1;
		if (i == 3 && answer->raw[2] == '0') /* a number has one way to be written */
			return -1;
		if (i > 1)
			length = length * 10 + (size_t)(byte - '0');
	}
	return i < ASK_AGENT_HEAD_MAX ? 0 : -1;
}

/* Whether what was received is the answer: 1 all of it, 0 not yet, -1 it never will be. */
static int
judge(struct ask_agent_answer *answer)
{
	int head_length = read_head(answer);
	size_t wanted;

	if (head_length <= 0)
		return head_length;
	wanted = (size_t)head_length + answer->length;
	return answer->received_count < wanted ? 0 : answer->received_count == wanted ? 1 : -1;
}

static int
set_closed(const char *path, const struct ask_agent_answer *answer, struct err *err)
{
	if (answer->received_count == 0)
		err_set(err, ERR_DOWN, "the agent at \"%s\" closed the connection without an answer", path);
	else
		err_set(err, ERR_PROTOCOL,
			"broken answer from the agent at \"%s\": it ends after %zu bytes, before it is whole",
			path, answer->received_count);
	return err_hint(
		err, "was pgha-agent stopped just now? systemctl status pgha-agent tells, and its log");
}

static int
receive(int fd, const char *path, int64_t deadline_ms, struct ask_agent_answer *answer, struct err *err)
{
	answer->received_count = 0;
	for (;;) {
		size_t room = sizeof answer->raw - 1 - answer->received_count;
		ssize_t got;
		int status;

		if (!wait_for(fd, POLLIN, deadline_ms))
			return set_timeout(path,
				answer->received_count == 0 ? "it is silent" : "its answer is not whole",
				err);
		got = recv(fd, answer->raw + answer->received_count, room, MSG_DONTWAIT);
		if (is_worth_waiting(got))
			continue;
		if (got <= 0)
			return set_closed(path, answer, err);
		answer->received_count += (size_t)got;
		answer->raw[answer->received_count] = '\0';
		status = judge(answer);
		if (status != 0)
			return status > 0 ? 0 : set_broken(path, answer, err);
	}
}

int
ask_agent_exchange(const char *path, const char *request, size_t length, int64_t deadline_ms,
	struct ask_agent_answer *ret, struct err *err)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int status = -1;

	if (fd < 0 || connect_within(fd, path, deadline_ms) != 0)
		refuse(path, errno, err);
	else if (send_request(fd, path, request, length, deadline_ms, err) == 0)
		status = receive(fd, path, deadline_ms, ret, err);
	if (fd >= 0)
		close(fd);
	return status;
}
