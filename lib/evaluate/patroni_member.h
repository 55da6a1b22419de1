/*
 * patroni_member.h: one member of a Patroni cluster: what it is, and what is wrong with it, over the versions
 * of Patroni. Pure.
 */
#ifndef PGHA_EVALUATE_PATRONI_MEMBER_H
#define PGHA_EVALUATE_PATRONI_MEMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/text.h"
#include "lib/model/snapshot.h"

/* How many members are held, whatever the total. */
int64_t patroni_member_count(const struct snapshot_patroni_cluster *cluster);

/* Whether the view names it the leader: also of a standby cluster, and while it is being promoted. */
bool patroni_member_is_leader(const struct snapshot_patroni_member *member);

/* Whether it is a member by the view, and not only somebody at a URL that was given. */
bool patroni_member_is_listed(const struct snapshot_patroni_member *member);

/*
 * Whether a replica replicates; if not, why not is appended: "n3 is stopped". `leader_timeline` may be none.
 * A replica that restores from an archive counts with `allow_archive`.
 *
 * Before Patroni 3.0.4 (where it began to tell) a replica that does not stream is "running" like one that
 * does: then the WAL senders of the other members tell, if all of them spoke.
 */
bool patroni_member_replicates(const struct snapshot_patroni_cluster *cluster,
	const struct snapshot_patroni_member *member, int64_t leader_timeline, bool allow_archive,
	struct text *why);

#endif
