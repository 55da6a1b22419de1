#include "lib/evaluate/witness_rival.h"

#include "lib/evaluate/judge.h"
#include "lib/evaluate/role.h"
#include "lib/model/lsn.h"

void
witness_rival_judge(const char *who, int64_t theirs, uint32_t ours, struct verdict *verdict)
{
	if (theirs > (int64_t)ours) {
		judge_reason(verdict, STATE_CRITICAL,
			"stale primary: %s is primary on the newer timeline %lld", who, (long long)theirs);
		judge_hint(verdict, "stop this server at once, then rejoin it with pg_rewind");
	} else if (theirs == (int64_t)ours || theirs <= 0) {
		if (theirs <= 0)
			judge_reason(verdict, STATE_CRITICAL, "split brain: %s is primary as well", who);
		else
			judge_reason(verdict, STATE_CRITICAL,
				"split brain: %s is primary on timeline %lld as well", who,
				(long long)theirs);
		judge_hint(verdict, "stop one of the two; compare their data before the other is rejoined");
	} else {
		judge_reason(
			verdict, STATE_OK, "%s is a stale primary on timeline %lld", who, (long long)theirs);
		judge_hint(verdict, "stop that server, then rejoin it with pg_rewind");
	}
}

static void
judge_peer(const struct snapshot *node, const struct snapshot *peer, uint32_t ours, struct verdict *verdict)
{
	uint32_t theirs;

	if (!snapshot_has(peer, SNAPSHOT_ROLE) || peer->role.in_recovery || !role_is_same_cluster(node, peer)
		|| role_is_same_server(node, peer))
		return;
	theirs = lsn_timeline(peer->role.wal_file);
	if (theirs != 0)
		witness_rival_judge(peer->target, theirs, ours, verdict);
}

void
witness_rival_judge_peers(
	const struct snapshot *snapshots, size_t count, uint32_t ours, struct verdict *verdict)
{
	for (size_t i = 1; i < count; i++)
		judge_peer(&snapshots[0], &snapshots[i], ours, verdict);
}
