/*
 * snapshot_managers.h: the parts of a snapshot that tell what the systems around PostgreSQL say: cluster
 * managers, their store, poolers. As snapshot_parts.h, which includes it.
 */
#ifndef PGHA_MODEL_SNAPSHOT_MANAGERS_H
#define PGHA_MODEL_SNAPSHOT_MANAGERS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SNAPSHOT_PATRONI_CLUSTER_MAX = 16,
	SNAPSHOT_DCS_MAX = 9,
	SNAPSHOT_PGBOUNCER_MAX = 28,
	SNAPSHOT_PGPOOL_MAX = 16,
	SNAPSHOT_REPMGR_MAX = 16,
	SNAPSHOT_AUTO_FAILOVER_MAX = 16
};

/* What went wrong with one of several, in a few words. */
enum { SNAPSHOT_FAULT_SIZE = 128 };

/* What the Patroni of one node says of its own member: GET /leader. */
struct snapshot_patroni {
	char name[64];    /* of the member; empty before Patroni 3.2: it does not tell */
	char scope[64];   /* of the cluster */
	char version[16]; /* of Patroni: "3.0.2" */
	char role[24];    /* "primary" (also where it says "master"), "replica", "standby_leader", ... */
	char state[48];   /* "running", "starting", "crashed", ... */
	char replication_state[24]; /* "streaming", "in archive recovery"; empty: not told (before 3.0.4) */
	char system_identifier[24];
	bool has_lock; /* it holds the leader lock, also as the leader of a standby cluster */
	int64_t timeline;
	uint64_t lsn; /* a primary's position, a replica's replayed one, of a standby leader what it got */
	int64_t started_ms; /* when PostgreSQL was started, since 1970; none: not told (1.x writes another
			       form) */
	bool is_paused;     /* no automatic failover */
	bool is_unlocked;   /* nobody holds the leader lock */
	bool is_failsafe;   /* failsafe mode is active: the DCS is away */
	bool has_pending_restart;
	bool has_failed_watchdog;
	bool is_sync_standby; /* also as one of a quorum */
	bool is_quorum_standby;
	bool is_replay_paused;
	int64_t dcs_seen_ms;    /* when it last reached the DCS, since 1970 */
	bool has_noloadbalance; /* tags */
	bool has_nofailover;
	char tags[256];          /* all of them, as "name=value" with commas between */
	char leader[64];         /* the leader's name, by the view of the cluster; empty: not known */
	char leader_url[128];    /* where its REST API is */
	uint64_t leader_lsn;     /* its position, as it says itself; none: not known */
	int64_t leader_timeline; /* likewise */
};

/* One member of a Patroni cluster. */
struct snapshot_patroni_member {
	char name[64];
	char role[24]; /* "leader", "standby_leader", "sync_standby", "quorum_standby", "replica"; "unlisted":
			  see below */
	char state[32]; /* "running", "streaming", "stopped", ...; by its own word where there is one */
	char host[64];
	int64_t port;
	char api_url[96]; /* of its REST API */
	int64_t timeline;
	int64_t lag_bytes; /* of its replay; by the members' own words where there are some; none: unknown */
	bool has_pending_restart;
	bool has_noloadbalance;
	bool has_nofailover;
	/* As it says itself, asked at its api_url; one at a URL that was given, and no member by the cluster,
	 * is "unlisted". */
	bool is_asked;         /* it was asked, and answered */
	bool has_lock;         /* it says that it holds the leader lock */
	char own_role[24];     /* "primary", "replica", "standby_leader", ... */
	char sender_state[16]; /* of the WAL sender that serves it, as its upstream tells; empty: not told */
	bool sees_pause;       /* it believes that the cluster is paused */
	bool is_failsafe;
	bool has_failed_watchdog;
	bool is_replay_paused;
	int64_t dcs_seen_ms;
	char version[16];
	bool is_unheard; /* `fault` says nothing of its Patroni: its api_url is none that can be asked, leads
			    to somebody else, or does not let us in. Of an unlisted one: of another cluster */
	char fault[SNAPSHOT_FAULT_SIZE]; /* why it did not answer there; empty: it did */
};

/* What Patroni says of the cluster: GET /cluster, /config, and each member's own word. */
struct snapshot_patroni_cluster {
	int64_t total;
	char scope[64];
	char told_by[128];    /* the URL that answered */
	char view_fault[128]; /* why nobody told of the cluster; empty: one did. The rows are then those who
				 were asked */
	int64_t urls_failed;  /* how many of the given URLs did not answer, members told below aside */
	char url_fault[128];  /* the first of them, and why */
	bool is_paused;
	int64_t paused_since_ms; /* when that was first seen, since 1970; none: not paused */
	char switchover[160];    /* a scheduled one: when, from, to; empty: none */
	bool is_standby_cluster;
	char config_hash[20];     /* of the dynamic configuration; empty: not told */
	bool is_synchronous;      /* synchronous_mode, also as quorum */
	bool is_failsafe_enabled; /* failsafe_mode */
	int64_t ttl_ms;           /* none: the configuration could not be read */
	int64_t loop_wait_ms;
	int64_t seen_ms;    /* when it was asked, since 1970: in the agent it is kept for a while */
	int64_t changed_ms; /* when members were last seen to come or go; none: not since the first look */
	bool is_outdated;   /* to be asked again soon: it will not stay so, or the node's own member now says
			       something else */
	struct snapshot_patroni_member rows[SNAPSHOT_PATRONI_CLUSTER_MAX];
};

/* One endpoint of a distributed configuration store. */
struct snapshot_dcs_endpoint {
	char url[96];
	char name[64];    /* of the member that answers there */
	char id[24];      /* likewise */
	char cluster[24]; /* the id of the store's cluster; empty: not told */
	char leader[64];  /* the id, name or address of the leader as this one sees it; empty: none */
	char role[16];    /* "leader", "follower", "learner", "observer", "standalone"; empty: unknown */
	char version[24];
	char health[96];     /* what it says of itself; empty: well */
	char alarm[64];      /* "NOSPACE", "CORRUPT"; empty: none */
	int64_t size_bytes;  /* of its database */
	int64_t quota_bytes; /* what that may grow to; none: not told */
	int64_t raft_index;
	int64_t raft_term;
	int64_t response_us; /* of a read that needs a quorum where there is one */
	bool is_asked;       /* it answered */
	bool has_quorum;     /* such a read came back */
	bool is_refused;     /* it was not allowed: nothing is known of the quorum */
	char fault[SNAPSHOT_FAULT_SIZE];
};

/* What the store says of itself, and of the leader key of a Patroni cluster. */
struct snapshot_dcs {
	int64_t total;
	char kind[12];         /* "etcd", "etcd2", "consul", "zookeeper" */
	int64_t members;       /* of the store that vote, as it says; none: not told */
	int64_t members_alive; /* of those; none: it does not tell */
	char leader_id[24];    /* of a leader, and what the members call it, where they tell */
	char leader_name[64];
	char scope[64]; /* whose leader key was looked for; empty: none was */
	bool has_leader_key;
	char leader_key[64];   /* the member that it names */
	int64_t leader_ttl_ms; /* what is left of its lease; none: not told */
	int64_t leader_ttl_granted_ms;
	bool has_lease; /* the key goes by itself when its holder does: a lease, a TTL, a session */
	char scope_fault[SNAPSHOT_FAULT_SIZE]; /* why the key could not be read; empty: it was */
	struct snapshot_dcs_endpoint rows[SNAPSHOT_DCS_MAX];
};

/* One database, or one pool (database and user), of a PgBouncer. */
struct snapshot_pgbouncer_pool {
	char kind[12]; /* "database", "pool" */
	char database[64];
	char user[64];  /* of a pool; of a database, the one as whom all clients are logged in; empty: each as
			   itself */
	char mode[12];  /* "session", "transaction", "statement" */
	char place[64]; /* the server that it leads to, as configured: "10.0.0.11:5432"; empty: not told */
	bool is_paused; /* the database */
	bool is_disabled;
	int64_t connections; /* of the database to the server now, and how many there may be; 0: no limit */
	int64_t connections_max;
	int64_t database_clients; /* likewise of clients, of a database alone (1.24+); none: not told */
	int64_t database_clients_max;
	/* Of a pool. */
	int64_t size; /* how many server connections it may have; none: not known */
	int64_t clients_active;
	int64_t clients_waiting;
	int64_t servers_active;
	int64_t servers_idle;
	int64_t servers_used;  /* not in use, with those being tested */
	int64_t servers_login; /* being logged in to the server: one that never answers stays here */
	int64_t wait_ms;       /* of the client that has waited longest; none: not told */
};

struct snapshot_pgbouncer {
	int64_t total;
	char version[24];
	bool is_state_told; /* SHOW STATE is there (1.19+): else nothing tells of a pause of the whole */
	bool is_all_paused; /* as a whole */
	bool is_suspended;
	bool is_expected_one_of_many; /* the expected database names several hosts, which are taken in turn */
	bool is_shutting_down;        /* as the login to the expected database was told */
	int64_t clients;              /* connected now, the asking one included, and how many there may be */
	int64_t clients_max;          /* max_client_conn */
	/* Of all databases and pools that were to be looked at, held as rows or not. */
	int64_t databases;
	int64_t databases_paused;
	int64_t databases_disabled;
	int64_t pools;
	int64_t waiting; /* clients */
	int64_t longest_wait_ms;
	char missing[256]; /* databases that must be there, and are not: names with commas between */
	/* The database that is to lead to a writable server. */
	char expected[64];         /* empty: none was asked for */
	char expected_role[16];    /* "primary", "read-only", "standby"; empty: not reached */
	char expected_place[64];   /* where it led to, if that could be told */
	int64_t expected_outdated; /* clients with a server from before a change; none: not told */
	char expected_class[12];   /* why it was not reached: a class of fault, */
	char expected_fault[SNAPSHOT_FAULT_SIZE]; /* and in words */
	struct snapshot_pgbouncer_pool rows[SNAPSHOT_PGBOUNCER_MAX];
};

/* One backend of a pgpool-II. */
struct snapshot_pgpool_backend {
	int64_t id;
	char host[108]; /* or a socket directory */
	int64_t port;
	char status[16];    /* "up", "down", "waiting", "unused", "quarantine" */
	char role[16];      /* "primary", "standby" */
	char pg_status[16]; /* as pgpool sees it now (4.3+); empty: not told; "unknown": it does not look */
	char pg_role[16];
	char own_role[16];      /* as the backend says itself, asked: "primary", "standby"; empty: it did not
				   answer */
	int64_t own_timeline;   /* of a primary, likewise */
	char own_read_only[24]; /* of a primary: what has set default_transaction_read_only; empty: it is off
				 */
	char own_system_identifier[24]; /* of its cluster; empty: not told */
	int64_t own_started_ms;         /* when that server was started, since 1970; none: not told */
	char own_receiver[16];   /* of a standby's WAL receiver: "streaming", "none"; empty: not told */
	int64_t own_delay_bytes; /* between the primary's position and what it has replayed, by both
				    themselves */
	char fault[SNAPSHOT_FAULT_SIZE]; /* why not; empty: it did, or was not asked */
	char fault_class[12];
	int64_t weight_permille; /* of the load balancing; none: nobody has a weight */
	int64_t delay_bytes;     /* replication_delay of one in use; none: not measured */
	int64_t delay_ms;        /* where pgpool measures it in time */
	char replication_state[16];
	char sync_state[16];
	/* Of its health check (4.2+). */
	int64_t checks;
	int64_t checks_failed;
	int64_t failed_age_ms; /* since the last that failed; none: none has */
	bool is_check_failing; /* none has succeeded since */
};

struct snapshot_pgpool {
	int64_t total;
	char version[24];
	int64_t delay_period_s; /* sr_check_period; 0: the delay is not measured; none: not told */
	/* Why SHOW POOL_NODES did not answer, where the statistics told of the backends; empty: it did. */
	char nodes_fault[SNAPSHOT_FAULT_SIZE];
	char nodes_fault_class[12];
	bool is_watchdog_used; /* use_watchdog */
	/* The watchdog, as PCP tells. */
	bool is_watchdog_asked;
	char watchdog_leader[96]; /* empty: there is none */
	char watchdog_state[32];  /* of this one: "LEADER", "STANDBY" */
	char watchdog_quorum[32]; /* "QUORUM EXIST", "QUORUM ABSENT", ... */
	int64_t watchdog_nodes;   /* alive */
	int64_t watchdog_total;
	char watchdog_lost[96]; /* one that is not alive; empty: all are */
	char watchdog_fault[SNAPSHOT_FAULT_SIZE];
	char watchdog_fault_class[12];
	struct snapshot_pgpool_backend rows[SNAPSHOT_PGPOOL_MAX];
};

/* One node in repmgr's metadata. */
struct snapshot_repmgr_node {
	int64_t id;
	char name[64];
	char type[16]; /* "primary", "standby", "witness", "bdr" */
	bool is_active;
	bool is_own; /* the one that was asked */
	int64_t upstream_id;
	char location[32];
	int64_t priority;
	char place[80]; /* where its conninfo leads: "10.0.0.11:5432"; empty: that names no single place */
	/* As the node says itself, asked; a witness server that is no standby is a "witness". */
	char own_role[16]; /* "primary", "standby", "witness"; empty: it did not answer, or was not asked */
	int64_t own_timeline;    /* of a primary; of a standby what it receives, if it does */
	char own_receiver[16];   /* of a standby's WAL receiver: "streaming", "none"; empty: not told */
	int64_t own_upstream_id; /* the node that it streams from, where its sender's place tells; none: not
				    known */
	int64_t own_started_ms;  /* when that server was started, since 1970; none: not told, or of another
				    cluster */
	int64_t primary_id;      /* the active primary in its own copy of the metadata; none: not told */
	char daemon[12];         /* its repmgrd: "running", "paused", "absent"; empty: not told */
	char fault[SNAPSHOT_FAULT_SIZE]; /* why it did not answer; empty: it did, or was not asked */
	char fault_class[12];            /* its class, by err_class_name() */
};

struct snapshot_repmgr {
	int64_t total;
	char version[16];           /* of the extension */
	char system_identifier[24]; /* of the server that was asked */
	int64_t own_id;             /* none: not known */
	/* The row marked is_own is that of the server that was asked, which need not be the node in question.
	 */
	bool is_own_asked;
	bool has_library;       /* repmgr is in shared_preload_libraries of the node that was asked */
	bool is_daemon_running; /* its repmgrd: a process of that number is there, see repmgr.h */
	bool is_daemon_paused;
	int64_t upstream_seen_s; /* since repmgrd last saw its upstream; none: not told */
	struct snapshot_repmgr_node rows[SNAPSHOT_REPMGR_MAX];
};

/* One node by pg_auto_failover's monitor. */
struct snapshot_auto_failover_node {
	int64_t id;
	int64_t group;
	char formation[64];
	char name[64];
	char host[64];
	int64_t port;
	char reported_state[32]; /* "primary", "secondary", "wait_primary", ... */
	char goal_state[32];     /* "assigned" */
	int64_t health;          /* 1: good, 0: bad, -1: not known yet */
	int64_t health_age_ms;   /* since the monitor last tried */
	bool is_running;         /* as its keeper reports: PostgreSQL runs */
	bool is_own;             /* the node that the question is about */
	bool is_detached;        /* as the node says itself, asked: a standby without a WAL receiver */
	int64_t timeline;
	uint64_t lsn;
	int64_t report_age_ms;           /* since its keeper last reported */
	int64_t change_age_ms;           /* since its state last changed */
	bool is_in_quorum;               /* replication_quorum */
	int64_t priority;                /* candidate_priority */
	int64_t sync_standbys;           /* number_sync_standbys of its formation */
	char system_identifier[24];      /* of its group; empty: not told yet */
	char own_role[16];               /* as the node says itself, asked: "primary", "standby" */
	int64_t own_timeline;            /* of a primary */
	char fault[SNAPSHOT_FAULT_SIZE]; /* why it did not answer; empty: it did, or was not asked */
	char fault_class[12];            /* its class, by err_class_name() */
};

struct snapshot_auto_failover {
	int64_t total;
	char version[16];
	struct snapshot_auto_failover_node rows[SNAPSHOT_AUTO_FAILOVER_MAX];
};

#endif
