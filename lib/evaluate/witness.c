#include "lib/evaluate/witness.h"

#include "lib/evaluate/judge.h"
#include "lib/evaluate/witness_auto_failover.h"
#include "lib/evaluate/witness_patroni.h"
#include "lib/evaluate/witness_repmgr.h"

static const struct {
	enum snapshot_part part;
	const char *name;   /* for people */
	const char *check;  /* that looks at it alone */
	const char *option; /* that says what it means when it cannot be asked */
	void (*judge_primary)(
		const struct snapshot *node, const struct policy *policy, struct verdict *verdict);
} managers[WITNESS_MANAGERS] = {
	[WITNESS_PATRONI] = {.part = SNAPSHOT_PATRONI,
		.name = "Patroni",
		.check = "check_patroni",
		.option = "patroni-unreachable",
		.judge_primary = witness_patroni_judge_primary},
	[WITNESS_REPMGR] = {.part = SNAPSHOT_REPMGR,
		.name = "repmgr",
		.check = "check_repmgr",
		.option = "repmgr-unreachable",
		.judge_primary = witness_repmgr_judge_primary},
	[WITNESS_MONITOR] = {.part = SNAPSHOT_AUTO_FAILOVER,
		.name = "the monitor",
		.check = "check_pg_auto_failover",
		.option = "monitor-unreachable",
		.judge_primary = witness_auto_failover_judge_primary},
};

void
witness_judge_unreachable(const struct snapshot *node, enum witness_manager manager,
	const struct witness_limits *limits, struct verdict *verdict)
{
	const struct err *fault = &node->faults[managers[manager].part];
	enum state state = limits->unreachable[manager];
	bool is_enough = state == STATE_OK || state == STATE_WARNING;

	if (snapshot_has(node, managers[manager].part) || fault->class == ERR_NONE)
		return;
	if (fault->class == ERR_USAGE) {
		judge_fault(verdict, limits->policy, fault);
		return;
	}
	judge_reason(verdict, state, "%s could not be asked%s (%s)", managers[manager].name,
		is_enough ? ", PostgreSQL alone is trusted" : "", fault->text);
	if (is_enough)
		return;
	verdict->fault = *fault;
	if (fault->hint[0] != '\0')
		judge_hint(verdict, "%s", fault->hint);
	else
		judge_hint(verdict, "see %s; --%s ok trusts PostgreSQL alone", managers[manager].check,
			limits->option != NULL ? limits->option : managers[manager].option);
}

enum witness_right
witness_right(const struct snapshot *node)
{
	enum witness_right by_patroni = witness_patroni_right(node);
	enum witness_right by_monitor = witness_auto_failover_right(node);

	if (by_patroni == WITNESS_RIGHT_ELSEWHERE || by_monitor == WITNESS_RIGHT_ELSEWHERE)
		return WITNESS_RIGHT_ELSEWHERE;
	return by_patroni == WITNESS_RIGHT_HERE ? by_patroni : by_monitor;
}

void
witness_judge_primary(
	const struct snapshot *node, const struct witness_limits *limits, struct verdict *verdict)
{
	for (enum witness_manager manager = WITNESS_PATRONI; manager < WITNESS_MANAGERS; manager++) {
		if (snapshot_has(node, managers[manager].part))
			managers[manager].judge_primary(node, limits->policy, verdict);
		else
			witness_judge_unreachable(node, manager, limits, verdict);
	}
}
