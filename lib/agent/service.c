#include "lib/agent/service.h"

#include <stddef.h>

#ifdef WITH_SYSTEMD
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <time.h>

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

void
service_ready(const char *status)
{
	sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void
service_reloading(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(
		0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void
service_stopping(void)
{
	sd_notify(0, "STOPPING=1");
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
	sd_notifyf(0, "WATCHDOG=1\nSTATUS=%s", status);
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
