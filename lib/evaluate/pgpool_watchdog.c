#include "lib/evaluate/pgpool_watchdog.h"

#include <stdbool.h>
#include <string.h>

#include "lib/evaluate/judge.h"
#include "lib/evaluate/pgpool_backend.h"

static bool
is_in_state(const struct snapshot_pgpool *pgpool, const char *state)
{
	return strcmp(pgpool->watchdog_state, state) == 0;
}

static void
judge_leader(const struct snapshot_pgpool *pgpool, struct verdict *verdict)
{
	if (pgpool->watchdog_leader[0] != '\0') {
		judge_reason(verdict, STATE_OK, "watchdog leader is %s", pgpool->watchdog_leader);
		return;
	}
	judge_reason(verdict, STATE_CRITICAL, "the watchdog has no leader (%lld of %lld pgpools alive)",
		(long long)pgpool->watchdog_nodes, (long long)pgpool->watchdog_total);
	judge_hint(verdict,
		"without a leader nobody holds the virtual IP or fails over: start the other pgpools, "
		"or see why they do not reach each other (wd_port, heartbeat_port)");
}

static void
judge_quorum(const struct snapshot_pgpool *pgpool, struct verdict *verdict)
{
	long long alive = (long long)pgpool->watchdog_nodes, total = (long long)pgpool->watchdog_total;

	if (strcmp(pgpool->watchdog_quorum, "QUORUM EXIST") == 0
		|| strcmp(pgpool->watchdog_quorum, "NO LEADER NODE") == 0) /* said already */
		return;
	if (strcmp(pgpool->watchdog_quorum, "QUORUM IS ON THE EDGE") == 0) {
		judge_reason(verdict, STATE_WARNING,
			"the watchdog's quorum is on the edge (%lld of %lld pgpools alive)", alive, total);
	} else if (strcmp(pgpool->watchdog_quorum, "QUORUM ABSENT") == 0) {
		judge_reason(verdict, STATE_CRITICAL,
			"the watchdog has no quorum (%lld of %lld pgpools alive): no failover and no virtual "
			"IP",
			alive, total);
		judge_hint(verdict, "start the other pgpools, or mend the network between them");
	} else {
		judge_reason(verdict, STATE_UNKNOWN,
			"the watchdog's quorum is \"%s\", which is not known here", pgpool->watchdog_quorum);
	}
}

/* The one that was asked, where that is not how its part in the cluster looks. */
static void
judge_own(const struct snapshot_pgpool *pgpool, struct verdict *verdict)
{
	if (is_in_state(pgpool, "LEADER") || is_in_state(pgpool, "STANDBY"))
		return;
	judge_reason(verdict,
		is_in_state(pgpool, "IN NETWORK TROUBLE") || is_in_state(pgpool, "NETWORK ISOLATION")
				|| is_in_state(pgpool, "LOST") || is_in_state(pgpool, "DEAD")
			? STATE_CRITICAL
			: STATE_WARNING,
		"this pgpool is neither leader nor standby of the watchdog: %s", pgpool->watchdog_state);
}

static void
judge_lost(const struct snapshot_pgpool *pgpool, struct verdict *verdict)
{
	long long lost = (long long)(pgpool->watchdog_total - pgpool->watchdog_nodes);

	judge_figure(verdict, "watchdog_nodes_alive", (double)pgpool->watchdog_nodes, UNIT_NONE);
	if (lost <= 0)
		return;
	judge_reason(verdict, STATE_WARNING, "the watchdog has lost %lld of %lld pgpools (%s%s)", lost,
		(long long)pgpool->watchdog_total, pgpool->watchdog_lost, lost > 1 ? ", ..." : "");
	judge_hint(verdict,
		"start it again, or see why it is not reached; one that is gone for good is taken out "
		"of the configuration");
}

void
pgpool_watchdog_judge(
	const struct snapshot_pgpool *pgpool, const struct policy *policy, struct verdict *verdict)
{
	if (!pgpool->is_watchdog_asked) {
		if (pgpool->is_watchdog_used)
			judge_detail(verdict, "the watchdog was not asked: give --pcp-user");
		return;
	}
	if (pgpool->watchdog_fault[0] != '\0') {
		judge_reason(verdict, pgpool_backend_fault_state(policy, pgpool->watchdog_fault_class),
			"cannot see the watchdog: %s", pgpool->watchdog_fault);
		if (!pgpool->is_watchdog_used && pgpool->delay_period_s != SNAPSHOT_NONE)
			judge_hint(verdict, "leave --pcp-user out, or set use_watchdog in pgpool.conf");
		else
			judge_hint(verdict,
				"run pcp_watchdog_info -w -v by hand, with -h, -p and -U, as the user of "
				"this "
				"check; the password is in ~/.pcppass (mode 0600)");
		return;
	}
	judge_leader(pgpool, verdict);
	judge_quorum(pgpool, verdict);
	judge_own(pgpool, verdict);
	judge_lost(pgpool, verdict);
}
