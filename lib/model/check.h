/*
 * check.h: a question: the facets it needs, the settings it takes, and the pure function that
 * answers it.
 */
#ifndef PGHA_MODEL_CHECK_H
#define PGHA_MODEL_CHECK_H

#include <stddef.h>

#include "lib/base/err.h"
#include "lib/model/facet.h"
#include "lib/model/setting.h"
#include "lib/model/snapshot.h"
#include "lib/model/state.h"
#include "lib/model/target.h"
#include "lib/model/verdict.h"
#include "lib/model/witness.h"

/* What the limits of every check begin with. */
struct policy {
	enum state on[ERR_CLASS_COUNT]; /* the state for what could not be seen, by class */
	enum state wrong_role;          /* for a node that the question does not apply to */
};

/* Another node that a question may need to see; options for it are there where it is set. */
enum check_second {
	CHECK_NO_SECOND,
	CHECK_PRIMARY,  /* --primary CONNINFO: asked of a standby, its primary */
	CHECK_PUBLISHER /* --publisher CONNINFO: asked of a subscriber, its publisher */
};

/* What a check's own source is given to look with. */
struct check_look {
	const struct target *target;   /* what the command line names; NULL in the agent */
	/* What the last look saw (in the agent, or with --state), or NULL; of another target it says nothing. */
	const struct snapshot *before;
	int64_t deadline_ms;           /* of clock_now_ms() */
};

struct check {
	const char *name;                  /* "pg_leader"; the program is check_pg_leader */
	const char *title;                 /* "PG LEADER": how the Nagios line begins */
	const char *summary;               /* the question, for --help */
	const char *example;               /* a few command lines with what they do, for --help */
	const struct facet *const *facets; /* ends in NULL */
	const struct setting *settings;
	size_t setting_count;
	size_t limits_size; /* of the struct that the settings fill; it begins with struct policy */
	/*
	 * Who else may be asked. A one-shot asks it the same facets, after the node itself, and adds what it
	 * saw as snapshots[1]; in the agent snapshots[1] and on are the peers, whatever they are.
	 */
	enum check_second second;
	/*
	 * Whether its figures are about this node's own replay, so that a figure over its limit is no mere
	 * burst when that stands still: see damping.
	 */
	bool is_about_replay;
	/*
	 * Whether the one-shot takes --state FILE, to tell what is new since the last look: see
	 * lib/evaluate/growth.h. The agent compares with what it saw a minute ago.
	 */
	bool has_memory;
	/*
	 * For what is not asked of a PostgreSQL server: fills the whole snapshot as the limits say, before the
	 * deadline, with a fault for what could not be had. False, and nothing done, when
	 * the limits name nothing of the kind, and the server is to be asked. NULL: it always is.
	 * has_source() tells beforehand, and is there if collect() is.
	 */
	bool (*has_source)(const void *limits);
	bool (*collect)(const void *limits, const struct check_look *look, struct snapshot *snapshot);
	/* Whether -H and -p lead to what is asked over HTTP, and to no server of PostgreSQL: --help says so. */
	bool is_over_http;
	/*
	 * The agent's configuration has a section of its name, [patroni], for what it looks at; one without a name of
	 * its own tells the checks that have it among their witnesses. How often, and how long at most, the agent
	 * looks there unless it is told otherwise; 0: the defaults.
	 */
	bool has_section;
	int64_t interval_ms;
	int64_t timeout_ms;
	/* The managers that may be asked about the node, too; ends in NULL. NULL: none. */
	const struct witness *const *witnesses;
	/*
	 * Answers from `count` snapshots (the first is the node asked about), of which every part
	 * that a facet above fills, and that is due, was obtained in the first; of those that collect()
	 * filled, only the part of the first facet. Pure: no clock, no I/O.
	 */
	void (*evaluate)(
		const struct snapshot *snapshots, size_t count, const void *limits, struct verdict *verdict);
};

#endif
