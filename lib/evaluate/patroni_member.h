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
 * Whether nobody answered where its Patroni is: then `fault` says why. With another fault its Patroni may be
 * well: it could not be asked, or somebody else answers there.
 */
bool patroni_member_is_silent(const struct snapshot_patroni_member *member);

/* Whether its PostgreSQL takes no writes any more by its Patroni's word: it is down, or on its way there. */
bool patroni_member_is_down(const struct snapshot_patroni_member *member);

/* Whether Patroni of that version tells whether a member streams ("3.0.4" and later). */
bool patroni_member_tells_replication(const char *version);

/*
 * Whether a replica replicates; if not, why not is appended: "n3 is stopped". It must be on the timeline of
 * `ahead`, which may be NULL: the leader, or who is farthest of them. A replica that restores from an archive
 * counts with `allow_archive`.
 *
 * Before Patroni 3.0.4 (where it began to tell) a replica that does not stream is "running" like one that
 * does: then the WAL senders of the other members tell, if all of them spoke, and its name is known; else it
 * is taken to stream.
 */
bool patroni_member_replicates(const struct snapshot_patroni_cluster *cluster,
	const struct snapshot_patroni_member *member, const struct snapshot_patroni_member *ahead,
	bool allow_archive, struct text *why);

#endif
