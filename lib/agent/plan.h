/*
 * plan.h: what the agent is to do, as plain data, from its configuration file. A plan is whole and valid,
 * or there is none.
 */
#ifndef PGHA_AGENT_PLAN_H
#define PGHA_AGENT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/evaluate/damping.h"
#include "lib/model/check.h"
#include "lib/model/range.h"
#include "lib/model/target.h"
#include "lib/run/settings.h"

enum {
	PLAN_NAME_SIZE = 48,
	PLAN_TARGETS = 8,   /* [postgres] and its peers */
	PLAN_CHECKS = 24,   /* [check NAME] */
	PLAN_TRACKS = 24,   /* [track_file NAME] */
	PLAN_SOURCES = 12,  /* [check NAME], [patroni] and the like: they ask no server of ours */
	PLAN_LIMITS = 4096, /* bytes for the limits of a check */
	PLAN_PATH_SIZE = 256
};

/* [agent] */
struct plan_agent {
	char name[PLAN_NAME_SIZE]; /* of this node; empty: the host's */
	int64_t interval_ms;
	int64_t timeout_ms; /* for one probe */
	int64_t max_age_ms; /* older facts are not believed */
	char run_directory[PLAN_PATH_SIZE];
	int log; /* enum log_level */
};

/* [listen]: addresses as HOST:PORT, several with commas; empty: none. */
struct plan_listen {
	char http[512];
	char agent[512];
	char socket[108]; /* empty: RUN_DIRECTORY/agent.sock; "none": none */
	char tls_certificate[PLAN_PATH_SIZE];
	char tls_key[PLAN_PATH_SIZE];
	char tls_client_ca[PLAN_PATH_SIZE];
	int64_t max_connections;
	int64_t request_timeout_ms;
};

/* [postgres], [peer NAME] */
struct plan_target {
	char name[PLAN_NAME_SIZE];
	struct target target;
};

/* What [check NAME] says beside the check's own settings. */
struct plan_answer {
	char check[PLAN_NAME_SIZE]; /* which check; empty: the one that the section is named after */
	bool warning_is_failure;
	bool unknown_is_ok;
	char agent[512]; /* addresses that answer agent-check with this question, unasked */
	char maintenance[PLAN_PATH_SIZE];
	struct limit recover; /* to come back within, where it is tighter than the critical limit */
	struct damping_limits damping;
};

/* What [check NAME] says of a source of its own: a backup tool, a file. */
struct plan_source {
	int64_t interval_ms;
	int64_t timeout_ms; /* for one look */
};

/* [check NAME]; [patroni] is short for [check patroni], [pgbouncer NAME] for [check NAME] check = pgbouncer */
struct plan_check {
	char name[PLAN_NAME_SIZE];
	const struct check *check;
	struct plan_answer answer;
	struct plan_source source;
	int source_index; /* among the plan's sources; -1: it is about the servers */
	union {
		struct policy policy; /* what all limits begin with */
		max_align_t align;
		char bytes[PLAN_LIMITS];
	} limits;
};

/* [track_file NAME] */
struct plan_track {
	char name[PLAN_NAME_SIZE];
	char check[PLAN_NAME_SIZE]; /* whose answer; empty: the one that the section is named after */
	char file[PLAN_PATH_SIZE];
	size_t check_index;
};

struct plan {
	struct plan_agent agent;
	struct plan_listen listen;
	struct plan_target targets[PLAN_TARGETS]; /* the first is this node's [postgres] */
	size_t target_count;
	struct plan_check checks[PLAN_CHECKS]; /* "leader" and "replica" are always there */
	size_t check_count;
	size_t sources[PLAN_SOURCES]; /* the checks, by index, that have a source of their own */
	size_t source_count;
	struct plan_track tracks[PLAN_TRACKS];
	size_t track_count;
};

/*
 * Reads the file at `path`. `table` (ends in NULL) are the checks that there are. -1 with class usage and
 * "FILE:LINE: ...": an unknown section, key or value (with the nearest that is known), a limit that
 * cannot hold, a name that means nothing.
 */
int plan_read(const char *path, const struct check *const *table, struct plan *ret, struct err *err)
	__attribute__((warn_unused_result));

/* The same from text, for tests; `path` is for messages. */
int plan_read_text(const char *text, const char *path, const struct check *const *table, struct plan *ret,
	struct err *err) __attribute__((warn_unused_result));

/*
 * Appends the plan as a file that would read as the same plan; with passwords masked. If `is_documented`,
 * every setting is preceded by what it means, and there is an example of every kind of section.
 */
void plan_write(const struct plan *plan, bool is_documented, struct text *text);

/* The check of that name, or NULL. */
const struct plan_check *plan_find_check(const struct plan *plan, const char *name);

/*
 * Whether two limits of a check with a source of its own say to look in the same place: the settings that are
 * marked so are alike. What was seen there is then as good for the one as for the other.
 */
bool plan_is_same_source(const struct check *check, const void *a, const void *b);

/* The source, by index, whose section is the witness' own: [patroni]; -1: there is none. */
int plan_find_witness(const struct plan *plan, const struct witness *witness);

/* Whether a check has the source at `index` among its witnesses. */
bool plan_is_witness(const struct plan *plan, size_t index);

/* How many groups of settings a question may change: the check's own, what a fault means, yes and no. */
enum { PLAN_QUESTION_GROUPS = 3 };

/* Where a plan's things are in the file system: RUN_DIRECTORY and a name. Writes into `to`, returns it. */
const char *plan_path(const struct plan *plan, const char *name, char to[PLAN_PATH_SIZE]);

/* The file whose presence takes a check out of rotation. */
const char *
plan_maintenance_path(const struct plan *plan, const struct plan_check *check, char to[PLAN_PATH_SIZE]);

#endif
