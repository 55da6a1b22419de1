/*
 * dcs_dialect.h: what asking one kind of store takes, as data and pure functions: what to ask an endpoint,
 * and what its answers mean. lib/collect/dcs.c does the asking.
 */
#ifndef PGHA_COLLECT_DCS_DIALECT_H
#define PGHA_COLLECT_DCS_DIALECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/collect/web.h"
#include "lib/model/snapshot.h"

/* Nine endpoints with that many questions each are made at once: within WEB_REQUESTS_MAX. */
enum { DCS_DIALECT_QUESTIONS = 5, DCS_DIALECT_PATH_SIZE = 160, DCS_DIALECT_BODY_SIZE = 400 };

struct dcs_dialect_question {
	char path[DCS_DIALECT_PATH_SIZE]; /* behind the endpoint's URL: "/v3/kv/range" */
	char body[DCS_DIALECT_BODY_SIZE]; /* JSON; empty: it is a GET */
};

/* What is wanted of the store. */
struct dcs_dialect_plan {
	char key[136];    /* of the leader, without a "/" at the front: "service/demo/leader"; empty: none */
	char version[24]; /* of the store, where an endpoint has not told its own */
	bool wants_quota; /* also where that is dear */
};

/* The leader key, as the endpoints tell. */
struct dcs_dialect_lock {
	bool is_told; /* an endpoint could tell whether it is there */
	bool is_there;
	char holder[64]; /* its value: the name of the member */
	char lease[40];  /* the lease or session that it is on; empty: none */
	bool has_lease;  /* it goes by itself: it has a lease or session that lives, or a TTL */
	int64_t ttl_ms;  /* what is left of that; none: not told */
	int64_t granted_ms;
	struct err fault; /* why an endpoint could not tell; class none: none said so */
};

struct dcs_dialect {
	const char *name; /* "etcd" */
	/* Where something answers that tells the kind, and whether this is it. May set the row's version. */
	const char *probe;
	bool (*is_it)(const struct web_answer *answer, struct snapshot_dcs_endpoint *row);
	/* What to ask the endpoint in `row`; returns how many. */
	size_t (*ask)(const struct dcs_dialect_plan *plan, const struct snapshot_dcs_endpoint *row,
		struct dcs_dialect_question questions[DCS_DIALECT_QUESTIONS]);
	/*
	 * Reads the answers to these, in their order, into the row, what they tell of the store into `dcs`,
	 * and of the leader key into `lock`. -1 when the endpoint said nothing of use: why is the fault.
	 */
	int (*read)(const struct dcs_dialect_plan *plan, const struct web_answer *answers,
		struct snapshot_dcs_endpoint *row, struct snapshot_dcs *dcs, struct dcs_dialect_lock *lock,
		struct err *err);
	/* What to ask about the key's lease or session once it is known, and the answer. NULL: nothing. */
	void (*ask_lease)(const struct dcs_dialect_plan *plan, const struct snapshot_dcs_endpoint *row,
		const struct dcs_dialect_lock *lock, struct dcs_dialect_question *question);
	int (*read_lease)(const struct web_answer *answer, struct dcs_dialect_lock *lock, struct err *err);
};

#endif
