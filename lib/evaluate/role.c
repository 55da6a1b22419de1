#include "lib/evaluate/role.h"

#include "lib/evaluate/judge.h"
#include "lib/model/lsn.h"

uint32_t
role_timeline(const struct snapshot_role *role, const struct policy *policy, struct verdict *verdict)
{
	uint32_t timeline = lsn_timeline(role->wal_file);

	if (timeline == 0) {
		struct err fault;

		err_set(&fault, ERR_PROTOCOL, "a primary without a timeline: its WAL file is \"%s\"",
			role->wal_file);
		judge_fault(verdict, policy, &fault);
	}
	return timeline;
}
