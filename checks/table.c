#include "checks/table.h"

extern const struct check check_pg_leader;
extern const struct check check_pg_replica;

const struct check *const table_checks[] = {
	&check_pg_leader,
	&check_pg_replica,
	NULL,
};
