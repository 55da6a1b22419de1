#include "lib/run/record.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static json_t *
field_value(const struct snapshot *snapshot, const struct snapshot_field *field)
{
	char storage[1024]; /* no field is longer */
	struct text text;

	if (!snapshot_is_set(snapshot, field))
		return json_null();
	text_init(&text, storage, sizeof storage);
	snapshot_write(snapshot, field, &text);
	if (field->type == SNAPSHOT_BOOL)
		return json_boolean(strcmp(storage, "true") == 0);
	if (field->type == SNAPSHOT_INTEGER)
		return json_integer(strtoll(storage, NULL, 10));
	return json_string(storage);
}

/* Adds the fields of a part: those of a list's row, or the others. */
static void
add_fields(
	json_t *object, const struct snapshot *snapshot, enum snapshot_part part, bool is_in_row, size_t row)
{
	for (size_t i = 0; i < snapshot_fields_count; i++) {
		struct snapshot_field field = snapshot_field_at(&snapshot_fields[i], row);

		if (field.part == part && field.is_in_row == is_in_row)
			json_object_set_new(object, field.name, field_value(snapshot, &field));
	}
}

static json_t *
rows_array(const struct snapshot *snapshot, const struct snapshot_list *list)
{
	json_t *array = json_array();

	for (size_t row = 0; row < snapshot_row_count(snapshot, list); row++) {
		json_t *object = json_object();

		add_fields(object, snapshot, list->part, true, row);
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *
part_object(const struct snapshot *snapshot, enum snapshot_part part)
{
	const struct snapshot_list *list = snapshot_list_of(part);
	const struct err *fault = &snapshot->faults[part];
	json_t *object;

	if (!snapshot_has(snapshot, part)) {
		object = json_pack(
			"{s{ss ss}}", "fault", "class", err_class_name(fault->class), "text", fault->text);
		if (fault->hint[0] != '\0')
			json_object_set_new(
				json_object_get(object, "fault"), "hint", json_string(fault->hint));
		return object;
	}
	object = json_object();
	add_fields(object, snapshot, part, false, 0);
	if (list != NULL)
		json_object_set_new(object, "rows", rows_array(snapshot, list));
	return object;
}

static json_t *
snapshot_object(const struct snapshot *snapshot)
{
	json_t *object = json_object(), *parts = json_object();

	json_object_set_new(object, "target", json_string(snapshot->target));
	json_object_set_new(object, "taken_ms", json_integer(snapshot->taken_ms));
	json_object_set_new(object, "elapsed_us", json_integer(snapshot->elapsed_us));
	if (snapshot->server_version != SNAPSHOT_NONE)
		json_object_set_new(object, "server_version", json_integer(snapshot->server_version));
	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++)
		if (snapshot_has(snapshot, part) || snapshot->faults[part].class != ERR_NONE)
			json_object_set_new(parts, snapshot_part_name(part), part_object(snapshot, part));
	json_object_set_new(object, "parts", parts);
	return object;
}

/* Writes the file under another name in its directory and renames it. */
static int
replace_file(const json_t *root, const char *path, struct err *err)
{
	char temporary[PATH_MAX + 8], resolved[PATH_MAX];
	struct stat status;
	int fd;

	if (realpath(path, resolved) != NULL) /* what a link leads to is replaced, not the link */
		path = resolved;

	if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
		err_set(err, ERR_USAGE, "cannot record to \"%s\": it is not a regular file", path);
		return err_hint(err, "- is standard output");
	}
	snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
	fd = mkstemp(temporary);
	if (fd < 0)
		return err_set(err, ERR_USAGE, "cannot record to \"%s\": %s", path, strerror(errno));
	if (json_dumpfd(root, fd, JSON_INDENT(2)) != 0 || write(fd, "\n", 1) != 1 || fsync(fd) != 0
		|| rename(temporary, path) != 0) {
		err_set(err, ERR_USAGE, "cannot record to \"%s\": %s", path, strerror(errno));
		close(fd);
		unlink(temporary);
		return -1;
	}
	close(fd);
	return 0;
}

static json_t *
recording(const struct snapshot *snapshots, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, snapshot_object(&snapshots[i]));
	return json_pack("{si so}", "form", (int)RECORD_FORM, "snapshots", list);
}

void
record_write_text(const struct snapshot *snapshots, size_t count, struct text *text)
{
	json_t *root = recording(snapshots, count);
	char *written = root == NULL ? NULL : json_dumps(root, JSON_INDENT(2));

	if (written != NULL)
		text_add(text, "%s\n", written);
	free(written);
	json_decref(root);
}

int
record_write(const char *path, const struct snapshot *snapshots, size_t count, struct err *err)
{
	json_t *root = recording(snapshots, count);
	int status = 0;

	if (root == NULL)
		status = err_set(err, ERR_USAGE, "cannot record: out of memory");
	else if (strcmp(path, "-") != 0)
		status = replace_file(root, path, err);
	else if (json_dumpfd(root, STDOUT_FILENO, JSON_INDENT(2)) != 0 || write(STDOUT_FILENO, "\n", 1) != 1)
		status = err_set(err, ERR_USAGE, "cannot record to standard output: %s", strerror(errno));
	json_decref(root);
	return status;
}

bool
record_is_ours(const char *path)
{
	char start[64];
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t got = -1;

	if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		got = read(fd, start, sizeof start - 1);
	if (fd >= 0)
		close(fd);
	if (got < 0)
		return false;
	start[got] = '\0';
	return got == 0 || (start[strspn(start, " \n")] == '{' && strstr(start, "\"form\"") != NULL);
}
