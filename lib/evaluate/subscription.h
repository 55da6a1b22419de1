/*
 * subscription.h: what a subscriber knows of one of its logical subscriptions: whether it runs, when it last
 * heard anything, its errors, its tables. Pure.
 *
 * It does not know where its publisher is: received_lsn and latest_end_lsn are positions of messages that it
 * has worked off (seen on 14 to 18: with the apply worker waiting for a lock both stood still while the
 * publisher wrote on). See publisher.h.
 */
#ifndef PGHA_EVALUATE_SUBSCRIPTION_H
#define PGHA_EVALUATE_SUBSCRIPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/check.h"
#include "lib/model/range.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/* Room for a name, and the database's before it. */
enum { SUBSCRIPTION_LABEL_SIZE = 2 * SNAPSHOT_NAME_SIZE + 2 };

/* What a subscription is held against. */
struct subscription_limits {
	const struct policy *policy;
	const struct limit *warning; /* in time since the last message; in bytes behind the publisher */
	const struct limit *critical;
	enum state disabled;  /* when it is switched off */
	enum state not_ready; /* while tables are not copied yet */
};

/* One subscription, as it is judged. */
struct subscription {
	const struct snapshot_subscription *row;
	const struct subscription_limits *limits;
	int64_t timeout_ms; /* wal_receiver_timeout */
	bool is_kept;       /* its figures are, of which a verdict holds so many only */
	char label[SUBSCRIPTION_LABEL_SIZE];
};

/* Whether there is anything new in it: its worker runs and has heard from the publisher. */
bool subscription_is_running(const struct subscription *subject);

/* Adds the findings about it, and its figures. */
void subscription_judge(const struct subscription *subject, struct verdict *verdict);

/*
 * Holds a figure against the limits in that unit, as "WHAT subscription "s" is 20 MB (critical above 16 MB)",
 * and keeps it under `name` if its figures are kept.
 */
void subscription_hold(const struct subscription *subject, const char *what, const char *name, double value,
	enum unit unit, struct verdict *verdict);

#endif
