/*
 * check_pg_slots: does every replication slot serve somebody, without filling the disk, and would the logical
 * ones survive a failover?
 *
 * Slots are visible to every role. Membership of pg_monitor adds what the primary has heard of a standby,
 * without which a subscriber may look ahead of that standby by what came while the two were asked.
 */
#include "lib/collect/facets.h"
#include "lib/evaluate/failover_slots.h"
#include "lib/evaluate/role.h"
#include "lib/evaluate/slots.h"
#include "lib/model/check.h"

struct slots_check_limits {
	struct policy policy;
	struct limit warning;
	struct limit critical;
	enum state inactive;
	enum state not_ready;
	int64_t min_safe;
	char only[512];
	char expected[512];
};

static void
evaluate(const struct snapshot *snapshots, size_t count, const void *limits_data, struct verdict *verdict)
{
	const struct slots_check_limits *limits = limits_data;
	struct slots_limits slots = {
		.slot = {.warning = &limits->warning,
			.critical = &limits->critical,
			.inactive = limits->inactive,
			.not_ready = limits->not_ready,
			.min_safe = limits->min_safe},
		.only = limits->only,
		.expected = limits->expected,
	};
	const struct snapshot *primary = role_primary(snapshots, count);
	struct failover_slots_limits failover = {
		.policy = &limits->policy, .not_ready = limits->not_ready, .only = limits->only};

	if (primary != NULL && snapshot_has(primary, SNAPSHOT_SLOTS))
		slots.elsewhere = &primary->slots;
	if (snapshots[0].role.in_recovery)
		slots.slot.spares_copies = failover_slots_judge(snapshots, count, &failover, verdict);
	slots_judge(&snapshots[0], &slots, verdict);
}

#define SLOT_UNITS (1U << UNIT_BYTES | 1U << UNIT_SECONDS)

static const struct setting settings[] = {
	{.name = "warning",
		.letter = 'w',
		.type = SETTING_LIMIT,
		SETTING_AT(struct slots_check_limits, warning),
		.initial = "1GB",
		.argument = "RANGE",
		.help
		= "WARNING when the WAL that a slot retains is outside RANGE (bytes: 1GB), or how long it is "
		  "not in use (time: 1h; PostgreSQL 17 and later)",
		.accepted = SLOT_UNITS,
		.plain = UNIT_BYTES},
	{.name = "critical",
		.letter = 'c',
		.type = SETTING_LIMIT,
		SETTING_AT(struct slots_check_limits, critical),
		.initial = "10GB",
		.argument = "RANGE",
		.help = "CRITICAL likewise; give either option twice to limit both",
		.accepted = SLOT_UNITS,
		.plain = UNIT_BYTES},
	{.name = "slot",
		.type = SETTING_LIST,
		SETTING_AT(struct slots_check_limits, only),
		.argument = "NAME",
		.help = "look at these slots only; wildcards: n*"},
	{.name = "expect",
		.type = SETTING_LIST,
		SETTING_AT(struct slots_check_limits, expected),
		.argument = "NAME",
		.help = "CRITICAL when this slot does not exist; wildcards: n*"},
	{.name = "inactive",
		.type = SETTING_STATE,
		SETTING_AT(struct slots_check_limits, inactive),
		.initial = "warning",
		.argument = "STATE",
		.help
		= "on a primary, the state of a slot that nobody uses, unless a limit in time tells (with "
		  "Patroni's slots for cascading members: ok)"},
	{.name = "min-safe",
		.type = SETTING_SIZE,
		SETTING_AT(struct slots_check_limits, min_safe),
		.argument = "SIZE",
		.help = "CRITICAL when a slot is lost after less WAL than this (max_slot_wal_keep_size)"},
	{.name = "not-ready",
		.type = SETTING_STATE,
		SETTING_AT(struct slots_check_limits, not_ready),
		.initial = "critical",
		.argument = "STATE",
		.help
		= "on a standby, with its primary: the state of a failover slot (PostgreSQL 17 and later) "
		  "that would not survive promoting this standby"},
	{.name = "wrong-role",
		.type = SETTING_STATE,
		SETTING_AT(struct slots_check_limits, policy.wrong_role),
		.initial = "unknown",
		.argument = "STATE",
		.help = "there is none: any node may have slots"},
};

/* The senders after the slots: see received_by() in failover_slots.c. */
static const struct facet *const facets[] = {
	&facet_role, &facet_standby, &facet_slots, &facet_senders, &facet_identity, NULL};

const struct check check_pg_slots = {
	.name = "pg_slots",
	.title = "PG SLOTS",
	.summary = "is any replication slot unused, overgrown or lost?",
	.example = "check_pg_slots -H 10.0.0.11 -U pgha -w 5GB -c 20GB --expect n2,n3\n"
		   "check_pg_slots -H 10.0.0.12 -U pgha --primary 'host=10.0.0.11 user=pgha'\n",
	.facets = facets,
	.settings = settings,
	.setting_count = sizeof settings / sizeof settings[0],
	.limits_size = sizeof(struct slots_check_limits),
	.second = CHECK_PRIMARY,
	.evaluate = evaluate,
};
