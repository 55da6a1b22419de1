#include "lib/agent/listen.h"

#include <errno.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/agent/address.h"
#include "lib/agent/service.h"
#include "lib/base/text.h"

/* Whole lists of connections that wait to be accepted are kept by the kernel, up to its own limit. */
enum { BACKLOG = 4096 };

/* -- which there are --------------------------------------------------------------------------- */

static int
add_point(struct listen_points *points, enum listen_kind kind, const char *address, const char *check,
	struct err *err)
{
	struct listen_point *point = &points->of[points->count];

	if (points->count == LISTEN_MAX)
		return err_set(err, ERR_USAGE, "more than %d addresses to listen on", LISTEN_MAX);
	*point = (struct listen_point){.kind = kind, .fd = -1};
	if (text_copy(point->address, sizeof point->address, address) != 0)
		return err_set(err, ERR_USAGE, "the address \"%.40s...\" is too long", address);
	snprintf(point->check, sizeof point->check, "%s", check);
	points->count++;
	return 0;
}

static int
add_list(struct listen_points *points, enum listen_kind kind, const char *list, const char *check,
	struct err *err)
{
	for (size_t i = 0; list[0] != '\0' && i < text_item_count(list); i++) {
		char item[128];

		if (address_item(list, i, item, sizeof item) != 0)
			return err_set(err, ERR_USAGE, "an address to listen on is too long");
		if (add_point(points, kind, item, check, err) != 0)
			return -1;
	}
	return 0;
}

/* What systemd has handed over under a name; whether there was any. */
static int
add_inherited(struct listen_points *points, enum listen_kind kind, const char *name, const char *check,
	bool *ret_any, struct err *err)
{
	*ret_any = false;
	for (int i = 0; i < service_socket_count(); i++) {
		char address[64];

		if (strcmp(service_socket_name(i), name) != 0)
			continue;
		snprintf(address, sizeof address, "systemd:%s:%d", name, i);
		if (add_point(points, kind, address, check, err) != 0)
			return -1;
		evutil_make_socket_nonblocking(service_socket(i));
		points->of[points->count - 1].fd = service_socket(i);
		points->of[points->count - 1].is_inherited = true;
		*ret_any = true;
	}
	return 0;
}

static int
add_kind(struct listen_points *points, enum listen_kind kind, const char *name, const char *list,
	const char *check, struct err *err)
{
	bool has_any;

	if (add_inherited(points, kind, name, check, &has_any, err) != 0)
		return -1;
	if (kind == LISTEN_SOCKET && !has_any && list[0] != '\0') /* a path may hold commas */
		return add_point(points, kind, list, check, err);
	return has_any ? 0 : add_list(points, kind, list, check, err);
}

static int
list_points(const struct plan *plan, struct listen_points *points, struct err *err)
{
	char path[PLAN_PATH_SIZE];
	const char *socket_path = plan->listen.socket;

	points->count = 0;
	if (socket_path[0] == '\0')
		socket_path = plan_path(plan, "agent.sock", path);
	else if (strcmp(socket_path, "none") == 0)
		socket_path = "";
	if (add_kind(points, LISTEN_HTTP, "http", plan->listen.http, "", err) != 0
		|| add_kind(points, LISTEN_AGENT, "agent", plan->listen.agent, "", err) != 0
		|| add_kind(points, LISTEN_SOCKET, "socket", socket_path, "", err) != 0)
		return -1;
	for (size_t i = 0; i < plan->check_count; i++) {
		const struct plan_check *check = &plan->checks[i];

		if (add_kind(points, LISTEN_CHECK, check->name, check->answer.agent, check->name, err) != 0)
			return -1;
	}
	return 0;
}

/* -- opening ----------------------------------------------------------------------------------- */

static int
refuse(const char *address, int fd, struct err *err)
{
	int why = errno;

	if (fd >= 0)
		close(fd);
	err_set(err, ERR_USAGE, "cannot listen on \"%s\": %s", address, strerror(why));
	if (why == EADDRINUSE)
		err_hint(err,
			"another program listens there (Patroni's REST API takes 8008 by default), or this "
			"agent "
			"itself, on another address with that port: then restart it");
	if (why == EAFNOSUPPORT)
		err_hint(err, "this host has no IPv6: write 0.0.0.0 in place of [::]");
	if (why == ENOENT)
		err_hint(err, "the directory must be there: systemd's RuntimeDirectory= makes /run/pgha");
	if (why == EADDRNOTAVAIL)
		err_hint(err, "this host has no such address (yet): is the network up?");
	return -1;
}

static int
open_address(const char *address, struct err *err)
{
	struct sockaddr_storage where;
	int fd, on = 1, off = 0;
	socklen_t length;

	if (address_parse(address, &where, &length, err) != 0)
		return -1;
	fd = socket(where.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return refuse(address, fd, err);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0
		|| (where.ss_family == AF_INET6
			&& setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0)
		|| bind(fd, (struct sockaddr *)&where, length) != 0 || listen(fd, BACKLOG) != 0)
		return refuse(address, fd, err);
	return fd;
}

/* Whether somebody answers on a socket's file. */
static bool
is_in_use(const struct sockaddr_un *where)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool is_used = fd >= 0
		&& (connect(fd, (const struct sockaddr *)where, sizeof *where) == 0 || errno == EAGAIN);

	if (fd >= 0)
		close(fd);
	return is_used;
}

static int
open_path(const char *path, struct err *err)
{
	struct sockaddr_un where = {.sun_family = AF_UNIX};
	struct stat status;
	int fd;

	if (text_copy(where.sun_path, sizeof where.sun_path, path) != 0)
		return err_set(err, ERR_USAGE, "the socket's path \"%s\" is too long", path);
	if (is_in_use(&where)) {
		err_set(err, ERR_USAGE, "an agent already listens on \"%s\"", path);
		return err_hint(err, "is pgha-agent running?");
	}
	if (stat(path, &status) == 0 && S_ISSOCK(status.st_mode))
		unlink(path); /* left behind by one that was killed */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&where, sizeof where) != 0 || chmod(path, 0660) != 0
		|| listen(fd, BACKLOG) != 0)
		return refuse(path, fd, err);
	return fd;
}

static const struct listen_point *
find(const struct listen_points *points, const struct listen_point *like)
{
	for (size_t i = 0; points != NULL && i < points->count; i++)
		if (points->of[i].kind == like->kind && strcmp(points->of[i].address, like->address) == 0
			&& strcmp(points->of[i].check, like->check) == 0)
			return &points->of[i];
	return NULL;
}

static int
open_point(struct listen_point *point, const struct listen_points *former, struct err *err)
{
	const struct listen_point *same = find(former, point);

	if (point->is_inherited)
		return 0;
	if (same != NULL)
		point->fd = same->fd;
	else
		point->fd = point->kind == LISTEN_SOCKET ? open_path(point->address, err)
							 : open_address(point->address, err);
	return point->fd < 0 ? -1 : 0;
}

int
listen_open(const struct plan *plan, const struct listen_points *former, struct listen_points *ret,
	struct err *err)
{
	struct listen_points points;

	if (list_points(plan, &points, err) != 0)
		return -1;
	for (size_t i = 0; i < points.count; i++)
		if (open_point(&points.of[i], former, err) != 0) {
			points.count = i;
			listen_close(&points, former);
			return -1;
		}
	*ret = points;
	return 0;
}

void
listen_close(struct listen_points *points, const struct listen_points *other)
{
	for (size_t i = 0; i < points->count; i++) {
		struct listen_point *point = &points->of[i];

		if (point->fd < 0 || point->is_inherited || find(other, point) != NULL)
			continue;
		close(point->fd);
		if (point->kind == LISTEN_SOCKET)
			unlink(point->address);
		point->fd = -1;
	}
	points->count = 0;
}
