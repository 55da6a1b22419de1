#include "lib/agent/drain.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum drain_look
drain_look(const struct plan *plan, size_t check_index)
{
	char path[PLAN_PATH_SIZE];

	if (access(plan_maintenance_path(plan, &plan->checks[check_index], path), F_OK) == 0)
		return DRAIN_ON;
	return errno == ENOENT || errno == ENOTDIR ? DRAIN_OFF : DRAIN_UNKNOWN;
}

int
drain_set(const struct plan *plan, size_t check_index, bool is_on, struct err *err)
{
	char path[PLAN_PATH_SIZE];
	int fd = 0;

	plan_maintenance_path(plan, &plan->checks[check_index], path);
	if (is_on)
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	else if (unlink(path) != 0 && errno != ENOENT)
		fd = -1;
	if (fd < 0)
		return err_set(err, ERR_USAGE, "cannot %s \"%s\": %s", is_on ? "make" : "remove", path,
			strerror(errno));
	if (is_on)
		close(fd);
	return 0;
}
