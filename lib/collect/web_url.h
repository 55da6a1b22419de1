/*
 * web_url.h: what a URL asks whom, taken apart; one that is not ours to ask is refused.
 */
#ifndef PGHA_COLLECT_WEB_URL_H
#define PGHA_COLLECT_WEB_URL_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/collect/web.h"

struct web_library;

struct web_url {
	char host[WEB_URL_SIZE]; /* a name, or an address; one of IPv6 in brackets */
	char port[16];
	char place[WEB_URL_SIZE]; /* "http://db1:8008", for messages */
};

/*
 * -1 with class usage: not http or https, no host, a user or a password in it; too long. Its text is repeated
 * only if it holds no "@".
 */
int web_url_read(const struct web_library *library, const char *url, struct web_url *ret, struct err *err)
	__attribute__((warn_unused_result));

/* Whether its host has to be looked up. */
bool web_url_has_name(const struct web_url *url);

bool web_url_is_secured(const struct web_url *url);

#endif
