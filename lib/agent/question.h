/*
 * question.h: from a name and parameters, as an HTTP path, agent-send or pgha-ask bring them, to a question
 * that can be answered. Pure, and strict: what is not understood is refused, never ignored, because a
 * limit that is ignored is a yes that should not have been said.
 */
#ifndef PGHA_AGENT_QUESTION_H
#define PGHA_AGENT_QUESTION_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/agent/health.h"
#include "lib/agent/plan.h"
#include "lib/agent/route.h"
#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/model/check.h"

struct question_parameter {
	const char *name;
	const char *value;
};

enum { QUESTION_TAGS = 256 };

enum question_status { QUESTION_OK, QUESTION_UNKNOWN, QUESTION_BAD };

struct question {
	char name[PLAN_NAME_SIZE]; /* as it was asked */
	enum route_kind kind;
	enum route_sync sync;
	const struct check *check;
	int check_index; /* of the plan's check whose answer this is, damped; -1: it has limits of its own */
	int owner_index; /* of the plan's check that it began with, whose switch takes it out; -1: none */
	bool warning_is_failure;
	bool unknown_is_ok;
	bool is_drain_ignored;      /* the operator's switch does not count: drained=ok */
	bool is_for_standby_leader; /* the leader of a standby cluster is a yes, too */
	bool is_for_any_leader;     /* who leads whatever cluster needs to be synchronous to nobody */
	bool has_no_tags;         /* where Patroni is asked, `tags` do not count: it asks none of a leader */
	bool never;               /* asks for what no node can have */
	char tags[QUESTION_TAGS]; /* of Patroni, that the node has to have: "name=value", with commas */
	union {
		struct policy policy;
		struct health_limits health;
		char bytes[PLAN_LIMITS];
	} limits;
};

/*
 * Reads a question. QUESTION_UNKNOWN: there is none of that name; QUESTION_BAD: a parameter that is not
 * understood; both fill `err`. Beside the settings of the check, Patroni's parameters are understood: lag (a
 * limit in bytes), replication_state, mode, tag_NAME (which the node has to have), and drained=ok, for
 * HAProxy's health check beside agent-check: a server that is drained is no server that is down.
 */
enum question_status question_read(const struct plan *plan, const char *name,
	const struct question_parameter *parameters, size_t count, struct question *ret, struct err *err);

/*
 * The same of a path of Patroni's REST API alone. A name may be both, a check and a path: question_read()
 * takes the check then, as it is configured, and as its track file says it. Patroni's "leader" is also that
 * of a standby cluster.
 */
enum question_status question_read_path(const struct plan *plan, const char *name,
	const struct question_parameter *parameters, size_t count, struct question *ret, struct err *err);

/*
 * The same from a line such as "replica lag=16MB", whose end is a line's end or the text's. An empty line
 * asks for nothing: QUESTION_UNKNOWN.
 */
enum question_status
question_read_line(const struct plan *plan, const char *line, struct question *ret, struct err *err);

/* The question of the plan's check at `index`, as it is configured. */
void question_of_check(const struct plan *plan, size_t index, struct question *ret);

#endif
