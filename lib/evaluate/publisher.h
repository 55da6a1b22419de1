/*
 * publisher.h: how far a subscription is behind, measured at its publisher, where that is among the nodes
 * that were seen. Pure.
 */
#ifndef PGHA_EVALUATE_PUBLISHER_H
#define PGHA_EVALUATE_PUBLISHER_H

#include <stddef.h>
#include <stdint.h>

#include "lib/evaluate/subscription.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/*
 * Judges the lag in bytes of a subscription of snapshots[0]. Its publisher is the one among the other nodes
 * that has its slot; where none has, and a limit in bytes was given, that is a finding.
 *
 * Returns the bytes from what the subscription has received to the publisher's position, or from what it has
 * confirmed if it has received nothing yet; -1: not known.
 */
int64_t publisher_judge(const struct snapshot *snapshots, size_t count, const struct subscription *subject,
	struct verdict *verdict);

#endif
