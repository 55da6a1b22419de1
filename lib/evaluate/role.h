/* role.h: what the checks of a node have in common about its role. Pure. */
#ifndef PGHA_EVALUATE_ROLE_H
#define PGHA_EVALUATE_ROLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/model/check.h"

/*
 * The timeline of a primary. 0 when what it answered holds none: that is then a finding of the
 * class protocol, and nothing more can be said.
 */
uint32_t
role_timeline(const struct snapshot_role *role, const struct policy *policy, struct verdict *verdict);

/*
 * Whether what has set default_transaction_read_only, as pg_settings.source calls it, is a setting that only
 * the session of this check has: it says nothing about what applications may do.
 */
bool role_is_own_setting(const char *source);

/* Whether two nodes are known to be of one cluster: both told their system identifier, and it is one. */
bool role_is_same_cluster(const struct snapshot *a, const struct snapshot *b);

/*
 * Whether two nodes are known to be one server, asked twice: a peer may be named by an address that leads
 * here, or by a virtual one. A copy of a data directory has the same identifier, but started by itself.
 */
bool role_is_same_server(const struct snapshot *a, const struct snapshot *b);

/*
 * The primary of the cluster of snapshots[0] among the others: of several, the one that was promoted last.
 * NULL: none was asked and answered.
 */
const struct snapshot *role_primary(const struct snapshot *snapshots, size_t count);

#endif
