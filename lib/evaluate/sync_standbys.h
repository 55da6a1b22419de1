/*
 * sync_standbys.h: who gives the word that commits wait for, and whether enough are there. Pure.
 *
 * From the setting and the primary's WAL senders, by the rules of syncrep.c and walsender.c: a sender is a
 * candidate when it is listed (the server tells its priority), streams (or is stopping, having sent all)
 * and its receiver has told what it flushed. Of a priority list the first `required` candidates are
 * synchronous, by priority and then by their place among the senders; of a quorum all count. Commits
 * block exactly when there are fewer candidates than required. Whoever receives WAL counts, be it a
 * standby, a logical subscriber or pg_receivewal, and several of one name count each.
 */
#ifndef PGHA_EVALUATE_SYNC_STANDBYS_H
#define PGHA_EVALUATE_SYNC_STANDBYS_H

#include <stdbool.h>

#include "lib/base/text.h"
#include "lib/evaluate/sync_names.h"
#include "lib/model/snapshot.h"

/* As pg_stat_replication.sync_state has them. */
enum sync_standbys_state {
	SYNC_STANDBYS_ASYNC,     /* not listed, or it tells no flushed position */
	SYNC_STANDBYS_POTENTIAL, /* listed, and not needed or not streaming yet */
	SYNC_STANDBYS_QUORUM,    /* one of those of which `required` are waited for */
	SYNC_STANDBYS_SYNC,      /* waited for */
	SYNC_STANDBYS_STATE_COUNT
};

struct sync_standbys {
	const struct sync_names *names; /* both are the caller's, and outlive this */
	const struct snapshot_senders *senders;
	bool is_hidden;  /* this role may not see the senders' states: the rest means nothing */
	bool is_partial; /* more are listed than the snapshot holds: candidates are at least so many */
	bool is_settled; /* the senders go by this setting; for a moment after a reload they may not */
	int candidates;
	int margin;    /* how many of them may go before commits block; below 0 they do */
	int named;     /* different names in the setting, "*" apart */
	int caught_up; /* of the senders that are sync or quorum, how many have replayed all WAL there is */
	int flushed;   /* of these, how many have flushed all of it: enough for all but remote_apply */
	int row_count;
	enum sync_standbys_state states[SNAPSHOT_SENDERS_MAX]; /* of each row of the senders */
};

/* Looks at a primary's senders in the light of its synchronous_standby_names. */
void sync_standbys_look(
	const struct sync_names *names, const struct snapshot_senders *senders, struct sync_standbys *ret);

/* Whom a list is to name. */
enum sync_standbys_who {
	SYNC_STANDBYS_WHO_SYNC,
	SYNC_STANDBYS_WHO_QUORUM,
	SYNC_STANDBYS_WHO_POTENTIAL,
	SYNC_STANDBYS_WHO_ASYNC,
	SYNC_STANDBYS_WHO_ABSENT, /* named in the setting, and no sender bears that name */
	SYNC_STANDBYS_WHO_LATE,   /* listed, and no candidate yet; with what it does: "n3 (catchup)" */
	/*
	 * Sync or quorum, and its last word is older than it may be: it answers the ping that is sent after
	 * half of wal_sender_timeout. Nobody, where that is off. By its own clock, which may be wrong: "n2
	 * (42 s)"
	 */
	SYNC_STANDBYS_WHO_SILENT,
	SYNC_STANDBYS_WHO_BEHIND, /* sync or quorum, and it has not replayed all WAL that there is */
	SYNC_STANDBYS_WHO_TWINS,  /* named in the setting, and several senders bear the name: "n2 (2)" */
	SYNC_STANDBYS_WHO_COUNT
};

/*
 * Appends their names, "n2, n3 and 7 more", with "(logical)" behind a logical subscriber's. Returns how many
 * they are. Nobody is absent while there are more senders than are known.
 */
int sync_standbys_list(const struct sync_standbys *standbys, enum sync_standbys_who who, struct text *text);

#endif
