/*
 * snapshot.h: what was seen on one node at one instant, as plain data without pointers.
 *
 * A snapshot has parts. Each part was obtained, or carries the fault that says why not, or was
 * not asked for. The table of fields below is the one description of the parts: facets fill
 * them by column name, record and replay write them by it, and the cases files spell them.
 */
#ifndef PGHA_MODEL_SNAPSHOT_H
#define PGHA_MODEL_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

/* A number that the server does not have: NULL in SQL. */
#define SNAPSHOT_NONE INT64_MIN

enum snapshot_part { SNAPSHOT_ROLE, SNAPSHOT_READ_ONLY, SNAPSHOT_STANDBY, SNAPSHOT_PART_COUNT };

/* What every question begins with. */
struct snapshot_role {
	bool in_recovery;  /* pg_is_in_recovery() */
	bool is_read_only; /* default_transaction_read_only, as this session has it */
	char wal_file[32]; /* the primary's current WAL file, see lsn_timeline() */
	uint64_t wal_lsn;  /* the primary's write position; none on a standby */
};

/* Where a primary's default_transaction_read_only comes from, when it is on. */
struct snapshot_read_only {
	char source[32]; /* pg_settings.source: "configuration file", "user", ... */
};

/* How a standby gets on; all empty on a primary. */
struct snapshot_standby {
	uint64_t replay_lsn;
	uint64_t receive_lsn;     /* last flushed by streaming; stays when the receiver is gone */
	char replay_pause[24];    /* "not paused", "pause requested", "paused" */
	int64_t replay_age_ms;    /* since the commit of the last transaction replayed */
	int64_t receiver_pid;     /* none: no WAL receiver runs */
	char receiver_status[16]; /* "streaming", ...; empty: not permitted to see it */
	uint64_t written_lsn;     /* none until the first WAL after connecting */
	uint64_t latest_end_lsn;  /* the sender's end of WAL by its last message; likewise */
	int64_t received_timeline;
	bool has_heard;               /* the receiver had a message since it connected */
	int64_t receipt_age_ms;      /* since the last message of the sender */
	int64_t receiver_timeout_ms; /* wal_receiver_timeout; 0 is off */
	int64_t apply_delay_ms;       /* recovery_min_apply_delay */
	char sender_host[256];
	int64_t sender_port;
};

struct snapshot {
	char target[160];       /* "127.0.0.1:5432", "/run/postgresql:5432"; never a secret */
	int64_t taken_ms;       /* wall clock, since 1970 */
	int64_t elapsed_us;     /* what it took to connect and ask */
	int64_t server_version; /* 150004; none when nothing was reached */
	unsigned obtained;      /* a bit for each part */
	struct err faults[SNAPSHOT_PART_COUNT];
	struct snapshot_role role;
	struct snapshot_read_only read_only;
	struct snapshot_standby standby;
};

/* It crosses from a worker to the agent in one message. */
_Static_assert(sizeof(struct snapshot) <= 8192, "a snapshot has grown past its bound");

enum snapshot_type {
	SNAPSHOT_BOOL,    /* bool; NULL is refused */
	SNAPSHOT_INTEGER, /* int64_t; NULL is SNAPSHOT_NONE */
	SNAPSHOT_LSN,     /* uint64_t; NULL is LSN_NONE */
	SNAPSHOT_TEXT     /* char[size], made clean; longer text is refused; NULL is "" */
};

struct snapshot_field {
	enum snapshot_part part;
	const char *name;
	enum snapshot_type type;
	size_t offset; /* in struct snapshot */
	size_t size;
};

extern const struct snapshot_field snapshot_fields[];
extern const size_t snapshot_field_count;

/* An empty snapshot: nothing asked, nothing obtained, every number none. */
void snapshot_init(struct snapshot *snapshot);

bool snapshot_has(const struct snapshot *snapshot, enum snapshot_part part);
void snapshot_mark(struct snapshot *snapshot, enum snapshot_part part);

/* Records why a part was not obtained. */
void snapshot_fail(struct snapshot *snapshot, enum snapshot_part part, const struct err *fault);

/* "role", "read_only", "standby". */
const char *snapshot_part_name(enum snapshot_part part);

/* The part of that name, or SNAPSHOT_PART_COUNT. */
enum snapshot_part snapshot_part_parse(const char *name);

/* The field of that name in a part, or NULL. */
const struct snapshot_field *snapshot_field_find(enum snapshot_part part, const char *name);

/*
 * Sets a field from text as SQL gives it ("t", "on", "42", "0/3000060", "streaming"), or from NULL.
 * -1 with class protocol when the text is of another shape.
 */
int snapshot_set(struct snapshot *snapshot, const struct snapshot_field *field, const char *value,
	struct err *err) __attribute__((warn_unused_result));

/* Whether a field has a value: not NULL. */
bool snapshot_is_set(const struct snapshot *snapshot, const struct snapshot_field *field);

/* Appends the field's value so that snapshot_set() reads it back. The field must be set. */
void snapshot_write(const struct snapshot *snapshot, const struct snapshot_field *field, struct text *text);

#endif
