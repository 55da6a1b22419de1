#include "lib/evaluate/witness_replica.h"

#include <string.h>

#include "lib/evaluate/judge.h"
#include "lib/evaluate/lag.h"
#include "lib/evaluate/witness_patroni.h"
#include "lib/model/lsn.h"

static void
judge_tags(const struct snapshot_patroni *patroni, bool ignores_noloadbalance, struct verdict *verdict)
{
	if (patroni->has_nofailover)
		judge_detail(verdict, "its tag nofailover keeps Patroni from promoting it");
	if (!patroni->has_noloadbalance)
		return;
	if (ignores_noloadbalance) {
		judge_detail(verdict, "its tag noloadbalance is ignored");
		return;
	}
	judge_reason(verdict, STATE_CRITICAL, "taken out by its tag noloadbalance");
	judge_hint(verdict,
		"the tag is in Patroni's configuration file on this node; --ignore-noloadbalance accepts "
		"such "
		"a replica");
}

static void
judge_lock(const struct snapshot_patroni *patroni, const struct witness_replica_limits *limits,
	struct verdict *verdict)
{
	if (!patroni->has_lock)
		return;
	if (strcmp(patroni->role, "standby_leader") != 0)
		judge_detail(verdict, "holds Patroni's leader lock, and is to be promoted");
	else if (limits->accepts_leader)
		judge_reason(verdict, STATE_OK, "leader of a standby cluster, accepted for reads");
	else
		judge_wrong_role(
			verdict, limits->witness.policy, "leader of a standby cluster, not a replica");
}

/*
 * One that receives an older timeline than the leader writes follows a server that is the leader no more.
 * (One that comes late to the switch is told the same for as long as it takes in what was before it.)
 */
static void
judge_timeline(const struct snapshot *node, struct verdict *verdict)
{
	const struct snapshot_patroni *patroni = &node->patroni;
	long long ours = node->standby.received_timeline, theirs = patroni->leader_timeline;

	if (ours == SNAPSHOT_NONE || theirs == SNAPSHOT_NONE || ours >= theirs)
		return;
	judge_reason(verdict, STATE_CRITICAL,
		"receives timeline %lld, and Patroni's leader \"%s\" is on timeline %lld", ours,
		patroni->leader, theirs);
	judge_hint(verdict,
		"normal for the moment of a failover; if it stays so, it follows a server that is the leader "
		"no more: see patronictl list");
}

int64_t
witness_replica_behind_bytes(const struct snapshot *node)
{
	const struct snapshot_patroni *patroni = &node->patroni;
	uint64_t replayed = node->standby.replay_lsn;
	int64_t told = lag_bytes(&node->standby), bytes;

	if (!snapshot_has(node, SNAPSHOT_PATRONI) || witness_patroni_is_stranger(node)
		|| patroni->leader_lsn == LSN_NONE || replayed == LSN_NONE)
		return -1;
	/*
	 * Patroni was asked a moment after the server, and its leader writes meanwhile: what this node has
	 * replayed by then is told by the same look, if it is known to be this node.
	 */
	if (witness_patroni_is_same_server(node) && strcmp(patroni->role, "replica") == 0)
		replayed = lsn_newer(replayed, patroni->lsn);
	bytes = lsn_distance(patroni->leader_lsn, replayed);
	return told > bytes ? told : bytes;
}

/* Whether "http://10.0.0.11:8008" or "http://[fd00::11]:8008" is a URL on that host. */
static bool
is_url_of_host(const char *url, const char *host)
{
	const char *start = strstr(url, "://");
	size_t length = strlen(host);
	bool is_bracketed;

	if (start == NULL || length == 0)
		return false;
	start += strlen("://");
	is_bracketed = start[0] == '[';
	start += is_bracketed;
	if (strncmp(start, host, length) != 0)
		return false;
	return is_bracketed ? start[length] == ']' : strcspn(start, ":/") == length;
}

static bool
has_tag(const char *tags, const char *name_and_sign)
{
	size_t length = strlen(name_and_sign);

	for (;; tags++) {
		if (strncmp(tags, name_and_sign, length) == 0)
			return true;
		tags = strchr(tags, ',');
		if (tags == NULL)
			return false;
	}
}

bool
witness_replica_is_sender_leader(const struct snapshot *node)
{
	return snapshot_has(node, SNAPSHOT_PATRONI) && !witness_patroni_is_stranger(node)
		&& is_url_of_host(node->patroni.leader_url, node->standby.sender_host)
		&& !has_tag(node->patroni.tags, "replicatefrom=");
}

void
witness_replica_judge(
	const struct snapshot *node, const struct witness_replica_limits *limits, struct verdict *verdict)
{
	const struct snapshot_patroni *patroni = &node->patroni;

	if (!snapshot_has(node, SNAPSHOT_PATRONI)) {
		witness_judge_unreachable(node, WITNESS_PATRONI, &limits->witness, verdict);
		return;
	}
	if (!witness_patroni_judge_identity(node, limits->witness.policy, verdict))
		return;
	judge_lock(patroni, limits, verdict);
	judge_tags(patroni, limits->ignores_noloadbalance, verdict);
	judge_timeline(node, verdict);
	witness_patroni_judge_state(patroni, verdict);
	if (!patroni->has_lock && patroni->leader_lsn == LSN_NONE)
		judge_detail(verdict,
			"Patroni does not know the leader's position: the lag is by the receiver's word");
}
