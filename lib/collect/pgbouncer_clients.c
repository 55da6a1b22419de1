#include "lib/collect/pgbouncer_clients.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "lib/collect/column.h"

/* Room for a zone's name. */
enum { INSTANT_SIZE = 48 };

/* -- instants ----------------------------------------------------------------------------------- */

/* Days since the beginning of March of the year 0: so the day that leap years add is a year's last. */
static int64_t
days_of(int year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 + (153 * ((month + 9) % 12) + 2) / 5 + day;
}

/* The number of `digits` digits at the cursor, which moves behind it and what follows. */
static int
take_number(const char **cursor, int digits, char follows, int max, int *ret)
{
	int value = 0;

	for (int i = 0; i < digits; i++, ++*cursor) {
		if (**cursor < '0' || **cursor > '9')
			return -1;
		value = value * 10 + (**cursor - '0');
	}
	if (**cursor != follows || value > max)
		return -1;
	++*cursor;
	*ret = value;
	return 0;
}

int
pgbouncer_clients_instant(const char *text, int64_t *ret_s, const char **zone)
{
	int year, month, day, hour, minute, second;

	if (take_number(&text, 4, '-', 9999, &year) != 0 || take_number(&text, 2, '-', 12, &month) != 0
		|| take_number(&text, 2, ' ', 31, &day) != 0 || take_number(&text, 2, ':', 23, &hour) != 0
		|| take_number(&text, 2, ':', 59, &minute) != 0
		|| take_number(&text, 2, ' ', 60, &second) != 0 || month == 0)
		return -1;
	*ret_s = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
	*zone = text;
	return 0;
}

/* -- clients ------------------------------------------------------------------------------------ */

/* What the clients of an answer have in common. */
struct moment {
	int64_t now_s;
	char zone[INSTANT_SIZE];
};

/* The instant at which a client last asked for something; logging in is that, too. */
static int
read_request(const struct pg_row *row, char storage[INSTANT_SIZE], int64_t *ret_s, const char **zone,
	struct err *err)
{
	column_text(row, "request_time", storage, INSTANT_SIZE);
	if (pgbouncer_clients_instant(storage, ret_s, zone) == 0)
		return 0;
	return err_set(err, ERR_PROTOCOL, "unexpected value \"%s\" for \"request_time\"", storage);
}

static int
find_now(const struct pg_row *row, struct moment *ret, struct err *err)
{
	char storage[INSTANT_SIZE];
	const char *zone;
	int64_t at_s;

	*ret = (struct moment){.now_s = INT64_MIN};
	for (size_t i = 0; i < pg_row_count(row); i++) {
		struct pg_row at = pg_row_at(row, i);

		if (read_request(&at, storage, &at_s, &zone, err) != 0)
			return -1;
		if (at_s <= ret->now_s)
			continue;
		ret->now_s = at_s;
		memcpy(ret->zone, zone, strlen(zone) + 1);
	}
	return 0;
}

/*
 * By its query, if that was sent, else by its last request. The instants before and after a change between
 * summer and winter time cannot be compared.
 */
static int
read_wait(const struct pg_row *row, const struct moment *moment, int64_t *ret_ms, struct err *err)
{
	char storage[INSTANT_SIZE];
	int64_t wait_s, wait_us, at_s;
	const char *zone;

	if (column_integer(row, "wait", &wait_s, err) != 0
		|| column_integer(row, "wait_us", &wait_us, err) != 0
		|| read_request(row, storage, &at_s, &zone, err) != 0)
		return -1;
	if (wait_s < 0 || wait_s > INT_MAX || wait_us < 0 || wait_us > INT_MAX)
		return err_set(err, ERR_PROTOCOL, "\"wait\" is no time");
	*ret_ms = wait_s * 1000 + wait_us / 1000;
	if (*ret_ms == 0 && wait_us == 0 && strcmp(zone, moment->zone) == 0)
		*ret_ms = (moment->now_s - at_s) * 1000;
	return 0;
}

static bool
is_wanted(const struct snapshot_pgbouncer_pool *pool)
{
	return pool->clients_waiting > 0 && pool->wait_ms == SNAPSHOT_NONE;
}

bool
pgbouncer_clients_are_wanted(const struct pgbouncer_rows *rows)
{
	for (size_t i = 0; i < rows->pool_count; i++)
		if (is_wanted(&rows->pools[i]))
			return true;
	return false;
}

/* Where a database forces a user, its clients have names of their own: then all of them are its pool's. */
static int
longest_wait(const struct pg_row *row, const struct moment *moment,
	const struct snapshot_pgbouncer_pool *pool, bool by_user, int64_t *ret_ms, struct err *err)
{
	char database[sizeof pool->database], user[sizeof pool->user], state[24];

	for (size_t i = 0; i < pg_row_count(row); i++) {
		struct pg_row at = pg_row_at(row, i);
		int64_t wait_ms = 0;

		column_text(&at, "database", database, sizeof database);
		column_text(&at, "user", user, sizeof user);
		column_text(&at, "state", state, sizeof state);
		if (strcmp(database, pool->database) != 0 || strcmp(state, "waiting") != 0
			|| (by_user && strcmp(user, pool->user) != 0))
			continue;
		if (read_wait(&at, moment, &wait_ms, err) != 0)
			return -1;
		if (wait_ms > *ret_ms)
			*ret_ms = wait_ms;
	}
	return 0;
}

int
pgbouncer_clients_read(const struct pg_row *row, struct pgbouncer_rows *rows, struct err *err)
{
	static const char *const needed[] = {
		"user", "database", "state", "request_time", "wait", "wait_us", NULL};
	struct moment moment;

	for (size_t i = 0; needed[i] != NULL; i++)
		if (!column_is_there(row, needed[i]))
			return err_set(err, ERR_PROTOCOL, "there is no column \"%s\"", needed[i]);
	if (find_now(row, &moment, err) != 0)
		return -1;
	for (size_t i = 0; i < rows->pool_count; i++) {
		struct snapshot_pgbouncer_pool *pool = &rows->pools[i];
		int64_t wait_ms = SNAPSHOT_NONE;

		if (!is_wanted(pool))
			continue;
		if (longest_wait(row, &moment, pool, true, &wait_ms, err) != 0
			|| (wait_ms == SNAPSHOT_NONE
				&& longest_wait(row, &moment, pool, false, &wait_ms, err) != 0))
			return -1;
		/* Between the two questions they were served. */
		pool->wait_ms = wait_ms == SNAPSHOT_NONE ? 0 : wait_ms;
	}
	return 0;
}
