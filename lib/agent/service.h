/*
 * service.h: what systemd wants of a service, by libsystemd; without it at build time, nothing of this
 * exists and the agent runs the same.
 */
#ifndef PGHA_AGENT_SERVICE_H
#define PGHA_AGENT_SERVICE_H

#include <stdint.h>

/* How many sockets were handed over, and each with its name (FileDescriptorName=). */
int service_socket_count(void);
int service_socket(int index);
const char *service_socket_name(int index);

/* Ready to serve, reloading the configuration, stopping; `status` is one line for "systemctl status". */
void service_ready(const char *status);
void service_reloading(void);
void service_stopping(void);

/* How often service_beat() is due, in ms; 0: no watchdog asks for it. */
int64_t service_watchdog_ms(void);
void service_beat(const char *status);

#endif
