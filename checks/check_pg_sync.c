/*
 * check_pg_sync: is synchronous_standby_names satisfied, and with what margin?
 *
 * Only the primary knows. Asked of a standby, it is judged by what its primary says, where that is asked too.
 */
#include "lib/collect/facets.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/role.h"
#include "lib/evaluate/sync_primary.h"
#include "lib/evaluate/sync_state.h"
#include "lib/model/check.h"

struct sync_limits {
	struct policy policy;
	struct limit warning;
	struct limit critical;
	int64_t max_wait_ms;
	bool allow_async;
};

static void
judge_primary(const struct snapshot *primary, const struct sync_limits *limits, struct verdict *verdict)
{
	struct sync_primary_limits of_primary = {
		.policy = &limits->policy,
		.warning = &limits->warning,
		.critical = &limits->critical,
		.max_wait_ms = limits->max_wait_ms,
		.allow_async = limits->allow_async,
	};

	sync_primary_judge(primary, &of_primary, verdict);
}

/* -- asked of a standby ------------------------------------------------------------------------ */

/* Why there is no primary to judge by: the fault of one that was not seen, or who it was instead. */
static void
judge_no_primary(const struct snapshot *snapshots, size_t count, const struct sync_limits *limits,
	struct verdict *verdict)
{
	struct err fault;

	if (count == 1) {
		judge_wrong_role(verdict, &limits->policy, "standby, and only its primary knows");
		judge_hint(verdict, "ask the primary, or name it with --primary");
		return;
	}
	for (size_t i = 1; i < count; i++)
		if (snapshots[i].faults[SNAPSHOT_ROLE].class != ERR_NONE) {
			fault = snapshots[i].faults[SNAPSHOT_ROLE];
			err_context(&fault, "no primary seen");
			judge_fault(verdict, &limits->policy, &fault);
			return;
		}
	err_set(&fault, ERR_SETUP, "no primary of this standby's cluster among those asked: %s%s%s",
		snapshots[1].target,
		snapshots[1].role.in_recovery ? " is a standby" : " is of another cluster",
		count > 2 ? ", ..." : "");
	judge_fault(verdict, &limits->policy, &fault);
}

/* What the primary was to tell, and did not. */
static bool
has_part(const struct snapshot *primary, enum snapshot_part part, const struct sync_limits *limits,
	struct verdict *verdict)
{
	struct err fault = primary->faults[part];

	if (snapshot_has(primary, part))
		return true;
	if (fault.class == ERR_NONE)
		err_set(&fault, ERR_USAGE, "it was not asked for \"%s\"", snapshot_part_name(part));
	err_context(&fault, "the primary, %s", primary->target);
	judge_fault(verdict, &limits->policy, &fault);
	return false;
}

static void
judge_standby(const struct snapshot *snapshots, size_t count, const struct sync_limits *limits,
	struct verdict *verdict)
{
	const struct snapshot *primary = role_primary(snapshots, count);
	const char *state = sync_state_of(snapshots, count);

	if (primary == NULL) {
		judge_no_primary(snapshots, count, limits, verdict);
		return;
	}
	if (!has_part(primary, SNAPSHOT_SYNC, limits, verdict)
		|| !has_part(primary, SNAPSHOT_SENDERS, limits, verdict))
		return;
	if (state != NULL)
		judge_reason(verdict, STATE_OK, "this standby is %s to %s", state, primary->target);
	else
		judge_reason(verdict, STATE_OK, "what this standby is to %s is not known", primary->target);
	judge_primary(primary, limits, verdict);
}

static void
evaluate(const struct snapshot *snapshots, size_t count, const void *limits_data, struct verdict *verdict)
{
	const struct sync_limits *limits = limits_data;

	if (snapshots[0].role.in_recovery)
		judge_standby(snapshots, count, limits, verdict);
	else
		judge_primary(&snapshots[0], limits, verdict);
}

static const struct setting settings[] = {
	{.name = "warning",
		.letter = 'w',
		.type = SETTING_LIMIT,
		SETTING_AT(struct sync_limits, warning),
		.argument = "RANGE",
		.help = "WARNING when the margin, how many standbys may go before commits block, is outside "
			"RANGE, such as 1:",
		.accepted = 1U << UNIT_NONE,
		.plain = UNIT_NONE},
	{.name = "critical",
		.letter = 'c',
		.type = SETTING_LIMIT,
		SETTING_AT(struct sync_limits, critical),
		.argument = "RANGE",
		.help = "CRITICAL likewise; below 0, when commits block, it always is",
		.accepted = 1U << UNIT_NONE,
		.plain = UNIT_NONE},
	{
		.name = "max-wait",
		.type = SETTING_DURATION,
		SETTING_AT(struct sync_limits, max_wait_ms),
		.initial = "30s",
		.argument = "DURATION",
		.help
		= "CRITICAL when a commit waits longer though enough standbys stream; counted from where "
		  "its statement began",
	},
	{.name = "allow-async",
		.type = SETTING_FLAG,
		SETTING_AT(struct sync_limits, allow_async),
		.help
		= "accept that commits do not wait: no synchronous_standby_names, or synchronous_commit "
		  "off or local"},
	{.name = "wrong-role",
		.type = SETTING_STATE,
		SETTING_AT(struct sync_limits, policy.wrong_role),
		.initial = "unknown",
		.argument = "STATE",
		.help
		= "the state of a standby without --primary; whatever it is, keepalived and HAProxy hear "
		  "no"},
};

static const struct facet *const facets[] = {
	&facet_role, &facet_sync, &facet_senders, &facet_standby, &facet_identity, NULL};

const struct check check_pg_sync = {
	.name = "pg_sync",
	.title = "PG SYNC",
	.summary = "is synchronous_standby_names satisfied, and with what margin?",
	.example = "check_pg_sync -H 10.0.0.11 -U pgha -w 1:\n"
		   "check_pg_sync -H 10.0.0.12 -U pgha --primary postgresql://pgha@10.0.0.11\n",
	.facets = facets,
	.settings = settings,
	.setting_count = sizeof settings / sizeof settings[0],
	.limits_size = sizeof(struct sync_limits),
	.second = CHECK_PRIMARY,
	.evaluate = evaluate,
};
