#include "lib/agent/track.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/agent/child.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

/* What the writer is told: the whole state each time, so that a message that is lost is made good by the
 * next. */
struct message {
	bool is_yes[PLAN_TRACKS];
	bool is_last; /* the files go on in other hands: end without a no */
};

struct track {
	const struct plan *plan;
	int64_t silence_ms;
	pid_t pid;
	int fd;
	int64_t asked_ms; /* the first message that it has not answered; 0: it has answered all */
	struct message wanted;
};

/* -- files ------------------------------------------------------------------------------------- */

/*
 * keepalived reads a file when it was renamed into place or closed after writing, and reads an empty one
 * as 0; so a new file is made beside it and renamed. Anybody may read it.
 */
static int
write_file(const char *path, bool is_yes)
{
	char temporary[PLAN_PATH_SIZE + 8];
	const char *line = is_yes ? "1\n" : "0\n";
	int fd, status;

	snprintf(temporary, sizeof temporary, "%s.new", path);
	unlink(temporary); /* whatever was left there, a link perhaps */
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	status = fchmod(fd, 0644) == 0 && write(fd, line, 2) == 2 ? 0 : -1;
	if (close(fd) != 0)
		status = -1;
	if (status == 0 && rename(temporary, path) == 0)
		return 0;
	unlink(temporary);
	return -1;
}

/* `is_told`: that it cannot be written was said before. */
static int
write_or_tell(const struct plan_track *track, bool is_yes, bool is_told)
{
	if (write_file(track->file, is_yes) == 0)
		return 0;
	if (!is_told)
		log_write(LOG_LEVEL_ERROR, "[track_file %s]: cannot write \"%s\": %s%s", track->name,
			track->file, strerror(errno),
			errno == EROFS || errno == EACCES ? "; may the agent's user write there, does the "
							    "unit allow it (ReadWritePaths=)?"
							  : "");
	/* What cannot be written must at least not go on to say yes; an empty file is a no as well. */
	if (!is_yes && unlink(track->file) != 0 && errno != ENOENT && truncate(track->file, 0) != 0
		&& !is_told)
		log_write(
			LOG_LEVEL_ERROR, "[track_file %s]: nor remove it: %s", track->name, strerror(errno));
	return -1;
}

int
track_write_no(const struct plan *plan)
{
	int status = 0;

	for (size_t i = 0; i < plan->track_count; i++)
		if (write_or_tell(&plan->tracks[i], false, false) != 0)
			status = -1;
	return status;
}

/* -- the writer -------------------------------------------------------------------------------- */

struct writer {
	const struct plan *plan;
	bool is_told[PLAN_TRACKS]; /* that it cannot be written was said */
};

/* Whether a file already says so, and may stay as it is: keepalived would read it anew if it were replaced.
 */
static bool
says(const char *path, bool is_yes)
{
	char content[4];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t got = fd < 0 ? -1 : read(fd, content, sizeof content);

	if (fd >= 0)
		close(fd);
	return got == 2 && content[0] == (is_yes ? '1' : '0') && content[1] == '\n';
}

/*
 * Looks at the files each time, which heals what somebody else has done to them: keepalived's init_file, a
 * person. One that could not be written is tried again.
 */
static void
write_changes(struct writer *writer, const struct message *wanted)
{
	for (size_t i = 0; i < writer->plan->track_count; i++) {
		const struct plan_track *track = &writer->plan->tracks[i];

		writer->is_told[i] = !says(track->file, wanted->is_yes[i])
			&& write_or_tell(track, wanted->is_yes[i], writer->is_told[i]) != 0;
	}
}

/* Until the agent is gone. An agent that is silent may come back: it was stopped, or starved. */
static void
work(void *context, int channel)
{
	static const struct message no = {.is_yes = {false}};
	const struct track *track = context;
	struct writer writer = {.plan = track->plan};
	struct pollfd readable = {.fd = channel, .events = POLLIN};

	signal(SIGTERM, SIG_IGN); /* systemd sends it to every process; the agent's end ends this one */
	prctl(PR_SET_NAME, "pgha track");
	write_changes(&writer, &track->wanted);
	for (;;) {
		struct message wanted;
		int ready = poll(&readable, 1, (int)track->silence_ms);
		ssize_t got = 0;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready == 0) {
			write_changes(&writer, &no);
			continue;
		}
		got = recv(channel, &wanted, sizeof wanted, 0);
		if (got != sizeof wanted) {
			write_changes(&writer, &no);
			return;
		}
		write_changes(&writer, &wanted);
		if (wanted.is_last)
			return;
		/* It was done: see is_stuck(). */
		send(channel, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

/* How long the writer is waited for: in a reload, when others wait; and at the end. */
enum { HAND_OVER_MS = 100, FAREWELL_MS = 1000 };

/* -- the agent's side -------------------------------------------------------------------------- */

static int
start(struct track *track, struct err *err)
{
	track->asked_ms = 0;
	return child_start(work, track, CHILD_OUTLIVES_PARENT, &track->pid, &track->fd, err);
}

struct track *
track_open(const struct plan *plan, const bool *answers, int64_t silence_ms, struct err *err)
{
	struct track *track = calloc(1, sizeof *track);

	if (track == NULL) {
		err_set(err, ERR_USAGE, "out of memory");
		return NULL;
	}
	track->plan = plan;
	track->silence_ms = silence_ms;
	track->fd = -1;
	for (size_t i = 0; answers != NULL && i < plan->track_count; i++)
		track->wanted.is_yes[i] = answers[i];
	if (start(track, err) != 0) {
		free(track);
		return NULL;
	}
	return track;
}

void
track_set(struct track *track, size_t index, bool is_yes)
{
	if (track == NULL)
		return;
	track->wanted.is_yes[index] = is_yes;
	track_beat(track);
}

/*
 * A writer that stands still keeps what its files last said, a yes perhaps. It answers every message, and is
 * not waited for longer than old facts are believed.
 */
static bool
is_stuck(struct track *track)
{
	char answer;

	while (recv(track->fd, &answer, sizeof answer, MSG_DONTWAIT) > 0)
		track->asked_ms = 0;
	return track->asked_ms != 0 && clock_now_ms() - track->asked_ms > track->silence_ms;
}

void
track_beat(struct track *track)
{
	struct err err;

	if (track->pid == 0 && start(track, &err) != 0)
		return; /* told when it ended */
	if (is_stuck(track))
		kill(track->pid, SIGKILL); /* another takes its place when it is reaped */
	/* A writer that is behind by hundreds of messages waits for its disk; the next beat tells all again.
	 */
	if (track->fd < 0)
		return;
	send(track->fd, &track->wanted, sizeof track->wanted, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (track->asked_ms == 0)
		track->asked_ms = clock_now_ms();
}

bool
track_reap(struct track *track, pid_t pid)
{
	struct err err;

	if (track->pid != pid)
		return false;
	close(track->fd);
	track->fd = -1;
	track->pid = 0;
	log_write(LOG_LEVEL_WARNING, "the writer of the track files has ended; starting another");
	if (start(track, &err) != 0)
		log_write(LOG_LEVEL_ERROR, "the writer of the track files: %s", err.text);
	return true;
}

pid_t
track_pid(const struct track *track)
{
	return track->pid;
}

/* Whether the writer ends within that time. */
static bool
ends_within(struct track *track, int64_t patience_ms)
{
	enum { STEP_MS = 2 };
	int64_t until_ms = clock_now_ms() + patience_ms;

	while (track->pid > 0 && waitpid(track->pid, NULL, WNOHANG) == 0) {
		if (clock_now_ms() >= until_ms)
			return false;
		poll(NULL, 0, STEP_MS);
	}
	return true;
}

/* Frees, when the writer has ended or should have. One that does not is killed: two would write the same
 * files. */
static void
end_writer(struct track *track, int64_t patience_ms)
{
	enum { KILL_MS = 100 };

	if (!ends_within(track, patience_ms)) {
		kill(track->pid, SIGKILL);
		if (!ends_within(track, KILL_MS))
			log_write(LOG_LEVEL_ERROR,
				"the writer of the track files cannot be killed: its disk hangs");
	}
	if (track->fd >= 0)
		close(track->fd);
	free(track);
}

static bool
has_file(const struct plan *plan, const char *path)
{
	for (size_t i = 0; i < plan->track_count; i++)
		if (strcmp(plan->tracks[i].file, path) == 0)
			return true;
	return false;
}

void
track_hand_over(struct track *track, const struct plan *to)
{
	for (size_t i = 0; i < track->plan->track_count; i++)
		if (!has_file(to, track->plan->tracks[i].file))
			track->wanted.is_yes[i] = false;
	track->wanted.is_last = true;
	track_beat(track);
	end_writer(track, HAND_OVER_MS);
}

void
track_close(struct track *track)
{
	if (track == NULL)
		return;
	if (track->fd >= 0)
		close(track->fd);
	track->fd = -1;
	end_writer(track, FAREWELL_MS);
}
