#define _GNU_SOURCE /* getaddrinfo_a */
#include "lib/collect/resolve.h"

#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/base/clock.h"

/* A request and its hints: one piece of memory, since an abandoned look-up keeps using both. */
struct resolve_lookup {
	struct gaicb request;
	struct addrinfo hints;
	struct resolve_result address; /* of a host that is one, else empty */
	int64_t began_ms;
	struct resolve_lookup *next; /* of those left over */
	char host[];
};

/*
 * Look-ups that outlived whoever began them. The next one who asks for that name goes on waiting for it:
 * where every look began one more, a name server that never answers would be asked ever more, and memory
 * grow. (gai_cancel() loses memory of its own in glibc 2.36.)
 */
static pthread_mutex_t left_over_lock = PTHREAD_MUTEX_INITIALIZER;
static struct resolve_lookup *left_over;

/* What has ended is believed for so long after it began: longer than a resolver waits for three name servers.
 */
enum { FRESH_MS = 30000 };

static void
keep_addresses(const struct addrinfo *info, struct resolve_result *ret)
{
	ret->count = 0;
	for (; info != NULL && ret->count < RESOLVE_ADDRESSES; info = info->ai_next)
		if (getnameinfo(info->ai_addr, info->ai_addrlen, ret->addresses[ret->count],
			    RESOLVE_ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST)
			== 0)
			ret->count++;
}

/* An address is its own, and needs neither a thread nor time. */
static bool
take_address(const char *host, struct resolve_result *ret)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;

	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		return false;
	keep_addresses(found, ret);
	freeaddrinfo(found);
	return ret->count > 0;
}

bool
resolve_has_ended(struct resolve_lookup *lookup)
{
	return gai_error(&lookup->request) != EAI_INPROGRESS;
}

static void
keep_left_over(struct resolve_lookup *lookup)
{
	pthread_mutex_lock(&left_over_lock);
	lookup->next = left_over;
	left_over = lookup;
	pthread_mutex_unlock(&left_over_lock);
}

static struct resolve_lookup *
take_left_over(const char *host)
{
	struct resolve_lookup **at = &left_over, *found;

	pthread_mutex_lock(&left_over_lock);
	while (*at != NULL && strcmp((*at)->host, host) != 0)
		at = &(*at)->next;
	found = *at;
	if (found != NULL)
		*at = found->next;
	pthread_mutex_unlock(&left_over_lock);
	return found;
}

/* Ends it, whatever it found. */
static void
discard(struct resolve_lookup *lookup)
{
	if (gai_error(&lookup->request) == 0 && lookup->request.ar_result != NULL)
		freeaddrinfo(lookup->request.ar_result);
	free(lookup);
}

/* One that was left over for that host and is still good for something; else NULL. */
static struct resolve_lookup *
take_fresh(const char *host)
{
	struct resolve_lookup *found = take_left_over(host);

	if (found == NULL || !resolve_has_ended(found) || clock_now_ms() - found->began_ms <= FRESH_MS)
		return found;
	discard(found);
	return NULL;
}

struct resolve_lookup *
resolve_begin(const char *host)
{
	size_t size = strlen(host) + 1;
	struct resolve_lookup *lookup = take_fresh(host);
	struct gaicb *list[1];

	if (lookup != NULL)
		return lookup;
	lookup = calloc(1, sizeof *lookup + size);
	if (lookup == NULL)
		return NULL;
	memcpy(lookup->host, host, size);
	if (take_address(host, &lookup->address))
		return lookup; /* its request, which nobody has, counts as ended */
	lookup->began_ms = clock_now_ms();
	lookup->hints.ai_socktype = SOCK_STREAM;
	lookup->request.ar_name = lookup->host;
	lookup->request.ar_request = &lookup->hints;
	list[0] = &lookup->request;
	if (getaddrinfo_a(GAI_NOWAIT, list, 1, NULL) != 0) {
		free(lookup);
		return NULL;
	}
	return lookup;
}

/* Waits until the look-up ends or the deadline passes. */
static void
lookup_wait(struct resolve_lookup *lookup, int64_t deadline_ms)
{
	const struct gaicb *list[1] = {&lookup->request};
	int left;

	while ((left = clock_left_ms(deadline_ms)) > 0 && gai_error(&lookup->request) == EAI_INPROGRESS) {
		struct timespec wait = {.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000L};

		gai_suspend(list, 1, &wait); /* may return early */
	}
}

static int
give_up(struct resolve_lookup *lookup, struct err *err)
{
	err_set(err, ERR_TIMEOUT, "host name \"%s\" was not resolved in time", lookup->host);
	keep_left_over(lookup);
	return err_hint(err, "is the name server reachable? an address or hostaddr needs none");
}

int
resolve_end(struct resolve_lookup *lookup, struct resolve_result *ret, struct err *err)
{
	int status = gai_error(&lookup->request);

	if (status == EAI_INPROGRESS)
		return give_up(lookup, err);
	*ret = lookup->address;
	if (status == 0 && ret->count == 0)
		keep_addresses(lookup->request.ar_result, ret);
	if (status != 0) {
		err_set(err, ERR_DOWN, "cannot resolve host name \"%s\": %s", lookup->host,
			gai_strerror(status));
		err_hint(err, "is the name right, and does the name server know it?");
	} else if (ret->count == 0) {
		err_set(err, ERR_DOWN, "host name \"%s\" has no address", lookup->host);
	}
	discard(lookup);
	return status == 0 && ret->count > 0 ? 0 : -1;
}

int
resolve_host(const char *host, int64_t deadline_ms, struct resolve_result *ret, struct err *err)
{
	struct resolve_lookup *lookup = resolve_begin(host);

	if (lookup == NULL)
		return err_set(err, ERR_DOWN, "cannot look up host \"%s\": out of memory", host);
	lookup_wait(lookup, deadline_ms);
	return resolve_end(lookup, ret, err);
}
