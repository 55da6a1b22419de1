#include "lib/agent/health.h"

#include "lib/collect/facets.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/lag.h"
#include "lib/model/lsn.h"

static void
evaluate_up(const struct snapshot *snapshots, size_t count, const void *limits, struct verdict *verdict)
{
	(void)count;
	(void)limits;
	judge_reason(
		verdict, STATE_OK, "running as %s", snapshots[0].role.in_recovery ? "standby" : "primary");
}

/* How far what was received is behind the newest position known. */
static int64_t
write_lag_bytes(const struct snapshot_standby *standby)
{
	uint64_t received = lsn_newer(standby->receive_lsn, standby->written_lsn);

	return lag_bytes(standby) < 0 ? -1 : lsn_distance(standby->latest_end_lsn, received);
}

static void
evaluate_ready(
	const struct snapshot *snapshots, size_t count, const void *limits_data, struct verdict *verdict)
{
	const struct health_limits *limits = limits_data;
	const struct snapshot_standby *standby = &snapshots[0].standby;
	struct limit critical = {.of[UNIT_BYTES] = {.is_set = true, .end = (double)limits->ready_bytes}};
	int64_t bytes;

	(void)count;
	if (!snapshots[0].role.in_recovery) {
		judge_reason(verdict, STATE_OK, "running as primary");
		return;
	}
	bytes = limits->is_by_write ? write_lag_bytes(standby) : lag_bytes(standby);
	if (lag_source(standby) != LAG_STREAMING || bytes < 0)
		judge_reason(verdict, STATE_CRITICAL, "not streaming, lag unknown");
	else
		judge_reason(verdict, STATE_OK, "streaming from %s", standby->sender_host);
	if (bytes >= 0)
		judge_metric(verdict, limits->is_by_write ? "write lag" : "replay lag",
			limits->is_by_write ? "write_lag_bytes" : "replay_lag_bytes", (double)bytes,
			UNIT_BYTES, NULL, &critical);
}

static void
evaluate_standby_leader(
	const struct snapshot *snapshots, size_t count, const void *limits, struct verdict *verdict)
{
	(void)snapshots;
	(void)count;
	(void)limits;
	judge_reason(
		verdict, STATE_CRITICAL, "not known to lead a standby cluster: no manager of one is asked");
}

static const struct facet *const role_facets[] = {&facet_role, NULL};
static const struct facet *const ready_facets[] = {&facet_role, &facet_standby, NULL};

const struct check health_up = {
	.name = "health",
	.title = "HEALTH",
	.facets = role_facets,
	.limits_size = sizeof(struct health_limits),
	.evaluate = evaluate_up,
};

const struct check health_ready = {
	.name = "readiness",
	.title = "READINESS",
	.facets = ready_facets,
	.limits_size = sizeof(struct health_limits),
	.evaluate = evaluate_ready,
};

const struct check health_standby_leader = {
	.name = "standby_leader",
	.title = "STANDBY LEADER",
	.facets = role_facets,
	.limits_size = sizeof(struct health_limits),
	.evaluate = evaluate_standby_leader,
};
