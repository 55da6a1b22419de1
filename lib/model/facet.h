/*
 * facet.h: the piece of I/O that fills one part of a snapshot, described as data.
 *
 * A facet is one statement whose result columns are named as the fields of its part; who
 * runs it (lib/collect) needs to know no more. A check names its facets by pointer, so that
 * its program links no other.
 */
#ifndef PGHA_MODEL_FACET_H
#define PGHA_MODEL_FACET_H

#include "lib/model/snapshot.h"

struct facet {
	enum snapshot_part part;
	/*
	 * The statement for a server of that version (150004). It returns exactly one row (of a list at
	 * most its rows_max, those that matter most, each with the total), takes no locks beyond the
	 * catalogs', writes nothing, reads no user table, and works on a primary and on a standby.
	 */
	const char *(*sql)(int server_version);
	/*
	 * Whether what was seen calls for this part; NULL: always. One that depends on another part costs
	 * a second round trip, so this is for what is seldom needed and dear. Pure.
	 */
	bool (*is_due)(const struct snapshot *snapshot);
	/*
	 * How long what was seen is good for where a connection is kept, in ms; 0: it is asked at every
	 * probe. For what changes slowly or is dear: the part is then at most so much older than its
	 * snapshot.
	 */
	int64_t period_ms;
};

#endif
