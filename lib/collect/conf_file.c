#include "lib/collect/conf_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/collect/conf_line.h"
#include "lib/collect/conf_value.h"

enum {
	BYTES_MAX = 1 << 20,  /* of all files together */
	FILES_MAX = 100,      /* likewise */
	DEPTH_MAX = 10,       /* of files within files, the server's own bound */
	PATH_SIZE = 1024,     /* with its zero byte */
	PLACE_SIZE = 128,     /* "FILE:LINE" */
	PLACE_FILE_SHOWN = 96 /* of a long path the end is what tells */
};

/* A setting that is judged, as the last line has it that sets it. */
struct known {
	bool is_given;
	char value[CONF_LINE_VALUE];
	char place[PLACE_SIZE];
};

struct reading {
	struct snapshot *snapshot;
	size_t bytes_left;
	int files_left;
	bool is_too_deep; /* nothing more is included */
	struct conf_line line;
	struct known known[CONF_VALUE_MAX];
	struct err *err;
};

/* A file being read, and those that it is included by. */
struct file {
	const char *path;
	size_t line;
	int depth;
};

static int
read_file(struct reading *reading, const struct file *file, bool is_optional, const struct file *by);

/* -- what is wrong ----------------------------------------------------------------------------- */

static void
write_place(const char *path, size_t line, char to[PLACE_SIZE])
{
	size_t length = strlen(path);
	const char *shown = length > PLACE_FILE_SHOWN ? path + length - PLACE_FILE_SHOWN : path;
	struct text text;

	text_init(&text, to, PLACE_SIZE);
	text_add(&text, "%s%s", shown == path ? "" : "...", shown);
	if (line > 0)
		text_add(&text, ":%zu", line);
}

/* Keeps the first reason for which a server would refuse the file. */
static void
refuse(struct reading *reading, const char *place, const struct err *reason)
{
	struct snapshot_config *config = &reading->snapshot->config;
	char storage[2 * sizeof reason->text];
	struct text text;

	if (config->refused[0] != '\0')
		return;
	text_init(&text, storage, sizeof storage);
	text_add(&text, "%s: %s", place, reason->text);
	if (reason->hint[0] != '\0')
		text_add(&text, " (%s)", reason->hint);
	text_clean(config->refused, sizeof config->refused, storage);
}

static void
refuse_line(struct reading *reading, const struct file *file, const struct err *reason)
{
	char place[PLACE_SIZE];

	write_place(file->path, file->line, place);
	refuse(reading, place, reason);
}

/* Nothing can be said. */
static int
fail(struct reading *reading, const char *path, const char *text, const char *hint)
{
	char place[PLACE_SIZE];

	write_place(path, 0, place);
	err_set(reading->err, ERR_USAGE, "%s %s", place, text);
	return hint == NULL ? -1 : err_hint(reading->err, "%s", hint);
}

static int
fail_to_read(struct reading *reading, const char *path, int error)
{
	char text[128];

	snprintf(text, sizeof text, "cannot be read: %s", strerror(error));
	return fail(
		reading, path, text, error == EACCES ? "the check must run as a user who may read it" : NULL);
}

/* -- files that lead on ------------------------------------------------------------------------ */

/* A path as a file means it: relative to its own directory. -1: too long. */
static int
resolve(const char *path, const struct file *by, char to[PATH_SIZE])
{
	const char *slash = path[0] == '/' ? NULL : strrchr(by->path, '/');
	int directory_length = slash == NULL ? 0 : (int)(slash + 1 - by->path);
	int length = snprintf(to, PATH_SIZE, "%.*s%s", directory_length, by->path, path);

	return length < PATH_SIZE ? 0 : -1;
}

/* What of a directory is read: scandir() calls this. */
static int
is_configuration(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > strlen(".conf") && entry->d_name[0] != '.'
		&& strcmp(entry->d_name + length - strlen(".conf"), ".conf") == 0;
}

/* By bytes, whatever the locale, as the server. */
static int
compare(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* One of a directory's files; other directories are passed over. */
static int
read_entry(struct reading *reading, const char *directory, const char *name, const struct file *by)
{
	char path[PATH_SIZE];
	struct file file = {.path = path, .depth = by->depth + 1};
	struct stat status;

	if (snprintf(path, sizeof path, "%s/%s", directory, name) >= PATH_SIZE)
		return fail(reading, directory, "has a name that is too long", NULL);
	if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
		return 0;
	return read_file(reading, &file, false, by);
}

static int
read_directory(struct reading *reading, const char *path, const struct file *by)
{
	struct dirent **entries;
	int count = scandir(path, &entries, is_configuration, compare), result = 0;
	struct err reason;

	if (count < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		err_set(&reason, ERR_USAGE, "there is no directory \"%s\" to include", path);
		refuse_line(reading, by, &reason);
		return 0;
	}
	if (count < 0)
		return fail_to_read(reading, path, errno);
	for (int i = 0; i < count; i++) {
		if (result == 0)
			result = read_entry(reading, path, entries[i]->d_name, by);
		free(entries[i]);
	}
	free(entries);
	return result;
}

enum inclusion { INCLUDE_NONE, INCLUDE_FILE, INCLUDE_OPTIONAL, INCLUDE_DIRECTORY };

static enum inclusion
inclusion_of(const char *name)
{
	if (strcasecmp(name, "include") == 0)
		return INCLUDE_FILE;
	if (strcasecmp(name, "include_if_exists") == 0)
		return INCLUDE_OPTIONAL;
	return strcasecmp(name, "include_dir") == 0 ? INCLUDE_DIRECTORY : INCLUDE_NONE;
}

static int
include(struct reading *reading, enum inclusion inclusion, const struct file *by)
{
	char path[PATH_SIZE];
	struct file file = {.path = path, .depth = by->depth + 1};
	struct err reason;

	if (strspn(reading->line.value, " \t\n\r\f\v") == strlen(reading->line.value)) {
		err_set(&reason, ERR_USAGE, "nothing is named to include");
		refuse_line(reading, by, &reason);
		return 0;
	}
	if (reading->line.is_cut || resolve(reading->line.value, by, path) != 0)
		return fail(reading, by->path, "includes a path that is too long", NULL);
	if (inclusion == INCLUDE_DIRECTORY)
		return read_directory(reading, path, by);
	return read_file(reading, &file, inclusion == INCLUDE_OPTIONAL, by);
}

/* -- lines ------------------------------------------------------------------------------------- */

static int
keep(struct reading *reading, size_t index, const struct file *file)
{
	struct known *known = &reading->known[index];

	if (reading->line.is_cut) {
		char text[128];

		snprintf(text, sizeof text, "has a value of %s that is too long to be judged",
			conf_value_name(index));
		return fail(reading, file->path, text, NULL);
	}
	known->is_given = true;
	memcpy(known->value, reading->line.value, sizeof known->value);
	write_place(file->path, file->line, known->place);
	return 0;
}

/* A name that is none of ours: the server's, an extension's, or one that is written wrong. */
static void
judge_name(struct reading *reading, const struct file *file)
{
	const char *name = reading->line.name;
	const char *nearest = strchr(name, '.') == NULL ? conf_value_nearest(name) : NULL;
	struct err reason;

	if (nearest == NULL)
		return;
	err_set(&reason, ERR_USAGE, "no setting is called \"%s\"", name);
	err_hint(&reason, "is %s meant?", nearest);
	refuse_line(reading, file, &reason);
}

static int
take_line(struct reading *reading, const char *line, size_t length, const struct file *file)
{
	enum inclusion inclusion;
	struct err reason;
	size_t index;

	if (conf_line_read(line, length, &reading->line, &reason) != 0) {
		refuse_line(reading, file, &reason);
		return 0;
	}
	if (reading->line.is_empty)
		return 0;
	inclusion = inclusion_of(reading->line.name);
	if (inclusion != INCLUDE_NONE)
		return include(reading, inclusion, file);
	index = conf_value_find(reading->line.name);
	if (index != SIZE_MAX)
		return keep(reading, index, file);
	judge_name(reading, file);
	return 0;
}

static int
take_lines(struct reading *reading, const char *bytes, size_t length, const struct file *by)
{
	const char *next = bytes, *end = bytes + length;
	struct file file = *by;

	while (next < end) {
		const char *newline = memchr(next, '\n', (size_t)(end - next));
		const char *line_end = newline == NULL ? end : newline;

		file.line++;
		if (take_line(reading, next, (size_t)(line_end - next), &file) != 0)
			return -1;
		next = newline == NULL ? end : newline + 1;
	}
	return 0;
}

/* -- files ------------------------------------------------------------------------------------- */

/* Reads up to `room` bytes. -1 with errno set. */
static ssize_t
read_bytes(int descriptor, char *to, size_t room)
{
	size_t length = 0;

	while (length < room) {
		ssize_t got = read(descriptor, to + length, room - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		length += (size_t)got;
	}
	return (ssize_t)length;
}

/* Of an open file: its lines, while there is room. Opening a pipe would wait for its writer. */
static int
read_open(struct reading *reading, int descriptor, const struct file *file)
{
	size_t room = reading->bytes_left + 1;
	struct stat status;
	ssize_t length;
	char *bytes;
	int result = -1;

	if (fstat(descriptor, &status) != 0)
		return fail_to_read(reading, file->path, errno);
	if (!S_ISREG(status.st_mode))
		return fail(reading, file->path, S_ISDIR(status.st_mode) ? "is a directory" : "is not a file",
			"name the configuration file itself");
	if (status.st_size >= 0 && (size_t)status.st_size < room)
		room = (size_t)status.st_size + 1; /* it may grow meanwhile, but not without bound */
	bytes = malloc(room);
	length = bytes == NULL ? -1 : read_bytes(descriptor, bytes, room);
	if (length < 0) {
		fail_to_read(reading, file->path, errno);
	} else if ((size_t)length > reading->bytes_left) {
		fail(reading, file->path, "makes more than 1 MiB altogether", "is it a configuration file?");
	} else {
		reading->bytes_left -= (size_t)length;
		result = take_lines(reading, bytes, (size_t)length, file);
	}
	free(bytes);
	return result;
}

/* `by` is the file that includes it, or NULL. */
static int
read_file(struct reading *reading, const struct file *file, bool is_optional, const struct file *by)
{
	int descriptor, result;
	struct err reason;

	if (reading->is_too_deep)
		return 0;
	if (file->depth > DEPTH_MAX) {
		reading->is_too_deep = true;
		err_set(&reason, ERR_USAGE, "files that include one another, more than %d deep", DEPTH_MAX);
		refuse_line(reading, by, &reason);
		return 0;
	}
	if (reading->files_left-- == 0)
		return fail(reading, file->path, "is one file too many", "100 files are read");
	descriptor = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (descriptor < 0 && errno == ENOENT && is_optional)
		return 0;
	if (descriptor < 0 && errno == ENOENT && by != NULL) {
		err_set(&reason, ERR_USAGE, "there is no file \"%s\" to include", file->path);
		refuse_line(reading, by, &reason);
		return 0;
	}
	if (descriptor < 0)
		return fail_to_read(reading, file->path, errno);
	result = read_open(reading, descriptor, file);
	close(descriptor);
	return result;
}

/* What the lines that count say. */
static int
set_values(struct reading *reading)
{
	struct err reason;

	for (size_t i = 0; conf_value_name(i) != NULL; i++) {
		if (!reading->known[i].is_given
			|| conf_value_set(i, reading->known[i].value, reading->snapshot, &reason) == 0)
			continue;
		if (reason.class != ERR_USAGE) {
			*reading->err = reason;
			return err_context(reading->err, "%s", reading->known[i].place);
		}
		refuse(reading, reading->known[i].place, &reason);
	}
	return 0;
}

int
conf_file_read(const char *path, struct snapshot *snapshot, struct err *err)
{
	struct reading *reading = calloc(1, sizeof *reading);
	const struct file file = {.path = path};
	int result = -1;

	snapshot_init(snapshot);
	text_clean(snapshot->target, sizeof snapshot->target, path);
	text_clean(snapshot->config.file, sizeof snapshot->config.file, path);
	snapshot->taken_ms = clock_wall_ms();
	conf_value_set_initial(snapshot);
	if (reading == NULL) {
		err_set(err, ERR_USAGE, "no memory to read \"%s\"", path);
		goto out;
	}
	reading->snapshot = snapshot;
	reading->bytes_left = BYTES_MAX;
	reading->files_left = FILES_MAX;
	reading->err = err;
	if (read_file(reading, &file, false, NULL) != 0 || set_values(reading) != 0)
		goto out;
	snapshot_mark(snapshot, SNAPSHOT_CONFIG);
	result = 0;
out:
	free(reading);
	return result;
}
