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
#include "lib/model/snapshot_parts.h"

struct snapshot {
	char target[160];       /* "127.0.0.1:5432", "/run/postgresql:5432"; never a secret */
	int64_t taken_ms;       /* wall clock, since 1970 */
	int64_t elapsed_us;     /* what it took to connect and ask */
	int64_t server_version; /* 150004; none when nothing was reached */
	unsigned obtained;      /* a bit for each part */
	unsigned recalled;      /* likewise for those that an earlier look has seen: see facet.h */
	struct err faults[SNAPSHOT_PART_COUNT];
	struct snapshot_role role;
	struct snapshot_read_only read_only;
	struct snapshot_standby standby;
	struct snapshot_identity identity;
	struct snapshot_senders senders;
	struct snapshot_sync sync;
	struct snapshot_slots slots;
	struct snapshot_subscriptions subscriptions;
	struct snapshot_connections connections;
	struct snapshot_archive archive;
	struct snapshot_backup backup;
	struct snapshot_config config;
	struct snapshot_patroni patroni;
	struct snapshot_patroni_cluster patroni_cluster;
	struct snapshot_dcs dcs;
	struct snapshot_pgbouncer pgbouncer;
	struct snapshot_pgpool pgpool;
	struct snapshot_repmgr repmgr;
	struct snapshot_auto_failover auto_failover;
};

/* It crosses from a worker to the agent in one message, which a socket's buffer must have room for. */
_Static_assert(sizeof(struct snapshot) <= 102400, "a snapshot has grown past its bound");

/* No number that a server tells is larger, and sums and differences of a few never overflow. */
#define SNAPSHOT_NUMBER_MAX (INT64_C(1) << 60)

enum snapshot_type {
	SNAPSHOT_BOOL,    /* bool; NULL is refused */
	SNAPSHOT_INTEGER, /* int64_t of at most SNAPSHOT_NUMBER_MAX either way; NULL is SNAPSHOT_NONE */
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

/* The name of a part, and where it is in struct snapshot. */
struct snapshot_place {
	const char *name;
	size_t offset;
	size_t size;
};

/* A part that is a list: bounded rows, and a field "total" that tells how many there were. */
struct snapshot_list {
	enum snapshot_part part;
	size_t rows_max;
	size_t row_size;
	size_t total_offset; /* in struct snapshot, an int64_t */
	size_t rows_offset;  /* likewise; they are the last member of the part */
};

extern const struct snapshot_field snapshot_fields[];
extern const size_t snapshot_fields_count;
extern const struct snapshot_place snapshot_fields_places[SNAPSHOT_PART_COUNT];
extern const struct snapshot_list snapshot_fields_lists[];
extern const size_t snapshot_fields_list_count;

/* An empty snapshot: nothing asked, nothing obtained, every number none. */
void snapshot_init(struct snapshot *snapshot);

bool snapshot_has(const struct snapshot *snapshot, enum snapshot_part part);
void snapshot_mark(struct snapshot *snapshot, enum snapshot_part part);

/*
 * How many bytes of a part that was obtained are in use, from its place on: the rows that a list does not
 * have are left out.
 */
size_t snapshot_part_length(const struct snapshot *snapshot, enum snapshot_part part);

/*
 * Makes `to` what `from` is, without the parts that this has not, nor rows that there are not: what stands
 * there in `to` is never read.
 */
void snapshot_copy(struct snapshot *to, const struct snapshot *from);

/* Takes a part over as it is in another snapshot, obtained there. */
void snapshot_copy_part(struct snapshot *snapshot, const struct snapshot *from, enum snapshot_part part);

/* The same, or takes over why it was not obtained there. */
void snapshot_take_part(struct snapshot *snapshot, const struct snapshot *from, enum snapshot_part part);

/* Records why a part was not obtained. */
void snapshot_fail(struct snapshot *snapshot, enum snapshot_part part, const struct err *fault);

/* "role", "read_only", "standby", ...: how recordings and cases files call it. */
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
 * Whether a snapshot that came from another process can be read safely: texts end, numbers, truth values and
 * classes are in range, its bits name parts that there are. Of lists, only the rows that there are: the
 * others are never read.
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
