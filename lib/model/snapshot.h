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

enum snapshot_part {
	SNAPSHOT_ROLE,
	SNAPSHOT_READ_ONLY,
	SNAPSHOT_STANDBY,
	SNAPSHOT_IDENTITY,
	SNAPSHOT_SENDERS,
	SNAPSHOT_PART_COUNT
};

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
	bool has_heard;              /* the receiver had a message since it connected */
	int64_t receipt_age_ms;      /* since the last message of the sender */
	int64_t receiver_timeout_ms; /* wal_receiver_timeout; 0 is off */
	int64_t apply_delay_ms;      /* recovery_min_apply_delay */
	char sender_host[256];
	int64_t sender_port;
	char application[64]; /* the name that its sender knows it by */
};

/* Which cluster the server belongs to. */
struct snapshot_identity {
	char system_identifier[24]; /* the same on every node of a cluster, and on no other's */
	int64_t started_ms;         /* since 1970 */
};

/* One WAL sender of a server: a standby that is connected, or another receiver of WAL. */
struct snapshot_sender {
	int64_t pid;
	char application[64];
	char address[48];    /* empty: a UNIX socket, or not permitted to see it */
	char state[16];      /* "streaming", "catchup", ...; empty: not permitted to see it */
	char sync_state[12]; /* "async", "potential", "sync", "quorum" */
	uint64_t replay_lsn;
	int64_t behind_bytes;  /* from the server's own position to what is replayed there */
	int64_t replay_lag_ms; /* as the server measures it; none when idle */
};

enum { SNAPSHOT_SENDERS_MAX = 8 };

struct snapshot_senders {
	int64_t total; /* how many there are; of more than there is room for, those furthest behind are kept
			*/
	struct snapshot_sender rows[SNAPSHOT_SENDERS_MAX];
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
	struct snapshot_identity identity;
	struct snapshot_senders senders;
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
	bool is_in_row; /* a member of the rows of a list; the offset is the first row's */
	size_t offset;  /* in struct snapshot */
	size_t size;
};

/* A part that is a list: bounded rows, and a field "total" that tells how many there were. */
struct snapshot_list {
	enum snapshot_part part;
	size_t rows_max;
	size_t row_size;
	size_t total_offset; /* in struct snapshot, an int64_t */
};

extern const struct snapshot_field snapshot_fields[];
extern const size_t snapshot_field_count;

/* An empty snapshot: nothing asked, nothing obtained, every number none. */
void snapshot_init(struct snapshot *snapshot);

bool snapshot_has(const struct snapshot *snapshot, enum snapshot_part part);
void snapshot_mark(struct snapshot *snapshot, enum snapshot_part part);

/* Records why a part was not obtained. */
void snapshot_fail(struct snapshot *snapshot, enum snapshot_part part, const struct err *fault);

/* "role", "read_only", "standby", "identity", "senders". */
const char *snapshot_part_name(enum snapshot_part part);

/* The part of that name, or SNAPSHOT_PART_COUNT. */
enum snapshot_part snapshot_part_parse(const char *name);

/* The field of that name in a part, or NULL. */
const struct snapshot_field *snapshot_field_find(enum snapshot_part part, const char *name);

/* How a part is a list; NULL when it is not. */
const struct snapshot_list *snapshot_list_of(enum snapshot_part part);

/* How many rows of a list are held, at most its rows_max, whatever the total says. */
size_t snapshot_row_count(const struct snapshot *snapshot, const struct snapshot_list *list);

/* A field of a list's row, to be used like any field. */
struct snapshot_field snapshot_field_at(const struct snapshot_field *field, size_t row);

/*
 * Whether a snapshot that came from another process can be read safely: texts end, truth values and
 * classes are in range, its bits name parts that there are.
 */
bool snapshot_is_sound(const struct snapshot *snapshot);

/*
 * Sets a field from text as SQL gives it ("t", "on", "42", "0/3000060", "streaming"), or from NULL.
 * -1 with class protocol when the text is of another shape.
 */
int snapshot_set(struct snapshot *snapshot, const struct snapshot_field *field, const char *value,
	struct err *err) __attribute__((warn_unused_result));

/* Makes every text of a sound snapshot clean, as text_clean() does, wherever it came from. */
void snapshot_clean(struct snapshot *snapshot);

/* Whether a field has a value: not NULL. */
bool snapshot_is_set(const struct snapshot *snapshot, const struct snapshot_field *field);

/* Appends the field's value so that snapshot_set() reads it back. The field must be set. */
void snapshot_write(const struct snapshot *snapshot, const struct snapshot_field *field, struct text *text);

#endif
