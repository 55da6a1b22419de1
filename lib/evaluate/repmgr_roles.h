/*
 * repmgr_roles.h: whether repmgr's metadata and the nodes themselves agree about who is the primary. Pure.
 */
#ifndef PGHA_EVALUATE_REPMGR_ROLES_H
#define PGHA_EVALUATE_REPMGR_ROLES_H

#include <stddef.h>
#include <stdint.h>

#include "lib/model/check.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

struct repmgr_roles_limits {
	const struct policy *policy; /* also tells the state of a primary that does not answer */
	int64_t min_standbys;        /* that are active in the metadata, and answer as standbys */
};

/*
 * Judges the part SNAPSHOT_REPMGR, which must be there. A node that was not asked (it has neither a role nor a
 * fault) is what the metadata call it.
 */
void repmgr_roles_judge(const struct snapshot *snapshot, const struct repmgr_roles_limits *limits,
	struct verdict *verdict);

/* The node that is marked as the one in question; NULL: none is. */
const struct snapshot_repmgr_node *repmgr_roles_own(const struct snapshot *snapshot);

#endif
