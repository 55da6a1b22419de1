#include "lib/collect/pgpool_figure.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/parse.h"
#include "lib/model/snapshot.h"

/* Longer than any of its figures, whose columns it cuts. */
enum { FIGURE_SIZE = 64 };

/* A number without sign, unit or rest, of at most `max`. */
static int
read_number(const char *text, double max, double *ret)
{
	struct parse_quantity quantity;
	struct err ignored;

	if (parse_quantity(&text, &quantity, &ignored) != 0 || *text != '\0' || quantity.unit != UNIT_NONE
		|| !(quantity.value >= 0 && quantity.value <= max))
		return -1;
	*ret = quantity.value;
	return 0;
}

int
pgpool_figure_delay(const char *text, int64_t *ret_bytes, int64_t *ret_ms, struct err *err)
{
	char number[FIGURE_SIZE];
	size_t length = strcspn(text, " ");
	bool is_time = strcmp(text + length, " second") == 0 || strcmp(text + length, " seconds") == 0;
	double seconds;
	int64_t bytes;

	snprintf(number, sizeof number, "%.*s", (int)(length < FIGURE_SIZE ? length : FIGURE_SIZE), text);
	if (is_time && read_number(number, 1e12, &seconds) == 0) {
		*ret_bytes = SNAPSHOT_NONE;
		*ret_ms = (int64_t)(seconds * 1000.0 + 0.5);
		return 0;
	}
	if (text[length] == '\0' && parse_integer(number, 0, SNAPSHOT_NUMBER_MAX, &bytes, err) == 0) {
		*ret_bytes = bytes;
		*ret_ms = SNAPSHOT_NONE;
		return 0;
	}
	return err_set(err, ERR_PROTOCOL, "\"%.40s\" is no replication_delay", text);
}

int64_t
pgpool_figure_weight(const char *text)
{
	double weight;

	return read_number(text, 1, &weight) == 0 ? (int64_t)(weight * 1000.0 + 0.5) : SNAPSHOT_NONE;
}

/* Days since the first of March of the year 0, counted from March so that the leap day comes last. */
static int64_t
days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t from_march = (month + 9) % 12;
	int64_t years = year - from_march / 10;

	return 365 * years + years / 4 - years / 100 + years / 400 + (from_march * 306 + 5) / 10 + day - 1;
}

/* The number of `length` digits at `*text`, which moves behind it and the character that follows. */
static int
take_number(const char **text, size_t length, char end, int64_t max, int64_t *ret)
{
	char digits[8];
	struct err ignored;

	snprintf(digits, sizeof digits, "%.*s", (int)length, *text);
	if (strlen(digits) != length || parse_integer(digits, 0, max, ret, &ignored) != 0
		|| (*text)[length] != end)
		return -1;
	*text += length + (end != '\0');
	return 0;
}

int64_t
pgpool_figure_instant(const char *text)
{
	int64_t year, month, day, hour, minute, second;

	if (take_number(&text, 4, '-', 9999, &year) != 0 || take_number(&text, 2, '-', 12, &month) != 0
		|| take_number(&text, 2, ' ', 31, &day) != 0 || take_number(&text, 2, ':', 23, &hour) != 0
		|| take_number(&text, 2, ':', 59, &minute) != 0
		|| take_number(&text, 2, '\0', 60, &second) != 0 || month == 0 || day == 0)
		return SNAPSHOT_NONE;
	return days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
}
