#include "lib/evaluate/patroni_leader.h"

#include <stdint.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/patroni_member.h"

/* Room for the names of all members. */
enum { NAMES_SIZE = 256 };

/* Who says that it holds the lock. */
struct holders {
	int64_t count;
	const struct snapshot_patroni_member *first;
	char names[NAMES_SIZE]; /* "n1 and n3" */
};

static struct holders
find_holders(const struct snapshot_patroni_cluster *cluster)
{
	struct holders holders = {.count = 0};
	struct text text;

	text_init(&text, holders.names, sizeof holders.names);
	for (int64_t i = 0; i < patroni_member_count(cluster); i++) {
		const struct snapshot_patroni_member *member = &cluster->rows[i];

		if (!member->has_lock)
			continue;
		if (holders.count++ == 0)
			holders.first = member;
		text_add(&text, "%s%s", holders.count > 1 ? " and " : "", member->name);
	}
	return holders;
}

/* Whom the view calls the leader; the store has one lock, so more than one is none that can be believed. */
static const struct snapshot_patroni_member *
judge_named(const struct snapshot_patroni_cluster *cluster, struct verdict *verdict)
{
	const struct snapshot_patroni_member *first = NULL;
	char names[NAMES_SIZE];
	struct text text;
	int count = 0;

	text_init(&text, names, sizeof names);
	for (int64_t i = 0; i < patroni_member_count(cluster); i++) {
		const struct snapshot_patroni_member *member = &cluster->rows[i];

		if (!patroni_member_is_leader(member))
			continue;
		if (count++ == 0)
			first = member;
		text_add(&text, "%s%s", count > 1 ? " and " : "", member->name);
	}
	if (count > 1 && cluster->view_fault[0] == '\0') {
		judge_reason(
			verdict, STATE_CRITICAL, "the cluster's store names more than one leader: %s", names);
		judge_hint(verdict,
			"a store has one leader lock: is it Patroni that answers there? see "
			"\"patronictl list\" on a member");
	}
	return first;
}

/*
 * A server that takes writes without the lock: nobody keeps another from being promoted beside it. But where
 * nobody has the lock, all have agreed to failsafe mode: that leader takes it anew, now that the store is
 * back.
 */
static void
judge_primaries(const struct snapshot_patroni_cluster *cluster, const struct holders *holders,
	struct verdict *verdict)
{
	for (int64_t i = 0; i < patroni_member_count(cluster); i++) {
		const struct snapshot_patroni_member *member = &cluster->rows[i];

		if (!member->is_asked || member->has_lock || strcmp(member->own_role, "primary") != 0
			|| patroni_member_is_down(member) /* which keeps its role */
			|| (member->is_failsafe && holders->count == 0))
			continue;
		judge_reason(verdict, STATE_CRITICAL,
			"split brain suspected: %s is a primary without the leader lock", member->name);
		judge_hint(verdict, "if another leader takes writes, stop %s now; then look into its log",
			member->name);
	}
}

static void
judge_holders(
	const struct holders *holders, const struct snapshot_patroni_member *named, struct verdict *verdict)
{
	if (holders->count > 1) {
		judge_reason(verdict, STATE_CRITICAL,
			"split brain suspected: %s each say that they hold the leader lock", holders->names);
		judge_hint(verdict, "find out which of them the clients write to, and stop the others");
	} else if (holders->count == 1 && named != NULL && named != holders->first) {
		judge_reason(verdict, STATE_WARNING,
			"%s holds the lock, and the cluster's store still names %s", holders->first->name,
			named->name);
		judge_hint(verdict, "the leader has just changed, or %s has lost touch: look again",
			holders->first->name);
	} else if (holders->count == 0 && named != NULL && named->is_asked) {
		judge_reason(verdict, STATE_CRITICAL,
			"%s is the leader by the cluster's store, and says that it does not hold the lock",
			named->name);
		judge_hint(verdict,
			"it is stepping down, or cannot reach the store: see the log of its Patroni");
	}
}

static bool
is_running(const struct snapshot_patroni_member *leader)
{
	return strcmp(leader->state, "running") == 0
		|| (strcmp(leader->role, "standby_leader") == 0
			&& (strcmp(leader->state, "streaming") == 0
				|| strcmp(leader->state, "in archive recovery") == 0));
}

/* Whether it takes writes, or will as soon as it is promoted; only its own word tells. */
static bool
judge_role(const struct snapshot_patroni_member *leader, struct verdict *verdict)
{
	const char *role = leader->own_role;

	if (strcmp(leader->role, "promoted") == 0
		|| (leader->has_lock
			&& (strcmp(role, "replica") == 0 || strcmp(role, "standby_leader") == 0))) {
		judge_reason(verdict, STATE_WARNING, "the leader %s is not promoted yet", leader->name);
		judge_hint(verdict, "it is in recovery still, and takes no writes until that ends");
		return false;
	}
	if (leader->has_lock && strcmp(role, "primary") != 0) {
		judge_reason(
			verdict, STATE_CRITICAL, "the role of the leader %s is \"%s\"", leader->name, role);
		judge_hint(verdict, "it takes no writes: see the log of its Patroni");
		return false;
	}
	return true;
}

/* The leader of a standby cluster that gets nothing; before 3.0.4 nobody tells. */
static bool
judge_stream(const struct snapshot_patroni_member *leader, struct verdict *verdict)
{
	if (strcmp(leader->state, "running") != 0 || !patroni_member_tells_replication(leader->version))
		return true;
	judge_reason(verdict, STATE_WARNING, "the standby cluster's leader %s runs and does not stream",
		leader->name);
	judge_hint(verdict,
		"can it reach the main cluster? see standby_cluster in \"patronictl show-config\", and "
		"PostgreSQL's log there");
	return false;
}

/* What is wrong with the leader itself. Whether it is well. */
static bool
judge_leader(const struct snapshot_patroni_member *leader, struct verdict *verdict)
{
	bool is_standby = strcmp(leader->role, "standby_leader") == 0;

	if (patroni_member_is_silent(leader)) {
		judge_reason(verdict, STATE_CRITICAL, "Patroni of the leader %s does not answer: %s",
			leader->name, leader->fault);
		judge_hint(verdict,
			"another is promoted when its lock expires; if its PostgreSQL still runs then, there "
			"are two primaries");
		return false;
	}
	if (!is_running(leader)) {
		judge_reason(verdict, STATE_CRITICAL, "the state of the leader %s is \"%s\"", leader->name,
			leader->state[0] == '\0' ? "unknown" : leader->state);
		judge_hint(verdict, "see the logs of Patroni and PostgreSQL there");
		return false;
	}
	return is_standby ? judge_stream(leader, verdict) : judge_role(leader, verdict);
}

struct patroni_leader
patroni_leader_judge(const struct snapshot_patroni_cluster *cluster, struct verdict *verdict)
{
	const struct snapshot_patroni_member *named = judge_named(cluster, verdict);
	struct holders holders = find_holders(cluster);
	/* The view may be older than what a member says of itself. */
	struct patroni_leader leader = {
		.member = holders.count == 1 || named == NULL ? holders.first : named};

	judge_holders(&holders, named, verdict);
	judge_primaries(cluster, &holders, verdict);
	if (leader.member != NULL) {
		leader.is_healthy = judge_leader(leader.member, verdict)
			&& (leader.member->has_lock || !leader.member->is_asked);
		return leader;
	}
	judge_reason(verdict, STATE_CRITICAL, "%s",
		cluster->view_fault[0] == '\0' ? "the cluster has no leader"
					       : "nobody says that it holds the leader lock");
	if (cluster->view_fault[0] != '\0')
		judge_hint(verdict, "Patroni answers, and cannot read its store: see check_dcs");
	else if (cluster->is_paused)
		judge_hint(verdict, "in a pause nobody is promoted: resume, or fail over by hand");
	else
		judge_hint(verdict,
			"has a replica the right to be promoted? see the logs of Patroni; check_dcs --scope "
			"%s "
			"tells who holds the lock",
			text_shell_word(cluster->scope, "SCOPE"));
	return leader;
}
