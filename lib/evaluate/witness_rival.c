#include "lib/evaluate/witness_rival.h"

#include "lib/evaluate/judge.h"

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
