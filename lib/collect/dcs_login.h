/*
 * dcs_login.h: logging in to an etcd whose API v3 knows users.
 */
#ifndef PGHA_COLLECT_DCS_LOGIN_H
#define PGHA_COLLECT_DCS_LOGIN_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/collect/dcs_round.h"
#include "lib/model/snapshot.h"

/*
 * Gets a token, which counts at every member, from endpoints whose version is known: it is written into
 * `header`, as the way to ask from then on. No token, and no fault, where none is needed, and where none can
 * be had in half of the time that is left: there is no quorum then, and that is seen without it as well. -1
 * with class setup when user or password is refused.
 */
int dcs_login(const struct snapshot_dcs *dcs, const struct web_secret *secret, int64_t deadline_ms,
	struct dcs_round_way *way, char *header, size_t size, struct err *err)
	__attribute__((warn_unused_result));

#endif
