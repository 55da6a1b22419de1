/* How each type of setting is read from text. */
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "lib/base/parse.h"
#include "lib/model/lsn.h"
#include "lib/model/state.h"
#include "lib/run/settings.h"

static int
set_word(const struct setting *row, const char *value, int *ret, struct err *err)
{
	char storage[sizeof err->hint];
	struct text list;

	text_init(&list, storage, sizeof storage);
	for (int i = 0; row->words[i] != NULL; i++) {
		if (strcmp(row->words[i], value) == 0) {
			*ret = i;
			return 0;
		}
		text_add(&list, "%s%s", i > 0 ? ", " : "", row->words[i]);
	}
	err_set(err, ERR_USAGE, "\"%s\" is not known", value);
	return err_hint(err, "it is one of %s", storage);
}

static int
set_state(const char *value, enum state *ret, struct err *err)
{
	enum state state = state_parse(value);

	if (state == STATE_COUNT) {
		err_set(err, ERR_USAGE, "\"%s\" is not a state", value);
		return err_hint(err, "states are ok, warning, critical and unknown");
	}
	*ret = state;
	return 0;
}

static int
set_flag(const char *value, bool *ret, struct err *err)
{
	static const char *const words[] = {"no", "yes", "off", "on", "false", "true", "0", "1"};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcasecmp(words[i], value) == 0) {
			*ret = i % 2 == 1;
			return 0;
		}
	err_set(err, ERR_USAGE, "\"%s\" is neither yes nor no", value);
	return err_hint(err, "write yes or no (on, off, true, false, 1 and 0 are understood too)");
}

static int
set_count(const char *value, int *ret, struct err *err)
{
	int64_t number;

	if (parse_integer(value, 0, INT_MAX, &number, err) != 0)
		return -1;
	*ret = (int)number;
	return 0;
}

static int
set_text(const struct setting *row, const char *value, char *to, struct err *err)
{
	if (text_copy(to, row->size, value) == 0)
		return 0;
	return err_set(err, ERR_USAGE, "the value is longer than %zu characters", row->size - 1);
}

static int
set_duration(const char *value, int64_t *ret, struct err *err)
{
	int64_t duration_ms;

	if (parse_duration_ms(value, &duration_ms, err) != 0)
		return -1;
	if (duration_ms <= 0)
		return err_set(err, ERR_USAGE, "\"%s\" is not above zero", value);
	*ret = duration_ms;
	return 0;
}

static int
set_lsn(const char *value, uint64_t *ret, struct err *err)
{
	if (lsn_parse(value, ret) == 0)
		return 0;
	err_set(err, ERR_USAGE, "\"%s\" is not a WAL position", value);
	return err_hint(err, "positions are written like 16/B374D848");
}

static int
set_size(const char *value, int64_t *ret, struct err *err)
{
	struct range range;
	enum unit unit;

	/* A lone quantity is a range that begins at zero. */
	if (value[strcspn(value, ":@~")] != '\0' || range_parse(value, &range, &unit, err) != 0
		|| (unit != UNIT_BYTES && unit != UNIT_NONE) || range.end < 1 || range.end > 9e18) {
		err_set(err, ERR_USAGE, "\"%s\" is not a size above zero", value);
		return err_hint(err, "sizes are written like 16MB or 1GB");
	}
	*ret = (int64_t)range.end;
	return 0;
}

/* Adds one name, without the blanks around it. */
static int
add_name(const struct setting *row, const char *name, size_t length, char *to, struct err *err)
{
	size_t used = strlen(to), comma = used > 0 ? 1 : 0;

	while (length > 0 && name[length - 1] == ' ')
		length--;
	while (length > 0 && *name == ' ') {
		name++;
		length--;
	}
	if (length == 0)
		return err_set(err, ERR_USAGE, "a name between commas is empty");
	if (used + comma + length >= row->size)
		return err_set(
			err, ERR_USAGE, "the names are longer than %zu characters together", row->size - 1);
	if (comma > 0)
		to[used++] = ',';
	memcpy(to + used, name, length);
	to[used + length] = '\0';
	return 0;
}

/* Adds names, with commas between, to those that are there. Without any, nothing is said. */
static int
add_names(const struct setting *row, const char *value, char *to, struct err *err)
{
	if (value[strspn(value, " ")] == '\0')
		return 0;
	for (;;) {
		size_t length = strcspn(value, ",");

		if (add_name(row, value, length, to, err) != 0)
			return -1;
		if (value[length] == '\0')
			return 0;
		value += length + 1;
	}
}

int
settings_set_value(
	const struct settings_group *group, const struct setting *row, const char *value, struct err *err)
{
	void *to = settings_member(group, row);

	switch (row->type) {
	case SETTING_FLAG:
		return set_flag(value, to, err);
	case SETTING_COUNT:
		return set_count(value, to, err);
	case SETTING_TEXT:
		return set_text(row, value, to, err);
	case SETTING_INTEGER:
		return parse_integer(value, row->min, row->max, to, err);
	case SETTING_DURATION:
		return set_duration(value, to, err);
	case SETTING_STATE:
		return set_state(value, to, err);
	case SETTING_WORD:
		return set_word(row, value, to, err);
	case SETTING_LIMIT:
		return range_add_limit(to, value, row->accepted, row->plain, err);
	case SETTING_LSN:
		return set_lsn(value, to, err);
	case SETTING_SIZE:
		return set_size(value, to, err);
	case SETTING_LIST:
		return add_names(row, value, to, err);
	}
	return 0;
}

int
settings_set(
	const struct settings_group *group, const struct setting *row, const char *value, struct err *err)
{
	if (settings_set_value(group, row, value, err) == 0)
		return 0;
	return err_context(err, "option --%s", row->name);
}

int
settings_set_initial(const struct settings_group *groups, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < groups[i].count; j++) {
			const struct setting *row = &groups[i].rows[j];

			if (row->initial != NULL && settings_set(&groups[i], row, row->initial, err) != 0)
				return -1;
			if (row->initial != NULL && row->type == SETTING_LIMIT)
				((struct limit *)settings_member(&groups[i], row))->is_initial = true;
		}
	return 0;
}
