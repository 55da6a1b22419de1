#include "lib/collect/attempt.h"

#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/collect/resolve.h"

/* The end of this one's share of the time that is left, when `count` are still to be tried. */
static int64_t
share_deadline(int64_t deadline_ms, size_t count)
{
	return clock_now_ms() + clock_left_ms(deadline_ms) / (int64_t)count;
}

/* Of two failures the one that tells more: who got an answer knows more than who got none. */
static void
keep_telling(struct err *kept, const struct err *err)
{
	static const int telling[ERR_CLASS_COUNT] = {
		[ERR_DOWN] = 1,
		[ERR_TIMEOUT] = 2,
		[ERR_PROTOCOL] = 3,
		[ERR_SETUP] = 4,
		[ERR_FULL] = 5,
		[ERR_USAGE] = 6,
	};

	if (telling[err->class] > telling[kept->class])
		*kept = *err;
}

/* One host: every address that its name has. */
static int
attempt_host(const struct place *place, int64_t deadline_ms, attempt_function *attempt, void *context,
	struct err *err)
{
	struct resolve_result found;
	struct err kept = {.class = ERR_NONE};

	if (!place_needs_lookup(place))
		return attempt(context, place, deadline_ms, err);
	if (resolve_host(place->host, deadline_ms, &found, err) != 0)
		return -1;
	for (size_t i = 0; i < found.count; i++) {
		struct place address = *place;
		int64_t until_ms = share_deadline(deadline_ms, found.count - i);

		snprintf(address.hostaddr, sizeof address.hostaddr, "%s", found.addresses[i]);
		if (attempt(context, &address, until_ms, err) == 0)
			return 0;
		keep_telling(&kept, err);
	}
	*err = kept;
	return -1;
}

int
attempt_places(const struct place_list *places, int64_t deadline_ms, attempt_function *attempt, void *context,
	struct text *place, struct err *err)
{
	size_t count = place_count(places);
	struct err kept = {.class = ERR_NONE};

	for (size_t i = 0; i < count; i++) {
		struct place at;

		place_at(places, i, &at);
		if (attempt_host(&at, share_deadline(deadline_ms, count - i), attempt, context, err) == 0) {
			text_init(place, place->bytes, place->size);
			place_write(&at, place);
			return 0;
		}
		if (i > 0)
			text_add(place, ",");
		place_write(&at, place);
		keep_telling(&kept, err);
	}
	*err = kept;
	return -1;
}
