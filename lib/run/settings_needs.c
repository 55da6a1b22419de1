/*
 * Settings that say how to do what another one calls for, or rules out: they do nothing, and whoever gave
 * them believes otherwise. A namespace without a scope, a key without a certificate.
 */
#include <string.h>

#include "lib/run/settings.h"

/* Room for a name, or for a value as a file has it. */
enum { VALUE_SIZE = 128 };

/* Whether a setting that others need says anything. */
static bool
is_there(const struct settings_group *group, const struct setting *row)
{
	if (row->type == SETTING_FLAG)
		return *(const bool *)settings_member(group, row);
	return *(const char *)settings_member(group, row) != '\0';
}

/* A file may have every setting at its default: that changes nothing, and claims nothing. */
static bool
is_changed(const struct settings_group *group, const struct setting *row)
{
	char storage[VALUE_SIZE];
	struct text text;

	text_init(&text, storage, sizeof storage);
	return settings_write_value(group, row, 0, &text)
		&& strcmp(text.bytes, row->initial == NULL ? "" : row->initial) != 0;
}

/* The first that the row needs, when no one of them is there; NULL when nothing is missing. */
static const struct setting *
find_missing(const struct settings_group *groups, size_t count, const struct setting *row)
{
	const struct setting *first = NULL;
	size_t needed = row->needs == NULL ? 0 : text_item_count(row->needs);

	for (size_t i = 0; i < needed; i++) {
		const struct settings_group *group;
		const struct setting *other;
		char name[VALUE_SIZE];

		text_item(row->needs, i, name, sizeof name);
		other = settings_find(groups, count, name, &group);
		if (i == 0)
			first = other;
		if (first == NULL || (other != NULL && is_there(group, other)))
			return NULL;
	}
	return first;
}

/* What makes it vain, where that is there. */
static const struct setting *
find_obstacle(const struct settings_group *groups, size_t count, const struct setting *row)
{
	const struct settings_group *group;
	const struct setting *other = row->vain_with == NULL
		? NULL
		: settings_find(groups, count, row->vain_with, &group);

	return other != NULL && is_there(group, other) ? other : NULL;
}

static int
refuse_with(const struct setting *row, const struct setting *obstacle, bool is_file, struct err *err)
{
	char key[SETTINGS_KEY_SIZE], other[SETTINGS_KEY_SIZE];

	if (is_file)
		err_set(err, ERR_USAGE, "setting \"%s\" has no effect with \"%s\"",
			settings_write_key(row, key), settings_write_key(obstacle, other));
	else
		err_set(err, ERR_USAGE, "option --%s has no effect with --%s", row->name, obstacle->name);
	return err_hint(err, "leave one of them out");
}

static int
refuse(const struct setting *row, const struct setting *missing, bool is_file, struct err *err)
{
	char key[SETTINGS_KEY_SIZE], missing_key[SETTINGS_KEY_SIZE];

	if (is_file) {
		err_set(err, ERR_USAGE, "setting \"%s\" has no effect without \"%s\"",
			settings_write_key(row, key), settings_write_key(missing, missing_key));
		return err_hint(err, "%s: %s", missing_key, missing->help);
	}
	err_set(err, ERR_USAGE, "option --%s has no effect without --%s", row->name, missing->name);
	return err_hint(err, "--%s%s%s: %s", missing->name, missing->argument == NULL ? "" : " ",
		missing->argument == NULL ? "" : missing->argument, missing->help);
}

int
settings_needs_verify(
	const struct settings_group *groups, size_t count, const bool *is_given, struct err *err)
{
	size_t place = 0;

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < groups[i].count; j++, place++) {
			const struct setting *row = &groups[i].rows[j];
			const struct setting *missing = find_missing(groups, count, row);
			const struct setting *obstacle = find_obstacle(groups, count, row);

			if ((missing == NULL && obstacle == NULL) || place >= SETTINGS_MAX
				|| !(is_given != NULL ? is_given[place] : is_changed(&groups[i], row)))
				continue;
			return missing != NULL ? refuse(row, missing, is_given == NULL, err)
					       : refuse_with(row, obstacle, is_given == NULL, err);
		}
	return 0;
}
