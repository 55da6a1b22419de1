#include "lib/agent/health.h"

#include <string.h>

#include "lib/collect/facets.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/lag.h"
#include "lib/evaluate/sync_state.h"
#include "lib/evaluate/witness.h"
#include "lib/evaluate/witness_patroni.h"
#include "lib/evaluate/witness_replica.h"
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

/* A primary that may not be one is not ready for anything. */
static void
judge_primary(const struct snapshot *node, const struct health_limits *limits, struct verdict *verdict)
{
	const struct witness_limits witness = {.policy = &limits->policy, .unreachable = limits->unreachable};

	judge_reason(verdict, STATE_OK, "running as primary");
	witness_judge_primary(node, &witness, verdict);
}

/* How far what counts is behind the newest position known. -1: unknown. */
static int64_t
ready_lag_bytes(const struct snapshot *node, const struct health_limits *limits)
{
	int64_t behind_bytes = witness_replica_behind_bytes(node);

	if (limits->is_by_write)
		return write_lag_bytes(&node->standby);
	return behind_bytes >= 0 ? behind_bytes : lag_bytes(&node->standby);
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
		judge_primary(&snapshots[0], limits, verdict);
		return;
	}
	bytes = ready_lag_bytes(&snapshots[0], limits);
	if (lag_source(standby) != LAG_STREAMING || bytes < 0)
		judge_reason(verdict, STATE_CRITICAL, "not streaming, lag unknown");
	else
		judge_reason(verdict, STATE_OK, "streaming from %s", standby->sender_host);
	if (bytes >= 0)
		judge_metric(verdict, limits->is_by_write ? "write lag" : "replay lag",
			limits->is_by_write ? "write_lag_bytes" : "replay_lag_bytes", (double)bytes,
			UNIT_BYTES, NULL, &critical);
}

static bool
is_patroni_asked(const struct snapshot *node)
{
	return snapshot_has(node, SNAPSHOT_PATRONI) || node->faults[SNAPSHOT_PATRONI].class != ERR_NONE;
}

static void
evaluate_standby_leader(
	const struct snapshot *snapshots, size_t count, const void *limits_data, struct verdict *verdict)
{
	const struct health_limits *limits = limits_data;

	(void)count;
	if (!snapshots[0].role.in_recovery)
		judge_wrong_role(verdict, &limits->policy, "primary, not the leader of a standby cluster");
	else if (!is_patroni_asked(&snapshots[0]))
		judge_wrong_role(verdict, &limits->policy,
			"not known to lead a standby cluster: no manager of one is asked");
	else
		witness_patroni_judge_standby(&snapshots[0], true, &limits->policy, verdict);
}

/* -- beside a check ---------------------------------------------------------------------------- */

/* The word of this node's own Patroni, or NULL. */
static const struct snapshot_patroni *
own_patroni(const struct snapshot *node)
{
	return snapshot_has(node, SNAPSHOT_PATRONI) && !witness_patroni_is_stranger(node) ? &node->patroni
											  : NULL;
}

bool
health_leads_standbys(const struct snapshot *node)
{
	const struct snapshot_patroni *patroni = own_patroni(node);

	return snapshot_has(node, SNAPSHOT_ROLE) && node->role.in_recovery && patroni != NULL
		&& patroni->has_lock && strcmp(patroni->role, "standby_leader") == 0;
}

/*
 * In pg_stat_replication's words, by this node's Patroni; NULL if it cannot know. That it is synchronous is
 * in the store. That it is not follows only from a view of the store, of which one that sees no leader may
 * have none.
 */
static const char *
sync_state_by_patroni(const struct snapshot *node)
{
	const struct snapshot_patroni *patroni = own_patroni(node);

	if (patroni == NULL)
		return NULL;
	if (patroni->is_quorum_standby)
		return "quorum";
	if (patroni->is_sync_standby)
		return "sync";
	return patroni->is_unlocked ? NULL : "async";
}

void
health_judge_sync(
	const struct snapshot *snapshots, size_t count, enum route_sync wanted, struct verdict *verdict)
{
	const char *by_peer = sync_state_of(snapshots, count);
	const char *state = by_peer != NULL ? by_peer : sync_state_by_patroni(&snapshots[0]);
	bool is_sync = state != NULL && strcmp(state, "sync") == 0;
	bool is_quorum = state != NULL && strcmp(state, "quorum") == 0;
	bool is_right = wanted == ROUTE_SYNC ? is_sync
		: wanted == ROUTE_QUORUM     ? is_quorum
					     : !is_sync && !is_quorum;

	if (state == NULL) {
		judge_reason(verdict, STATE_UNKNOWN,
			"no primary that is asked here tells whether it is synchronous%s",
			is_patroni_asked(&snapshots[0]) ? ", nor does Patroni" : "");
		judge_hint(verdict, "a [peer NAME] section for each other node lets the agent ask");
	} else {
		judge_reason(verdict, is_right ? STATE_OK : STATE_CRITICAL, "to its primary it is \"%s\"%s",
			state, by_peer != NULL ? "" : ", by Patroni");
	}
	judge_end(verdict);
}

/* Whether `list` has all of the `length` characters at `item`, from comma to comma. */
static bool
has_item(const char *list, const char *item, size_t length)
{
	while (*list != '\0') {
		size_t here = strcspn(list, ",");

		if (here == length && memcmp(list, item, length) == 0)
			return true;
		list += here + (list[here] == ',');
	}
	return false;
}

void
health_judge_tags(const struct snapshot *node, const char *wanted, struct verdict *verdict)
{
	const struct snapshot_patroni *patroni = own_patroni(node);
	const struct err *fault = &node->faults[SNAPSHOT_PATRONI];

	if (patroni == NULL && is_patroni_asked(node)) {
		judge_reason(verdict, STATE_CRITICAL, "its tags are not known (%s)",
			fault->class != ERR_NONE ? fault->text : "Patroni speaks of another server");
	} else if (patroni == NULL) {
		judge_reason(verdict, STATE_CRITICAL, "no node here has tags: Patroni is not asked");
		judge_hint(verdict, "a [patroni] section lets the agent ask");
	} else {
		for (size_t length; *wanted != '\0'; wanted += length + (wanted[length] == ',')) {
			length = strcspn(wanted, ",");
			if (!has_item(patroni->tags, wanted, length))
				judge_reason(verdict, STATE_CRITICAL, "Patroni's tag \"%.*s\" is not its own",
					(int)length, wanted);
		}
		judge_detail(verdict, "its tags: %s", patroni->tags[0] != '\0' ? patroni->tags : "none");
	}
	judge_end(verdict);
}

/* -- the checks -------------------------------------------------------------------------------- */

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
