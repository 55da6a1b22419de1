/*
 * web_hosts.h: the hosts of a command line (-H, -p) as a list of URLs. Pure.
 */
#ifndef PGHA_COLLECT_WEB_HOSTS_H
#define PGHA_COLLECT_WEB_HOSTS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/collect/web.h"
#include "lib/model/target.h"

/* Whether a host that stands without a scheme is asked by https: who says whom to trust, or shows a
 * certificate, means that.
 */
bool web_hosts_are_secured(const struct web_access *access);

/*
 * Writes "http://HOST:PORT" for each host of `target`, with commas between, or "https://". One port serves
 * all hosts, none is `usual_port`. -1 with class usage, and nothing of a host shown, which may be a URL with
 * a password.
 */
int web_hosts_write(const struct target *target, const struct web_access *access, const char *usual_port,
	char *to, size_t size, struct err *err) __attribute__((warn_unused_result));

#endif
