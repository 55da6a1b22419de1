/*
 * check_pgbouncer: does the pooler serve its clients, in time, from the server that it is to lead to?
 *
 * The admin console tells of pauses, waits and how full things are. What it does not tell: whether a pool
 * that nobody waits in could reach its server, and, before 1.19, whether all is paused. --expect-primary goes
 * through.
 */
#include "lib/base/text.h"
#include "lib/collect/pgbouncer.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/names.h"
#include "lib/evaluate/pgbouncer_pools.h"
#include "lib/evaluate/pgbouncer_way.h"
#include "lib/model/check.h"

struct pgbouncer_limits {
	struct policy policy;
	struct limit warning;
	struct limit critical;
	struct limit clients_warning;
	struct limit clients_critical;
	enum state paused;
	enum state disabled;
	char conninfo[1024];
	char only[512];
	char excluded[512];
	char expected[64];
};

static bool
has_source(const void *limits)
{
	return ((const struct pgbouncer_limits *)limits)->conninfo[0] != '\0';
}

static bool
collect(const void *limits_data, const struct check_look *look, struct snapshot *snapshot)
{
	const struct pgbouncer_limits *limits = limits_data;
	struct pgbouncer_source source = {
		.conninfo = limits->conninfo,
		.choice = {.only = limits->only,
			.excluded = limits->excluded,
			.expected = limits->expected,
			.includes = names_include},
	};

	pgbouncer_collect(&source, look, snapshot);
	return true;
}

/* -- the whole ---------------------------------------------------------------------------------- */

static void
judge_state(
	const struct snapshot_pgbouncer *seen, const struct pgbouncer_limits *limits, struct verdict *verdict)
{
	if (seen->is_shutting_down) {
		judge_reason(verdict, STATE_CRITICAL, "PgBouncer is shutting down: it refuses new clients");
		judge_hint(verdict, "it ends when its clients are gone; start it anew");
	}
	if (seen->is_all_paused) {
		judge_reason(verdict, limits->paused, "PgBouncer is paused as a whole: all clients wait");
		judge_hint(verdict, "on the admin console: RESUME (PAUSE was given there, or SIGUSR1 sent)");
	}
	if (seen->is_suspended) {
		judge_reason(verdict, limits->paused, "PgBouncer is suspended: all clients wait");
		judge_hint(verdict, "on the admin console: RESUME (a restart with -R suspends, too)");
	}
}

/* The console itself is let in even then. */
static void
judge_used(
	const struct snapshot_pgbouncer *seen, const struct pgbouncer_limits *limits, struct verdict *verdict)
{
	double percent = seen->clients_max > 0 ? pgbouncer_pools_percent(seen->clients, seen->clients_max)
					       : 100;
	char what[80];
	struct text text;

	if (seen->clients >= seen->clients_max)
		judge_reason(verdict, limits->policy.on[ERR_FULL],
			"no client connection is free: %lld in use, and max_client_conn is %lld",
			(long long)seen->clients, (long long)seen->clients_max);
	text_init(&text, what, sizeof what);
	text_add(&text, "use of the %lld client connections", (long long)seen->clients_max);
	judge_metric(verdict, what, "clients_used_percent", percent, UNIT_PERCENT, &limits->clients_warning,
		&limits->clients_critical);
	if (verdict->state != STATE_OK)
		judge_hint(verdict,
			"SHOW CLIENTS on the admin console tells whose they are; max_client_conn limits "
			"them");
	judge_reason(verdict, STATE_OK, "%lld of %lld client connections used", (long long)seen->clients,
		(long long)seen->clients_max);
	judge_figure(verdict, "clients_used", (double)seen->clients, UNIT_NONE);
}

static void
judge_clients(
	const struct snapshot_pgbouncer *seen, const struct pgbouncer_limits *limits, struct verdict *verdict)
{
	struct err fault;

	if (seen->clients >= 0 && seen->clients_max >= 0) {
		judge_used(seen, limits, verdict);
		return;
	}
	err_set(&fault, ERR_PROTOCOL, "it is not known how many clients there are");
	judge_fault(verdict, &limits->policy, &fault);
}

static void
judge_missing(const struct snapshot_pgbouncer *seen, struct verdict *verdict)
{
	char name[sizeof seen->missing];

	for (size_t i = 0; seen->missing[0] != '\0' && i < text_item_count(seen->missing); i++) {
		text_item(seen->missing, i, name, sizeof name);
		judge_reason(verdict, STATE_CRITICAL, "database \"%s\" is not there", name);
		judge_hint(verdict,
			"is it in [databases], and was that reloaded? one that \"*\" stands for is there "
			"only "
			"while it is used");
	}
}

/* -- all of it ---------------------------------------------------------------------------------- */

/* A query that came back proves that not all is paused. */
static void
judge_unseen(const struct snapshot_pgbouncer *seen, struct verdict *verdict)
{
	if (!seen->is_state_told && seen->expected_role[0] == '\0')
		judge_reason(verdict, STATE_OK, "PgBouncer %s does not tell whether it is paused as a whole",
			seen->version);
}

static void
evaluate(const struct snapshot *snapshots, size_t count, const void *limits_data, struct verdict *verdict)
{
	const struct pgbouncer_limits *limits = limits_data;
	const struct snapshot_pgbouncer *seen = &snapshots[0].pgbouncer;
	const struct pgbouncer_pools_limits pools = {
		.policy = &limits->policy,
		.warning = &limits->warning,
		.critical = &limits->critical,
		.paused = limits->paused,
		.disabled = limits->disabled,
	};

	(void)count;
	judge_state(seen, limits, verdict);
	judge_missing(seen, verdict);
	pgbouncer_way_judge(&snapshots[0], &limits->policy, verdict);
	pgbouncer_pools_judge(&snapshots[0], &pools, verdict);
	judge_clients(seen, limits, verdict);
	judge_unseen(seen, verdict);
}

#define POOL_UNITS (1U << UNIT_NONE | 1U << UNIT_SECONDS | 1U << UNIT_PERCENT)

static const struct setting settings[] = {
	{.name = "conninfo",
		.type = SETTING_TEXT,
		SETTING_AT(struct pgbouncer_limits, conninfo),
		.argument = "CONNINFO",
		.help = "where the pooler is, instead of -H, -p and -U; the console's name is known",
		.is_secret = true,
		.is_source = true},
	{.name = "warning",
		.letter = 'w',
		.type = SETTING_LIMIT,
		SETTING_AT(struct pgbouncer_limits, warning),
		.initial = "2s",
		.argument = "RANGE",
		.help = "WARNING when in a pool a client has waited longer (time: 2s), more clients wait (a "
			"number: 5), or more of the server connections are in use (a share: 90%)",
		.accepted = POOL_UNITS,
		.plain = UNIT_NONE},
	{.name = "critical",
		.letter = 'c',
		.type = SETTING_LIMIT,
		SETTING_AT(struct pgbouncer_limits, critical),
		.initial = "10s",
		.argument = "RANGE",
		.help = "CRITICAL likewise; give either option again to limit another of the three",
		.accepted = POOL_UNITS,
		.plain = UNIT_NONE},
	{.name = "clients-warning",
		.type = SETTING_LIMIT,
		SETTING_AT(struct pgbouncer_limits, clients_warning),
		.initial = "80%",
		.argument = "RANGE",
		.help = "WARNING when more of max_client_conn is in use",
		.accepted = 1U << UNIT_PERCENT,
		.plain = UNIT_PERCENT},
	{.name = "clients-critical",
		.type = SETTING_LIMIT,
		SETTING_AT(struct pgbouncer_limits, clients_critical),
		.initial = "95%",
		.argument = "RANGE",
		.help = "CRITICAL likewise",
		.accepted = 1U << UNIT_PERCENT,
		.plain = UNIT_PERCENT},
	{.name = "database",
		.type = SETTING_LIST,
		SETTING_AT(struct pgbouncer_limits, only),
		.argument = "NAME",
		.help = "look at these databases only, and CRITICAL when one is not there; wildcards: app*",
		.is_source = true},
	{.name = "exclude",
		.type = SETTING_LIST,
		SETTING_AT(struct pgbouncer_limits, excluded),
		.argument = "NAME",
		.help = "do not look at these databases; wildcards: app*",
		.is_source = true},
	{.name = "expect-primary",
		.type = SETTING_TEXT,
		SETTING_AT(struct pgbouncer_limits, expected),
		.argument = "NAME",
		.help
		= "connect to this database through the pooler, and CRITICAL when that does not lead to a "
		  "server that takes writes",
		.is_source = true},
	{.name = "paused",
		.type = SETTING_STATE,
		SETTING_AT(struct pgbouncer_limits, paused),
		.initial = "critical",
		.argument = "STATE",
		.help = "the state of a database, or a pooler, that is paused or suspended"},
	{.name = "disabled",
		.type = SETTING_STATE,
		SETTING_AT(struct pgbouncer_limits, disabled),
		.initial = "critical",
		.argument = "STATE",
		.help = "the state of a database that is disabled"},
	{.name = "wrong-role",
		.type = SETTING_STATE,
		SETTING_AT(struct pgbouncer_limits, policy.wrong_role),
		.initial = "unknown",
		.argument = "STATE",
		.help = "accepted, as by every check; a pooler has no role"},
};

static const struct facet *const facets[] = {&pgbouncer_facet, NULL};

const struct check check_pgbouncer = {
	.name = "pgbouncer",
	.title = "PGBOUNCER",
	.summary = "does the pooler serve in time, and lead where it should?",
	.example = "check_pgbouncer -H 10.0.0.11 -p 6432 -U pgha --expect-primary shop\n"
		   "check_pgbouncer -H /run/postgresql -p 6432 -U pgbouncer -w 1s -c 5s -w 80%\n"
		   "check_pgbouncer -p 6432 -U pgha --database shop,app* --paused warning\n",
	.facets = facets,
	.settings = settings,
	.setting_count = sizeof settings / sizeof settings[0],
	.limits_size = sizeof(struct pgbouncer_limits),
	.has_source = has_source,
	.collect = collect,
	.has_section = true,
	.interval_ms = 2000,
	.timeout_ms = 1000,
	.evaluate = evaluate,
};
