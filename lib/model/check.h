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
#include "lib/model/verdict.h"

/* What the limits of every check begin with. */
struct policy {
	enum state on[ERR_CLASS_COUNT]; /* the state for what could not be seen, by class */
	enum state wrong_role;          /* for a node that the question does not apply to */
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
	 * Answers from `count` snapshots (the first is the node asked about), of which every part
	 * that a facet above fills, and that is due, was obtained in the first. Pure: no clock, no I/O.
	 */
	void (*evaluate)(
		const struct snapshot *snapshots, size_t count, const void *limits, struct verdict *verdict);
};

#endif
