/*
 * check_pgpool: are pgpool-II's backends up, with the right roles, and does its watchdog have a leader?
 *
 * pgpool's own word is not enough: it keeps a backend's role until something makes it look again. Each
 * backend is asked itself.
 */
#include "lib/collect/pgpool.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/pgpool_backends.h"
#include "lib/evaluate/pgpool_roles.h"
#include "lib/evaluate/pgpool_watchdog.h"
#include "lib/model/check.h"

struct pgpool_limits {
	struct policy policy;
	struct limit warning;
	struct limit critical;
	int64_t min_up_count;
	int64_t failed_within_ms;
	char conninfo[1024];
	bool has_no_backends;
	char pcp_user[128];
	char pcp_host[256];
	int64_t pcp_port;
	char pcp_command[256];
};

static bool
has_source(const void *limits_data)
{
	const struct pgpool_limits *limits = limits_data;

	return limits->conninfo[0] != '\0';
}

static bool
collect(const void *limits_data, const struct check_look *look, struct snapshot *snapshot)
{
	const struct pgpool_limits *limits = limits_data;
	struct pgpool_source source = {
		.conninfo = limits->conninfo,
		.asks_backends = !limits->has_no_backends,
		.pcp_user = limits->pcp_user,
		.pcp_host = limits->pcp_host,
		.pcp_port = limits->pcp_port,
		.pcp_command = limits->pcp_command,
	};

	pgpool_collect(&source, look, snapshot);
	return true;
}

static void
evaluate(const struct snapshot *snapshots, size_t count, const void *limits_data, struct verdict *verdict)
{
	const struct pgpool_limits *limits = limits_data;
	const struct snapshot_pgpool *pgpool = &snapshots[0].pgpool;
	struct pgpool_backends_limits backends = {
		.policy = &limits->policy,
		.warning = &limits->warning,
		.critical = &limits->critical,
		.min_up_count = limits->min_up_count,
		.failed_within_ms = limits->failed_within_ms,
	};

	(void)count;
	/* The roles first: what to do about two primaries goes before what to do about one that is down. */
	pgpool_roles_judge(pgpool, verdict);
	pgpool_backends_judge(pgpool, &backends, verdict);
	pgpool_watchdog_judge(pgpool, &limits->policy, verdict);
}

enum { DELAY_UNITS = 1U << UNIT_BYTES | 1U << UNIT_SECONDS };

static const struct setting settings[] = {
	{.name = "warning",
		.letter = 'w',
		.type = SETTING_LIMIT,
		SETTING_AT(struct pgpool_limits, warning),
		.initial = "512MB",
		.argument = "RANGE",
		.help
		= "WARNING when the replication delay of a standby in use is outside RANGE; bytes (16MB), "
		  "or time (30s) where pgpool measures it so",
		.accepted = DELAY_UNITS,
		.plain = UNIT_BYTES},
	{.name = "critical",
		.letter = 'c',
		.type = SETTING_LIMIT,
		SETTING_AT(struct pgpool_limits, critical),
		.initial = "1GB",
		.argument = "RANGE",
		.help = "CRITICAL likewise; give either option twice to limit both",
		.accepted = DELAY_UNITS,
		.plain = UNIT_BYTES},
	{.name = "min-up",
		.type = SETTING_INTEGER,
		SETTING_AT(struct pgpool_limits, min_up_count),
		.initial = "1",
		.argument = "NUMBER",
		.min = 0,
		.max = 128,
		.help = "CRITICAL when fewer backends are up; any that is not is a WARNING"},
	{.name = "failed-within",
		.type = SETTING_DURATION,
		SETTING_AT(struct pgpool_limits, failed_within_ms),
		.initial = "5min",
		.argument = "DURATION",
		.help = "WARNING when pgpool's health check of a backend in use failed so lately (4.2+)"},
	{.name = "conninfo",
		.type = SETTING_TEXT,
		SETTING_AT(struct pgpool_limits, conninfo),
		.argument = "CONNINFO",
		.help = "where pgpool is, instead of -H, -p, -U and -d",
		.is_secret = true,
		.is_source = true},
	{.name = "no-backends",
		.type = SETTING_FLAG,
		SETTING_AT(struct pgpool_limits, has_no_backends),
		.help
		= "do not ask each backend itself; else with the same user, at the address that pgpool has",
		.is_source = true},
	{.name = "pcp-user",
		.type = SETTING_TEXT,
		SETTING_AT(struct pgpool_limits, pcp_user),
		.argument = "USER",
		.help = "ask PCP for the watchdog, too; the password is in ~/.pcppass or $PCPPASSFILE",
		.is_source = true},
	{.name = "pcp-host",
		.type = SETTING_TEXT,
		SETTING_AT(struct pgpool_limits, pcp_host),
		.argument = "HOST",
		.help = "where PCP is; default: where pgpool is",
		.is_source = true,
		.needs = "pcp-user"},
	{.name = "pcp-port",
		.type = SETTING_INTEGER,
		SETTING_AT(struct pgpool_limits, pcp_port),
		.initial = "9898",
		.argument = "PORT",
		.min = 1024,
		.max = 65535,
		.help = "its port",
		.is_source = true,
		.needs = "pcp-user"},
	{.name = "pcp-command",
		.type = SETTING_TEXT,
		SETTING_AT(struct pgpool_limits, pcp_command),
		.initial = "pcp_watchdog_info",
		.argument = "PATH",
		.help = "the program that asks PCP",
		.is_source = true,
		.needs = "pcp-user"},
	{.name = "wrong-role",
		.type = SETTING_STATE,
		SETTING_AT(struct pgpool_limits, policy.wrong_role),
		.initial = "unknown",
		.argument = "STATE",
		.help = "accepted, as by every check; no node has the wrong role for this one"},
};

static const struct facet *const facets[] = {&pgpool_facet, NULL};

const struct check check_pgpool = {
	.name = "pgpool",
	.title = "PGPOOL",
	.summary = "are pgpool-II's backends up, with the right roles?",
	.example = "check_pgpool -H 10.0.0.11 -p 9999 -U pgha --min-up 2\n"
		   "check_pgpool -H 10.0.0.11 -p 9999 -U pgha -w 16MB -c 64MB --no-backends\n"
		   "check_pgpool -H 10.0.0.11 -p 9999 -U pgha --pcp-user pgha\n",
	.facets = facets,
	.settings = settings,
	.setting_count = sizeof settings / sizeof settings[0],
	.limits_size = sizeof(struct pgpool_limits),
	.has_section = true,
	.interval_ms = 5000,
	.timeout_ms = 3000,
	.has_source = has_source,
	.collect = collect,
	.evaluate = evaluate,
};
