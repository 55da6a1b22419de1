#include "lib/evaluate/pgpool_backends.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/pgpool_backend.h"
#include "lib/evaluate/pgpool_delay.h"
#include "lib/evaluate/pgpool_reach.h"
#include "lib/evaluate/pgpool_servers.h"

/* -- how many are up ------------------------------------------------------------------------------- */

static int64_t
count_configured(const struct snapshot_pgpool *pgpool, bool is_up)
{
	int64_t count = 0;

	for (size_t i = 0; i < pgpool_backend_count(pgpool); i++)
		if (is_up ? pgpool_backend_is_up(&pgpool->rows[i])
			  : pgpool_backend_is_configured(&pgpool->rows[i]))
			count++;
	return count;
}

/* " 4.3.5" */
static const char *
version_of(const struct snapshot_pgpool *pgpool, char to[sizeof pgpool->version + 1])
{
	struct text text;

	text_init(&text, to, sizeof pgpool->version + 1);
	if (pgpool->version[0] != '\0')
		text_add(&text, " %s", pgpool->version);
	return to;
}

/* ", primary is backend 0 (n1:5432)"; nothing in other modes than streaming replication. */
static void
add_primary(const struct snapshot_pgpool *pgpool, struct text *text)
{
	char name[PGPOOL_BACKEND_NAME_SIZE];

	for (size_t i = 0; i < pgpool_backend_count(pgpool); i++) {
		if (!pgpool_backend_is_primary(&pgpool->rows[i]))
			continue;
		text_add(text, ", primary is %s", pgpool_backend_name(&pgpool->rows[i], name));
		return;
	}
}

static void
judge_count(const struct snapshot_pgpool *pgpool, const struct pgpool_backends_limits *limits,
	struct verdict *verdict)
{
	long long up = (long long)count_configured(pgpool, true),
		  all = (long long)count_configured(pgpool, false);
	char storage[PGPOOL_BACKEND_NAME_SIZE + 32], version[sizeof pgpool->version + 1];
	struct text primary;

	text_init(&primary, storage, sizeof storage);
	add_primary(pgpool, &primary);
	judge_reason(verdict, STATE_OK, "pgpool-II%s has %lld of %lld backends up%s",
		version_of(pgpool, version), up, all, storage);
	if (up < limits->min_up_count) {
		judge_reason(verdict, STATE_CRITICAL,
			"%lld of %lld backends up, at least %lld must be (--min-up)", up, all,
			(long long)limits->min_up_count);
		judge_hint(verdict, "mend those that are down, then pcp_attach_node");
	}
	if (pgpool->total > SNAPSHOT_PGPOOL_MAX)
		judge_reason(verdict, STATE_WARNING, "of %lld backends only %d are judged",
			(long long)pgpool->total, SNAPSHOT_PGPOOL_MAX);
	judge_figure(verdict, "backends", (double)all, UNIT_NONE);
	judge_figure(verdict, "backends_up", (double)up, UNIT_NONE);
}

/* -- one backend ------------------------------------------------------------------------------------- */

static const char *
describe_age(int64_t ms, char *to, size_t size)
{
	struct text text;

	text_init(&text, to, size);
	range_write_quantity(ms < 0 ? 0 : (double)ms / 1000.0, UNIT_SECONDS, &text);
	return to;
}

static void
judge_checks(const struct snapshot_pgpool_backend *backend, const struct pgpool_backends_limits *limits,
	struct verdict *verdict)
{
	char name[PGPOOL_BACKEND_NAME_SIZE], age[32];

	if (backend->failed_age_ms == SNAPSHOT_NONE)
		return;
	pgpool_backend_name(backend, name);
	if (backend->is_check_failing) {
		judge_reason(verdict, STATE_WARNING,
			"pgpool's health check of %s fails, and it is not failed over", name);
		judge_hint(
			verdict, "see pgpool's log, and backend_flag: DISALLOW_TO_FAILOVER keeps it in use");
	} else if (backend->failed_age_ms <= limits->failed_within_ms) {
		judge_reason(verdict, STATE_WARNING, "pgpool's health check of %s failed %s ago", name,
			describe_age(backend->failed_age_ms, age, sizeof age));
		judge_hint(verdict, "see pgpool's log; --failed-within says how long that is told");
	}
}

/* By its own word, or if it was not asked, by the primary's, as pgpool hands it on. */
static void
judge_replication(const struct snapshot_pgpool_backend *backend, struct verdict *verdict)
{
	const char *told = backend->own_receiver[0] != '\0' ? backend->own_receiver
							    : backend->replication_state;
	char name[PGPOOL_BACKEND_NAME_SIZE];

	pgpool_backend_name(backend, name);
	if (told[0] == '\0' || strcmp(told, "streaming") == 0)
		return;
	if (strcmp(told, "none") == 0)
		judge_reason(verdict, STATE_WARNING, "%s does not stream: no WAL receiver runs there", name);
	else
		judge_reason(
			verdict, STATE_WARNING, "%s does not stream from the primary: \"%s\"", name, told);
	judge_hint(verdict, "pgpool goes on reading from it: see primary_conninfo there and its log");
}

/* For -v: all that pgpool says of it. */
static void
tell(const struct snapshot_pgpool_backend *backend, struct verdict *verdict)
{
	char name[PGPOOL_BACKEND_NAME_SIZE], storage[160];
	struct text text;

	text_init(&text, storage, sizeof storage);
	if (backend->pg_status[0] != '\0')
		text_add(&text, ", seen by pgpool as %s %s", backend->pg_status, backend->pg_role);
	if (backend->own_role[0] != '\0')
		text_add(&text, ", %s by itself", backend->own_role);
	if (backend->replication_state[0] != '\0')
		text_add(&text, ", %s %s", backend->replication_state, backend->sync_state);
	if (backend->weight_permille != SNAPSHOT_NONE)
		text_add(&text, ", weight %lld%%", (long long)(backend->weight_permille + 5) / 10);
	judge_detail(verdict, "%s is %s, %s%s", pgpool_backend_name(backend, name), backend->status,
		backend->role, storage);
}

static void
judge_backend(const struct snapshot_pgpool *pgpool, const struct snapshot_pgpool_backend *backend,
	const struct pgpool_backends_limits *limits, struct verdict *verdict)
{
	char place[PGPOOL_BACKEND_NAME_SIZE];

	if (!pgpool_backend_is_configured(backend))
		return;
	if (backend->checks_failed != SNAPSHOT_NONE)
		judge_figure_of(verdict, pgpool_backend_place(backend, place), "health_checks_failed",
			(double)backend->checks_failed, UNIT_NONE);
	if (!pgpool_backend_is_up(backend)) {
		if (!pgpool_backend_is_primary(backend))
			pgpool_reach_judge_down(pgpool, backend, verdict);
	} else {
		pgpool_reach_judge_up(backend, limits->policy, verdict);
		judge_checks(backend, limits, verdict);
		judge_replication(backend, verdict);
		if (pgpool_delay_is_expected(pgpool, backend))
			pgpool_delay_judge(pgpool, backend, limits->warning, limits->critical, verdict);
	}
	tell(backend, verdict);
}

/* Whether there is a backend that pgpool may wait for, which is then told by itself. */
static bool
has_silent(const struct snapshot_pgpool *pgpool)
{
	for (size_t i = 0; i < pgpool_backend_count(pgpool); i++)
		if (pgpool_backend_is_configured(&pgpool->rows[i])
			&& (!pgpool_backend_is_up(&pgpool->rows[i])
				|| strcmp(pgpool->rows[i].fault_class, "timeout") == 0))
			return true;
	return false;
}

/*
 * SHOW POOL_NODES waits for a frozen backend also when pgpool does without it, and serves its clients.
 */
static void
judge_nodes(const struct snapshot_pgpool *pgpool, const struct policy *policy, struct verdict *verdict)
{
	if (pgpool->nodes_fault[0] == '\0')
		return;
	if (strcmp(pgpool->nodes_fault_class, "timeout") == 0 && has_silent(pgpool)) {
		judge_detail(verdict,
			"SHOW POOL_NODES waits for a backend that does not answer: what it tells is left "
			"out");
		return;
	}
	judge_reason(verdict, pgpool_backend_fault_state(policy, pgpool->nodes_fault_class),
		"SHOW POOL_NODES: %s", pgpool->nodes_fault);
	judge_hint(verdict, "pgpool asks each backend before it answers: is one of them frozen?");
}

void
pgpool_backends_judge(const struct snapshot_pgpool *pgpool, const struct pgpool_backends_limits *limits,
	struct verdict *verdict)
{
	judge_count(pgpool, limits, verdict);
	judge_nodes(pgpool, limits->policy, verdict);
	for (size_t i = 0; i < pgpool_backend_count(pgpool); i++)
		judge_backend(pgpool, &pgpool->rows[i], limits, verdict);
	pgpool_reach_judge_gaps(pgpool, verdict);
	pgpool_servers_judge_same(pgpool, verdict);
	pgpool_delay_judge_gaps(pgpool, limits->warning, limits->critical, verdict);
}
