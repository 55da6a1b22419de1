#include "checks/table.h"

extern const struct check check_dcs;
extern const struct check check_patroni;
extern const struct check check_pg_archive;
extern const struct check check_pg_auto_failover;
extern const struct check check_pg_backup;
extern const struct check check_pg_config;
extern const struct check check_pg_connections;
extern const struct check check_pg_lag;
extern const struct check check_pg_leader;
extern const struct check check_pg_replica;
extern const struct check check_pg_slots;
extern const struct check check_pg_subscription;
extern const struct check check_pg_sync;
extern const struct check check_pgbouncer;
extern const struct check check_pgpool;
extern const struct check check_repmgr;

const struct check *const table_checks[] = {
	&check_pg_leader,
	&check_pg_replica,
	&check_pg_lag,
	&check_pg_sync,
	&check_pg_slots,
	&check_pg_subscription,
	&check_pg_connections,
	&check_pg_archive,
	&check_pg_backup,
	&check_pg_config,
	&check_patroni,
	&check_dcs,
	&check_pgbouncer,
	&check_pgpool,
	&check_repmgr,
	&check_pg_auto_failover,
	NULL,
};
