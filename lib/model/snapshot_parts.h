/*
 * snapshot_parts.h: the parts of a snapshot. Each is what one facet sees, as plain data; the table in
 * snapshot_fields.c names every member.
 */
#ifndef PGHA_MODEL_SNAPSHOT_PARTS_H
#define PGHA_MODEL_SNAPSHOT_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/snapshot_managers.h"

/* A number that the server does not have: NULL in SQL. */
#define SNAPSHOT_NONE INT64_MIN

enum snapshot_part {
	SNAPSHOT_ROLE,
	SNAPSHOT_READ_ONLY,
	SNAPSHOT_STANDBY,
	SNAPSHOT_IDENTITY,
	SNAPSHOT_SENDERS,
	SNAPSHOT_SYNC,
	SNAPSHOT_SLOTS,
	SNAPSHOT_SUBSCRIPTIONS,
	SNAPSHOT_CONNECTIONS,
	SNAPSHOT_ARCHIVE,
	SNAPSHOT_BACKUP,
	SNAPSHOT_CONFIG,
	SNAPSHOT_PATRONI,
	SNAPSHOT_PATRONI_CLUSTER,
	SNAPSHOT_DCS,
	SNAPSHOT_PGBOUNCER,
	SNAPSHOT_PGPOOL,
	SNAPSHOT_REPMGR,
	SNAPSHOT_AUTO_FAILOVER,
	SNAPSHOT_PART_COUNT
};

/* Of more rows than there is room for, those that matter most are kept, and the total is told. */
enum {
	SNAPSHOT_SENDERS_MAX = 32,
	SNAPSHOT_SLOTS_MAX = 64,
	SNAPSHOT_SUBSCRIPTIONS_MAX = 16,
	SNAPSHOT_CONNECTIONS_MAX = 24
};

/* The server's names have 63 characters and a zero byte. */
enum { SNAPSHOT_NAME_SIZE = 64 };

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
	char application[SNAPSHOT_NAME_SIZE]; /* the name that its sender knows it by */
};

/* Which cluster the server belongs to. */
struct snapshot_identity {
	char system_identifier[24]; /* the same on every node of a cluster, and on no other's */
	int64_t started_ms;         /* since 1970 */
};

/* One WAL sender of a server: a standby, a logical subscriber, or another receiver of WAL. */
struct snapshot_sender {
	int64_t pid;
	int64_t place; /* its place among the server's senders, from 1, which breaks ties of priority */
	char application[SNAPSHOT_NAME_SIZE];
	char address[48];    /* empty: a UNIX socket, or not permitted to see it */
	bool is_logical;     /* it decodes for a subscriber: no standby */
	char state[16];      /* "streaming", "catchup", ...; empty: not permitted to see it */
	char sync_state[12]; /* "async", "potential", "sync", "quorum" */
	int64_t sync_priority;
	uint64_t flush_lsn;
	uint64_t replay_lsn;
	/* From the server's own position to what was sent, and what the receiver wrote, flushed, replayed. */
	int64_t sent_behind_bytes;
	int64_t write_behind_bytes;
	int64_t flush_behind_bytes;
	int64_t behind_bytes;
	/* As the server measures them by its own clock; none when idle, and they stand still with replay. */
	int64_t write_lag_ms;
	int64_t flush_lag_ms;
	int64_t replay_lag_ms;
	int64_t reply_age_ms; /* since the receiver's last word */
};

struct snapshot_senders {
	int64_t total;
	int64_t sender_timeout_ms; /* wal_sender_timeout; 0 is off; none when there are no rows */
	struct snapshot_sender rows[SNAPSHOT_SENDERS_MAX];
};

/* What commits wait for; senders tells whether it is there. */
struct snapshot_sync {
	char names[1024];   /* synchronous_standby_names */
	char commit[16];    /* synchronous_commit, as this session has it */
	bool is_commit_own; /* set for the role or the database of this session: it hides the server\'s own */
	int64_t waiting;    /* sessions that wait for a standby's word now (wait event SyncRep) */
	int64_t waiting_ms; /* the longest of them: since its statement began, so at most so long */
	int64_t hidden;     /* sessions that this role may not see */
};

/* One replication slot. */
struct snapshot_slot {
	char name[SNAPSHOT_NAME_SIZE];
	char type[12];                     /* "physical", "logical" */
	char database[SNAPSHOT_NAME_SIZE]; /* of a logical one */
	bool is_temporary;
	bool is_active;
	int64_t active_pid;
	uint64_t restart_lsn;           /* none: it reserves nothing, never used or invalidated */
	uint64_t confirmed_lsn;         /* of a logical one: what its consumer has confirmed */
	int64_t retained_bytes;         /* from restart_lsn to the server's own position */
	int64_t confirmed_behind_bytes; /* from confirmed_lsn likewise */
	char wal_status[16];            /* "reserved", "extended", "unreserved", "lost" */
	int64_t safe_bytes;    /* WAL that may come before it is lost; none: without bound, or lost */
	int64_t inactive_ms;   /* since it was last used (17+) */
	bool is_conflicting;   /* a logical one that recovery invalidated (16+) */
	char invalidation[32]; /* why it is invalid (17+) */
	bool is_failover;      /* to be kept on standbys (17+) */
	bool is_synced;        /* a copy of the primary's (17+) */
	int64_t xmin_age;      /* transactions since the oldest that it holds back from vacuum */
};

struct snapshot_slots {
	int64_t total;
	/* The settings that decide whether a standby can take slots over. */
	bool syncs;                            /* sync_replication_slots (17+) */
	bool gives_feedback;                   /* hot_standby_feedback */
	char primary_slot[SNAPSHOT_NAME_SIZE]; /* primary_slot_name */
	char standby_slots[256];               /* synchronized_standby_slots (17+) */
	struct snapshot_slot rows[SNAPSHOT_SLOTS_MAX];
};

/* One subscription of this server. */
struct snapshot_subscription {
	char name[SNAPSHOT_NAME_SIZE];
	char database[SNAPSHOT_NAME_SIZE];
	bool is_enabled;
	char slot[SNAPSHOT_NAME_SIZE]; /* at the publisher */
	int64_t worker_pid;            /* of the apply worker; none: it does not run */
	char worker_wait[40];  /* what it waits for: "Activity:LogicalApplyMain", "Lock:relation"; "?": hidden
				*/
	uint64_t received_lsn; /* the publisher's position of the last message */
	uint64_t latest_end_lsn; /* the publisher's position as last reported to it */
	int64_t message_age_ms;  /* since the last message came */
	int64_t tables;          /* none: of another database than the one connected to */
	int64_t tables_not_ready;
	/* Since the statistics began (15+; conflicts 18+), and since the last look, where there was one. */
	int64_t apply_errors;
	int64_t sync_errors;
	int64_t conflicts;
	int64_t new_errors;
	int64_t new_conflicts;
};

struct snapshot_subscriptions {
	int64_t total;
	int64_t receiver_timeout_ms; /* wal_receiver_timeout; 0 is off */
	struct snapshot_subscription rows[SNAPSHOT_SUBSCRIPTIONS_MAX];
};

/* The client sessions of one database or role. */
struct snapshot_connection {
	char kind[12]; /* "database", "role" */
	char name[SNAPSHOT_NAME_SIZE];
	int64_t sessions;
	int64_t limit; /* CONNECTION LIMIT; -1: none */
};

/* Sessions, and how many there may be. */
struct snapshot_connections {
	int64_t total;                  /* of the rows */
	int64_t used;                   /* client sessions */
	int64_t max;                    /* max_connections */
	int64_t superuser_reserved;     /* superuser_reserved_connections */
	int64_t role_reserved;          /* reserved_connections (16+), else 0 */
	int64_t hidden;                 /* sessions that this role may not see */
	int64_t idle_in_transaction;    /* sessions that hold a transaction open and do nothing */
	int64_t idle_in_transaction_ms; /* the longest of them */
	int64_t transaction_ms;         /* the oldest transaction */
	int64_t snapshot_age;           /* the oldest snapshot, in transactions since */
	int64_t waiting;                /* sessions that wait for a lock */
	int64_t waiting_ms; /* the longest of them: since its statement began, so at most so long */
	struct snapshot_connection rows[SNAPSHOT_CONNECTIONS_MAX];
};

/* The archiver. */
struct snapshot_archive {
	char mode[12];       /* archive_mode: "off", "on", "always" */
	bool is_command_set; /* archive_command or archive_library */
	bool is_running;     /* the archiver process is there: one that fails hard ends, and counts nothing */
	int64_t running_ms;  /* since that started; none: it is not there */
	bool keeps_nothing;  /* its command only says yes: "true", ":", "exit 0" */
	int64_t timeout_ms;  /* archive_timeout; 0 is off */
	int64_t archived;    /* segments since the statistics began */
	int64_t failed;      /* attempts that failed */
	char last_archived[48];  /* the file's name */
	int64_t archived_age_ms; /* since then; none: nothing yet */
	char last_failed[48];
	int64_t failed_age_ms;
	int64_t ready;        /* files that wait to be archived */
	int64_t ready_age_ms; /* since the oldest of them was finished */
};

/* The newest backup, as a tool or the backup's own files tell. */
struct snapshot_backup {
	char source[16];         /* "pgbackrest", "barman", "pg_basebackup" */
	char name[128];          /* the stanza, the server, the directory */
	int64_t count;           /* good ones */
	char label[128];         /* of the newest good one */
	char kind[16];           /* "full", "diff", "incr" */
	int64_t stopped_ms;      /* when it was finished, since 1970; none: there is no good one */
	int64_t full_stopped_ms; /* the newest good full one */
	char failed_label[128];  /* of one that failed and is newer; empty: none */
	char failure[160];       /* why */
	bool is_running;         /* one is being taken now */
	char wal_start[32];      /* the WAL that the newest good one needs */
	char wal_stop[32];
	char archive_min[32]; /* the WAL that is archived, where the tool tells */
	char archive_max[32];
	char wal_gap[160];    /* what the tool or its files say is missing; empty: nothing known */
	char complaint[160];  /* what the tool itself says is wrong; empty: nothing */
	char unfinished[128]; /* a newer one that is not finished yet; empty: none, or not told */
	int64_t written_ms; /* when the file that told it was written; none: the tool or backup itself told */
	char lagging[32];   /* of several repositories the one whose newest good backup is oldest: "repo2" */
	int64_t lagging_stopped_ms; /* when that was finished */
};

/* Settings as the server has them, or as a proposed postgresql.conf would set them. */
struct snapshot_config {
	char file[256]; /* where they were read; empty: the server was asked */
	char wal_level[16];
	char hot_standby[8];
	char wal_log_hints[8];
	char data_checksums[16]; /* empty in a file: it does not tell */
	char full_page_writes[8];
	char fsync[8];
	char archive_mode[12];
	char max_slot_wal_keep_size[24]; /* as the server shows it: "-1", "10GB" */
	char wal_keep_size[24];
	char synchronous_standby_names[1024];
	char synchronous_commit[16];
	char wal_receiver_timeout[24];
	char wal_sender_timeout[24];
	char hot_standby_feedback[8];
	char recovery_target_timeline[24];
	char primary_slot_name[SNAPSHOT_NAME_SIZE];
	char sync_replication_slots[8];       /* 17+; empty before */
	char synchronized_standby_slots[256]; /* 17+ */
	char cluster_name[SNAPSHOT_NAME_SIZE];
	bool has_primary_conninfo; /* never itself: it may hold a password */
	bool has_application_name; /* primary_conninfo names the standby */
	bool has_dbname;           /* primary_conninfo names a database, which slot synchronization needs */
	int64_t tcp_keepalives_idle;
	int64_t tcp_keepalives_interval;
	int64_t tcp_keepalives_count;
	int64_t tcp_user_timeout;
	int64_t max_wal_senders;
	int64_t max_replication_slots;
	int64_t max_connections;
	int64_t max_worker_processes;
	int64_t max_prepared_transactions;
	int64_t max_locks_per_transaction;
	int64_t slots;              /* there are now */
	int64_t logical_slots;      /* of these */
	int64_t failover_slots;     /* of those, to be kept on standbys (17+); 0 before */
	int64_t weak_commit_roles;  /* roles and databases whose own synchronous_commit does not wait */
	char weak_commit_role[160]; /* one of them: "role app", "role app in database shop" */
	char refused[256];          /* what the server would refuse the file for; empty: nothing */
};

#endif
