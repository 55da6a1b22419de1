/*
 * http_certificate.h: the texts of the certificate, its key and the authorities of clients, as they are in
 * files.
 */
#ifndef PGHA_AGENT_HTTP_CERTIFICATE_H
#define PGHA_AGENT_HTTP_CERTIFICATE_H

#include "lib/base/err.h"

struct http_manner;

/* Starts zeroed; NULL: none. */
struct http_certificate {
	char *certificate, *key, *client_ca;
};

/*
 * Reads the files that `manner` names, if any. -1 with class usage. In both cases what was read is the
 * caller's to release.
 */
int http_certificate_read(struct http_certificate *certificate, const struct http_manner *manner,
	struct err *err) __attribute__((warn_unused_result));

void http_certificate_release(struct http_certificate *certificate);

#endif
