/*
 * dcs_etcd_login.h: what is sent to, and comes back from, PREFIX/auth/authenticate of etcd's API v3. Pure.
 */
#ifndef PGHA_COLLECT_DCS_ETCD_LOGIN_H
#define PGHA_COLLECT_DCS_ETCD_LOGIN_H

#include <stddef.h>

#include "lib/base/err.h"
#include "lib/collect/web.h"

/* `body` gets JSON. -1 with class setup: user or password is not UTF-8, or too long. */
int dcs_etcd_login_write(const struct web_secret *secret, char *body, size_t size, struct err *err)
	__attribute__((warn_unused_result));

/*
 * The token, or "" where the store knows no users: whoever asks may. -1 with class setup when user or
 * password is refused, with another class when the answer does not tell.
 */
int dcs_etcd_login_read(const struct web_answer *answer, char *token, size_t size, struct err *err)
	__attribute__((warn_unused_result));

#endif
