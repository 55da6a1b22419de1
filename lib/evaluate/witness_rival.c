#include "lib/evaluate/witness_rival.h"

#include "lib/evaluate/judge.h"
#include "lib/evaluate/role.h"
#include "lib/model/lsn.h"

/* What is to be done about two of them. A manager may need a moment to hear of a promotion. */
static void
judge_remedy(enum witness_right right, struct verdict *verdict)
{
	static const char *const hints[] = {
		[WITNESS_RIGHT_UNKNOWN]
		= "stop one of the two; compare their data before the other is rejoined",
		[WITNESS_RIGHT_HERE]
		= "this one's manager wants it to be the primary: if that stays so, stop the other one, and "
		  "compare their data before it is rejoined",
		[WITNESS_RIGHT_ELSEWHERE]
		= "let nobody write here: this one's manager wants another primary; compare their data "
		  "before this one is rejoined",
		[WITNESS_RIGHT_REGISTERED]
		= "the other one was promoted behind its manager's back: find out which of them the clients "
		  "write to, and stop the other",
	};

	judge_hint(verdict, "%s", hints[right]);
}

static void
judge_newer(const char *who, int64_t theirs, enum witness_right right, struct verdict *verdict)
{
	if (right == WITNESS_RIGHT_HERE) {
		judge_reason(verdict, STATE_CRITICAL,
			"split brain: %s is primary on the newer timeline %lld, but this one is wanted", who,
			(long long)theirs);
		judge_remedy(right, verdict);
	} else {
		judge_reason(verdict, STATE_CRITICAL,
			"stale primary: %s is primary on the newer timeline %lld", who, (long long)theirs);
		if (right == WITNESS_RIGHT_REGISTERED)
			judge_remedy(right, verdict);
		judge_hint(verdict, "stop this server at once, then rejoin it with pg_rewind");
	}
}

static void
judge_older(const char *who, int64_t theirs, enum witness_right right, struct verdict *verdict)
{
	if (right == WITNESS_RIGHT_ELSEWHERE) {
		judge_reason(verdict, STATE_CRITICAL,
			"split brain: %s is primary on the older timeline %lld, but this one is not wanted",
			who, (long long)theirs);
		judge_remedy(right, verdict);
	} else {
		judge_reason(
			verdict, STATE_OK, "%s is a stale primary on timeline %lld", who, (long long)theirs);
		judge_hint(verdict, "stop that server, then rejoin it with pg_rewind");
	}
}

void
witness_rival_judge(
	const char *who, int64_t theirs, uint32_t ours, enum witness_right right, struct verdict *verdict)
{
	if (theirs > (int64_t)ours) {
		judge_newer(who, theirs, right, verdict);
	} else if (theirs > 0 && theirs < (int64_t)ours) {
		judge_older(who, theirs, right, verdict);
	} else {
		if (theirs <= 0)
			judge_reason(verdict, STATE_CRITICAL, "split brain: %s is primary as well", who);
		else
			judge_reason(verdict, STATE_CRITICAL,
				"split brain: %s is primary on timeline %lld as well", who,
				(long long)theirs);
		judge_remedy(right, verdict);
	}
}

static void
judge_peer(const struct snapshot *node, const struct snapshot *peer, uint32_t ours, enum witness_right right,
	struct verdict *verdict)
{
	uint32_t theirs;

	if (!snapshot_has(peer, SNAPSHOT_ROLE) || peer->role.in_recovery || !role_is_same_cluster(node, peer)
		|| role_is_same_server(node, peer))
		return;
	theirs = lsn_timeline(peer->role.wal_file);
	if (theirs != 0)
		witness_rival_judge(peer->target, theirs, ours, right, verdict);
}

void
witness_rival_judge_peers(const struct snapshot *snapshots, size_t count, uint32_t ours,
	enum witness_right right, struct verdict *verdict)
{
	for (size_t i = 1; i < count; i++)
		judge_peer(&snapshots[0], &snapshots[i], ours, right, verdict);
}
