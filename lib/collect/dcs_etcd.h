/*
 * dcs_etcd.h: etcd by the JSON gateway of its API v3 (etcd 3.0 to 3.6): whole numbers come as text, a member
 * that is zero or empty is left out, bytes are Base64. Pure. See facts 8.5.
 *
 * Whether there is a quorum is told by a read of one key that is linearizable, as reads are unless one asks
 * otherwise. It waits for the leader to be confirmed by a majority, and only then is the user's right to read
 * that key looked at: a refusal proves the quorum as well.
 */
#ifndef PGHA_COLLECT_DCS_ETCD_H
#define PGHA_COLLECT_DCS_ETCD_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/collect/dcs_dialect.h"

extern const struct dcs_dialect dcs_etcd_dialect;

/* Whether an answer to /version is etcd's; the row gets its version. */
bool dcs_etcd_is_it(const struct web_answer *answer, struct snapshot_dcs_endpoint *row);

/*
 * Where the gateway is, by the version of the server (etcd kept each prefix for one more release): "/v3",
 * "/v3beta" (3.3), "/v3alpha" (before).
 */
const char *dcs_etcd_prefix(const char *version);

#endif
