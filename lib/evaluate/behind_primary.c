#include "lib/evaluate/behind_primary.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/lag.h"
#include "lib/evaluate/role.h"
#include "lib/model/lsn.h"

/* Why the lag is by what the standby knows alone, where somebody else was to be asked. */
static void
judge_no_primary(const struct snapshot *snapshots, size_t count, struct verdict *verdict)
{
	const struct snapshot *other = &snapshots[1];

	if (count == 1)
		return;
	if (count > 2)
		judge_reason(verdict, STATE_WARNING, "none of the peers is known to be the primary");
	else if (!snapshot_has(other, SNAPSHOT_ROLE))
		judge_reason(verdict, STATE_WARNING, "the primary could not be asked (%s)",
			other->faults[SNAPSHOT_ROLE].text);
	else if (other->role.in_recovery)
		judge_reason(verdict, STATE_WARNING, "%s is not the primary", other->target);
	else
		judge_reason(verdict, STATE_WARNING, "%s is not known to be of this cluster", other->target);
	judge_hint(verdict,
		"the lag is by what the standby was told by its sender, which may be frozen or stale");
}

/* Whether the primary has a sender that this standby bears the name of: it then comes for what it lacks. */
static bool
is_connected(const struct snapshot_standby *standby, const struct snapshot *primary)
{
	size_t count = snapshot_has(primary, SNAPSHOT_SENDERS)
		? snapshot_row_count(primary, snapshot_list_of(SNAPSHOT_SENDERS))
		: 0;

	for (size_t i = 0; i < count; i++)
		if (strcmp(primary->senders.rows[i].application, standby->application) == 0)
			return true;
	return false;
}

/*
 * Whether both are on one timeline. False: the primary's position says nothing of this standby, which follows
 * a newer one.
 */
static bool
judge_timeline(
	const struct snapshot_standby *standby, const struct snapshot *primary, struct verdict *verdict)
{
	long long theirs = lsn_timeline(primary->role.wal_file), ours = standby->received_timeline;

	if (ours == SNAPSHOT_NONE || theirs == 0 || ours == theirs)
		return true;
	if (ours > theirs) {
		judge_reason(verdict, STATE_OK, "%s is a stale primary, on timeline %lld", primary->target,
			theirs);
		return false;
	}
	if (is_connected(standby, primary)) {
		/* It has to take in the old timeline's WAL up to where the new one begins. */
		judge_detail(
			verdict, "receives timeline %lld still, and the primary is on %lld", ours, theirs);
		return true;
	}
	judge_reason(verdict, STATE_CRITICAL,
		"receives timeline %lld, and the primary %s is on timeline %lld", ours, primary->target,
		theirs);
	judge_hint(verdict, "it follows a server that is not the primary any more: see its primary_conninfo");
	return true;
}

/* The clock is this machine's in both snapshots. A recording may hold any number, which a double has room
 * for. */
static bool
was_asked_after(const struct snapshot *later, const struct snapshot *earlier)
{
	return (double)later->taken_ms - (double)(later->elapsed_us / 1000) >= (double)earlier->taken_ms;
}

/* A position that the primary has not reached by now did not come from it. */
static void
judge_ahead(const struct snapshot *node, const struct snapshot *primary, struct verdict *verdict)
{
	char replayed[LSN_TEXT_SIZE], end[LSN_TEXT_SIZE];

	if (node->standby.replay_lsn <= primary->role.wal_lsn || !was_asked_after(primary, node)
		|| lag_source(&node->standby) == LAG_AHEAD)
		return;
	judge_reason(verdict, STATE_CRITICAL,
		"ahead of the primary %s: has replayed %s, and WAL ends at %s there", primary->target,
		lsn_format(node->standby.replay_lsn, replayed), lsn_format(primary->role.wal_lsn, end));
	judge_hint(verdict,
		"it has rows that its primary does not have, and cannot follow it: use pg_rewind, or "
		"clone it anew");
}

/* Whether the standby's sender is where the primary was asked: under another name it is not known. */
static bool
is_sender(const struct snapshot_standby *standby, const struct snapshot *primary)
{
	char place[sizeof standby->sender_host + 32];
	struct text text;

	text_init(&text, place, sizeof place);
	text_add(&text, "%s:%lld", standby->sender_host, (long long)standby->sender_port);
	return standby->sender_host[0] != '\0' && standby->sender_port != SNAPSHOT_NONE
		&& strcmp(place, primary->target) == 0;
}

static void
judge_lag(const struct snapshot *node, const struct snapshot *primary, const struct replay_limits *limits,
	struct verdict *verdict)
{
	int64_t told = lag_bytes(&node->standby);
	int64_t bytes = lsn_distance(primary->role.wal_lsn, node->standby.replay_lsn);
	const struct replay_distance distance = {.whom = "the primary",
		.bytes = told > bytes ? told : bytes, /* a peer may have been asked before */
		.is_sender = is_sender(&node->standby, primary)};

	replay_judge_behind(&node->standby, &distance, limits, verdict);
}

bool
behind_primary_judge(const struct snapshot *snapshots, size_t count, const struct replay_limits *limits,
	struct verdict *verdict)
{
	const struct snapshot *primary = role_primary(snapshots, count);

	if (primary == NULL) {
		judge_no_primary(snapshots, count, verdict);
		return false;
	}
	if (snapshots[0].standby.replay_lsn == LSN_NONE
		|| !judge_timeline(&snapshots[0].standby, primary, verdict))
		return false;
	judge_ahead(&snapshots[0], primary, verdict);
	judge_lag(&snapshots[0], primary, limits, verdict);
	return true;
}
