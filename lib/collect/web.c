#include "lib/collect/web.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/collect/web_library.h"
#include "lib/collect/web_names.h"
#include "lib/collect/web_transfer.h"

/* -- secrets ----------------------------------------------------------------------------------- */

/* The first line of a file that only its owner may read, as libpq wants its password file. */
static int
read_line(const char *path, char *line, size_t size, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t got = -1;
	struct stat status;

	if (fd < 0 || fstat(fd, &status) != 0) {
		err_set(err, ERR_SETUP, "cannot read \"%s\": %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (!S_ISREG(status.st_mode) || (status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		close(fd);
		err_set(err, ERR_SETUP, "\"%s\" is no file that only its owner may read", path);
		return err_hint(err, "it holds a password: chmod 600, and give it to the user who asks");
	}
	do
		got = read(fd, line, size - 1);
	while (got < 0 && errno == EINTR);
	close(fd);
	if (got < 0)
		return err_set(err, ERR_SETUP, "cannot read \"%s\": %s", path, strerror(errno));
	line[got] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	return 0;
}

int
web_read_secret(const char *path, bool is_token, struct web_secret *ret, struct err *err)
{
	char line[sizeof ret->user + sizeof ret->password];
	size_t length;

	if (read_line(path, line, sizeof line, err) != 0)
		return -1;
	length = is_token ? 0 : strcspn(line, ":");
	memset(ret, 0, sizeof *ret);
	if ((!is_token && line[length] != ':') || length >= sizeof ret->user
		|| text_copy(ret->password, sizeof ret->password, line + length + (is_token ? 0 : 1)) != 0
		|| ret->password[0] == '\0') {
		err_set(err, ERR_SETUP, "\"%s\" does not hold one line %s (not shown)", path,
			is_token ? "with a token" : "USER:PASSWORD");
		return -1;
	}
	memcpy(ret->user, line, length);
	return 0;
}

/* -- all of them ------------------------------------------------------------------------------- */

struct batch {
	const struct web_library *library;
	CURLM *multi;
	struct web_names *names;
	struct web_transfer *transfers;
	size_t count;
	size_t open_count;
	int64_t begun_us;
	bool (*is_enough)(void *context, size_t index, const struct web_answer *answer);
	void *context;
};

static void
fail(struct batch *batch, struct web_transfer *transfer)
{
	transfer->is_done = true;
	transfer->answer->elapsed_us = clock_now_us() - batch->begun_us;
	batch->open_count--;
}

static void
launch(struct batch *batch, struct web_transfer *transfer)
{
	if (batch->library->multi_add_handle(batch->multi, transfer->easy) == CURLM_OK)
		return;
	err_set(&transfer->answer->fault, ERR_DOWN, "out of memory");
	fail(batch, transfer);
}

/* What became of its host's name is known, or is not waited for any more. */
static void
take_name(struct batch *batch, struct web_transfer *transfer)
{
	struct resolve_result found;

	transfer->is_unnamed = false;
	if (web_names_take(batch->names, transfer->name_place, &found, &transfer->answer->fault) != 0) {
		fail(batch, transfer);
		return;
	}
	web_transfer_tell_addresses(transfer, &found);
	launch(batch, transfer);
}

/* Starts those whose names are found by now. */
static void
take_names(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct web_transfer *transfer = &batch->transfers[i];

		if (transfer->is_unnamed && web_names_has_ended(batch->names, transfer->name_place))
			take_name(batch, transfer);
	}
}

/* Takes what has ended. Whether one of them was all that is needed. */
static bool
take_ended(struct batch *batch)
{
	bool is_enough = false;
	CURLMsg *message;
	int left;

	while ((message = batch->library->multi_info_read(batch->multi, &left)) != NULL) {
		struct web_transfer *transfer = NULL;
		size_t index;

		if (message->msg != CURLMSG_DONE)
			continue;
		batch->library->easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		index = (size_t)(transfer - batch->transfers);
		web_transfer_finish(transfer, message->data.result, batch->begun_us);
		batch->open_count--;
		if (batch->is_enough != NULL && batch->is_enough(batch->context, index, transfer->answer))
			is_enough = true;
	}
	return is_enough;
}

/* A look-up wakes nobody when it ends: while there is one it is looked at so often. */
enum { NAMES_TURN_MS = 5 };

static int
next_turn_ms(const struct batch *batch, int64_t deadline_ms)
{
	int left_ms = clock_left_ms(deadline_ms);

	return left_ms > NAMES_TURN_MS && !web_names_have_ended(batch->names) ? NAMES_TURN_MS : left_ms;
}

/* Drives them until all have ended, one of them was enough, or the deadline passes. True: it was enough. */
static bool
drive(struct batch *batch, int64_t deadline_ms)
{
	int running;

	for (;;) {
		int turn_ms = next_turn_ms(batch, deadline_ms);

		take_names(batch); /* also what has ended since the turn was measured */
		if (batch->library->multi_perform(batch->multi, &running) != CURLM_OK)
			return false;
		if (take_ended(batch))
			return true;
		if (batch->open_count == 0 || clock_left_ms(deadline_ms) == 0)
			return false;
		if (batch->library->multi_poll(batch->multi, NULL, 0, turn_ms, NULL) != CURLM_OK)
			return false;
	}
}

/* Says of each that has not ended why, and lets go of them all. */
static void
close_batch(struct batch *batch, bool was_enough)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct web_transfer *transfer = &batch->transfers[i];
		bool was_open = !transfer->is_done;

		if (transfer->is_unnamed)
			take_name(batch, transfer);
		if (!transfer->is_done)
			web_transfer_finish(transfer, CURLE_OPERATION_TIMEDOUT, batch->begun_us);
		transfer->answer->is_open = was_open && was_enough;
	}
	for (size_t i = 0; i < batch->count; i++) {
		if (batch->transfers[i].easy != NULL)
			batch->library->multi_remove_handle(batch->multi, batch->transfers[i].easy);
		web_transfer_close(&batch->transfers[i]);
	}
	web_names_free(batch->names);
	batch->library->multi_cleanup(batch->multi);
	free(batch->transfers);
}

static void
start(struct batch *batch, const struct web_access *access, const struct web_request *requests,
	struct web_answer *answers)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct web_transfer *transfer = &batch->transfers[i];

		transfer->library = batch->library;
		transfer->answer = &answers[i];
		if (web_transfer_prepare(transfer, access, &requests[i], &answers[i].fault) != 0) {
			transfer->is_done = true;
			continue;
		}
		batch->open_count++;
		transfer->is_unnamed = web_url_has_name(&transfer->url);
		if (transfer->is_unnamed)
			transfer->name_place = web_names_add(batch->names, transfer->url.host);
		else
			launch(batch, transfer);
	}
}

void
web_ask(const struct web_access *access, const struct web_request *requests, size_t count,
	int64_t deadline_ms, bool (*is_enough)(void *context, size_t index, const struct web_answer *answer),
	void *context, struct web_answer *answers)
{
	struct web_library library;
	struct batch batch = {.library = &library,
		.count = count,
		.begun_us = clock_now_us(),
		.is_enough = is_enough,
		.context = context};
	struct err err = {.class = ERR_NONE};

	memset(answers, 0, count * sizeof answers[0]);
	if (web_library_open(&library, &err) == 0) {
		batch.transfers = calloc(count + 1, sizeof batch.transfers[0]);
		batch.names = web_names_new(count);
		batch.multi = batch.transfers == NULL || batch.names == NULL ? NULL : library.multi_init();
		if (batch.multi == NULL)
			err_set(&err, ERR_DOWN, "out of memory");
	}
	if (err.class != ERR_NONE) {
		free(batch.transfers);
		web_names_free(batch.names);
		for (size_t i = 0; i < count; i++)
			answers[i].fault = err;
		return;
	}
	start(&batch, access, requests, answers);
	close_batch(&batch, drive(&batch, deadline_ms));
}

void
web_release(struct web_answer *answers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(answers[i].body);
		answers[i].body = NULL;
		answers[i].length = 0;
	}
}
