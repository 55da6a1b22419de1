/*
 * load.c: asks a server over and over, a connection each time, and says how long the answers took.
 *
 *     load PORT CLIENTS SECONDS RATE REQUEST
 *
 * RATE 0: each of the clients asks again as soon as it has its answer (how many answers are there to be
 * had?). Otherwise so many questions a second are due, whatever becomes of the earlier ones, and an answer's
 * time counts from when its question was due: a server that stands still for a second then has a thousand
 * late answers, not one (how long does one wait?). REQUEST may be empty, for servers that speak first.
 *
 * An answer is whole when the server closes. Answers are told apart by the first word of their first line
 * that holds more than "HTTP/1.1". Per kind, a line: count, then p50, p99 and max in microseconds, then the
 * word; at last a line "seconds N", what it took. An answer that does not come within 5 s, or is empty, is of
 * the kind "failed".
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	CLIENTS_MAX = 200,
	KINDS_MAX = 8,
	WORD_SIZE = 16,
	ANSWER_SIZE = 64,
	PATIENCE_US = 5000000,
	LOOK_ROUND_US = 100000
};

struct kind {
	char word[WORD_SIZE];
	uint32_t *times_us;
	size_t count, room;
};

struct client {
	int fd; /* -1: free */
	int64_t due_us;
	size_t sent, got;
	char answer[ANSWER_SIZE];
};

struct load {
	struct sockaddr_in address;
	const char *request;
	size_t client_count;
	int64_t start_us, end_us, pause_us; /* from one question to the next; 0: none */
	int64_t asked_count;
	int epoll;
	struct client clients[CLIENTS_MAX];
	struct kind kinds[KINDS_MAX];
	size_t kind_count;
};

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* -- figures ----------------------------------------------------------------------------------- */

static struct kind *
find_kind(struct load *load, const char *word)
{
	for (size_t i = 0; i < load->kind_count; i++)
		if (strcmp(load->kinds[i].word, word) == 0)
			return &load->kinds[i];
	if (load->kind_count == KINDS_MAX)
		return &load->kinds[KINDS_MAX - 1];
	snprintf(load->kinds[load->kind_count].word, WORD_SIZE, "%s", word);
	return &load->kinds[load->kind_count++];
}

static void
count_answer(struct load *load, const char *word, int64_t time_us)
{
	struct kind *kind = find_kind(load, word);

	if (kind->count == kind->room) {
		kind->room = kind->room == 0 ? 65536 : 2 * kind->room;
		kind->times_us = realloc(kind->times_us, kind->room * sizeof *kind->times_us);
		if (kind->times_us == NULL)
			die("realloc");
	}
	kind->times_us[kind->count++] = (uint32_t)time_us;
}

static int
compare_times(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

static void
print_kinds(struct load *load)
{
	for (size_t i = 0; i < load->kind_count; i++) {
		struct kind *kind = &load->kinds[i];

		qsort(kind->times_us, kind->count, sizeof *kind->times_us, compare_times);
		printf("%zu %u %u %u %s\n", kind->count, kind->times_us[kind->count / 2],
			kind->times_us[kind->count * 99 / 100], kind->times_us[kind->count - 1], kind->word);
	}
}

/* -- clients ----------------------------------------------------------------------------------- */

static void
end_client(struct load *load, struct client *client, bool is_whole)
{
	char word[WORD_SIZE] = "";

	client->answer[client->got < ANSWER_SIZE ? client->got : ANSWER_SIZE - 1] = '\0';
	if (is_whole && sscanf(client->answer, "HTTP/1.1 %15s", word) != 1)
		sscanf(client->answer, "%15s", word);
	count_answer(load, word[0] == '\0' ? "failed" : word, now_us() - client->due_us);
	close(client->fd);
	client->fd = -1;
}

static void
go_on(struct load *load, struct client *client)
{
	size_t length = strlen(load->request);
	char ignored[4096];
	ssize_t done;

	while (client->sent < length) {
		done = send(client->fd, load->request + client->sent, length - client->sent, MSG_NOSIGNAL);
		if (done < 0 && errno != EAGAIN)
			end_client(load, client, false);
		if (done < 0)
			return;
		client->sent += (size_t)done;
	}
	for (;;) {
		bool has_room = client->got < ANSWER_SIZE - 1;

		done = has_room
			? recv(client->fd, client->answer + client->got, ANSWER_SIZE - 1 - client->got, 0)
			: recv(client->fd, ignored, sizeof ignored, 0);
		if (done <= 0 && !(done < 0 && errno == EAGAIN))
			end_client(load, client, done == 0);
		if (done <= 0)
			return;
		client->got += has_room ? (size_t)done : 0;
	}
}

static void
ask(struct load *load, struct client *client, int64_t due_us)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u32 = (uint32_t)(client - load->clients)};

	*client = (struct client){
		.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), .due_us = due_us};
	load->asked_count++;
	if (client->fd < 0)
		die("socket");
	if (connect(client->fd, (struct sockaddr *)&load->address, sizeof load->address) != 0
		&& errno != EINPROGRESS) {
		end_client(load, client, false);
		return;
	}
	if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, client->fd, &event) != 0)
		die("epoll_ctl");
}

/* When the next question is due, which may be after the end. */
static int64_t
next_due_us(const struct load *load)
{
	return load->pause_us == 0 ? now_us() : load->start_us + load->asked_count * load->pause_us;
}

/*
 * Asks what is due now. A question that finds all clients busy waits for one, and its time runs. Returns how
 * long until the next one is due, or -1 when only an answer or the end can come first.
 */
static int64_t
ask_due(struct load *load)
{
	for (size_t i = 0; i < load->client_count; i++) {
		int64_t due_us = next_due_us(load), left_us = due_us - now_us();

		if (load->clients[i].fd >= 0)
			continue;
		if (due_us >= load->end_us)
			return -1;
		if (left_us > 0)
			return left_us;
		ask(load, &load->clients[i], due_us);
	}
	return -1;
}

static void
end_overdue(struct load *load)
{
	int64_t at_us = now_us();

	for (size_t i = 0; i < load->client_count; i++)
		if (load->clients[i].fd >= 0 && at_us - load->clients[i].due_us > PATIENCE_US)
			end_client(load, &load->clients[i], false);
}

static bool
is_any_busy(const struct load *load)
{
	for (size_t i = 0; i < load->client_count; i++)
		if (load->clients[i].fd >= 0)
			return true;
	return false;
}

static void
wait_for_answers(struct load *load, int64_t within_us)
{
	struct epoll_event events[CLIENTS_MAX];
	struct timespec wait = {
		.tv_nsec = (within_us < 0 || within_us > LOOK_ROUND_US ? LOOK_ROUND_US : within_us) * 1000};
	int count = epoll_pwait2(load->epoll, events, CLIENTS_MAX, &wait, NULL);

	for (int i = 0; i < count; i++)
		if (load->clients[events[i].data.u32].fd >= 0)
			go_on(load, &load->clients[events[i].data.u32]);
	if (count == 0)
		end_overdue(load);
}

int
main(int argc, char **argv)
{
	static struct load load;
	int64_t rate;

	if (argc != 6) {
		fputs("usage: load PORT CLIENTS SECONDS RATE REQUEST\n", stderr);
		return 1;
	}
	load.address = (struct sockaddr_in){.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)atoi(argv[1]))};
	load.client_count = (size_t)atoi(argv[2]);
	rate = atoi(argv[4]);
	load.request = argv[5];
	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (load.client_count == 0 || load.client_count > CLIENTS_MAX || load.epoll < 0)
		die("load: from 1 to 200 clients");
	for (size_t i = 0; i < load.client_count; i++)
		load.clients[i].fd = -1;
	load.start_us = now_us();
	load.end_us = load.start_us + (int64_t)(atof(argv[3]) * 1e6);
	load.pause_us = rate == 0 ? 0 : 1000000 / rate;
	while (now_us() < load.end_us || is_any_busy(&load))
		wait_for_answers(&load, ask_due(&load));
	print_kinds(&load);
	printf("seconds %.3f\n", (double)(now_us() - load.start_us) / 1e6);
	return 0;
}
