/*
 * verdict.h: the answer of a check, as plain data, before any format writes it.
 */
#ifndef PGHA_MODEL_VERDICT_H
#define PGHA_MODEL_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/model/range.h"
#include "lib/model/state.h"

enum { VERDICT_REASONS = 40, VERDICT_METRICS = 64, VERDICT_NO_WEIGHT = -1 };

/* One finding with the state it calls for. */
struct verdict_reason {
	enum state state;
	bool is_detail; /* left out of the summary */
	char text[288];
};

/* One measured figure, with the limits it was held against. */
struct verdict_metric {
	char name[40];    /* with its unit: "replay_lag_bytes"; letters, digits, underscores */
	char subject[64]; /* which of several: a standby, a slot, a database; empty: there is one */
	double value;     /* in bytes, seconds or per cent; NAN: could not be determined */
	enum unit unit;
	struct range warning;
	struct range critical;
};

struct verdict {
	char check[48]; /* "pg_leader", or what a configuration calls it */
	char title[40]; /* "PG LEADER" */
	char target[160];
	int64_t taken_ms; /* of the snapshot, wall clock */
	enum state state;
	enum state firm_state; /* the worst of the findings that are not limits on a figure */
	char summary[512];     /* one line */
	char hint[192];        /* what to do about it; may be empty */
	enum state hint_state; /* of the finding that it belongs to */
	enum state last_state; /* of the finding that was added last */
	struct err fault;      /* when something needed could not be seen; else class none */
	bool is_wrong_role;    /* the question does not apply to a node of this role */
	bool is_stale;         /* from no facts, or too old ones: a no, whatever the state */
	bool is_drained;       /* taken out by the operator: a no, whatever the state */
	int weight_percent;    /* for load balancers; VERDICT_NO_WEIGHT when the check has none */
	int reason_count;
	int metric_count;
	struct verdict_reason reasons[VERDICT_REASONS];
	struct verdict_metric metrics[VERDICT_METRICS];
};

#endif
