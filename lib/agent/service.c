#include "lib/agent/service.h"

#include <stddef.h>

#ifdef WITH_SYSTEMD
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"

/* The names that the sockets have; NULL until they were asked for. The first descriptor is always 3. */
static char **names;
static int socket_count = -1;

/* Once: the variables are then removed, so that no child takes the sockets for its own. */
static void
take_sockets(void)
{
	if (socket_count < 0)
		socket_count = sd_listen_fds_with_names(1, &names);
	if (socket_count < 0)
		socket_count = 0;
}

int
service_socket_count(void)
{
	take_sockets();
	return socket_count;
}

int
service_socket(int index)
{
	return SD_LISTEN_FDS_START + index;
}

const char *
service_socket_name(int index)
{
	return names[index];
}

/*
 * Not sd_notify(), which waits when the service manager does not read, and the serving process with it: a
 * message that finds no room is dropped.
 */
__attribute__((format(printf, 1, 2))) static void
notify(const char *format, ...)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un where = {.sun_family = AF_UNIX};
	socklen_t length;
	char message[640];
	va_list arguments;
	int fd;

	if (path == NULL || text_copy(where.sun_path, sizeof where.sun_path, path) != 0)
		return;
	length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)
		+ (path[0] == '@' ? 0 : 1));
	if (path[0] == '@') /* an abstract name begins with a zero byte, and ends with its length */
		where.sun_path[0] = '\0';
	va_start(arguments, format);
	vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, message, strlen(message), MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&where, length);
	close(fd);
}

void
service_ready(const char *status)
{
	notify("READY=1\nSTATUS=%s", status);
}

void
service_reloading(void)
{
	notify("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_now_us());
}

void
service_stopping(void)
{
	notify("STOPPING=1");
}

int64_t
service_watchdog_ms(void)
{
	uint64_t period_us = 0;

	return sd_watchdog_enabled(0, &period_us) > 0 ? (int64_t)(period_us / 2000) : 0;
}

void
service_beat(const char *status)
{
	notify("WATCHDOG=1\nSTATUS=%s", status);
}

#else

int
service_socket_count(void)
{
	return 0;
}

int
service_socket(int index)
{
	(void)index;
	return -1;
}

const char *
service_socket_name(int index)
{
	(void)index;
	return "";
}

void
service_ready(const char *status)
{
	(void)status;
}

void
service_reloading(void)
{
}

void
service_stopping(void)
{
}

int64_t
service_watchdog_ms(void)
{
	return 0;
}

void
service_beat(const char *status)
{
	(void)status;
}

#endif
