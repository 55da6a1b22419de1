/*
 * check_dcs: is the store that Patroni keeps its leader lock in well, and does somebody hold that lock?
 *
 * No server of PostgreSQL is asked, and no Patroni: what the lock's holder is worth, check_patroni tells.
 */
#include <math.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/dcs.h"
#include "lib/evaluate/dcs_lock.h"
#include "lib/evaluate/dcs_store.h"
#include "lib/evaluate/judge.h"
#include "lib/model/check.h"

struct dcs_limits {
	struct policy policy;
	char endpoints[1024];
	int kind; /* enum dcs_kind */
	char scope[64];
	char name_space[64];
	struct web_access access;
	char token_file[256];
	struct limit warning;
	struct limit critical;
	struct limit max_size;
	int64_t max_raft_distance;
	int64_t min_ttl_ms;
};

/* In the agent only its endpoints say where to look. */
static bool
has_source(const void *limits_data)
{
	const struct dcs_limits *limits = limits_data;

	return limits->endpoints[0] != '\0';
}

static bool
collect(const void *limits_data, const struct check_look *look, struct snapshot *snapshot)
{
	const struct dcs_limits *limits = limits_data;
	struct dcs_source source = {
		.endpoints = limits->endpoints,
		.kind = (enum dcs_kind)limits->kind,
		.scope = limits->scope,
		.name_space = limits->name_space,
		.access = &limits->access,
		.token_file = limits->token_file,
		.wants_quota = limits->max_size.of[UNIT_PERCENT].is_set,
	};

	dcs_collect(&source, look, snapshot);
	return true;
}

/* "response time of e1": how a figure of one endpoint is called in a finding. */
static const char *
name_figure(const char *what, const char *label, char *to, size_t size)
{
	struct text text;

	text_init(&text, to, size);
	text_add(&text, "%s of %s", what, label);
	return to;
}

enum { WHAT_SIZE = sizeof(((struct snapshot_dcs_endpoint *)0)->url) + 48 };

/* How much of its quota a database fills, in tenths of a per cent; NAN: not told. */
static double
quota_percent(const struct snapshot_dcs_endpoint *row)
{
	double percent = (double)row->size_bytes / (double)row->quota_bytes * 100;

	if (row->quota_bytes <= 0 || row->size_bytes < 0)
		return NAN;
	return percent < 1e6 ? (double)(int64_t)(percent * 10) / 10 : percent;
}

static void
judge_size(const struct snapshot_dcs_endpoint *row, const char *label, const struct dcs_limits *limits,
	struct verdict *verdict)
{
	double percent = quota_percent(row);
	char what[WHAT_SIZE];

	if (row->size_bytes == SNAPSHOT_NONE)
		return;
	judge_metric_of(verdict, label, name_figure("database size", label, what, sizeof what), "size_bytes",
		(double)row->size_bytes, UNIT_BYTES, &limits->max_size, NULL);
	if (!isnan(percent))
		judge_metric_of(verdict, label,
			name_figure("database size against its quota", label, what, sizeof what),
			"size_percent", percent, UNIT_PERCENT, &limits->max_size, NULL);
	if (range_alerts(&limits->max_size.of[UNIT_BYTES], (double)row->size_bytes)
		|| (!isnan(percent) && range_alerts(&limits->max_size.of[UNIT_PERCENT], percent)))
		judge_hint(verdict,
			"at its quota it refuses all writes: compact and defragment, and see who writes so "
			"much");
}

/* The newest entry that any endpoint of the newest term has; none: no one tells. */
static int64_t
newest_index(const struct snapshot_dcs *dcs, size_t count, int64_t term)
{
	int64_t index = SNAPSHOT_NONE;

	for (size_t i = 0; i < count; i++) {
		if (dcs->rows[i].raft_term == term && dcs->rows[i].raft_index > index)
			index = dcs->rows[i].raft_index;
	}
	return index;
}

static void
judge_distance(const struct snapshot_dcs *dcs, size_t count, const struct snapshot_dcs_endpoint *row,
	const struct dcs_limits *limits, struct verdict *verdict)
{
	const char *label = dcs_store_label(dcs, row);
	struct limit warning = {.of = {{.is_set = false}}};
	int64_t newest = newest_index(dcs, count, row->raft_term);
	char what[WHAT_SIZE];
	double distance;

	if (row->raft_index == SNAPSHOT_NONE || newest == SNAPSHOT_NONE)
		return;
	distance = (double)newest - (double)row->raft_index;
	warning.of[UNIT_NONE] = (struct range){
		.is_set = true, .start = 0, .end = (double)limits->max_raft_distance};
	judge_metric_of(verdict, label,
		name_figure("raft log entries behind the others", label, what, sizeof what), "raft_distance",
		distance, UNIT_NONE, &warning, NULL);
	if (range_alerts(&warning.of[UNIT_NONE], distance))
		judge_hint(verdict, "that member does not keep up: see its disk, network and log");
}

static void
judge_endpoints(const struct snapshot_dcs *dcs, const struct dcs_limits *limits, struct verdict *verdict)
{
	size_t count = dcs->total < 0           ? 0
		: dcs->total > SNAPSHOT_DCS_MAX ? SNAPSHOT_DCS_MAX
						: (size_t)dcs->total;

	for (size_t i = 0; i < count; i++) {
		const struct snapshot_dcs_endpoint *row = &dcs->rows[i];
		const char *label = dcs_store_label(dcs, row);
		char what[WHAT_SIZE];

		if (!row->is_asked)
			continue;
		if (row->response_us != SNAPSHOT_NONE)
			judge_metric_of(verdict, label,
				name_figure("response time", label, what, sizeof what), "response_seconds",
				(double)row->response_us / 1e6, UNIT_SECONDS, &limits->warning,
				&limits->critical);
		judge_size(row, label, limits, verdict);
		judge_distance(dcs, count, row, limits, verdict);
	}
}

static void
evaluate(const struct snapshot *snapshots, size_t count, const void *limits_data, struct verdict *verdict)
{
	const struct dcs_limits *limits = limits_data;
	const struct snapshot_dcs *dcs = &snapshots[0].dcs;

	(void)count;
	dcs_store_judge(dcs, &limits->policy, verdict);
	dcs_lock_judge(dcs, limits->min_ttl_ms, verdict);
	judge_endpoints(dcs, limits, verdict);
}

static const struct setting settings[] = {
	{.name = "endpoints",
		.type = SETTING_LIST,
		SETTING_AT(struct dcs_limits, endpoints),
		.argument = "LIST",
		.help = "the members of the store, all of them: http://10.0.0.11:2379,...; of ZooKeeper the "
			"admin servers; else -H and -p name them",
		.is_source = true},
	{.name = "kind",
		.type = SETTING_WORD,
		SETTING_AT(struct dcs_limits, kind),
		.initial = "auto",
		.argument = "KIND",
		.words = dcs_kind_names,
		.help = "etcd (API v3), etcd2 (API v2: Patroni's section etcd), consul or zookeeper; auto "
			"asks, and takes API v3",
		.is_source = true},
	{.name = "scope",
		.type = SETTING_TEXT,
		SETTING_AT(struct dcs_limits, scope),
		.argument = "SCOPE",
		.help = "judge the leader lock of this Patroni cluster as well; of one in Citus: SCOPE/GROUP",
		.is_source = true},
	{.name = "namespace",
		.type = SETTING_TEXT,
		SETTING_AT(struct dcs_limits, name_space),
		.initial = "service",
		.argument = "NAME",
		.help = "Patroni's namespace, where the scope is",
		.is_source = true,
		.needs = "scope"},
	WEB_ACCESS_SETTINGS(struct dcs_limits, access, "", NULL),
	{.name = "token-file",
		.type = SETTING_TEXT,
		SETTING_AT(struct dcs_limits, token_file),
		.argument = "FILE",
		.help = "Consul's token, alone in FILE, which nobody but its owner may read",
		.is_source = true},
	{.name = "warning",
		.letter = 'w',
		.type = SETTING_LIMIT,
		SETTING_AT(struct dcs_limits, warning),
		.initial = "1s",
		.argument = "RANGE",
		.help = "WARNING when an endpoint takes longer for a read that a majority confirms",
		.accepted = 1U << UNIT_SECONDS,
		.plain = UNIT_SECONDS},
	{.name = "critical",
		.letter = 'c',
		.type = SETTING_LIMIT,
		SETTING_AT(struct dcs_limits, critical),
		.initial = "3s",
		.argument = "RANGE",
		.help = "CRITICAL likewise",
		.accepted = 1U << UNIT_SECONDS,
		.plain = UNIT_SECONDS},
	{.name = "max-size",
		.type = SETTING_LIMIT,
		SETTING_AT(struct dcs_limits, max_size),
		.initial = "80%",
		.argument = "RANGE",
		.help = "WARNING when a member's database is larger, such as 1.5GB, or past so much of its "
			"quota, where that is told",
		.accepted = 1U << UNIT_BYTES | 1U << UNIT_PERCENT,
		.plain = UNIT_BYTES},
	{.name = "max-raft-distance",
		.type = SETTING_INTEGER,
		SETTING_AT(struct dcs_limits, max_raft_distance),
		.initial = "1000",
		.argument = "NUMBER",
		.min = 1,
		.max = 1000000000,
		.help = "WARNING when the log of a member is that many entries behind"},
	{.name = "min-ttl",
		.type = SETTING_DURATION,
		SETTING_AT(struct dcs_limits, min_ttl_ms),
		.initial = "5s",
		.argument = "DURATION",
		.help = "WARNING when less is left of the leader lock: its holder does not renew it",
		.needs = "scope,replay"},
	{.name = "wrong-role",
		.type = SETTING_STATE,
		SETTING_AT(struct dcs_limits, policy.wrong_role),
		.initial = "unknown",
		.argument = "STATE",
		.help = "accepted, as by every check; no node has the wrong role for this one"},
};

static const struct facet *const facets[] = {&dcs_facet, NULL};

const struct check check_dcs = {
	.name = "dcs",
	.title = "DCS",
	.summary = "is Patroni's store (etcd, Consul, ZooKeeper) well, the lock held?",
	.example = "check_dcs --endpoints http://10.0.0.11:2379,http://10.0.0.12:2379\n"
		   "check_dcs --endpoints https://etcd1:2379 --ca-file ca.pem --scope demo\n"
		   "check_dcs -H 10.0.0.11,10.0.0.12,10.0.0.13 --scope demo\n"
		   "check_dcs --endpoints 127.0.0.1:8500 --kind consul --scope demo\n"
		   "check_dcs --endpoints zk1:8080,zk2:8080,zk3:8080 --kind zookeeper\n",
	.facets = facets,
	.settings = settings,
	.setting_count = sizeof settings / sizeof settings[0],
	.limits_size = sizeof(struct dcs_limits),
	.has_source = has_source,
	.collect = collect,
	.is_over_http = true,
	.has_section = true,
	.interval_ms = 5000,
	.timeout_ms = 2000,
	.evaluate = evaluate,
};
