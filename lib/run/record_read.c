#include "lib/run/record.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RECORD_SNAPSHOTS = 128, RECORD_BYTES = 4 * 1024 * 1024 };

/* A JSON scalar as the text that snapshot_set() reads; NULL for null. */
static int
scalar_text(const json_t *value, char *to, size_t size, const char **ret, struct err *err)
{
	*ret = to;
	if (json_is_null(value))
		*ret = NULL;
	else if (json_is_string(value))
		*ret = json_string_value(value);
	else if (json_is_boolean(value))
		*ret = json_is_true(value) ? "true" : "false";
	else if (json_is_integer(value))
		snprintf(to, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else
		return err_set(err, ERR_USAGE, "neither text, a whole number, true, false nor null");
	return 0;
}

static int
read_fault(const json_t *object, enum snapshot_part part, struct snapshot *snapshot, struct err *err)
{
	const char *class_name = json_string_value(json_object_get(object, "class"));
	const char *text = json_string_value(json_object_get(object, "text"));
	const char *hint = json_string_value(json_object_get(object, "hint"));
	enum err_class class = class_name == NULL ? ERR_CLASS_COUNT : err_class_parse(class_name);
	struct err fault;

	if (class == ERR_CLASS_COUNT || class == ERR_NONE || text == NULL)
		return err_set(err, ERR_USAGE, "a fault needs a class and a text");
	err_set(&fault, class, "%s", text);
	if (hint != NULL)
		err_hint(&fault, "%s", hint);
	snapshot_fail(snapshot, part, &fault);
	return 0;
}

/* Where a field stands: in a part, or in one row of its list. */
struct spot {
	enum snapshot_part part;
	bool is_in_row;
	size_t row;
};

static int
read_field(const char *name, const json_t *value, const struct spot *spot, struct snapshot *snapshot,
	struct err *err)
{
	const struct snapshot_field *found = snapshot_field_find(spot->part, name);
	struct snapshot_field field;
	char storage[32];
	const char *text;

	if (found == NULL || found->is_in_row != spot->is_in_row)
		return err_set(err, ERR_USAGE, "unknown field \"%s\"", name);
	field = snapshot_field_at(found, spot->row);
	if (scalar_text(value, storage, sizeof storage, &text, err) != 0
		|| snapshot_set(snapshot, &field, text, err) != 0) {
		err->class = ERR_USAGE;
		return err_context(err, "field \"%s\"", name);
	}
	return 0;
}

/* What SQL never leaves NULL, a recording must not leave out: of the part itself, or of one of its rows. */
static int
verify_whole(const json_t *object, enum snapshot_part part, bool is_in_row, struct err *err)
{
	for (size_t i = 0; i < snapshot_fields_count; i++)
		if (snapshot_fields[i].part == part && snapshot_fields[i].type == SNAPSHOT_BOOL
			&& snapshot_fields[i].is_in_row == is_in_row
			&& json_object_get(object, snapshot_fields[i].name) == NULL)
			return err_set(err, ERR_USAGE, "no field \"%s\"", snapshot_fields[i].name);
	if (!is_in_row && snapshot_list_of(part) != NULL && json_object_get(object, "total") == NULL)
		return err_set(err, ERR_USAGE, "no field \"total\"");
	return 0;
}

static int
read_rows(json_t *array, const struct snapshot_list *list, struct snapshot *snapshot, struct err *err)
{
	struct spot spot = {.part = list->part, .is_in_row = true};
	const char *key;
	json_t *row, *value;

	if (!json_is_array(array) || json_array_size(array) > list->rows_max)
		return err_set(err, ERR_USAGE, "\"rows\" is no list of at most %zu", list->rows_max);
	json_array_foreach(array, spot.row, row)
	{
		if (!json_is_object(row))
			return err_set(err, ERR_USAGE, "row %zu is not an object", spot.row);
		json_object_foreach(row, key, value)
		{
			if (read_field(key, value, &spot, snapshot, err) != 0)
				return err_context(err, "row %zu", spot.row);
		}
		if (verify_whole(row, list->part, true, err) != 0)
			return err_context(err, "row %zu", spot.row);
	}
	return 0;
}

static int
read_fields(json_t *object, enum snapshot_part part, struct snapshot *snapshot, struct err *err)
{
	const struct snapshot_list *list = snapshot_list_of(part);
	struct spot spot = {.part = part};
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return err_set(err, ERR_USAGE, "not an object");
	if (json_object_get(object, "fault") != NULL)
		return read_fault(json_object_get(object, "fault"), part, snapshot, err);
	if (list != NULL && read_rows(json_object_get(object, "rows"), list, snapshot, err) != 0)
		return -1;
	json_object_foreach(object, key, value)
	{
		if (list != NULL && strcmp(key, "rows") == 0)
			continue;
		if (read_field(key, value, &spot, snapshot, err) != 0)
			return -1;
	}
	if (verify_whole(object, part, false, err) != 0)
		return -1;
	if (list != NULL
		&& snapshot_row_count(snapshot, list) != json_array_size(json_object_get(object, "rows")))
		return err_set(err, ERR_USAGE, "the rows do not fit the total");
	snapshot_mark(snapshot, part);
	return 0;
}

static int
read_parts(json_t *parts, struct snapshot *snapshot, struct err *err)
{
	const char *name;
	json_t *object;

	json_object_foreach(parts, name, object)
	{
		enum snapshot_part part = snapshot_part_parse(name);

		if (part == SNAPSHOT_PART_COUNT)
			return err_set(err, ERR_USAGE, "unknown part \"%s\"", name);
		if (read_fields(object, part, snapshot, err) != 0)
			return err_context(err, "part \"%s\"", name);
	}
	return 0;
}

/* A whole number beside the parts; `absent` where there is none. */
static int
read_number(const json_t *object, const char *name, int64_t absent, int64_t *ret, struct err *err)
{
	const json_t *value = json_object_get(object, name);

	if (value != NULL && !json_is_integer(value))
		return err_set(err, ERR_USAGE, "\"%s\" is not a whole number", name);
	*ret = value == NULL ? absent : json_integer_value(value);
	return 0;
}

static int
read_snapshot(const json_t *object, struct snapshot *snapshot, struct err *err)
{
	const json_t *target = json_object_get(object, "target");

	snapshot_init(snapshot);
	if (!json_is_object(json_object_get(object, "parts")))
		return err_set(err, ERR_USAGE, "it has no \"parts\"");
	if (target != NULL && !json_is_string(target))
		return err_set(err, ERR_USAGE, "\"target\" is not text");
	if (target != NULL)
		text_clean(snapshot->target, sizeof snapshot->target, json_string_value(target));
	if (read_number(object, "taken_ms", 0, &snapshot->taken_ms, err) != 0
		|| read_number(object, "elapsed_us", 0, &snapshot->elapsed_us, err) != 0
		|| read_number(object, "server_version", SNAPSHOT_NONE, &snapshot->server_version, err) != 0)
		return -1;
	if (read_parts(json_object_get(object, "parts"), snapshot, err) != 0)
		return -1;
	return snapshot_is_sound(snapshot) ? 0
					   : err_set(err, ERR_USAGE, "it has a number that no server tells");
}

static int
read_root(const json_t *root, struct snapshot **ret, size_t *ret_count, struct err *err)
{
	const json_t *list = json_object_get(root, "snapshots");
	size_t count = json_array_size(list);
	struct snapshot *snapshots;

	if (json_integer_value(json_object_get(root, "form")) != RECORD_FORM)
		return err_set(err, ERR_USAGE, "it is not a recording of form %d", RECORD_FORM);
	if (count == 0 || count > RECORD_SNAPSHOTS)
		return err_set(
			err, ERR_USAGE, "it has %zu snapshots; 1 to %d can be read", count, RECORD_SNAPSHOTS);
	snapshots = calloc(count, sizeof *snapshots);
	if (snapshots == NULL)
		return err_set(err, ERR_USAGE, "out of memory");
	for (size_t i = 0; i < count; i++)
		if (read_snapshot(json_array_get(list, i), &snapshots[i], err) != 0) {
			free(snapshots);
			return err_context(err, "snapshot %zu", i + 1);
		}
	*ret = snapshots;
	*ret_count = count;
	return 0;
}

/* Reads at most RECORD_BYTES. */
static json_t *
load(int fd, struct err *err)
{
	char *bytes = malloc(RECORD_BYTES + 1);
	size_t length = 0;
	ssize_t got = 0;
	json_error_t where;
	json_t *root = NULL;

	while (bytes != NULL && length <= RECORD_BYTES
		&& (got = read(fd, bytes + length, RECORD_BYTES + 1 - length)) > 0)
		length += (size_t)got;
	if (bytes == NULL || got < 0) {
		err_set(err, ERR_USAGE, "%s", bytes == NULL ? "out of memory" : strerror(errno));
	} else if (length > RECORD_BYTES) {
		err_set(err, ERR_USAGE, "it is larger than %d bytes", RECORD_BYTES);
	} else {
		root = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &where);
		if (root == NULL)
			err_set(err, ERR_USAGE, "line %d, column %d: %s", where.line, where.column,
				where.text);
	}
	free(bytes);
	return root;
}

int
record_read(const char *path, struct snapshot **ret, size_t *ret_count, struct err *err)
{
	bool is_standard = strcmp(path, "-") == 0;
	int fd = is_standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	json_t *root;
	int status = -1;

	if (fd < 0)
		return err_set(err, ERR_USAGE, "cannot replay \"%s\": %s", path, strerror(errno));
	root = load(fd, err);
	if (root != NULL)
		status = read_root(root, ret, ret_count, err);
	if (status != 0)
		err_context(err, "cannot replay \"%s\"", path);
	json_decref(root);
	if (!is_standard)
		close(fd);
	return status;
}
