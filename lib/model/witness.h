/*
 * witness.h: a cluster manager that is asked about a node beside the node itself, described as data.
 *
 * A check names its witnesses by pointer, as it does its facets. A one-shot takes their settings as options
 * and asks those that were given after the server, before the same deadline; in the agent each is the source
 * of the check of the same name ([patroni]), whose newest look is put beside what the server said. Either way
 * the check finds the witness' part in snapshots[0]: obtained, or with the fault that says why not. Neither:
 * no such witness was named.
 */
#ifndef PGHA_MODEL_WITNESS_H
#define PGHA_MODEL_WITNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/model/facet.h"
#include "lib/model/setting.h"
#include "lib/model/snapshot.h"

/* Room for what the settings of a witness fill. */
enum { WITNESS_SOURCE_SIZE = 4096 };

struct witness {
	const char *name;        /* of the check that asks the same: "patroni" */
	enum snapshot_part part; /* that tells the check about its node */
	/*
	 * The options of a one-shot, for the struct that they fill (at most WITNESS_SOURCE_SIZE bytes). The first, a
	 * text, is the one that names the witness: where it is empty, there is none.
	 */
	const struct setting *settings;
	size_t setting_count;
	size_t source_size;
	/*
	 * What is asked of the server too where the witness is named, in the same round trip; ends in NULL. (The
	 * agent always asks for the identity.) NULL: nothing more.
	 */
	const struct facet *const *facets;
	/*
	 * Fills the part, or its fault, before the deadline (of clock_now_ms()). `node` is what the server said,
	 * `snapshot` may be the same.
	 */
	void (*collect)(const void *source, const struct snapshot *node, int64_t deadline_ms,
		struct snapshot *snapshot);
};

#endif
