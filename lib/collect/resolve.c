#define _GNU_SOURCE /* getaddrinfo_a */
#include "lib/collect/resolve.h"

#include <netdb.h>
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
	char host[];
};

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

struct resolve_lookup *
resolve_begin(const char *host)
{
	size_t size = strlen(host) + 1;
	struct resolve_lookup *lookup = calloc(1, sizeof *lookup + size);
	struct gaicb *list[1];

	if (lookup == NULL)
		return NULL;
	memcpy(lookup->host, host, size);
	if (take_address(host, &lookup->address))
		return lookup; /* its request, which nobody has, counts as ended */
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

bool
resolve_has_ended(struct resolve_lookup *lookup)
{
	return gai_error(&lookup->request) != EAI_INPROGRESS;
}

/* One that cannot be cancelled runs on and needs its memory, which is left to it. */
static int
give_up(struct resolve_lookup *lookup, struct err *err)
{
	err_set(err, ERR_TIMEOUT, "host name \"%s\" was not resolved in time", lookup->host);
	if (gai_cancel(&lookup->request) == EAI_CANCELED)
		free(lookup);
	return err_hint(err, "is the name server reachable? an address or hostaddr needs none");
}

int
resolve_end(struct resolve_lookup *lookup, struct resolve_result *ret, struct err *err)
{
	int status = gai_error(&lookup->request);

	if (status == EAI_INPROGRESS)
		return give_up(lookup, err);
	if (lookup->address.count > 0) {
		*ret = lookup->address;
	} else if (status == 0) {
		keep_addresses(lookup->request.ar_result, ret);
		freeaddrinfo(lookup->request.ar_result);
		if (ret->count == 0)
			err_set(err, ERR_DOWN, "host name \"%s\" has no address", lookup->host);
	} else {
		err_set(err, ERR_DOWN, "cannot resolve host name \"%s\": %s", lookup->host,
			gai_strerror(status));
		err_hint(err, "is the name right, and does the name server know it?");
	}
	free(lookup);
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
