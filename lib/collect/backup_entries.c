#include "lib/collect/backup_entries.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"

enum { ENTRIES_MAX = 20000 };

int
backup_entries_open(int directory, const char *name, int flags)
{
	return openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);
}

int
backup_entries_refuse(const char *path, struct err *err)
{
	int number = errno;

	err_set(err, ERR_SETUP, "cannot read \"%s\": %s", path, strerror(number));
	return err_hint(err,
		number == EACCES ? "let the user of this check read it (a group: chmod g+rx)"
				 : "is it mounted, and spelled right?");
}

int
backup_entries_each(
	int directory, int64_t deadline_ms, backup_entries_visit *visit, void *context, struct err *err)
{
	int copy = backup_entries_open(directory, ".", O_DIRECTORY), result = 0;
	DIR *stream = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;

	if (stream == NULL) {
		backup_entries_refuse(".", err);
		if (copy >= 0)
			close(copy);
		return -1;
	}
	for (int count = 0; result == 0 && (entry = readdir(stream)) != NULL; count++) {
		if (clock_left_ms(deadline_ms) == 0)
			result = err_set(
				err, ERR_TIMEOUT, "the directory could not be looked through in time");
		else if (count == ENTRIES_MAX)
			result = err_set(
				err, ERR_PROTOCOL, "the directory has more than %d entries", ENTRIES_MAX);
		else if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			result = visit(directory, entry->d_name, context, err);
	}
	closedir(stream);
	return result;
}
