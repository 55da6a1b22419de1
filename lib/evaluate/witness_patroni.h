/*
 * witness_patroni.h: what Patroni says of this node's leadership, held against what PostgreSQL says. Pure.
 *
 * Leader is who holds the leader lock, by the member's own word. All here expect the part "patroni" unless
 * they say otherwise.
 */
#ifndef PGHA_EVALUATE_WITNESS_PATRONI_H
#define PGHA_EVALUATE_WITNESS_PATRONI_H

#include <stdbool.h>

#include "lib/evaluate/witness_rival.h"
#include "lib/model/check.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/*
 * Whether Patroni speaks of this very server; a finding of the class setup if it does not: a URL may lead to
 * another member, or to another cluster. Told by the system identifier and by when PostgreSQL was started,
 * where both sides tell; else by the timeline of a primary.
 */
bool witness_patroni_judge_identity(
	const struct snapshot *node, const struct policy *policy, struct verdict *verdict);

/* The same as mere facts: known to be another server, known to be this one. */
bool witness_patroni_is_stranger(const struct snapshot *node);
bool witness_patroni_is_same_server(const struct snapshot *node);

/*
 * Whom the lock is for: this node, or not. Not known where the part is not there, or speaks of another
 * server, and in a pause without the store.
 */
enum witness_right witness_patroni_right(const struct snapshot *node);

/* A primary: it must hold the leader lock. */
void witness_patroni_judge_primary(
	const struct snapshot *node, const struct policy *policy, struct verdict *verdict);

/*
 * A standby, asked whether it is the leader: only that of a standby cluster is, and only where that is
 * accepted. Judges that, with or without the part; returns whether it is one.
 */
bool witness_patroni_judge_standby(const struct snapshot *node, bool accepts_standby_leader,
	const struct policy *policy, struct verdict *verdict);

/* What Patroni makes of PostgreSQL's state, where it differs from PostgreSQL's own word. */
void witness_patroni_judge_state(const struct snapshot_patroni *patroni, struct verdict *verdict);

#endif
