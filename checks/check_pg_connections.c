/*
 * check_pg_connections: are connections left for those who need one, and does a session hold up others?
 *
 * Counted are the client sessions that the server shows, the check's own among them. max_connections is not
 * what an application may have: superuser_reserved_connections and reserved_connections are kept from it.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/facets.h"
#include "lib/evaluate/judge.h"
#include "lib/model/check.h"

enum by { BY_NONE, BY_DATABASE, BY_ROLE };

/* The words of --by, which are the kinds of rows too. */
static const char *const by_words[] = {"none", "database", "role", NULL};

struct connections_limits {
	struct policy policy;
	struct limit warning;
	struct limit critical;
	int64_t min_free;
	int by;
	int64_t idle_in_transaction_ms;
	int64_t transaction_ms;
	int64_t waiting_ms;
};

/* Two decimals: enough to compare by, and to read. */
static double
percent_of(int64_t part, int64_t whole)
{
	return (double)(int64_t)((double)part * 10000.0 / (double)whole + 0.5) / 100.0;
}

/* Those that a role without privileges may have; 0 when what was seen makes no sense. */
static int64_t
ordinary_max(const struct snapshot_connections *seen)
{
	int64_t reserved = seen->superuser_reserved + seen->role_reserved;

	return seen->used >= 0 && seen->superuser_reserved >= 0 && seen->role_reserved >= 0
			&& seen->max > reserved
		? seen->max - reserved
		: 0;
}

/* A session whose kind and state this role may not see may be a client's, and hold anything up. */
static void
judge_hidden(int64_t hidden, const struct connections_limits *limits, struct verdict *verdict)
{
	struct err fault;

	err_set(&fault, ERR_SETUP, "not permitted to see %lld session%s", (long long)hidden,
		hidden == 1 ? "" : "s");
	err_hint(&fault, "grant the role of this check membership of pg_monitor");
	judge_fault(verdict, &limits->policy, &fault);
}

/* A plain number is held against the whole, or with --by against each part of it. */
static void
judge_whole(const struct snapshot_connections *seen, int64_t ordinary,
	const struct connections_limits *limits, struct verdict *verdict)
{
	int64_t available = seen->used < ordinary ? ordinary - seen->used : 0;
	bool is_whole = limits->by == BY_NONE;
	const struct limit min_free = {
		.of[UNIT_NONE] = {
			.is_set = limits->min_free > 0, .start = (double)limits->min_free, .end = INFINITY}};
	char what[80];
	struct text text;

	text_init(&text, what, sizeof what);
	text_add(&text, "use of the %lld connections", (long long)ordinary);
	/* As good as a refused connection, which only a privileged role is spared. */
	if (available == 0)
		judge_reason(verdict, limits->policy.on[ERR_FULL],
			"no connection is free: %lld in use, and ordinary roles may have %lld",
			(long long)seen->used, (long long)ordinary);
	judge_metric(verdict, what, "connections_used_percent", percent_of(seen->used, ordinary),
		UNIT_PERCENT, &limits->warning, &limits->critical);
	judge_metric(verdict, "number of connections in use", "connections_used", (double)seen->used,
		UNIT_NONE, is_whole ? &limits->warning : NULL, is_whole ? &limits->critical : NULL);
	judge_metric(verdict, "number of free connections", "connections_free", (double)available, UNIT_NONE,
		NULL, &min_free);
	if (verdict->state != STATE_OK)
		judge_hint(verdict,
			"end idle sessions, pool them, or raise max_connections; reserved_connections (16+) "
			"and the role pg_use_reserved_connections keep a connection for this check");
	judge_reason(verdict, STATE_OK, "%lld of %lld connections used (%.3g%%), %lld free",
		(long long)seen->used, (long long)ordinary, percent_of(seen->used, ordinary),
		(long long)available);
}

/* -- by database or role ------------------------------------------------------------------------- */

/* Figures are kept of the first parts only, which are the fullest and the largest. */
enum { FIGURES_OF = 8 };

static void
judge_part(const struct snapshot_connection *part, bool has_figures, const struct connections_limits *limits,
	struct verdict *verdict)
{
	char what[200], name[40];
	struct text text;

	snprintf(name, sizeof name, "%s_connections_used", part->kind);
	text_init(&text, what, sizeof what);
	text_add(&text, "number of connections of %s \"%s\"", part->kind, part->name);
	if (has_figures)
		judge_metric_of(verdict, part->name, what, name, (double)part->sessions, UNIT_NONE,
			&limits->warning, &limits->critical);
	else
		judge_limit(verdict, what, (double)part->sessions, UNIT_NONE, &limits->warning,
			&limits->critical);
	/* A limit of 0 locks out all but superusers: how full that is says nothing. */
	if (part->limit <= 0)
		return;
	snprintf(name, sizeof name, "%s_connections_used_percent", part->kind);
	text_init(&text, what, sizeof what);
	text_add(&text, "use of the %lld connections of %s \"%s\"", (long long)part->limit, part->kind,
		part->name);
	if (has_figures)
		judge_metric_of(verdict, part->name, what, name, percent_of(part->sessions, part->limit),
			UNIT_PERCENT, &limits->warning, &limits->critical);
	else
		judge_limit(verdict, what, percent_of(part->sessions, part->limit), UNIT_PERCENT,
			&limits->warning, &limits->critical);
}

/* The first is the fullest by its own limit or, where none has one, the largest. */
static void
describe_part(const struct snapshot_connection *part, bool is_first, struct verdict *verdict)
{
	char storage[160];
	struct text text;

	text_init(&text, storage, sizeof storage);
	text_add(&text, "%s \"%s\" with %lld", part->kind, part->name, (long long)part->sessions);
	if (part->limit > 0)
		text_add(&text, " of its %lld", (long long)part->limit);
	if (is_first)
		judge_reason(verdict, STATE_OK, "%s: %s", part->limit > 0 ? "fullest" : "most", storage);
	else
		judge_detail(verdict, "%s", storage);
}

static void
judge_parts(const struct snapshot *snapshot, const struct connections_limits *limits, struct verdict *verdict)
{
	size_t count = snapshot_row_count(snapshot, snapshot_list_of(SNAPSHOT_CONNECTIONS)), judged = 0;

	for (size_t i = 0; i < count; i++) {
		const struct snapshot_connection *part = &snapshot->connections.rows[i];

		if (strcmp(part->kind, by_words[limits->by]) != 0 || part->sessions < 0)
			continue;
		if (judged < FIGURES_OF)
			describe_part(part, judged == 0, verdict);
		judge_part(part, judged < FIGURES_OF, limits, verdict);
		judged++;
	}
	if (verdict->state != STATE_OK)
		judge_hint(
			verdict, "ALTER DATABASE or ALTER ROLE ... CONNECTION LIMIT sets their own limits");
}

/* -- sessions that hold up others ------------------------------------------------------------------ */

/* A time against the one limit that an option may set; `what` stands before "is 12 min". */
static void
judge_time(const char *what, const char *name, int64_t ms, int64_t limit_ms, const char *hint,
	struct verdict *verdict)
{
	const struct limit limit = {
		.of[UNIT_SECONDS] = {.is_set = limit_ms > 0, .end = (double)limit_ms / 1000.0}};
	double seconds = ms < 0 ? 0 : (double)ms / 1000.0;

	judge_metric(verdict, what, name, seconds, UNIT_SECONDS, &limit, NULL);
	if (range_alerts(&limit.of[UNIT_SECONDS], seconds))
		judge_hint(verdict, "%s", hint);
}

static void
judge_sessions(const struct snapshot_connections *seen, const struct connections_limits *limits,
	struct verdict *verdict)
{
	char what[80];
	struct text text;

	text_init(&text, what, sizeof what);
	text_add(&text, "longest of %lld idle in transaction", (long long)seen->idle_in_transaction);
	judge_time(what, "idle_in_transaction_seconds", seen->idle_in_transaction_ms,
		limits->idle_in_transaction_ms,
		"SELECT pid, usename FROM pg_stat_activity WHERE state LIKE 'idle in%'; "
		"idle_in_transaction_session_timeout ends such sessions",
		verdict);
	judge_time("age of the oldest transaction", "transaction_seconds", seen->transaction_ms,
		limits->transaction_ms,
		"SELECT pid, usename, query FROM pg_stat_activity ORDER BY xact_start LIMIT 3; "
		"until it ends vacuum removes no row that it may see",
		verdict);
	text_init(&text, what, sizeof what);
	text_add(&text, "longest of %lld waiting for a lock", (long long)seen->waiting);
	judge_time(what, "lock_waiting_seconds", seen->waiting_ms, limits->waiting_ms,
		"SELECT pid, pg_blocking_pids(pid), query FROM pg_stat_activity "
		"WHERE wait_event_type = 'Lock' tells who blocks whom",
		verdict);
	judge_figure(verdict, "idle_in_transaction", (double)seen->idle_in_transaction, UNIT_NONE);
	judge_figure(verdict, "lock_waiting", (double)seen->waiting, UNIT_NONE);
	judge_figure(verdict, "snapshot_age_transactions", (double)seen->snapshot_age, UNIT_NONE);
}

static void
evaluate(const struct snapshot *snapshots, size_t count, const void *limits_data, struct verdict *verdict)
{
	const struct connections_limits *limits = limits_data;
	const struct snapshot_connections *seen = &snapshots[0].connections;
	int64_t ordinary = ordinary_max(seen);

	(void)count;
	if (seen->hidden > 0) {
		judge_hidden(seen->hidden, limits, verdict);
		return;
	}
	if (ordinary == 0) {
		struct err fault;

		err_set(&fault, ERR_PROTOCOL, "a server that has no connections to give");
		judge_fault(verdict, &limits->policy, &fault);
		return;
	}
	judge_whole(seen, ordinary, limits, verdict);
	if (limits->by != BY_NONE)
		judge_parts(&snapshots[0], limits, verdict);
	judge_sessions(seen, limits, verdict);
	judge_figure(verdict, "connections_max", (double)seen->max, UNIT_NONE);
	judge_figure(verdict, "connections_reserved", (double)(seen->max - ordinary), UNIT_NONE);
}

#define USE_UNITS (1U << UNIT_NONE | 1U << UNIT_PERCENT)

static const struct setting settings[] = {
	{.name = "warning",
		.letter = 'w',
		.type = SETTING_LIMIT,
		SETTING_AT(struct connections_limits, warning),
		.initial = "80%",
		.argument = "RANGE",
		.help = "WARNING when the use is outside RANGE; a share (80%) of what ordinary roles may "
			"have, or a number (150) of sessions, this check's own included",
		.accepted = USE_UNITS,
		.plain = UNIT_NONE},
	{.name = "critical",
		.letter = 'c',
		.type = SETTING_LIMIT,
		SETTING_AT(struct connections_limits, critical),
		.initial = "90%",
		.argument = "RANGE",
		.help = "CRITICAL likewise; give either option twice to limit both",
		.accepted = USE_UNITS,
		.plain = UNIT_NONE},
	{.name = "min-free",
		.type = SETTING_INTEGER,
		SETTING_AT(struct connections_limits, min_free),
		.argument = "NUMBER",
		.min = 0,
		.max = 1000000,
		.help = "CRITICAL when fewer are free for ordinary roles"},
	{.name = "by",
		.type = SETTING_WORD,
		SETTING_AT(struct connections_limits, by),
		.initial = "none",
		.argument = "KIND",
		.words = by_words,
		.help = "database or role: hold each against the limits too, by the share of its own "
			"CONNECTION LIMIT, or by a number, which then is not for the whole"},
	{.name = "idle-in-transaction",
		.type = SETTING_DURATION,
		SETTING_AT(struct connections_limits, idle_in_transaction_ms),
		.argument = "DURATION",
		.help = "WARNING when a session is idle in transaction for longer; no limit without it, "
			"as the leader of a parallel dump is so for hours"},
	{.name = "transaction",
		.type = SETTING_DURATION,
		SETTING_AT(struct connections_limits, transaction_ms),
		.argument = "DURATION",
		.help = "WARNING when a transaction is older; no limit without it"},
	{.name = "waiting",
		.type = SETTING_DURATION,
		SETTING_AT(struct connections_limits, waiting_ms),
		.argument = "DURATION",
		.help = "WARNING when the statement of a session that waits for a lock is older; no limit "
			"without it"},
	{.name = "wrong-role",
		.type = SETTING_STATE,
		SETTING_AT(struct connections_limits, policy.wrong_role),
		.initial = "unknown",
		.argument = "STATE",
		.help = "taken as in the other checks, without effect: a node of either role is judged"},
};

static const struct facet *const facets[] = {&facet_role, &facet_connections, NULL};

const struct check check_pg_connections = {
	.name = "pg_connections",
	.title = "PG CONNECTIONS",
	.summary = "are connections left, and does a session hold up others?",
	.example = "check_pg_connections -H 10.0.0.11 -U pgha\n"
		   "check_pg_connections -H 10.0.0.11 -U pgha -w 70% -c 85% --min-free 5 --by role\n"
		   "check_pg_connections -U pgha --idle-in-transaction 10min --waiting 1min\n",
	.facets = facets,
	.settings = settings,
	.setting_count = sizeof settings / sizeof settings[0],
	.limits_size = sizeof(struct connections_limits),
	.evaluate = evaluate,
};
