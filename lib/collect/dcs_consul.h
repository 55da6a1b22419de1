/*
 * dcs_consul.h: Consul by its HTTP API, asked of servers or of the agents beside the clients. Pure. See
 * facts 8.6.
 *
 * A read that is "consistent" is confirmed by a majority. /v1/status/leader says "" with status 200 where
 * there is no leader. What an agent tells of itself, and the health of the servers, take rights (agent:read,
 * operator:read) that a token may lack: they are left out then.
 */
#ifndef PGHA_COLLECT_DCS_CONSUL_H
#define PGHA_COLLECT_DCS_CONSUL_H

#include "lib/collect/dcs_dialect.h"

extern const struct dcs_dialect dcs_consul_dialect;

#endif
